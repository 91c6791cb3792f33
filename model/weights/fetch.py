"""Download published weights once: resumed where it broke off, and used only if whole."""

from __future__ import annotations

import hashlib
import http
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from model.runtime.errors import FetchError
from model.weights.catalogue import PublishedWeights
from model.weights.recognize import recognize

# (bytes done, bytes in total or None if the server does not say)
Progress = Callable[[int, int | None], None]

_CHUNK = 1 << 20
_TIMEOUT_SECONDS = 30
# Seconds before each new attempt.
_PAUSES = (1.0, 2.0, 4.0)
_TEMPORARY = {408, 429, 500, 502, 503, 504}


def default_cache_folder() -> Path:
    """Return where downloads are kept: $XDG_CACHE_HOME/maskdrop, by default ~/.cache/maskdrop."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "maskdrop"


def fetch(
    weights: PublishedWeights,
    folder: Path,
    progress: Progress = lambda done, total: None,
    pauses: tuple[float, ...] = _PAUSES,
) -> Path:
    """Return the file of published weights in `folder`, downloaded unless it is there.

    What an interrupted download has written stays in FILE.part, with the server's mark of its
    content in FILE.part.etag, and is continued by the next call. `pauses`: seconds to wait
    before each further attempt.

    Raises:
        FetchError: no network, the server refuses, the disk is full, or the digest differs.
    """
    path = folder / weights.file_name
    try:
        if path.exists() and _has_digest(path, weights.sha256_prefix):
            return path
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        _download(weights, part, progress, pauses)
        _validator_path(part).unlink(missing_ok=True)
        if not _has_digest(part, weights.sha256_prefix):
            expected = f"its SHA-256 does not begin with {weights.sha256_prefix}"
            what = recognize(part)
            part.unlink()
            told = f" ({what.rstrip('.')})" if what else ""
            raise FetchError(_explain(weights, f"{expected}, so it was deleted{told}"))
        return part.replace(path)
    except OSError as error:
        raise FetchError(
            f"{error.filename or path} could not be written: {error.strerror}. "
            f"It takes {weights.mebibytes:.0f} MiB."
        ) from error


class _Interrupted(Exception):
    """The network or the server failed in a way that may pass."""


def _download(
    weights: PublishedWeights, part: Path, progress: Progress, pauses: tuple[float, ...]
) -> None:
    """Append to `part` what it lacks, in as many attempts as there are pauses and one."""
    for pause in (*pauses, None):
        try:
            _attempt(weights, part, progress)
            return
        except _Interrupted as error:
            if pause is None:
                raise FetchError(_explain(weights, str(error))) from error
            time.sleep(pause)


def _attempt(weights: PublishedWeights, part: Path, progress: Progress) -> None:
    done = part.stat().st_size if part.exists() else 0
    response = _request(weights, done, _read_validator(part))
    if response is None:
        return
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            # 200: this server sends no ranges, or has another file now. Begin again.
            done = 0
        elif not (response.headers["Content-Range"] or "").startswith(f"bytes {done}-"):
            part.unlink()
            raise _Interrupted("the server sent another part of the file than was asked for")
        _validator_path(part).write_text(_validator_of(response), encoding="ascii")
        total = None if response.length is None else done + response.length
        progress(done, total)
        with part.open("ab" if done else "wb") as file:
            for chunk in _chunks(response):
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
    if total is not None and done < total:
        raise _Interrupted(f"the connection broke after {done:,} of {total:,} bytes")


def _request(
    weights: PublishedWeights, done: int, validator: str
) -> http.client.HTTPResponse | None:
    """Ask for the file from byte `done` on; None if there is nothing behind it.

    validator: the ETag or date of the file whose beginning is here. A server that has another
    file by now sends that one whole; "" leaves it to the digest.
    """
    headers = {"Range": f"bytes={done}-"} if done else {}
    if done and validator:
        headers["If-Range"] = validator
    request = urllib.request.Request(weights.url, headers=headers)  # noqa: S310 - from the catalogue
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310
            request, timeout=_TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        answer = f"the server answered {error.code} {error.reason}"
        if error.code in _TEMPORARY:
            raise _Interrupted(answer) from error
        raise FetchError(_explain(weights, answer)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(_reason(error)) from error
    return response


def _validator_of(response: http.client.HTTPResponse) -> str:
    """Return what If-Range takes: a strong ETag, else the date of the last change, else ""."""
    tag = response.headers["ETag"] or ""
    return tag if tag.startswith('"') else response.headers["Last-Modified"] or ""


def _validator_path(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _read_validator(part: Path) -> str:
    path = _validator_path(part)
    return path.read_text(encoding="ascii", errors="replace") if path.exists() else ""


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read(_CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return what failed, without the number that Python puts before it."""
    cause = getattr(error, "reason", error)
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _has_digest(path: Path, sha256_prefix: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(sha256_prefix)


def _explain(weights: PublishedWeights, reason: str) -> str:
    return (
        f"{weights.url} could not be downloaded: {reason}. Download it elsewhere, copy it here "
        f"and run: maskdrop model import {weights.file_name} --preset {weights.preset}"
    )
