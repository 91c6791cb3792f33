import pytest
from memory_store import MemoryObjectStore
from service import LambdaContext, ListQueue, make_client, make_services, squares
from starlette.testclient import TestClient

from handler.errors import AccessDenied, StorageUnavailable
from handler.web.access import new_upload
from handler.web.app import create_app

SECRET, UPLOAD_ID = new_upload()
OWN = {"X-Deletion-Secret": SECRET}
KEY = f"uploads/{UPLOAD_ID}/cat.png"
ID = "a" * 52


@pytest.fixture
def store():
    store = MemoryObjectStore()
    store.put(KEY, squares("red", "green"), content_type="image/png")
    return store


@pytest.fixture
def client(store):
    return make_client(store=store)


def detect(client, key=KEY, headers=None, **options):
    return client.post("/v1/detections", json={"key": key, "options": options}, headers=headers)


def keys(store, prefix=""):
    return [each.key for each in store.list_objects(prefix)]


def test_detection_answers_its_manifest_and_links(client, store):
    answer = detect(client)
    report = answer.json()
    assert answer.status_code == 201
    assert [each["class_name"] for each in report["manifest"]["detections"]] == ["person", "cat"]
    assert f"results/{report['id']}/labels.png" in report["links"]["labels.png"]
    assert report["manifest"]["source"]["key"] in report["photo"]


def test_outputs_asked_for_are_in_the_bucket(client, store):
    report = detect(client, outputs=["instances", "labels"]).json()
    folder = f"results/{report['id']}"
    assert keys(store, "results/") == [
        f"{folder}/instances/000-person.png",
        f"{folder}/instances/001-cat.png",
        f"{folder}/labels.png",
        f"{folder}/manifest.json",
    ]


def test_asked_again_the_result_is_there_already(client):
    first, second = detect(client), detect(client)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["manifest"] == second.json()["manifest"]


def test_other_options_are_another_result(client):
    assert detect(client).json()["id"] != detect(client, max_detections=1).json()["id"]


def test_replaced_photograph_is_another_result(client, store):
    first = detect(client).json()
    store.put(KEY, squares("blue"), content_type="image/png")
    second = detect(client).json()
    assert first["id"] != second["id"]
    assert second["manifest"]["detections"][0]["class_name"] == "dog"


def test_location_leads_to_the_result(client):
    created = detect(client)
    read = client.get(created.headers["Location"])
    assert read.json() == created.json()


def test_prefer_respond_async_queues_the_detection(store):
    queue = ListQueue()
    client = make_client(store=store, queue=queue)
    answer = detect(client, headers={"Prefer": "respond-async, wait=5"}, max_detections=1)
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert queue.jobs[0].key == KEY
    assert queue.jobs[0].options.max_detections == 1


def test_queued_detection_can_be_asked_for(store):
    client = make_client(store=store, queue=ListQueue())
    answer = detect(client, headers={"Prefer": "respond-async"})
    read = client.get(answer.headers["Location"])
    assert read.json()["state"] == "queued"
    assert int(read.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("seconds_left", "status"), [(29, 201), (3, 202)])
def test_too_little_time_left_on_lambda_queues_the_detection(store, seconds_left, status):
    app = create_app(make_services(store=store, queue=ListQueue()))

    async def on_lambda(scope, receive, send):
        await app(scope | {"aws.context": LambdaContext(seconds_left)}, receive, send)

    assert detect(TestClient(on_lambda)).status_code == status


def test_without_a_queue_the_preference_is_ignored(client):
    assert detect(client, headers={"Prefer": "respond-async"}).status_code == 201


def test_queue_that_refuses_leaves_nothing_behind(store):
    client = make_client(store=store, queue=ListQueue(refuses=True))
    answer = detect(client, headers={"Prefer": "respond-async"})
    assert answer.status_code == 503
    assert keys(store, "results/") == []


def test_deleting_removes_result_and_upload(client, store):
    location = detect(client).headers["Location"]
    assert client.delete(location, headers=OWN).status_code == 204
    assert keys(store) == []


def test_deleted_detection_is_no_longer_there(client):
    location = detect(client).headers["Location"]
    client.delete(location, headers=OWN)
    assert client.get(location).status_code == 404
    assert client.delete(location, headers=OWN).status_code == 404


@pytest.mark.parametrize("identity", [ID, "x", "é", "A" * 52, "a" * 5000])
def test_unknown_ids_are_not_found(client, identity):
    answer = client.get(f"/v1/detections/{identity}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:maskdrop:problem:result-not-found"


@pytest.mark.parametrize("key", ["uploads/missing.png", "uploads/två+katter %2B.png", "uploads/猫"])
def test_objects_that_are_not_there_are_not_found(client, key):
    answer = detect(client, key)
    assert answer.status_code == 404
    assert key in answer.json()["detail"]


@pytest.mark.parametrize(
    "key",
    [
        "uploads/../secret",
        "uploads/a\0b",
        "uploads/",
        "results/x/overlay.jpg",
        "models/x",
        "/uploads/x",
        "é" * 600,
    ],
)
def test_keys_that_are_not_ours_to_read_are_refused(client, key):
    answer = detect(client, key)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:maskdrop:problem:bad-key"


def test_key_of_1024_bytes_is_read(client, store):
    key = "uploads/" + "x" * 1016
    store.put(key, squares("red"), content_type="image/png")
    assert detect(client, key).status_code == 201


@pytest.mark.parametrize(
    ("options", "location"),
    [
        ({"score_threshold": 2}, "body.options.score_threshold"),
        ({"outputs": ["gif"]}, "body.options.outputs.0"),
        ({"tiling": True}, "body.options.tiling"),
    ],
)
def test_wrong_options_are_named(client, options, location):
    answer = detect(client, **options)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == location


def test_unknown_class_is_refused_before_it_is_queued(store):
    queue = ListQueue()
    client = make_client(store=store, queue=queue)
    answer = detect(client, headers={"Prefer": "respond-async"}, classes=["kat"])
    assert answer.status_code == 422
    assert "it knows 'cat'" in answer.json()["detail"]
    assert queue.jobs == []


def test_wrong_type_under_a_right_name_leaves_nothing_behind(client, store):
    store.put(KEY, b"GIF89a, though its name says otherwise", content_type="image/png")
    assert detect(client).status_code == 415
    assert keys(store, "results/") == []


class RefusingStore(MemoryObjectStore):
    """A bucket that refuses, or does not answer."""

    def __init__(self, error):
        super().__init__()
        self._error = error

    def head(self, key, *, version_id=None):
        raise self._error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AccessDenied("Cannot read s3://bucket/x: the bucket refuses."), 403),
        (StorageUnavailable("Cannot read s3://bucket/x: the store says SlowDown."), 503),
    ],
)
def test_bucket_that_fails_is_a_problem_of_its_own(error, status):
    answer = detect(make_client(store=RefusingStore(error)))
    assert answer.status_code == status
    assert answer.json()["detail"] == str(error)
