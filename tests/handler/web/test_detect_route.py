import base64
import io

import numpy as np
import pytest
from PIL import Image
from service import make_client, squares

from model.runtime.rle import decode_rle


@pytest.fixture(scope="module")
def client():
    return make_client()


def ask(client, data, **query):
    return client.post("/api/detect", params=query, files={"image": ("a.png", data)})


def decoded(mask, form):
    """A mask of the answer, in any of its forms, as the whole frame."""
    match form:
        case "rle":
            return decode_rle(mask)
        case "png":
            return np.asarray(Image.open(io.BytesIO(base64.b64decode(mask))))
        case "array":
            return np.array(mask, bool)


def test_answer_lists_what_was_found_best_first(client):
    answer = ask(client, squares("green", "red")).json()
    assert answer["class_names"] == ["person", "cat"]
    assert answer["class_ids"] == [1, 17]
    assert answer["scores"] == [0.9, 0.8]
    assert answer["boxes"] == [[45, 20, 75, 50], [5, 20, 35, 50]]


def test_answer_says_of_what_and_by_what(client):
    answer = ask(client, squares("red")).json()
    assert answer["image"] == {"width": 128, "height": 96}
    assert answer["model"]["name"] == "colour"
    assert set(answer["timings"]) == {"decoding", "inferring", "refining", "encoding"}


@pytest.mark.parametrize("form", ["rle", "png", "array"])
def test_mask_covers_its_thing_in_every_form(client, form):
    (mask,) = ask(client, squares("red"), masks=form, edges="plain").json()["masks"]
    frame = decoded(mask, form)
    assert frame.shape == (96, 128)
    assert frame[20:50, 5:35].all()
    # The 28 × 28 mask reaches half a cell beyond its box.
    assert frame.sum() == 32 * 32


def test_polygons_are_parts_with_holes(client):
    (mask,) = ask(client, squares("red"), masks="polygons", edges="plain").json()["masks"]
    assert mask == [{"outer": [[4, 19], [36, 19], [36, 51], [4, 51]], "holes": []}]


def test_refined_masks_end_where_the_thing_does(client):
    query = {"masks": "array", "edges": "refined"}
    (mask,) = ask(client, squares("red"), **query).json()["masks"]
    expected = np.zeros((96, 128), int)
    expected[20:50, 5:35] = 1
    assert mask == expected.tolist()


@pytest.mark.parametrize(("edges", "area"), [("plain", 32 * 32), ("refined", 30 * 30)])
def test_edges_are_the_deployments_where_nobody_says(edges, area):
    (mask,) = ask(make_client({"edges": edges}), squares("red"), masks="array").json()["masks"]
    assert np.sum(mask) == area


def test_no_masks_where_none_are_asked_for(client):
    assert ask(client, squares("red"), masks="none").json()["masks"] is None


def test_nothing_found_is_an_empty_answer(client):
    answer = ask(client, squares()).json()
    assert (answer["boxes"], answer["masks"], answer["class_ids"]) == ([], [], [])


def test_options_narrow_what_is_found(client):
    photograph = squares("red", "green", "blue")
    assert ask(client, photograph, classes=["cat", "dog"]).json()["class_names"] == ["cat", "dog"]
    assert ask(client, photograph, score_threshold=0.85).json()["class_names"] == ["person"]
    assert ask(client, photograph, max_detections=2).json()["class_names"] == ["person", "cat"]


@pytest.mark.parametrize(
    ("data", "status", "problem"),
    [
        (b"%PDF-1.7 named .png", 415, "unsupported-image"),
        (b"", 422, "broken-image"),
        (squares("red")[:60], 422, "broken-image"),
        (squares(width=20_000, height=1), 413, "image-too-large"),
    ],
)
def test_what_is_no_photograph_is_refused(client, data, status, problem):
    answer = ask(client, data)
    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:maskdrop:problem:{problem}"


def test_unknown_class_is_answered_with_near_ones(client):
    answer = ask(client, squares("red"), classes="persn")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "Class 'persn' is unknown to colour; it knows 'person'."


@pytest.mark.parametrize(
    "query",
    [
        {"score_threshold": 1.5},
        {"masks": "jpeg"},
        {"max_detections": 0},
        {"mask": "rle"},
        {"edges": "soft"},
    ],
)
def test_options_out_of_range_are_named(client, query):
    answer = ask(client, squares("red"), **query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == f"query.{next(iter(query))}"


def test_missing_image_is_named(client):
    answer = client.post("/api/detect", files={"photo": ("a.png", squares("red"))})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"location": "body.image", "detail": "Field required"}]


def test_answer_too_large_for_the_platform_is_refused_before_it_is_made():
    client = make_client(max_answer_bytes=50_000)
    answer = ask(client, squares("red", "green", "blue"), masks="array")
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:maskdrop:problem:answer-too-large"


def test_body_past_the_limit_is_refused():
    client = make_client({"max_image_bytes": 1000})
    answer = ask(client, b"\xff\xd8\xff" + bytes(2_000_000))
    assert answer.status_code == 413
    assert "the limit of this route is 1,049,909" in answer.json()["detail"]
