import base64

import numpy as np
import pytest
from painting import encoded, painted, photo
from PIL import Image

from handler.detection.detector import Detector
from handler.errors import BadOptions, BrokenImage, ImageTooLarge
from handler.photo.decode import ImageLimits
from handler.schemas import Manifest, Options
from model.runtime.predictor import Predictor
from model.runtime.rle import decode_rle


@pytest.fixture(scope="module")
def predictor(colour_model):
    return Predictor.load(colour_model, threads=1)


@pytest.fixture
def detector(predictor):
    return Detector(predictor)


def test_manifest_tells_what_was_found(detector):
    manifest = detector.detect(photo(), Options(), filename="beach.png").manifest()
    assert [each.class_name for each in manifest.detections] == ["person", "cat"]
    person = manifest.detections[0]
    assert (person.index, person.class_id, person.score) == (0, 1, 0.9)
    assert person.box == (16, 24, 64, 48)
    assert person.area == pytest.approx(48 * 24, rel=0.15)


def test_manifest_tells_of_source_model_and_options(detector, predictor):
    data = photo()
    manifest = detector.detect(data, Options(max_detections=1), filename="beach.png").manifest()
    source = manifest.source
    assert (source.filename, source.size) == ("beach.png", len(data))
    assert (source.width, source.height, source.orientation) == (128, 96, 1)
    assert manifest.model.model_dump() == {
        "name": "colour",
        "version": 1,
        "digest": predictor.manifest.digest,
    }
    assert manifest.options.max_detections == len(manifest.detections) == 1


def test_object_of_a_bucket_is_named_by_key_and_etag(detector):
    source = detector.detect(photo(), Options(), key="inbox/a.png", etag="abc").manifest().source
    assert (source.filename, source.key, source.etag) == (None, "inbox/a.png", "abc")


def test_manifest_survives_json(detector):
    manifest = detector.detect(photo(), Options(), filename="beach.png").manifest(["labels.png"])
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_rle_and_area_are_of_the_same_mask(detector):
    person = detector.detect(photo(), Options()).manifest().detections[0]
    mask = decode_rle(person.rle)
    assert mask.shape == (96, 128)
    assert mask.sum() == person.area


def test_raw_mask_is_the_network_s(detector):
    result = detector.detect(photo(), Options())
    raw = base64.b64decode(result.manifest().detections[0].raw_mask)
    assert raw == result.detections.raw_masks[0].tobytes()
    assert len(raw) == 28 * 28


def test_mask_threshold_moves_the_border(detector):
    areas = [
        detector.detect(photo(), Options(mask_threshold=threshold)).manifest().detections[0].area
        for threshold in (0.1, 0.9)
    ]
    assert areas[0] > areas[1]


def test_only_the_first_detection_is_cold(detector):
    receipts = [detector.detect(photo(), Options()).manifest().receipt for _ in range(2)]
    assert [each.cold for each in receipts] == [True, False]
    assert list(receipts[0].milliseconds) == ["decoding", "inferring", "refining", "encoding"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_gives_the_same_masks(detector, orientation):
    stored_by = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = Image.fromarray(detector.detect(photo(), Options()).photo.full())
    stored = upright.transpose(stored_by[orientation]) if orientation > 1 else upright
    data = encoded(np.asarray(stored), exif=exif)
    manifest = detector.detect(data, Options()).manifest()
    expected = detector.detect(photo(), Options()).manifest()
    assert manifest.detections == expected.detections
    assert manifest.source.orientation == orientation


@pytest.mark.parametrize("size", [(1, 1), (2000, 100), (100, 2000)])
def test_extreme_shapes_are_detected(detector, size):
    manifest = detector.detect(photo(*size), Options()).manifest()
    assert (manifest.source.width, manifest.source.height) == size
    assert all(each.area >= 0 for each in manifest.detections)


def test_unknown_class_is_refused_with_those_near(detector):
    with pytest.raises(BadOptions, match="Class 'Persn' is unknown to colour; it knows 'person'"):
        detector.detect(photo(), Options(classes=("cat", "Persn")))


def test_class_like_no_other_is_refused_with_all(detector):
    with pytest.raises(BadOptions, match="it knows 'person', 'cat', 'dog'"):
        detector.detect(photo(), Options(classes=("zebra crossing",)))


def test_only_wanted_classes_are_found(detector):
    result = detector.detect(photo(), Options(classes=("cat",)))
    assert result.detections.class_names == ("cat",)


def test_bad_bytes_are_refused(detector):
    with pytest.raises(BrokenImage):
        detector.detect(photo()[:100], Options())


def test_limits_of_the_detector_hold(predictor):
    with pytest.raises(ImageTooLarge):
        Detector(predictor, ImageLimits(max_side=100)).detect(photo(), Options())


def test_a_mask_is_the_same_whenever_it_is_asked_for(detector):
    result = detector.detect(photo(), Options())
    first, second = ([mask.frame(128, 96) for mask in result.masks()] for _ in range(2))
    assert len(first) == 2
    assert np.array_equal(first, second)


def test_small_thing_in_a_large_photograph_is_found_with_tiles_alone(detector):
    data = encoded(painted(530, 360, red=(403, 250, 405, 252)))
    tiled = detector.detect(data, Options(tile=True)).manifest()
    assert detector.detect(data, Options()).manifest().detections == ()
    assert [each.class_name for each in tiled.detections] == ["person"]
    assert tiled.detections[0].box == (403, 250, 405, 252)


def test_tiles_change_nothing_about_a_small_photograph(detector):
    tiled = detector.detect(photo(), Options(tile=True))
    assert tiled.instances == detector.detect(photo(), Options()).instances
