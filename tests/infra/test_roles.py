"""The functions' roles: the code runs over a bucket that notes every permission it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from cloudformation import load_template
from events import load_event
from memory_store import MemoryObjectStore
from service import COLOUR_MODEL, ListQueue, make_services, squares
from starlette.testclient import TestClient

from handler.bucket.objects import ObjectInfo, PresignedPost, StoredObject
from handler.bucket.result_store import ResultStore
from handler.detection.model_source import download_model
from handler.jobs.queue import Job
from handler.jobs.worker import Worker
from handler.schemas import FailedManifest, FailedSource, Failure, Model, Options
from handler.web.app import create_app

RESOURCES = load_template("template.yaml")["Resources"]
ROLES = ("ApiRole", "BatchRole")
SEES_ALL = ("s3:ListBucket", "")

# (action, prefix of the keys)
Permission = tuple[str, str]


class NotingStore(MemoryObjectStore):
    """A bucket that notes which IAM permissions S3 would have asked for."""

    def __init__(self) -> None:
        super().__init__("maskdrop-example")
        self.taken: set[Permission] = set()

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        self._note("s3:GetObject", key)
        if key not in self._bodies:
            # What tells a missing object from a forbidden one.
            self.taken.add(SEES_ALL)
        return super().head(key, version_id=version_id)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        if_none_match: Literal["*"] | None = None,
        if_match: str | None = None,
    ) -> ObjectInfo:
        self._note("s3:PutObject", key)
        return super().put(
            key, body, content_type=content_type, if_none_match=if_none_match, if_match=if_match
        )

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self.taken.add(SEES_ALL)
        return super().list_objects(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        for key in doomed:
            self._note("s3:DeleteObject", key)
        super().delete(doomed)

    def presign_get(self, key: str, *, expires_in: int) -> str:
        self._note("s3:GetObject", key)
        return super().presign_get(key, expires_in=expires_in)

    def presign_post(
        self, key: str, *, content_type: str, max_bytes: int, expires_in: int
    ) -> PresignedPost:
        self._note("s3:PutObject", key)
        return super().presign_post(
            key, content_type=content_type, max_bytes=max_bytes, expires_in=expires_in
        )

    def give(self, key: str, body: bytes) -> StoredObject:
        """Put an object as somebody else would."""
        super().put(key, body, content_type="application/octet-stream")
        return super().get(key)

    def _note(self, action: str, key: str) -> None:
        self.taken.add((action, key.partition("/")[0] + "/"))


@pytest.fixture
def store(tmp_path: Path) -> NotingStore:
    """A bucket in which the functions have found their model."""
    return found_model(NotingStore(), tmp_path)


def statements(role: str) -> list[dict[str, Any]]:
    [policy] = RESOURCES[role]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def granted(role: str) -> set[Permission]:
    """What a role may do with the bucket."""
    return {
        (action, _prefix(resource))
        for each in statements(role)
        for action in listed(each["Action"])
        for resource in listed(each["Resource"])
        if action.startswith("s3:")
    }


def _prefix(resource: dict[str, Any]) -> str:
    """The prefix that a resource is about; none for the bucket itself."""
    if resource == {"Fn::GetAtt": ["Bucket", "Arn"]}:
        return ""
    found = re.fullmatch(r"\$\{Bucket\.Arn\}/(\w+/)\*", resource["Fn::Sub"])
    assert found, f"{resource} is no prefix of the bucket."
    return found[1]


def created(info: ObjectInfo, sequencer: str) -> dict[str, Any]:
    event = load_event("s3_put")
    event["Records"][0]["s3"]["object"] |= {
        "key": info.key,
        "eTag": info.etag,
        "sequencer": sequencer,
    }
    return event


def run_batch(store: NotingStore, *events: dict[str, Any]) -> None:
    worker = Worker(make_services(store=store).stored, store.bucket)
    for event in events:
        assert worker.handle(event, lambda: 60.0) == {"batchItemFailures": []}


def as_message(job: Job) -> dict[str, Any]:
    message = {"eventSource": "aws:sqs", "messageId": "1", "body": job.model_dump_json()}
    return {"Records": [message]}


def queued_job(store: NotingStore, key: str) -> Job:
    queue = ListQueue()
    client = TestClient(create_app(make_services(store=store, queue=queue)))
    client.post("/v1/detections", json={"key": key}, headers={"Prefer": "respond-async"})
    [job] = queue.jobs
    return job


def test_api_role_is_what_the_api_does(store: NotingStore) -> None:
    given = store.give("inbox/cat.png", squares("green"))
    run_batch(store, created(given.info, "01"))
    store.taken = {each for each in store.taken if each[1] == "models/"}

    client = TestClient(create_app(make_services({"open_inbox": True}, store=store)))
    wanted = {"filename": "dog.png", "content_type": "image/png", "size": 1000}
    upload = client.post("/v1/uploads", json=wanted).json()
    client.headers["X-Deletion-Secret"] = upload["deletion_secret"]
    store.give(upload["key"], squares("blue"))
    for source in (upload["key"], "inbox/cat.png"):
        report = client.post("/v1/detections", json={"key": source}).json()
        assert client.get(f"/v1/detections/{report['id']}").status_code == 200
        assert client.delete(f"/v1/detections/{report['id']}").status_code == 204
    refused = TestClient(
        create_app(make_services({"open_inbox": True}, store=store, queue=ListQueue(refuses=True)))
    )
    wanted, headers = {"key": "inbox/cat.png"}, {"Prefer": "respond-async"}
    assert refused.post("/v1/detections", json=wanted, headers=headers).status_code == 503
    assert store.taken == granted("ApiRole")


class DeletedMeanwhile(NotingStore):
    """A bucket in which somebody deletes a detection when its overlay is written."""

    def put(self, key: str, body: bytes, **conditions: Any) -> ObjectInfo:
        info = super().put(key, body, **conditions)
        if key.endswith("overlay.jpg"):
            taken = set(self.taken)
            ResultStore(self).delete(key.split("/")[1])
            self.taken = taken
        return info


def found_model(store: NotingStore, folder: Path) -> NotingStore:
    """The bucket after the functions have found their model in it."""
    for path in COLOUR_MODEL.iterdir():
        store.give(f"models/colours/1/{path.name}", path.read_bytes())
    download_model(store, "models/colours", "litert", folder)
    return store


def test_batch_role_is_what_the_batch_does(tmp_path: Path) -> None:
    store = found_model(DeletedMeanwhile(), tmp_path)
    given = store.give("inbox/cat.png", squares("green"))
    store.give("uploads/1/dog.png", squares("blue"))
    job = queued_job(store, "uploads/1/dog.png")
    store.taken = {each for each in store.taken if each[1] == "models/"}

    run_batch(store, created(given.info, "01"), created(given.info, "02"), as_message(job))
    # Its copy under latest/ goes when it was published in between.
    published = ResultStore(store)
    manifest = FailedManifest(
        id="x",
        source=FailedSource(key="inbox/cat.png", etag="e"),
        model=Model(name="any", version=1, digest="0"),
        options=Options(),
        failure=Failure(type="any", detail="Any."),
    )
    published.publish_latest(manifest, "03")
    published.forget_deleted("x", "inbox/cat.png")
    # An upload goes by the API; the batch repeats the whole of a deletion.
    assert store.taken == granted("BatchRole")


@pytest.mark.parametrize("role", ROLES)
def test_roles_name_actions_and_resources(role: str) -> None:
    for each in statements(role):
        assert not any("*" in action for action in listed(each["Action"]))
        tracing = all(action.startswith("xray:") for action in listed(each["Action"]))
        assert ("*" in listed(each["Resource"])) == tracing


def test_api_fills_the_queue_and_the_batch_empties_it() -> None:
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    actions = {
        role: {
            action
            for each in statements(role)
            if each["Resource"] == queue
            for action in listed(each["Action"])
        }
        for role in ROLES
    }
    assert actions == {
        "ApiRole": {"sqs:SendMessage"},
        # What Lambda's poller of a queue asks of the function's role.
        # And a message goes back that there was no time for.
        "BatchRole": {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:SendMessage",
        },
    }
