"""Label Studio's ML backend: the protocol as it speaks it, and where images may be."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from label_studio_host import LEGACY, PERSONAL, Host, label_studio_host
from memory_store import MemoryObjectStore
from service import make_client, squares
from starlette.testclient import TestClient

from handler.bucket.s3 import S3ObjectStore, s3_client
from handler.web.labelstudio_images import bucket_key
from model.data.convert import convert

EVENTS = Path(__file__).parents[2] / "events"
BRUSH = """<View><Image name="image" value="$image"/><BrushLabels name="tag" toName="image">
<Label value="person"/><Label value="Pet" predicted_values="cat, dog"/></BrushLabels></View>"""


@pytest.fixture
def store() -> MemoryObjectStore:
    made = MemoryObjectStore("bucket")
    made.put("uploads/x/a.png", squares("red", "green"), content_type="image/png")
    made.put("inbox/a.png", squares("red"), content_type="image/png")
    return made


@pytest.fixture
def client(store: MemoryObjectStore) -> TestClient:
    return make_client({"labelstudio": True}, store=store)


@pytest.fixture
def host() -> Iterator[Host]:
    with label_studio_host() as running:
        running.files["/data/upload/1/0f3a1b2c-a.png"] = squares("blue")
        yield running


def request(*images: str, config: str = BRUSH) -> dict[str, Any]:
    tasks = [{"id": 10 + i, "data": {"image": each}} for i, each in enumerate(images)]
    return {"tasks": tasks, "label_config": config, "project": "1.1", "params": {"context": None}}


def predict(client: TestClient, *images: str, config: str = BRUSH) -> Any:
    return client.post("/labelstudio/predict", json=request(*images, config=config))


def test_it_is_off_unless_the_owner_wants_it() -> None:
    assert make_client().get("/labelstudio/health").status_code == 404


def test_health_and_setup(client: TestClient) -> None:
    assert client.get("/labelstudio/health").json()["status"] == "UP"
    recorded = json.loads((EVENTS / "labelstudio_setup.json").read_text())
    assert client.post("/labelstudio/setup", json=recorded).json() == {"model_version": "colour/1"}


def test_a_recorded_request_is_answered(host: Host) -> None:
    """What Label Studio 1.23 sent for an upload, all of it."""
    host.files["/data/upload/4/52699b38-chelsea.jpg"] = squares("red", "green")
    recorded = json.loads((EVENTS / "labelstudio_predict.json").read_text())
    answer = at_host(host).post("/labelstudio/predict", json=recorded)
    assert answer.status_code == 200, answer.text
    [[prediction]] = answer.json()["results"]
    assert prediction["model_version"] == "colour/1"
    assert [each["value"]["brushlabels"] for each in prediction["result"]] == [["person"], ["cat"]]


def test_regions_name_the_projects_tags_and_labels(client: TestClient) -> None:
    [[prediction]] = predict(client, "s3://bucket/uploads/x/a.png").json()["results"]
    person, pet = prediction["result"]
    assert (person["from_name"], person["to_name"], person["type"]) == (
        "tag",
        "image",
        "brushlabels",
    )
    assert pet["value"]["brushlabels"] == ["Pet"]
    assert (person["original_width"], person["original_height"]) == (128, 96)
    assert prediction["score"] == pytest.approx((person["score"] + pet["score"]) / 2)


@pytest.mark.parametrize("control", ["BrushLabels", "PolygonLabels", "RectangleLabels"])
def test_what_is_predicted_is_what_comes_back_of_an_export(
    control: str, client: TestClient, tmp_path: Path
) -> None:
    config = BRUSH.replace("BrushLabels", control)
    answer = predict(client, "s3://bucket/uploads/x/a.png", config=config).json()
    task = {"id": 1, "data": {"image": "a.png"}, "annotations": answer["results"][0]}
    (tmp_path / "export.json").write_text(json.dumps([task]))
    coco = convert("labelstudio", tmp_path / "export.json", None, None, "train").coco
    wanted = client.post("/v1/detections", json={"key": "uploads/x/a.png"}).json()["manifest"]
    found = [each["area"] for each in coco["annotations"]]
    # A rectangle's area is its box's.
    rough = 0.35 if control == "RectangleLabels" else 0.03
    assert found == [pytest.approx(each["area"], rel=rough) for each in wanted["detections"]]


def test_a_class_without_a_label_is_left_out(client: TestClient) -> None:
    config = BRUSH.replace('<Label value="person"/>', "")
    [[prediction]] = predict(client, "s3://bucket/uploads/x/a.png", config=config).json()["results"]
    assert [each["value"]["brushlabels"] for each in prediction["result"]] == [["Pet"]]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("<View", "not XML"),
        ("<View><Image name='i' value='$image'/></View>", "no BrushLabels"),
        ("<View><Text name='t'/><BrushLabels name='b' toName='t'/></View>", "no BrushLabels"),
    ],
)
def test_a_configuration_without_a_place_for_masks(
    config: str, words: str, client: TestClient
) -> None:
    for answer in (
        client.post("/labelstudio/setup", json={"schema": config}),
        predict(client, "s3://bucket/uploads/x/a.png", config=config),
    ):
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


def test_the_same_task_again_is_not_detected_again(
    client: TestClient, store: MemoryObjectStore
) -> None:
    first = predict(client, "s3://bucket/uploads/x/a.png").json()
    manifests = [each.key for each in store.list_objects("results/")]
    assert predict(client, "s3://bucket/uploads/x/a.png").json() == first
    assert [each.key for each in store.list_objects("results/")] == manifests
    assert len(manifests) == 1


def test_one_bad_task_of_several_has_no_prediction(client: TestClient) -> None:
    answer = predict(client, "https://example.org/x.png", "s3://bucket/uploads/x/a.png")
    bad, good = answer.json()["results"]
    assert (bad, len(good)) == ([], 1)


@pytest.mark.parametrize(
    ("image", "status", "words"),
    [
        ("https://example.org/cat.png", 422, "'example.org'"),
        ("http://169.254.169.254/latest/meta-data", 422, "169.254.169.254"),
        ("s3://other/uploads/x/a.png", 422, "bucket 'other'"),
        ("file:///etc/passwd", 422, "has to be in our bucket"),
        ("/data/upload/1/a.png", 422, "a path of Label Studio"),
        ("s3://bucket/results/x/manifest.json", 422, "no object under uploads/ or inbox/"),
        ("s3://bucket/uploads/x/missing.png", 404, "no such object"),
        ("s3://bucket/inbox/a.png", 403, "inbox/"),
        ("s3://bucket/inbox/missing.png", 403, "inbox/"),
        ("/tasks/3/resolve/?fileuri=%%%", 422, "not base64"),
    ],
)
def test_images_elsewhere_are_refused(
    image: str, status: int, words: str, client: TestClient
) -> None:
    answer = predict(client, image)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_an_open_inbox_is_open_here_too(store: MemoryObjectStore) -> None:
    client = make_client({"labelstudio": True, "open_inbox": True}, store=store)
    assert len(predict(client, "s3://bucket/inbox/a.png").json()["results"][0]) == 1


def test_label_studios_own_link_to_our_bucket(client: TestClient) -> None:
    encoded = b64encode(b"s3://bucket/uploads/x/a.png").decode()
    answer = predict(client, f"/tasks/3/resolve/?fileuri={encoded}")
    assert len(answer.json()["results"][0]) == 1


# ---- at Label Studio -----------------------------------------------------------------------------


def at_host(host: Host, token: str | None = LEGACY, **change: Any) -> TestClient:
    return make_client(
        {
            "labelstudio": True,
            "labelstudio_url": host.url,
            "labelstudio_token": token,
            "private_hosts": True,
        }
        | change
    )


@pytest.mark.parametrize("token", [LEGACY, PERSONAL])
def test_uploads_are_fetched_from_the_host_that_the_owner_named(host: Host, token: str) -> None:
    client = at_host(host, token)
    for image in ("/data/upload/1/0f3a1b2c-a.png", f"{host.url}/data/upload/1/0f3a1b2c-a.png"):
        [[prediction]] = predict(client, image).json()["results"]
        assert [each["value"]["brushlabels"] for each in prediction["result"]] == [["Pet"]]


def test_names_are_quoted_once(host: Host) -> None:
    host.files["/data/local-files/?d=two%20words/%C3%A9.png"] = squares("red")
    for image in ("/data/local-files/?d=two words/é.png", "/data/local-files/?d=two%20words/é.png"):
        assert predict(at_host(host), image).status_code == 200


@pytest.mark.parametrize(
    ("image", "status"),
    [
        ("/data/upload/1/missing.png", 503),
        ("/data/upload/1/moved.png", 503),
        ("/data/../api/users", 422),
        ("/data/%2e%2e/api/users", 422),
        ("/api/users", 422),
        ("http://127.0.0.1:9/data/upload/1/a.png", 422),
        ("//127.0.0.1:9/data/upload/1/a.png", 422),
    ],
)
def test_nothing_else_is_fetched_from_there(host: Host, image: str, status: int) -> None:
    host.redirects["/data/upload/1/moved.png"] = f"{host.url}/data/upload/1/0f3a1b2c-a.png"
    answer = predict(at_host(host), image)
    assert answer.status_code == status, answer.text
    assert "/data/upload/1/0f3a1b2c-a.png" not in host.asked
    assert "/api/users" not in host.asked


def test_a_token_that_is_refused_is_told(host: Host) -> None:
    answer = predict(at_host(host, "a.b.c"), "/data/upload/1/0f3a1b2c-a.png")
    assert answer.status_code == 503
    assert "MASKDROP_LABELSTUDIO_TOKEN" in answer.json()["detail"]


def test_an_upload_past_the_limit_is_not_read_whole(host: Host) -> None:
    client = at_host(host, max_image_bytes=100)
    answer = predict(client, "/data/upload/1/0f3a1b2c-a.png")
    assert answer.status_code == 413


def test_a_private_host_has_to_be_allowed(host: Host) -> None:
    with pytest.raises(ValueError, match=r"MASKDROP_LABELSTUDIO_URL: .*https:// is expected"):
        at_host(host, private_hosts=False)
    client = at_host(host, private_hosts=False, labelstudio_url="https://localhost:9")
    answer = predict(client, "/data/upload/1/0f3a1b2c-a.png")
    assert answer.status_code == 422
    assert host.asked == []


def test_a_password_keeps_others_out(store: MemoryObjectStore) -> None:
    secret = "correct horse battery"  # noqa: S105
    client = make_client({"labelstudio": True, "labelstudio_password": secret}, store=store)
    assert client.get("/labelstudio/health").status_code == 403
    assert client.get("/labelstudio/health", auth=("any", "wrong")).status_code == 403
    assert client.get("/labelstudio/health", auth=("any", secret)).status_code == 200


# ---- links to our bucket -------------------------------------------------------------------------


LINKS: list[tuple[str, str | None]] = [
    ("s3://my-bucket/inbox/a b.jpg", "inbox/a b.jpg"),
    ("https://my-bucket.s3.amazonaws.com/inbox/a%20b.jpg?X-Amz-Signature=x", "inbox/a b.jpg"),
    ("https://my-bucket.s3.eu-west-1.amazonaws.com/inbox/a.jpg", "inbox/a.jpg"),
    ("https://s3.eu-west-1.amazonaws.com/my-bucket/inbox/a.jpg", "inbox/a.jpg"),
    ("https://other.s3.amazonaws.com/inbox/a.jpg", None),
    ("https://s3.amazonaws.com/other/inbox/a.jpg", None),
    ("https://my-bucket.s3.amazonaws.com.evil.example/inbox/a.jpg", None),
    ("https://evil.example/my-bucket/inbox/a.jpg", None),
    ("/data/upload/1/a.jpg", None),
    ("", None),
]


@pytest.mark.parametrize(("address", "key"), LINKS)
def test_links_to_our_bucket(
    address: str, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    store = S3ObjectStore("my-bucket", s3_client("eu-west-1", endpoint_url=None))
    assert bucket_key(address, store) == key
    assert bucket_key(store.presign_get("inbox/ü 1.jpg", expires_in=60), store) == "inbox/ü 1.jpg"
    elsewhere = S3ObjectStore(
        "my-bucket", s3_client("eu-west-1", endpoint_url="http://127.0.0.1:9")
    )
    link = elsewhere.presign_get("inbox/ü 1.jpg", expires_in=60)
    assert bucket_key(link, elsewhere) == "inbox/ü 1.jpg"
