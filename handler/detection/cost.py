"""What a stretch of computing costs: seconds × (vCPUs, GiB, GPUs) × their rates + a request."""

from __future__ import annotations

import math
import platform
from dataclasses import dataclass

from handler.prices import PUBLISHED, Platform, Rates
from handler.schemas import Cost
from handler.settings import LambdaEnvironment, Settings


@dataclass(frozen=True, slots=True)
class Machine:
    """What is rented; Lambda's vCPUs come with its memory and are 0 here."""

    platform: Platform
    memory_mb: int
    vcpus: float = 0
    gpus: int = 0

    @property
    def gib(self) -> float:
        """Memory as it is charged."""
        return self.memory_mb / 1024


@dataclass(frozen=True, slots=True)
class Tariff:
    """A rented machine and its prices."""

    machine: Machine
    rates: Rates

    @property
    def usd_per_second(self) -> float:
        """What the machine costs while it works."""
        machine, rates = self.machine, self.rates
        return (
            machine.vcpus * rates.vcpu_second
            + machine.gib * rates.gib_second
            + machine.gpus * rates.gpu_second
        )

    def charge(self, milliseconds: float) -> Cost:
        """Price one request of `milliseconds` that has the machine to itself."""
        step = self.rates.step_ms
        charged = math.ceil(milliseconds / step) * step
        return Cost(
            platform=self.machine.platform,
            memory_mb=self.machine.memory_mb,
            milliseconds=charged,
            gb_seconds=round(self.machine.gib * charged / 1000, 4),
            usd=round(self.usd_per_second * charged / 1000 + self.rates.request, 12),
            prices=self.rates.source,
        )


def find_tariff(
    settings: Settings, function: LambdaEnvironment, processor: str = platform.machine()
) -> Tariff | None:
    """The tariff of where this process runs; None where computing is not charged by the second."""
    machine = _find_machine(settings, function, processor)
    if machine is None:
        return None
    return Tariff(machine, (PUBLISHED | settings.prices)[machine.platform])


def _find_machine(
    settings: Settings, function: LambdaEnvironment, processor: str
) -> Machine | None:
    if function.memory_mb:
        arm = processor in ("aarch64", "arm64")
        return Machine("lambda-arm64" if arm else "lambda-x86_64", function.memory_mb)
    if settings.cloud_run_vcpus and settings.cloud_run_memory_mb:
        return Machine(
            "cloud-run-gpu" if settings.cloud_run_gpus else "cloud-run",
            settings.cloud_run_memory_mb,
            settings.cloud_run_vcpus,
            settings.cloud_run_gpus,
        )
    return None
