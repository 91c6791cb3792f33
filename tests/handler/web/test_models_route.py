"""TensorFlow Serving's REST API, as its clients call it."""

import base64
import json

import numpy as np
import pytest
from painting import painted
from service import make_client, squares

from handler.telemetry.protocol import NoTelemetry

MODEL = "/v1/models/colour"
B64 = base64.b64encode(squares("red", "green")).decode()
PIXELS = painted(128, 96, red=(5, 20, 35, 50), green=(45, 20, 75, 50))


@pytest.fixture(scope="module")
def client():
    return make_client()


def predict(client, body, path=MODEL, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"{path}:predict", content=content, headers=headers)


def test_list_names_the_model_and_its_classes(client):
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["name"], model["version"]) == ("colour", 1)
    assert [each["name"] for each in model["classes"]] == ["person", "cat", "dog"]


@pytest.mark.parametrize("version", ["", "/versions/1", "/versions/latest"])
def test_status_says_available(client, version):
    assert client.get(MODEL + version).json() == {
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


@pytest.mark.parametrize("version", ["", "/versions/1"])
def test_metadata_describes_the_signatures(client, version):
    answer = client.get(f"{MODEL}{version}/metadata").json()
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert answer["model_spec"] == {"name": "colour", "signature_name": "", "version": "1"}
    assert signatures["serving_default"]["inputs"]["image"]["dtype"] == "DT_UINT8"
    assert signatures["encoded"]["inputs"]["image_bytes"]["dtype"] == "DT_STRING"


@pytest.mark.parametrize(
    "instance",
    [
        {"b64": B64},
        {"image_bytes": {"b64": B64}},
        PIXELS.tolist(),
        {"image": PIXELS.tolist()},
    ],
    ids=["b64", "named b64", "tensor", "named tensor"],
)
def test_rows_answer_one_prediction_each(client, instance):
    predictions = predict(client, {"instances": [instance, instance]}).json()["predictions"]
    assert len(predictions) == 2
    assert predictions[0]["num_detections"] == 2
    assert predictions[0]["labels"][:3] == [1, 2, 0]
    assert predictions[0]["boxes"][:2] == [[5, 20, 35, 50], [45, 20, 75, 50]]


@pytest.mark.parametrize(
    ("inputs", "count"),
    [
        ({"b64": B64}, 1),
        ([{"b64": B64}], 1),
        ({"image_bytes": [{"b64": B64}, {"b64": B64}]}, 2),
        ({"image": [PIXELS.tolist()]}, 1),
        ([PIXELS.tolist(), PIXELS.tolist()], 2),
    ],
)
def test_columns_answer_one_list_per_output(client, inputs, count):
    outputs = predict(client, {"inputs": inputs}).json()["outputs"]
    assert outputs["num_detections"] == [2] * count
    assert np.shape(outputs["masks"]) == (count, 100, 28, 28)
    assert np.shape(outputs["boxes"]) == (count, 100, 4)


@pytest.mark.parametrize("signature", ["serving_default", "encoded"])
def test_signature_may_be_named(client, signature):
    body = {"signature_name": signature, "instances": [{"b64": B64}]}
    assert predict(client, body).status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
def test_content_type_does_not_matter_as_curl_sends_a_forms(client, kind):
    body = {"instances": [{"b64": B64}]}
    assert predict(client, body, **{"Content-Type": kind}).status_code == 200


def test_base64_for_urls_without_padding_is_read(client):
    text = B64.translate(str.maketrans("+/", "-_")).rstrip("=")
    assert predict(client, {"instances": [{"b64": text}]}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        [],
        {},
        {"instances": [{"b64": B64}], "inputs": {"b64": B64}},
        {"instances": []},
        {"instances": "b64"},
        {"instances": [{"b64": "%%%"}]},
        {"instances": [{"b64": 1}]},
        {"instances": [{"b64": B64, "other": 1}]},
        {"instances": [{"b64": base64.b64encode(b"%PDF-1.7").decode()}]},
        {"instances": [[[1, 2, 3]]]},
        {"instances": [[[[1, 2, 300]]]]},
        {"instances": [[[[1, 2, 0.5]]]]},
        {"instances": [[[[1, 2, 10**40]]]]},
        {"instances": [[[["a", "b", "c"]]]]},
        {"instances": [[[[1, 2, 3]], [[1, 2]]]]},
        {"instances": [None]},
        {"instances": [{"b64": B64}] * 17},
        {"signature_name": "segment", "instances": [{"b64": B64}]},
        {"signature_name": ["x"], "instances": [{"b64": B64}]},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_is_no_request_is_answered_in_tensorflow_servings_words(client, body):
    answer = predict(client, body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/models/yolo", "Servable not found for request: Latest(yolo)"),
        ("/v1/models/colour/versions/7", "Servable not found for request: Specific(colour, 7)"),
    ],
)
def test_unknown_model_or_version_is_not_found(client, path, words):
    body = {"instances": [{"b64": B64}]}
    for answer in (client.get(path), client.get(f"{path}/metadata"), predict(client, body, path)):
        assert answer.status_code == 404
        assert answer.json()["error"].startswith(words)


def test_answer_past_the_platforms_limit_is_refused():
    client = make_client(max_answer_bytes=100_000)
    answer = predict(client, {"instances": [{"b64": B64}]})
    assert answer.status_code == 400
    assert "100,000" in answer.json()["error"]


class RecordingTelemetry(NoTelemetry):
    """Keeps what it is told of detections."""

    def __init__(self) -> None:
        self.detections: list[tuple[set[str], int]] = []

    def detection(self, milliseconds, instances) -> None:
        self.detections.append((set(milliseconds), instances))


def test_each_image_counts_as_a_detection():
    telemetry = RecordingTelemetry()
    client = make_client(telemetry=telemetry)
    assert predict(client, {"instances": [{"b64": B64}, {"b64": B64}]}).status_code == 200
    assert telemetry.detections == [({"decoding", "inferring", "encoding"}, 2)] * 2
