"""What photographs cost: pay per use, the bucket's requests, and when an own instance is cheaper.

Computed from one measurement, processor time with one thread on x86-64. That arm64 and Cloud Run's
processors are as fast is assumed, and so is what an L4 takes.

    milliseconds = computing, measured + requests × what one is waited for, assumed
    price        = seconds × rates + a request + PUTs and GETs × theirs
    break-even   = what an instance costs a month / the price of one photograph
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from handler.detection.cost import Machine, Tariff
from handler.prices import ALWAYS_ON, GET, PUBLISHED, PUT
from handler.schemas import Manifest

# A request to the bucket from a function beside it, milliseconds: assumed, not measured.
WAITED_MS = 25
HOURS_A_MONTH = 730
THOUSAND = 1000

# As template.yaml and infra/cloudrun set them up; Lambda's 1,769 MB are one vCPU.
_PER_USE = {
    "Lambda x86-64": Machine("lambda-x86_64", 1769),
    "Lambda arm64": Machine("lambda-arm64", 1769),
    "Cloud Run": Machine("cloud-run", 2048, vcpus=2),
}
_OWN = {
    "Lambda x86-64": ("Fargate, 1 vCPU, 2 GB", Machine("lambda-x86_64", 2048, vcpus=1)),
    "Cloud Run": ("an instance, 2 vCPUs, 2 GiB", Machine("cloud-run", 2048, vcpus=2)),
}
_GPU = Machine("cloud-run-gpu", 16384, vcpus=4, gpus=1)


class Work(BaseModel):
    """One photograph's detection in a bucket.

    cpu_ms: computing with one thread, on one processor of its own.
    outputs: files that are written beside the manifest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    photograph: str
    cpu_ms: Annotated[float, Field(gt=0)]
    outputs: Annotated[int, Field(ge=0)]

    @classmethod
    def of(cls, manifest: Manifest) -> Work:
        """What a detection took, by its receipt."""
        source = manifest.source
        name = source.filename or source.key
        return cls(
            photograph=f"{name}, {source.width}×{source.height}",
            cpu_ms=sum(manifest.receipt.milliseconds.values()),
            outputs=len(manifest.outputs),
        )

    @property
    def service_puts(self) -> int:
        """The function's writes: outputs and manifest."""
        return self.outputs + 1

    @property
    def service_gets(self) -> int:
        """The function's reads: is there a result, what is the photograph, and the photograph."""
        return 3

    @property
    def milliseconds(self) -> float:
        """What a platform charges for."""
        return self.cpu_ms + (self.service_puts + self.service_gets) * WAITED_MS

    @property
    def bucket_usd(self) -> float:
        """The bucket's requests, the visitor's upload and fetching of every output among them."""
        return (self.service_puts + 1) * PUT + (self.service_gets + self.outputs) * GET


def cost_tables(works: Sequence[Work]) -> str:
    """Write the three tables in Markdown."""
    return "\n\n".join(
        "\n".join(_table(rows)) for rows in (_prices(works), _break_even(works), _gpu())
    )


def monthly_usd(name: str) -> float:
    """What the instance costs that stands in for a platform, always on."""
    machine = _OWN[name][1]
    return Tariff(machine, ALWAYS_ON[machine.platform]).usd_per_second * 3600 * HOURS_A_MONTH


def photograph_usd(name: str, work: Work) -> float:
    """What a platform charges for one photograph, without the bucket."""
    machine = _PER_USE[name]
    return Tariff(machine, PUBLISHED[machine.platform]).charge(work.milliseconds).usd


def _prices(works: Sequence[Work]) -> Iterator[Sequence[str]]:
    yield ("1,000 × photograph", "computing", "charged for", *_PER_USE, "bucket's requests")
    for work in works:
        yield (
            work.photograph,
            f"{work.cpu_ms:.0f} ms",
            f"{work.milliseconds:.0f} ms",
            *(f"${photograph_usd(name, work) * THOUSAND:.4f}" for name in _PER_USE),
            f"${work.bucket_usd * THOUSAND:.4f}",
        )


def _break_even(works: Sequence[Work]) -> Iterator[Sequence[str]]:
    yield ("photograph", "instead of", "always on", "costs a month", "cheaper from", "busy then")
    for work in works:
        for name, (own, _) in _OWN.items():
            usd, photographs = monthly_usd(name), monthly_usd(name) / photograph_usd(name, work)
            capacity = HOURS_A_MONTH * 3600 * 1000 / work.milliseconds
            yield (
                work.photograph,
                name,
                own,
                f"${usd:.2f}",
                f"{photographs / 1e6:.1f} million a month",
                f"{photographs / capacity:.0%}",
            )


def _gpu() -> Iterator[Sequence[str]]:
    yield ("if the L4 took", "1,000 photographs", "always on")
    tariff = Tariff(_GPU, PUBLISHED[_GPU.platform])
    month = tariff.usd_per_second * 3600 * HOURS_A_MONTH
    for milliseconds in (25, 50, 100):
        usd = tariff.usd_per_second * milliseconds / 1000 * THOUSAND
        yield (f"{milliseconds} ms", f"${usd:.4f}", f"${month:.0f} a month")


def _table(rows: Iterator[Sequence[str]]) -> Iterator[str]:
    header = next(rows)
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
