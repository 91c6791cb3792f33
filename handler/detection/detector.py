"""The use case: a photograph's bytes in, its instances out."""

from __future__ import annotations

import difflib
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handler.detection.admission import Caller, Gate, make_gate
from handler.detection.cost import Tariff
from handler.detection.footprint import detection_bytes
from handler.detection.stopwatch import Stopwatch
from handler.errors import BadOptions
from handler.photo.decode import ImageLimits, Photo, open_photo
from handler.photo.upright import Pixels
from handler.schemas import Detection, Manifest, Model, Options, Receipt, Source
from model.runtime.detections import Detections, InstanceAlpha, InstanceMask
from model.runtime.edges import DEFAULT_EDGES, Edges, refine_edges
from model.runtime.machine import peak_memory_mb
from model.runtime.postprocess import paste_alpha, paste_mask
from model.runtime.predictor import Predictor
from model.runtime.rle import decode_mask, encode_rle
from model.runtime.tiling import is_large, predict_tiled


class _View(NamedTuple):
    """Decoded pixels (h, w, 3) RGB, as the network takes them: whole for tiles, else scaled."""

    pixels: Pixels
    # The upright photograph's width and height.
    frame_size: tuple[int, int]
    tiled: bool


@dataclass
class Result:
    """One photograph and what was found in it.

    A mask is pasted once, when it is first asked for, and kept as its run lengths: a hundred
    masks that fill 12 megapixels would be 1.2 GB at once.
    """

    photo: Photo
    source: Source
    model: Model
    options: Options
    detections: Detections
    cold: bool
    stopwatch: Stopwatch = field(repr=False)
    tariff: Tariff | None = None
    _described: dict[int, Detection] = field(default_factory=dict, init=False, repr=False)

    def mask(self, index: int) -> InstanceMask:
        """The mask of the instance at `index`, at the options' threshold."""
        if known := self._described.get(index):
            return decode_mask(known.rle)
        found = self.detections
        mask = paste_mask(
            found.pasted_mask(index),
            found.boxes[index],
            found.width,
            found.height,
            self.options.mask_threshold,
        )
        self._described[index] = self._describe(index, mask)
        return mask

    def alpha(self, index: int) -> InstanceAlpha | None:
        """How visible the instance at `index` is in its cut-out; None with plain edges."""
        found = self.detections
        if found.refined_masks is None:
            return None
        return paste_alpha(
            found.pasted_mask(index),
            found.boxes[index],
            found.width,
            found.height,
            self.options.mask_threshold,
        )

    def masks(self) -> Iterator[InstanceMask]:
        """Each instance's mask, in order, one in memory."""
        return map(self.mask, range(len(self.detections)))

    @property
    def instances(self) -> tuple[Detection, ...]:
        """The detections as the manifest lists them."""
        for index in range(len(self.detections)):
            if index not in self._described:
                self.mask(index)
        return tuple(self._described[index] for index in range(len(self.detections)))

    def manifest(self, outputs: Sequence[str] = ()) -> Manifest:
        """Sum up, after `outputs` have been written, in whatever order."""
        with self.stopwatch.stage("encoding"):
            instances = self.instances
        return Manifest(
            source=self.source,
            model=self.model,
            options=self.options,
            detections=instances,
            outputs=tuple(sorted(outputs)),
            receipt=self._receipt(),
        )

    def _receipt(self) -> Receipt:
        return Receipt(
            cold=self.cold,
            milliseconds=self.stopwatch.milliseconds,
            peak_memory_mb=round(peak_memory_mb(), 1),
            cost=self.tariff.charge(self.stopwatch.elapsed_ms) if self.tariff else None,
        )

    def _describe(self, index: int, mask: InstanceMask) -> Detection:
        found = self.detections
        x1, y1, x2, y2 = (round(side, 2) for side in found.boxes[index].tolist())
        return Detection(
            index=index,
            class_id=int(found.class_ids[index]),
            class_name=found.class_names[index],
            score=round(float(found.scores[index]), 5),
            box=(x1, y1, x2, y2),
            area=mask.area,
            rle=encode_rle(mask, found.width, found.height),
            raw_mask=b64encode(found.raw_masks[index].tobytes()).decode(),
            refined_mask=packed(found.pasted_mask(index)) if found.refined_masks else None,
        )


