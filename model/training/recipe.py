"""What a training run is told: every option of `maskdrop model train`, as a TOML file too.

Needs no PyTorch, so that mistakes are reported before anything heavy is loaded.
"""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.config import COCO_R50, COCO_R50_V2, EDGE, PRESETS
from model.runtime.errors import TrainingError
from model.training.schedule import Budget
from model.training.zooms import ZOOMS

# Peak learning rate, and the long sides that photographs are seen at, pixels. Edge serves at
# 512, and crops show objects at half to 1.6 times these scales; the others serve at 1088.
_EDGE_DEFAULTS = {"lr": 3e-4, "sides": (288, 352, 416, 512)}
_R50_DEFAULTS = {"lr": 1e-4, "sides": (640, 800, 960, 1088)}
_DEFAULTS: dict[str, Any] = {
    EDGE.name: _EDGE_DEFAULTS,
    COCO_R50.name: _R50_DEFAULTS,
    COCO_R50_V2.name: _R50_DEFAULTS,
}
_DEFAULT_MINUTES = 60.0
# Giving one of the first again removes all of the second that the file set.
_REPLACED = (
    ({"minutes", "steps", "evaluate_every"}, {"minutes", "steps", "evaluate_every"}),
    ({"data", "images"}, {"data", "images", "repeat", "stretch"}),
    ({"val", "val_images"}, {"val", "val_images"}),
)

_Positive = Annotated[float, Field(gt=0)]
_Count = Annotated[int, Field(ge=1)]
# Below 32 pixels the pyramid's top has no pixel left.
_Side = Annotated[int, Field(ge=32)]
# Smaller, a photograph of 512 pixels is a spot; larger, an object fills more than the view.
_ZoomOut = Annotated[float, Field(ge=0.05, le=1)]
_ZoomIn = Annotated[float, Field(ge=1, le=4)]
_Stretch = Annotated[float, Field(ge=1, le=4)]
_Ratio = Annotated[float, Field(ge=0.1, le=10)]


