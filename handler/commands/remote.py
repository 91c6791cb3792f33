"""What `upload` and `batch` share: a run over photographs by a service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handler.client.api_client import ApiClient
from handler.client.detect_by_api import RemoteRun
from handler.client.photo_search import find_photos
from handler.commands.options import check_url, open_url, read_settings
from handler.commands.photo_run import RunOutput, run_photos
from handler.schemas import Options


def run_remote(
    photos: Sequence[str],
    options: Options,
    report: RunOutput,
    *,
    api: str,
    token: str | None,
    recursive: bool,
    reprocess: bool,
    parallel: int,
) -> None:
    """Have a service detect in photographs, `parallel` at a time; ends as `run_photos` does."""
    report.check()
    search = find_photos(photos, open_url, recursive=recursive)
    with ApiClient(check_url(api), token=token) as service:
        resumes = report.out and not reprocess
        digests = frozenset(service.model_digests()) if resumes else frozenset[str]()
        run = RemoteRun(service, options, report.out, read_settings().max_image_bytes, digests)
        run_photos(
            search,
            report,
            lambda progress: replace(run, on_sent=progress.sent).detect_all(
                search.photos, parallel
            ),
        )
