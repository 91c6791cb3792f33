"""`maskdrop bench`: one command a question, all of them in turns, with spread."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from handler.commands.options import DEFAULTS, read_settings
from handler.errors import BadOptions

if TYPE_CHECKING:
    from handler.bench.report import Report
    from handler.detection.detector import Detector

app = typer.Typer(
    help="Measure speed and memory, in turns, with spread and ratios.", no_args_is_help=True
)

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A model's name or folder; repeat it to compare. [default: MASKDROP_MODEL's]",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A model's name or folder. [default: MASKDROP_MODEL's]",
        show_default=False,
    ),
]
Photo = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="What to detect in, scaled and cropped. [default: the model's golden image]",
        show_default=False,
    ),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option(
        "--size",
        metavar="W×H",
        help="Size of the photograph, as 640x480; repeat it. [default: 640x480, 1600x1200, "
        "4000x3000]",
        show_default=False,
    ),
]
Rounds = Annotated[int, typer.Option(min=1, help="Measured rounds, after one of warm-up.")]
Score = Annotated[float, typer.Option(min=0, max=1, help="Minimum score of what is found.")]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON too.")
]
Picture = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw it as SVG (needs matplotlib).")
]


@app.command()
def latency(
    model: Models = None,
    photo: Photo = None,
    size: Sizes = None,
    score_threshold: Score = DEFAULTS.score_threshold,
    rounds: Rounds = 15,
    json: Json = None,
    picture: Picture = None,
) -> None:
    """Time photographs of several sizes, from bytes to the default outputs."""
    from handler.bench.latency import measure_latency

    detectors = _detectors(model)
    options = DEFAULTS.model_copy(update={"score_threshold": score_threshold})
    photographs = _scaled(photo or _golden(model), size)
    report = measure_latency(detectors, photographs, options, rounds)
    _tell(report, json, picture, "cpu_ms", "milliseconds")


@app.command()
def stages(
    model: Model = None,
    photo: Photo = None,
    size: Sizes = None,
    score_threshold: Score = DEFAULTS.score_threshold,
    rounds: Rounds = 7,
    json: Json = None,
    picture: Picture = None,
) -> None:
    """Time each output, then each stage of the network beside the least it could take."""
    from handler.bench.stages import measure_network, measure_stages

    [detector] = _detectors([model] if model else None).values()
    options = DEFAULTS.model_copy(update={"score_threshold": score_threshold})
    for name, data in _scaled(photo or _golden([model]), size or ["640x480"]).items():
        typer.echo(name)
        _tell(measure_stages(detector, data, options, rounds), None, None)
        report = measure_network(_folder(model), detector, data, rounds)
        _tell(report, json, picture, "cpu_ms", "milliseconds")


@app.command()
def cold(
    model: Models = None,
    photo: Photo = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(metavar="BACKEND", help="litert or saved_model; repeat it. [default: litert]"),
    ] = None,
    rounds: Rounds = 5,
    json: Json = None,
    picture: Picture = None,
) -> None:
    """Start the API's entry anew: its import, and its first answer."""
    from handler.bench.cold import measure_cold
    from handler.bench.photographs import SIZES, scaled_jpeg

    data = scaled_jpeg(photo or _golden(model), *SIZES[0])
    report = measure_cold(_cases(model, backend), data, rounds)
    _tell(report, json, picture, "to first answer CPU s", "seconds")


@app.command()
def memory(
    model: Models = None,
    photo: Photo = None,
    size: Sizes = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(metavar="BACKEND", help="litert or saved_model; repeat it. [default: litert]"),
    ] = None,
    rounds: Rounds = 3,
    json: Json = None,
    picture: Picture = None,
) -> None:
    """Start the API's entry anew: what it has in memory when ready, and at its peak."""
    from handler.bench.cold import measure_memory

    photographs = _scaled(photo or _golden(model), size)
    report = measure_memory(_cases(model, backend), photographs, rounds)
    _tell(report, json, picture, "peak MB", "MB")