class Detector:
    """A loaded model and the limits on what it is shown; safe to share between threads."""

    def __init__(
        self,
        predictor: Predictor,
        limits: ImageLimits | None = None,
        tariff: Tariff | None = None,
        gate: Gate | None = None,
        edges: Edges = DEFAULT_EDGES,
    ) -> None:
        """Detect with `predictor`, on a machine that costs `tariff`, through `gate`.

        `edges`: of masks, where options do not say.
        """
        self.model = Model(
            name=predictor.manifest.name,
            version=predictor.manifest.version,
            digest=predictor.manifest.digest,
        )
        self.predictor = predictor
        self.limits = limits or ImageLimits()
        self.gate = gate or make_gate()
        self._edges = edges
        self._tariff = tariff
        self._cold = True

    @contextmanager
    def admitted(self, data: bytes, options: Options, caller: Caller) -> Iterator[Photo]:
        """Read a photograph's header, wait for a turn, and keep it for the block.

        The block detects, and does all that needs the photograph's pixels. Raises as `detect`
        and `Gate.entered` do.
        """
        self.check_classes(options)
        options = self.completed(options)
        photo = open_photo(data, self.limits)
        frame_size = (photo.width, photo.height)
        size = detection_bytes(
            photo,
            self.predictor.input_size(frame_size),
            options.outputs,
            tiled=options.tile and is_large(self.predictor, frame_size),
            refined=options.edges == "refined",
        )
        with self.gate.entered(size, caller):
            yield photo

    def detect(
        self,
        data: bytes | Photo,
        options: Options,
        *,
        filename: str | None = None,
        key: str | None = None,
        etag: str | None = None,
        version_id: str | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> Result:
        """Find the instances in a photograph: a file, or a bucket's object `key` with its `etag`.

        `data`: the file, or what `open_photo` made of it under these limits.
        `stopwatch`: one that runs already, where there was work before.
        Raises BadOptions for a class that the model does not know, and a BadImage.
        """
        self.check_classes(options)
        options = self.completed(options)
        cold, self._cold = self._cold, False
        stopwatch = stopwatch or Stopwatch()
        with stopwatch.stage("decoding"):
            photo = data if isinstance(data, Photo) else open_photo(data, self.limits)
            view = self._view(photo, options)
        with stopwatch.stage("inferring"):
            detections = self._infer(view, options)
        if options.edges == "refined":
            detections = _refined(detections, photo, stopwatch)
        source = Source(
            filename=filename,
            key=key,
            etag=etag,
            version_id=version_id,
            size=photo.record.size,
            width=photo.width,
            height=photo.height,
            orientation=photo.orientation,
            animated=photo.record.animated,
        )
        return Result(photo, source, self.model, options, detections, cold, stopwatch, self._tariff)

    def find(self, photo: Photo | Pixels, options: Options, stopwatch: Stopwatch) -> Detections:
        """Decode and infer: the part that every door shares, without receipt and result.

        `photo`: or pixels, (height, width, 3) RGB. Raises a BadImage.
        """
        with stopwatch.stage("decoding"):
            view = self._view(photo, options)
        with stopwatch.stage("inferring"):
            return self._infer(view, options)

    def _view(self, photo: Photo | Pixels, options: Options) -> _View:
        if not isinstance(photo, Photo):
            return _View(photo, (photo.shape[1], photo.shape[0]), tiled=False)
        frame_size = (photo.width, photo.height)
        tiled = options.tile and is_large(self.predictor, frame_size)
        size = self.predictor.input_size(frame_size)
        return _View(photo.full() if tiled else photo.scaled(*size), frame_size, tiled)

    def _infer(self, view: _View, options: Options) -> Detections:
        predict = (
            partial(predict_tiled, self.predictor)
            if view.tiled
            else partial(self.predictor.predict, frame_size=view.frame_size)
        )
        return predict(
            view.pixels,
            score_threshold=options.score_threshold,
            max_detections=options.max_detections,
            classes=options.classes,
        )

    def completed(self, options: Options) -> Options:
        """Options that leave nothing to the deployment."""
        return options if options.edges else options.model_copy(update={"edges": self._edges})

    def check_classes(self, options: Options) -> None:
        """Raise BadOptions for a class that the model does not know, with those that are near."""
        known = self.predictor.class_names
        for name in options.classes or ():
            if name not in known:
                near = difflib.get_close_matches(name.lower(), known) or known
                raise BadOptions(
                    f"Class {name!r} is unknown to {self.model.name}; "
                    f"it knows {', '.join(repr(each) for each in near)}."
                )


def _refined(detections: Detections, photo: Photo, stopwatch: Stopwatch) -> Detections:
    """Refine masks by the photograph at full scale, which is decoded only where there are any."""
    if not len(detections):
        return detections
    # No stage "decoding" again: a detection's status goes forwards.
    with stopwatch.stage("refining"):
        return refine_edges(detections, photo.full())


def packed(mask: NDArray[np.uint8]) -> str:
    """A mask as a manifest carries it; level 1 takes a quarter of the time, and 20 % more room."""
    return b64encode(zlib.compress(mask.tobytes(), 1)).decode()
