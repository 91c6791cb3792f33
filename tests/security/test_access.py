"""Nobody reads or deletes what is not his: secrets of uploads, and the owner's inbox/."""

import pytest
from memory_store import MemoryObjectStore
from service import ListQueue, make_client, squares

from handler.settings import Settings
from handler.web.access import check_upload_secret, new_upload

INBOX_KEY = "inbox/holiday.png"
PROBLEM = "urn:maskdrop:problem:"


@pytest.fixture
def store():
    store = MemoryObjectStore()
    store.put(INBOX_KEY, squares("red"), content_type="image/png")
    return store


@pytest.fixture
def client(store):
    return make_client(store=store)


def upload(client, store, name="cat.png"):
    """Ask for a form and put the photograph where it says."""
    wanted = {"filename": name, "content_type": "image/png", "size": 1000}
    form = client.post("/v1/uploads", json=wanted).json()
    store.put(form["key"], squares("red"), content_type="image/png")
    return form


def detect(client, key, **headers):
    return client.post("/v1/detections", json={"key": key}, headers=headers)


def keys(store):
    return [each.key for each in store.list_objects("")]


def kind(answer):
    return answer.json()["type"].removeprefix(PROBLEM)


def test_the_uploaders_secret_deletes_result_and_upload(client, store):
    form = upload(client, store)
    location = detect(client, form["key"]).headers["Location"]
    secret = {"X-Deletion-Secret": form["deletion_secret"]}
    assert client.delete(location, headers=secret).status_code == 204
    assert keys(store) == [INBOX_KEY]


@pytest.mark.parametrize("secret", [None, "", "x", "another's", "é" * 50, "a" * 5000])
def test_a_shared_link_reads_and_deletes_nothing(client, store, secret):
    form = upload(client, store)
    location = detect(client, form["key"]).headers["Location"]
    if secret == "another's":  # noqa: S105  # no secret
        secret = upload(client, store)["deletion_secret"]
    before = keys(store)
    headers = {} if secret is None else {"X-Deletion-Secret": secret.encode()}
    answer = client.delete(location, headers=headers)
    assert answer.status_code == 403
    assert client.get(location).json()["state"] == "succeeded"
    assert keys(store) == before


def test_what_a_link_shows_holds_no_secret(client, store):
    form = upload(client, store)
    location = detect(client, form["key"]).headers["Location"]
    shown = client.get(location).text
    assert form["key"] in shown
    assert form["deletion_secret"] not in shown
    assert all(form["deletion_secret"].encode() not in store.get(key).body for key in keys(store))


def test_the_key_itself_is_no_secret(client, store):
    form = upload(client, store)
    location = detect(client, form["key"]).headers["Location"]
    for guess in (form["key"], form["key"].split("/")[1]):
        assert client.delete(location, headers={"X-Deletion-Secret": guess}).status_code == 403


def test_an_upload_without_a_detection_can_be_deleted(client, store):
    form = upload(client, store)
    path = f"/v1/uploads/{form['key'].split('/')[1]}"
    assert client.delete(path).status_code == 403
    secret = {"X-Deletion-Secret": form["deletion_secret"]}
    # Twice: a deletion whose answer was lost is asked for again.
    assert [client.delete(path, headers=secret).status_code for _ in range(2)] == [204, 204]
    assert keys(store) == [INBOX_KEY]


@pytest.mark.parametrize("identity", ["x", "0" * 32, "..", "é", "0" * 64, "%2e%2e"])
def test_a_secret_opens_its_own_upload_alone(client, store, identity):
    secret = {"X-Deletion-Secret": upload(client, store)["deletion_secret"]}
    before = keys(store)
    assert client.delete(f"/v1/uploads/{identity}", headers=secret).status_code in (403, 404, 405)
    assert keys(store) == before


def test_secrets_are_long_and_never_the_same():
    made = [new_upload() for _ in range(100)]
    assert len(set(made)) == 100
    assert min(len(secret) for secret, _ in made) >= 43
    for secret, identity in made:
        check_upload_secret(identity, secret)


def test_inbox_answers_the_same_whatever_is_there(client):
    there, missing = detect(client, INBOX_KEY), detect(client, "inbox/none.png")
    assert kind(there) == kind(missing) == "inbox-closed"
    assert there.json()["detail"] == missing.json()["detail"]
    queued = detect(client, INBOX_KEY, Prefer="respond-async")
    assert kind(queued) == "inbox-closed"


@pytest.fixture
def owner(store):
    return make_client({"open_inbox": True}, store=store)


def test_a_result_of_the_inbox_is_not_found_by_visitors(client, owner):
    location = detect(owner, INBOX_KEY).headers["Location"]
    unknown = client.get(f"/v1/detections/{'a' * 52}")
    assert kind(client.get(location)) == kind(unknown) == "result-not-found"
    assert kind(client.delete(location)) == "result-not-found"
    assert client.delete(location, headers={"X-Deletion-Secret": "x"}).status_code == 404
    assert owner.get(location).json()["state"] == "succeeded"


def test_a_job_of_the_inbox_is_not_found_by_visitors(client, store):
    owner = make_client({"open_inbox": True}, store=store, queue=ListQueue())
    location = detect(owner, INBOX_KEY, Prefer="respond-async").headers["Location"]
    assert owner.get(location).json()["state"] == "queued"
    assert kind(client.get(location)) == "result-not-found"


def test_the_owner_may_open_the_inbox(owner, store):
    location = detect(owner, INBOX_KEY).headers["Location"]
    assert owner.delete(location).status_code == 204
    assert keys(store) == [INBOX_KEY]


def test_the_inbox_is_closed_unless_somebody_opens_it():
    assert Settings.model_fields["open_inbox"].default is False
