"""`maskdrop model evaluate` and `maskdrop model card`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import track

from model.evaluation.artifacts import Artifact, loaded
from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.versions import find_model

if TYPE_CHECKING:
    from model.evaluation.detect import Result
    from model.evaluation.negatives import FalseAlarms, Negative
    from model.evaluation.scores import Evaluation
    from model.evaluation.truth import Kind, Truth
    from model.runtime.edges import Edges

app = typer.Typer()
console = Console()
notes = Console(stderr=True)

Model = Annotated[
    str,
    typer.Argument(help="A model's or a version's folder, or a name, as `mask_rcnn_edge/latest`."),
]


@app.command()
def evaluate(
    model: Model,
    data: Annotated[Path, typer.Option(help="Annotations in COCO's format.")],
    images: Annotated[
        Path | None, typer.Option(help="Their photographs. [default: images/ beside them]")
    ] = None,
    artifact: Annotated[
        Artifact,
        typer.Option(
            help="What is scored: the .tflite that serves, the SavedModel, or the float32 weights "
            "from which both were made."
        ),
    ] = "litert",
    compare: Annotated[
        Artifact | None, typer.Option(help="Score this one too, and show what differs.")
    ] = None,
    edges: Annotated[
        Literal["plain", "refined", "both"],
        typer.Option(
            help="Score masks as the network makes them, masks that follow the photograph's edges, "
            "or both, and show what differs."
        ),
    ] = "plain",
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of the photographs, for the spread; 0: none.")
    ] = 200,
    record: Annotated[
        bool,
        typer.Option("--record", help="Write the scores into the model's manifest, for its card."),
    ] = False,
    negatives: Annotated[
        Path | None,
        typer.Option(
            help="Photographs without some of the classes, as a COCO file: how often are they "
            "found there? `shows` of an image says what there is."
        ),
    ] = None,
    negative_images: Annotated[
        Path | None, typer.Option(help="Their photographs. [default: images/ beside them]")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder for what was found (results.json), the curves, the confusion matrix, the "
            "ten worst photographs, and false alarms (negatives.json).",
        ),
    ] = None,
) -> None:
    """Score a model with COCO's protocol.

    Classes meet by name. Where `labeled_category_ids` of a photograph leaves a class out,
    detections of it that match nothing are not counted as wrong.
    """
    from model.evaluation.negatives import as_figures, false_alarm_table, write_false_alarms
    from model.evaluation.tables import boundary_table, comparison_table, score_table
    from model.evaluation.truth import read_truth

    runs = _runs(artifact, compare, edges)

    folder = find_model(model)
    known = ModelManifest.load(folder).classes
    with notes.status("Checking annotations and photographs"):
        truth = read_truth(data, images or data.parent / "images", known)
    _say_what_is_left_out(truth)
    absent = _read_negatives(negatives, negative_images, known)
    if report:
        _make_report_folder(report)
    evaluations: dict[str, dict[Kind, Evaluation]] = {}
    for name, (each, shape) in runs.items():
        results = _detect(folder, each, truth, shape)
        evaluations[name] = _score(truth, results, bootstrap)
        scores = {kind: value.scores for kind, value in evaluations[name].items()}
        title = f"{folder.parent.name}/{folder.name} ({each}, {shape} edges) on {truth.name}"
        console.print(f"\n{title}:")
        console.print(score_table(scores["segm"], scores["bbox"]))
        if truth.has_masks:
            console.print()
            console.print(boundary_table(scores["boundary"]))
        alarms = _false_alarms(folder, each, absent, known)
        if negatives and alarms:
            console.print(f"\nFound in photographs without any, of {negatives.name}:")
            console.print(false_alarm_table(alarms))
        if record:
            more = {"negatives": as_figures(negatives, alarms)} if negatives else {}
            _keep(folder, each, shape, truth, evaluations[name], bootstrap, more)
    if len(evaluations) == 2:
        first, second = evaluations
        console.print(f"\n{second} less {first}, in points (AP × 100):")
        kinds: tuple[Kind, Kind] = ("segm", "boundary" if edges == "both" else "bbox")
        console.print(comparison_table(evaluations, kinds))
    if report:
        from model.evaluation.report import write_report

        for path in write_report(report, truth, results, evaluations[name]):
            console.print(str(path))
        if negatives:
            path = write_false_alarms(report / "negatives.json", negatives, alarms)
            console.print(str(path))


@app.command()
def card(
    model: Model,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A Markdown file with two markers.")
    ],
) -> None:
    """Write a model's scores into a Markdown file, between its markers.

    The markers are two lines: <!-- scores --> and <!-- /scores -->.
    """
    from model.evaluation.card import write_scores

    write_scores(ModelManifest.load(find_model(model)), file)


def _runs(
    artifact: Artifact, compare: Artifact | None, edges: Literal["plain", "refined", "both"]
) -> dict[str, tuple[Artifact, Edges]]:
    """What is scored, by the names under which it is compared: one run, or two."""
    if edges == "both":
        if compare not in (None, artifact):
            raise typer.BadParameter(
                f"--edges both compares edges and --compare {compare} artifacts; choose one."
            )
        return {"plain": (artifact, "plain"), "refined": (artifact, "refined")}
    artifacts = [artifact] if compare in (None, artifact) else [compare, artifact]
    return {each: (each, edges) for each in artifacts if each}


def _say_what_is_left_out(truth: Truth) -> None:
    if truth.unknown:
        notes.print(f"The model does not know, so not scored: {', '.join(truth.unknown)}.")
    if truth.unlabeled:
        notes.print(f"Not in {truth.name}, so not scored: {', '.join(truth.unlabeled)}.")


def _make_report_folder(folder: Path) -> None:
    """Fail before the minutes of detecting, not after them."""
    import matplotlib  # noqa: F401

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"The report cannot go to {folder}: {error.strerror}.") from None


def _detect(folder: Path, artifact: Artifact, truth: Truth, edges: Edges) -> list[Result]:
    from model.evaluation.detect import detect_all

    with loaded(folder, artifact) as predictor:
        found = track(
            detect_all(predictor, truth, edges),
            description=f"Detecting ({artifact})",
            total=len(truth.photographs),
            console=notes,
            transient=True,
            disable=not notes.is_terminal,
        )
        return [result for results in found for result in results]


def _read_negatives(
    file: Path | None, images: Path | None, classes: Sequence[ModelClass]
) -> list[Negative]:
    from model.evaluation.negatives import read_negatives

    if file is None:
        if images is not None:
            raise typer.BadParameter(
                "It is given without --negatives.", param_hint="--negative-images"
            )
        return []
    with notes.status("Checking photographs without objects"):
        return read_negatives(file, images or file.parent / "images", classes)


def _false_alarms(
    folder: Path,
    artifact: Artifact,
    negatives: Sequence[Negative],
    classes: Sequence[ModelClass],
) -> list[FalseAlarms]:
    from model.evaluation.negatives import count_false_alarms, summarize

    if not negatives:
        return []
    with loaded(folder, artifact) as predictor:
        counted = track(
            count_false_alarms(predictor, negatives),
            description=f"Looking for false alarms ({artifact})",
            total=len(negatives),
            console=notes,
            transient=True,
            disable=not notes.is_terminal,
        )
        return summarize(list(counted), [each.name for each in classes])


def _score(truth: Truth, results: Sequence[Result], resamples: int) -> dict[Kind, Evaluation]:
    from model.evaluation.scores import evaluate as score
    from model.evaluation.truth import KINDS

    return {kind: score(truth, results, kind, resamples) for kind in KINDS}


def _keep(
    folder: Path,
    artifact: Artifact,
    edges: Edges,
    truth: Truth,
    evaluation: dict[Kind, Evaluation],
    resamples: int,
    more: dict[str, Any],
) -> None:
    """Write the scores into the manifest: scores[artifact][the data's name and digest]."""
    figures: dict[str, Any] = {
        "photographs": len(truth.photographs),
        "edges": edges,
        "resamples": resamples,
        "data_sha256": truth.digest,
    }
    figures |= {kind: asdict(value.scores) for kind, value in evaluation.items()} | more
    # Read again: another evaluation may have ended in the meantime.
    manifest = ModelManifest.load(folder)
    by_data = dict(manifest.scores.get(artifact, {}))
    by_data[_key(by_data, truth, edges)] = figures
    try:
        replace(manifest, scores={**manifest.scores, artifact: by_data}).save(folder)
    except OSError as error:
        notes.print(f"The scores are not kept: {folder} cannot be written ({error.strerror}).")


def _key(by_data: dict[str, Any], truth: Truth, edges: Edges) -> str:
    """Under which the scores go: the file's name, with its digest where another has that name."""
    name = truth.name if edges == "plain" else f"{truth.name}, {edges} edges"
    known = by_data.get(name)
    if known is None or known.get("data_sha256") == truth.digest:
        return name
    return f"{name} ({truth.digest[:8]})"
