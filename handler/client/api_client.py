"""The service's HTTP API from the other end: upload, detect, fetch.

api = ApiClient("http://localhost:8080")
upload = api.upload("cat.jpg", body)
report = api.detect(upload.key, Options())
files = dict(api.read_outputs(report))
api.delete(report.id, upload.deletion_secret)
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath
from threading import Event
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from handler.errors import MaskdropError
from handler.photo.formats import media_type
from handler.schemas import Manifest, Options
from handler.web.messages import DetectionReport, Health, ModelList, Upload

# Pauses before retries, seconds: loading a model takes a few.
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_WORTH_ANOTHER_TRY = {429, 502, 503, 504}
# Longest wait for a queued detection, seconds.
PATIENCE_S = 600.0

_BROKEN_OFF = (
    httpx2.ReadError,
    httpx2.WriteError,
    httpx2.RemoteProtocolError,
    httpx2.TimeoutException,
)
# A detection that is not queued is answered when it is done.
_TIMEOUT_S = 120.0

Send = Callable[[], httpx2.Response]
# Called with the bytes sent so far and the size.
OnSent = Callable[[int, int], None]
Shape = TypeVar("Shape", bound=BaseModel)


class ApiError(MaskdropError):
    """The service refused a request, failed or did not answer; `type` is stable, as a problem's."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.type = kind


