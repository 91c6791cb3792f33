from typing import get_args

import pytest
from memory_store import MemoryObjectStore
from service import make_client

from handler.photo.formats import MediaType


@pytest.fixture
def client():
    return make_client({"max_image_bytes": 1000}, store=MemoryObjectStore())


def ask(client, **changes):
    wanted = {"filename": "cat.jpg", "content_type": "image/jpeg", "size": 1000}
    return client.post("/v1/uploads", json=wanted | changes)


def test_answer_is_a_form_for_one_key_and_type(client):
    answer = ask(client)
    assert answer.status_code == 201
    upload = answer.json()
    assert upload["key"].startswith("uploads/")
    assert upload["key"].endswith("/cat.jpg")
    assert upload["fields"] == {"key": upload["key"], "Content-Type": "image/jpeg"}


def test_form_takes_no_more_bytes_than_said(client):
    assert ask(client, size=7).json()["max_bytes"] == 7


def test_two_uploads_of_one_name_have_two_keys(client):
    assert ask(client).json()["key"] != ask(client).json()["key"]


@pytest.mark.parametrize("name", ["två katter.jpg", "a+b%2B c.jpg", "猫.jpg", "x" * 255])
def test_names_are_kept_as_they_are(client, name):
    assert ask(client, filename=name).json()["key"].split("/", 2)[2] == name


@pytest.mark.parametrize(
    "name", ["../cat.jpg", "..", "a/b.jpg", "a\\b.jpg", "a\0b.jpg", "é" * 128, "${filename}"]
)
def test_names_that_are_paths_or_too_long_are_refused(client, name):
    answer = ask(client, filename=name)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:maskdrop:problem:bad-key"


def test_one_byte_over_the_limit_is_refused(client):
    answer = ask(client, size=1001)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "'cat.jpg' has 1,001 bytes; at most 1,000 are allowed."


@pytest.mark.parametrize(
    "change",
    [{"size": 0}, {"size": "10"}, {"content_type": "image/gif"}, {"filename": ""}, {"acl": "x"}],
)
def test_wrong_shapes_are_refused_by_field(client, change):
    answer = ask(client, **change)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == f"body.{next(iter(change))}"


def test_without_a_bucket_the_setting_is_named():
    answer = ask(make_client())
    assert answer.status_code == 503
    assert "MASKDROP_BUCKET" in answer.json()["detail"]


@pytest.mark.parametrize("kind", get_args(MediaType))
def test_every_accepted_type_may_be_uploaded(client, kind):
    answer = ask(client, content_type=kind)
    assert answer.status_code == 201
    assert answer.json()["fields"]["Content-Type"] == kind


def test_other_types_may_not(client):
    assert ask(client, content_type="image/gif").status_code == 422