class Recipe(BaseModel):
    """One training run, complete but for its folder.

    data, images: COCO files and the folder of each one's photographs, in the same order.
    repeat: how often a photograph of each file is seen in comparison; empty for all alike.
    classes: category ids to learn; empty for all that have objects.
    start: the checkpoint or the version's folder to begin with (`from` in a file); None for
    the preset's own.
    minutes, steps: how long to train, one of the two.
    cycles: how often the learning rate falls; the mean of the ends of several is what counts.
    sides: long sides that photographs are seen at, pixels.
    zoom: how far photographs are zoomed out and in, as factors of the scale at which they fit.
    stretch: by which factor the width of each file's photographs may be wrong, either way;
    empty for none.
    mosaic: how often four photographs are shown as one, 0 to 1.
    copy_paste: how often a photograph receives objects cut out of others, 0 to 1.
    anchor_ratios: heights over widths of the anchors; empty for those of what it begins with.
    layers: what is trained: all (but what a preset always freezes), or the heads, with the FPN.
    evaluate_every: minutes or steps, as the run's length is given; None for a tenth of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    preset: str = EDGE.name
    data: tuple[Path, ...] = Field(min_length=1)
    images: tuple[Path, ...] = ()
    repeat: tuple[_Positive, ...] = ()
    val: Path | None = None
    val_images: Path | None = None
    classes: tuple[int, ...] = ()
    start: Path | None = Field(default=None, alias="from")
    minutes: _Positive | None = None
    steps: _Count | None = None
    batch: _Count = 4
    lr: _Positive
    cycles: _Count = 1
    sides: tuple[_Side, ...] = Field(min_length=1)
    zoom: tuple[_ZoomOut, _ZoomIn] = ZOOMS
    stretch: tuple[_Stretch, ...] = ()
    mosaic: float = Field(default=0.0, ge=0, le=1)
    copy_paste: float = Field(default=0.5, ge=0, le=1)
    anchor_ratios: tuple[_Ratio, ...] = ()
    layers: Literal["all", "heads"] = "all"
    seed: int = Field(default=0, ge=0, lt=2**31)
    evaluate_every: _Positive | None = None
    workers: _Count = 1

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: dict[str, Any]) -> dict[str, Any]:
        preset = values.get("preset", EDGE.name)
        if preset not in PRESETS:
            raise ValueError(f"{preset!r} is no preset; there are {', '.join(PRESETS)}")
        values = _DEFAULTS[preset] | values
        if "minutes" not in values and "steps" not in values:
            values["minutes"] = _DEFAULT_MINUTES
        if not values.get("images"):
            values["images"] = tuple(Path(file).parent / "images" for file in values["data"])
        if "val" in values and "val_images" not in values:
            values["val_images"] = Path(values["val"]).parent / "images"
        return values

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if len(self.images) != len(self.data):
            raise ValueError(
                f"{len(self.data)} data files and {len(self.images)} image folders are given; "
                "each file needs its own folder"
            )
        if self.repeat and len(self.repeat) != len(self.data):
            raise ValueError(
                f"repeat has {len(self.repeat)} numbers for {len(self.data)} data files; "
                "each file needs its own"
            )
        if self.stretch and len(self.stretch) != len(self.data):
            raise ValueError(
                f"stretch has {len(self.stretch)} numbers for {len(self.data)} data files; "
                "each file needs its own"
            )
        if self.minutes is not None and self.steps is not None:
            raise ValueError("give either minutes or steps")
        if self.val_images is not None and self.val is None:
            raise ValueError("val_images is given without val")
        return self

    @property
    def budget(self) -> Budget:
        """How long to train."""
        return Budget(minutes=self.minutes, steps=self.steps, every=self.evaluate_every)

    def settings(self) -> dict[str, Any]:
        """Every value that is not empty, by its name in a file, as TOML and JSON know it."""
        values = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {name: value for name, value in values.items() if value != []}

    def command(self, run: Path) -> str:
        """The command that trains by this recipe in the folder `run`."""
        words = ["maskdrop", "model", "train"]
        for name, value in self.settings().items():
            option = f"--{name.replace('_', '-')}"
            repeated = value if name in ("data", "images") else [_word(value)]
            words += [word for each in repeated for word in (option, each)]
        return shlex.join([*words, "--run", str(run)])

    def toml(self) -> str:
        """The recipe as a file's text; JSON's strings, numbers and lists are TOML's too."""
        lines = (f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in self.settings().items())
        return "\n".join(lines) + "\n"


def make_recipe(options: Mapping[str, Any], file: Path | None) -> Recipe:
    """Join the options that are given with a file's; the options win.

    Raises TrainingError that names the option, its value and what it may be.
    """
    values = read_settings(file) if file else {}
    for given, replaced in _REPLACED:
        if given & options.keys():
            values = {name: value for name, value in values.items() if name not in replaced}
    values |= options
    if not values.get("data"):
        raise TrainingError("There is nothing to learn from: name a COCO file with --data.")
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        where = f"{file}: " if file and not options else ""
        raise TrainingError(where + _in_words(error)) from None


def read_settings(file: Path) -> dict[str, Any]:
    """Read a recipe's TOML file. Raises TrainingError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{file}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{file} is not TOML: {error}.") from None


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _in_words(error: ValidationError) -> str:
    """The first mistake as a sentence."""
    first = error.errors()[0]
    if first["type"] == "value_error":
        return f"{_capital(str(first['ctx']['error']))}."
    name = str(first["loc"][0]) if first["loc"] else "a recipe"
    if first["type"] == "extra_forbidden":
        return f"{name!r} is no setting of a recipe; there are {', '.join(_names())}."
    return f"{name} is {first['input']!r}: {first['msg'].lower()}."


def _names() -> list[str]:
    return [field.alias or name for name, field in Recipe.model_fields.items()]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