class ApiClient:
    """One service; safe to share between threads. Every method raises ApiError."""

    def __init__(
        self,
        url: str,
        transport: httpx2.BaseTransport | None = None,
        *,
        token: str | None = None,
        pauses: tuple[float, ...] = _PAUSES_S,
    ) -> None:
        """Talk to the service at `url`, which may have a path before the routes'.

        `token`: for a service that asks for one; the bucket never sees it.
        """
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pauses = pauses
        self._interrupted = Event()
        self._http = httpx2.Client(timeout=_TIMEOUT_S, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def interrupt(self) -> None:
        """Have every call, in whatever thread, end with an ApiError instead of waiting."""
        self._interrupted.set()
        self._http.close()

    def check_ready(self) -> None:
        """Raise unless the service has loaded its model and detected the golden image right."""
        self._ask(Health, "GET", "/readyz")

    def upload(self, name: str, body: bytes, on_sent: OnSent = lambda sent, size: None) -> Upload:
        """Send a photograph straight to the bucket; answers its key and deletion secret.

        Raises a BadImage for what is of no accepted type.
        """
        form = self.request_upload(name, body)
        self.send(form, name, body, on_sent)
        return form

    def request_upload(self, name: str, body: bytes) -> Upload:
        """Ask for a form that takes this photograph; raises as `upload` does."""
        wanted = {"filename": name, "content_type": media_type(body), "size": len(body)}
        return self._ask(Upload, "POST", "/v1/uploads", json=wanted)

    def send(
        self, form: Upload, name: str, body: bytes, on_sent: OnSent = lambda sent, size: None
    ) -> None:
        """Send a photograph by its form."""

        def send() -> httpx2.Response:
            file = (name, _CountedFile(body, on_sent), media_type(body))
            return self._http.post(form.url, data=form.fields, files={"file": file})

        answer = self._persist(send, "The bucket")
        if answer.is_error:
            raise _refused_by_bucket("The upload was refused", answer)

    def detect(self, key: str, options: Options) -> DetectionReport:
        """Detect in an object of the bucket, and wait where that is queued."""
        wanted = {"key": key, "options": options.model_dump(mode="json")}
        report = self._ask(DetectionReport, "POST", "/v1/detections", json=wanted)
        give_up = time.monotonic() + PATIENCE_S
        while report.state not in ("succeeded", "failed"):
            if time.monotonic() > give_up:
                raise ApiError(
                    "timeout", f"The detection is still {report.state} after {PATIENCE_S:.0f} s."
                )
            self._wait(1)
            report = self.read(report.id)
        if report.failure:
            raise ApiError(report.failure.type, report.failure.detail)
        return report

    def read(self, result_id: str) -> DetectionReport:
        """Read how far a detection is, with fresh links once it has succeeded."""
        return self._ask(DetectionReport, "GET", f"/v1/detections/{result_id}")

    def delete(self, result_id: str, secret: str) -> None:
        """Delete a detection and the upload it was made of, with the upload's secret."""
        self._request("DELETE", f"/v1/detections/{result_id}", deletion_secret=secret)

    def delete_upload(self, form: Upload) -> None:
        """Delete an upload that nothing was detected in."""
        path = f"/v1/uploads/{form.key.split('/')[1]}"
        self._request("DELETE", path, deletion_secret=form.deletion_secret)

    def read_outputs(self, report: DetectionReport) -> Iterator[tuple[str, bytes]]:
        """Fetch every output of a detection that has succeeded, (name, bytes) each."""
        for name in done(report).outputs:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ApiError("answer", f"{self.url} names an output {name!r}.")
            link = report.links[name]
            answer = self._persist(partial(self._http.get, link), "The bucket")
            if answer.is_error:
                raise _refused_by_bucket(f"{name} could not be fetched", answer)
            yield name, answer.content

    def model_digests(self) -> set[str]:
        """What the service detects with."""
        return {each.digest for each in self._ask(ModelList, "GET", "/v1/models").models}

    def _ask(self, shape: type[Shape], method: str, path: str, **content: Any) -> Shape:
        answer = self._request(method, path, **content)
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as error:
            raise ApiError(
                "answer", f"{self.url}{path} does not answer as a Maskdrop service does."
            ) from error

    def _request(
        self, method: str, path: str, deletion_secret: str | None = None, **content: Any
    ) -> httpx2.Response:
        url = self.url + path
        secret = {"X-Deletion-Secret": deletion_secret} if deletion_secret else {}
        headers = self._headers | secret
        answer = self._persist(
            lambda: self._http.request(method, url, headers=headers, **content), self.url
        )
        if answer.is_error:
            raise _problem(answer, url)
        return answer

    def _persist(
        self, send: Send, who: str, pauses: tuple[float, ...] | None = None
    ) -> httpx2.Response:
        """Send until there is an answer that another try would not change."""
        pauses = self._pauses if pauses is None else pauses
        try:
            answer = send()
            if not pauses or answer.status_code not in _WORTH_ANOTHER_TRY:
                return answer
        except httpx2.TransportError as error:
            if not pauses or not isinstance(error, _BROKEN_OFF):
                raise ApiError("network", f"{who} does not answer: {error}.") from error
        self._wait(pauses[0])
        return self._persist(send, who, pauses[1:])

    def _wait(self, seconds: float) -> None:
        if self._interrupted.wait(seconds):
            raise ApiError("interrupted", "Interrupted.")


def done(report: DetectionReport) -> Manifest:
    """The manifest of a detection that has succeeded."""
    if report.manifest is None:
        raise ApiError("answer", f"Detection {report.id} is {report.state} and has no manifest.")
    return report.manifest


class _CountedFile(io.BytesIO):
    """A file that tells how far it was read."""

    def __init__(self, body: bytes, on_read: OnSent) -> None:
        super().__init__(body)
        self._on_read = on_read
        self._size = len(body)

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._on_read(self.tell(), self._size)
        return data


def _problem(answer: httpx2.Response, url: str) -> ApiError:
    try:
        problem = answer.json()
        return ApiError(problem["type"], problem["detail"])
    except (ValueError, LookupError, TypeError):
        return ApiError("answer", f"{url} answers with status {answer.status_code}.")


def _refused_by_bucket(what: str, answer: httpx2.Response) -> ApiError:
    """Name S3's code, and never the link, which holds a signature."""
    code = re.search(r"<Code>(\w+)</Code>", answer.text)
    return ApiError("bucket", f"{what}: {code[1] if code else answer.status_code}.")