@app.command()
def throughput(
    model: Model = None,
    photo: Photo = None,
    size: Sizes = None,
    seconds: Annotated[float, typer.Option(min=1, help="Of each load, each round.")] = 5,
    rounds: Rounds = 3,
    json: Json = None,
    picture: Picture = None,
) -> None:
    """Load a server of its own with one, two and four requests in flight."""
    from handler.bench.throughput import measure_throughput

    photographs = _scaled(photo or _golden([model]), size or ["640x480"])
    settings = {"MASKDROP_MODEL": str(_folder(model))}
    report = measure_throughput([*photographs.values()], settings, seconds, rounds)
    _tell(report, json, picture, "answered a second", "requests")


@app.command()
def peers(
    checkpoint: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="torchvision's .pth that the model was made from."
        ),
    ],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="The model that was imported from it, exported.")
    ],
    photo: Photo = None,
    size: Sizes = None,
    score_threshold: Score = 0.5,
    rounds: Rounds = 5,
    python: Annotated[
        Path | None,
        typer.Option(
            help="Python of an environment that has the peers. [default: a throw-away one, 5 GB]",
            show_default=False,
        ),
    ] = None,
    json: Json = None,
    picture: Picture = None,
) -> None:
    """Compare with torchvision and ONNX Runtime: same weights, photographs and threads."""
    from handler.bench.peers import measure_peers, throw_away_environment
    from model.runtime.machine import usable_cpus

    [detector] = _detectors([model]).values()
    photographs = _scaled(photo or _golden([model]), size or ["512x512"])
    with TemporaryDirectory() as scratch:
        report = measure_peers(
            detector,
            checkpoint,
            photographs,
            python=python or throw_away_environment(Path(scratch)),
            threads=read_settings().threads or usable_cpus(),
            threshold=score_threshold,
            rounds=rounds,
        )
    _tell(report, json, picture, "cpu_ms", "milliseconds")


def _detectors(models: Sequence[str] | None) -> dict[str, Detector]:
    """Load models under the names that tell them apart."""
    from handler.wiring import load_detector

    settings = read_settings()
    loaded = [load_detector(settings, each) for each in models or [settings.model]]
    return {f"{each.model.name}/{each.model.version}": each for each in loaded}


def _folder(model: str | None) -> Path:
    from model.runtime.versions import find_model

    return find_model(model or read_settings().model)


def _golden(models: Sequence[str | None] | None) -> Path:
    """The golden image of the first model."""
    from model.runtime.manifest import ModelManifest

    folder = _folder(models[0] if models else None)
    golden = ModelManifest.load(folder).golden
    if golden is None:
        raise BadOptions(f"{folder} has no golden image; name a photograph with --photo.")
    return folder / golden.image


def _scaled(photo: Path, sizes: list[str] | None) -> dict[str, bytes]:
    from handler.bench.photographs import SIZES, scaled_jpeg

    wanted = [_size(each) for each in sizes] if sizes else SIZES
    return {f"{w}×{h}": scaled_jpeg(photo, w, h) for w, h in wanted}


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise BadOptions(f"--size {text!r} is no size; 640x480 is expected.")
    return int(width), int(height)


def _cases(
    models: Sequence[str | None] | None, backends: Sequence[str] | None
) -> dict[str, dict[str, str]]:
    """Every model by every backend, as environment variables."""
    return {
        f"{folder.parent.name}/{folder.name}, {backend}": {
            "MASKDROP_MODEL": str(folder.resolve()),
            "MASKDROP_BACKEND": backend,
        }
        for folder in map(_folder, models or [None])
        for backend in backends or ["litert"]
    }


def _tell(
    report: Report,
    json: Path | None,
    picture: Path | None,
    column: str = "",
    unit: str = "",
) -> None:
    """Print the report, and write what was asked for."""
    from rich.console import Console

    report.print(Console(width=None if sys.stdout.isatty() else 160))
    if json:
        report.save(json)
    if picture:
        from handler.bench.pictures import draw

        draw(report, column, unit, picture)
