"""The client's manners, before a service that answers as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest
from service import squares

from handler.client.api_client import ApiClient, ApiError
from handler.errors import UnsupportedImage
from handler.schemas import Options

Answer = Callable[[httpx2.Request], httpx2.Response]

FORM = {
    "key": "uploads/1/cat.png",
    "url": "http://bucket/",
    "fields": {"policy": "secret-policy"},
    "max_bytes": 1000,
    "expires_at": "2026-11-22T16:15:00Z",
    "deletion_secret": "example",
}
REFUSAL = "<Error><Code>EntityTooLarge</Code><Message>http://bucket/?X-Amz-Signature=1</Message>"


def client(answer: Answer) -> ApiClient:
    return ApiClient("http://service/stage/", httpx2.MockTransport(answer))


def bucket_answers(status: int, text: str = "") -> Answer:
    """A service that hands out a form, and the bucket that it leads to."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "bucket":
            return httpx2.Response(status, text=text)
        return httpx2.Response(201, json=FORM)

    return answer


def in_turn(*answers: httpx2.Response | Exception) -> Answer:
    waiting: Iterator[httpx2.Response | Exception] = iter(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        each = next(waiting)
        if isinstance(each, Exception):
            raise each
        return each

    return answer


def test_routes_are_below_the_path_of_a_stage() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(200, json={"models": []})

    client(answer).model_digests()
    assert asked == ["/stage/v1/models"]


def test_upload_tells_how_far_it_is() -> None:
    body, sent = squares("red"), list[tuple[int, int]]()
    form = client(bucket_answers(204)).upload("cat.png", body, lambda *each: sent.append(each))
    assert form.key == FORM["key"]
    assert sent[-1] == (len(body), len(body))


def test_what_is_no_photograph_is_not_even_sent() -> None:
    with pytest.raises(UnsupportedImage):
        client(in_turn()).upload("cat.png", b"GIF89a")


def test_the_buckets_refusal_is_named_without_a_link() -> None:
    with pytest.raises(ApiError) as refused:
        client(bucket_answers(400, REFUSAL)).upload("cat.png", squares("red"))
    assert str(refused.value) == "The upload was refused: EntityTooLarge."


def test_a_problem_keeps_its_type_and_words() -> None:
    problem = {"type": "urn:maskdrop:problem:bad-key", "detail": "Key 'x' is no object."}
    with pytest.raises(ApiError, match=r"^Key 'x' is no object\.$") as refused:
        client(in_turn(httpx2.Response(422, json=problem))).detect("x", Options())
    assert refused.value.type == problem["type"]


@pytest.mark.parametrize("page", [httpx2.Response(200, text="<html>"), httpx2.Response(404)])
def test_another_server_is_recognised(page: httpx2.Response) -> None:
    with pytest.raises(ApiError, match="http://service/stage/v1/models "):
        client(in_turn(page)).model_digests()


@pytest.mark.parametrize(
    "trouble", [httpx2.Response(503), httpx2.Response(429), httpx2.ReadTimeout("slow")]
)
def test_passing_trouble_is_sat_out(trouble: httpx2.Response | Exception) -> None:
    models = httpx2.Response(200, json={"models": []})
    assert client(in_turn(trouble, models)).model_digests() == set()


def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(ApiError, match=r"http://service/stage does not answer: refused\."):
        client(in_turn(httpx2.ConnectError("refused"))).model_digests()


def test_a_failed_detection_raises_its_reason() -> None:
    report = {
        "id": "a" * 52,
        "state": "failed",
        "failure": {"type": "urn:maskdrop:problem:broken-image", "detail": "Cut."},
    }
    with pytest.raises(ApiError, match=r"^Cut\.$"):
        client(in_turn(httpx2.Response(201, json=report))).detect("inbox/a.png", Options())


def test_a_queued_detection_is_waited_for() -> None:
    answers = [
        httpx2.Response(202, json={"id": "a" * 52, "state": state})
        for state in ("queued", "inferring", "succeeded")
    ]
    assert client(in_turn(*answers)).detect("inbox/a.png", Options()).state == "succeeded"


def test_a_token_is_shown_to_the_service_and_never_to_the_bucket() -> None:
    shown: dict[str, str | None] = {}

    def answer(request: httpx2.Request) -> httpx2.Response:
        shown[request.url.host] = request.headers.get("Authorization")
        return bucket_answers(204)(request)

    service = ApiClient("http://service", httpx2.MockTransport(answer), token="a.b.c")  # noqa: S106
    service.upload("cat.png", squares("red"))
    assert shown == {"service": "Bearer a.b.c", "bucket": None}
