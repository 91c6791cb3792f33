import inspect

import pytest
from service import make_client

from handler import errors
from handler.errors import MaskdropError, problem_type
from handler.web.problems import PROBLEMS, answer_of
from model.runtime.errors import GoldenMismatch, ModelNotFound

DOMAIN = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, MaskdropError) and not each.__subclasses__()
]


@pytest.mark.parametrize("kind", DOMAIN, ids=lambda kind: kind.__name__)
def test_every_error_of_a_request_has_an_answer_that_is_not_our_fault(kind):
    answer = answer_of(kind)
    assert answer.status < 500 or answer.status == 503


def test_every_type_is_its_own():
    assert len({problem_type(kind) for kind in PROBLEMS}) == len(PROBLEMS)


def test_types_stay_what_they_are():
    assert problem_type(errors.ImageTooLarge) == "urn:maskdrop:problem:image-too-large"
    assert problem_type(errors.NoSuchRoute) == "urn:maskdrop:problem:no-such-route"


def test_errors_of_the_model_are_answered_by_class():
    assert answer_of(ModelNotFound).status == 404
    assert answer_of(GoldenMismatch).status == 503


def test_problem_names_request_and_path():
    answer = make_client().get("/nowhere", headers={"X-Request-Id": "mine"})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:maskdrop:problem:no-such-route",
        "title": "Nothing is here",
        "status": 404,
        "detail": "GET /nowhere: Not Found.",
        "instance": "/nowhere",
        "request_id": "mine",
    }


@pytest.mark.parametrize(
    ("path", "methods"), [("/v1/uploads", "POST"), ("/v1/detections/x", "DELETE, GET")]
)
def test_wrong_method_says_which_are_right(path, methods):
    answer = make_client().put(path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == methods


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"\\ud800": 1}'])
def test_what_is_not_the_json_expected_is_answered(body):
    headers = {"Content-Type": "application/json"}
    answer = make_client().post("/v1/uploads", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:maskdrop:problem:invalid-request"


def test_problem_repeats_no_value():
    answer = make_client().post("/v1/uploads", json={"filename": {"secret": "hunter2"}})
    assert "hunter2" not in answer.text


def test_broken_form_is_answered():
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = make_client().post("/api/detect", content=b"--y", headers=headers)
    assert 400 <= answer.status_code < 500
