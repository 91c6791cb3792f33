"""What can be wrong with a data set, and what cures it.

An error breaks training or makes its scores lie; a warning is worth a look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]
Id = int | str


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of fault: a stable name for machines, a title and a cure for people."""

    name: str
    level: Level
    title: str
    cure: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: `says` describes it; the rest tells where it is, as far as that is known.

    file: the JSON's path. photograph: its `file_name` there.
    """

    rule: Rule
    file: str
    says: str
    photograph: str | None = None
    image_id: Id | None = None
    annotation_id: Id | None = None

    @property
    def where(self) -> str:
        """`train.json, cat.jpg (image 7), annotation 12`."""
        parts = [self.file]
        if self.photograph is not None:
            parts.append(f"{self.photograph} (image {self.image_id})")
        elif self.image_id is not None:
            parts.append(f"image {self.image_id}")
        if self.annotation_id is not None:
            parts.append(f"annotation {self.annotation_id}")
        return ", ".join(parts)


MALFORMED = Rule(
    "malformed-record",
    "error",
    "records that are not COCO's",
    "Export again as COCO instances, or correct the record.",
)
DUPLICATE_ID = Rule(
    "duplicate-id",
    "error",
    "ids of images or categories used more than once",
    "Number them anew; where files were merged, add an offset to the ids of each.",
)
DUPLICATE_ANNOTATION = Rule(
    "duplicate-id",
    "warning",
    "annotation ids used more than once",
    "Number them anew; Maskdrop does so itself, other tools take the last one alone.",
)
MIXED_IDS = Rule(
    "mixed-ids",
    "error",
    "image ids of which some are text and some are numbers",
    'Write all of them, and every image_id, as numbers: 1, not "1".',
)
DUPLICATE_CLASS = Rule(
    "duplicate-class",
    "error",
    "classes of one name",
    "Keep one category of that name, and give its id to the annotations of the others.",
)
UNKNOWN_IMAGE = Rule(
    "unknown-image",
    "error",
    "annotations of images that are not listed",
    "List the image, or remove the annotation.",
)
UNKNOWN_CATEGORY = Rule(
    "unknown-category",
    "error",
    "annotations of categories that are not listed",
    "List the category, or correct the annotation's category_id.",
)
UNKNOWN_LABELED = Rule(
    "unknown-labeled-category",
    "error",
    "labeled_category_ids of categories that are not listed",
    "Name ids of categories in the file; a class not named is not learnt from background there.",
)
NO_OBJECTS = Rule(
    "no-objects",
    "error",
    "nothing to learn or to score",
    "Annotate some objects, or check that the export holds them.",
)
OTHER_CLASSES = Rule(
    "other-classes",
    "error",
    "ids that mean one class in training and another in validation",
    "Use the same categories, with the same ids, in both files.",
)
MISSING_FILE = Rule(
    "missing-file",
    "error",
    "photographs that are not there",
    "Copy them there, name their folder with --images (--val-images), or correct file_name.",
)
UNREADABLE_FILE = Rule(
    "unreadable-file",
    "error",
    "photographs that are broken or cut short",
    "Copy them again from where they came; if they are broken there too, leave them out.",
)
OTHER_SIZE = Rule(
    "other-size",
    "error",
    "photographs of another size than stated",
    "Annotate the file as it is, or scale its annotations and state its size.",
)
SIDEWAYS = Rule(
    "sideways",
    "error",
    "photographs stored on their side",
    "Store them upright, as `exiftran -ai *.jpg` does: what reads pixels and what reads the "
    "EXIF orientation see different pictures, and boxes fit one of them.",
)
BOX_EMPTY = Rule(
    "box-empty",
    "error",
    "boxes without an area",
    "Remove the annotation, or draw it again. COCO's boxes are x, y, width, height.",
)
BOX_OUTSIDE = Rule(
    "box-outside",
    "error",
    "boxes that leave the photograph",
    "Cut them at its border. COCO's boxes are x, y, width, height, not two corners.",
)
MASK_INVALID = Rule(
    "mask-invalid",
    "error",
    "masks that cannot be read",
    "Draw the mask again, or remove `segmentation` to learn the box alone.",
)
MASK_EMPTY = Rule(
    "mask-empty",
    "error",
    "masks without a pixel",
    "Draw the mask again, or remove `segmentation` to learn the box alone.",
)
MASK_OFF_BOX = Rule(
    "mask-off-box",
    "warning",
    "masks that do not fit their box",
    "Compute the box from the mask; if the mask is another object's, give it back.",
)
LEAK = Rule(
    "leak",
    "error",
    "photographs both learnt from and scored on",
    "Keep each on one side, or the scores measure memory. Split by scene or session.",
)
DUPLICATE_PHOTOGRAPH = Rule(
    "duplicate-photograph",
    "warning",
    "photographs that are there twice",
    "Keep the one that is annotated better; two with different labels contradict each other.",
)
NO_MASKS = Rule(
    "no-masks",
    "warning",
    "boxes only",
    "Good for finding objects; add data with masks, from which masks are learnt.",
)
UNUSED_CLASS = Rule(
    "unused-class",
    "warning",
    "classes without an object",
    "Annotate some, or remove the category.",
)
FEW_OBJECTS = Rule(
    "few-objects",
    "warning",
    "classes with too few objects",
    "Annotate more of them, merge the class with a like one, or leave it out.",
)
IMBALANCE = Rule(
    "imbalance",
    "warning",
    "classes much rarer than the commonest",
    "Annotate more of them; training shows rare classes more often, which helps up to a point.",
)
NOT_SCORED = Rule(
    "not-scored",
    "warning",
    "classes that validation cannot score",
    "Move some photographs of them to the validation file.",
)
