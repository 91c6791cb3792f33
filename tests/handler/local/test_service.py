"""The whole service on loopback, and the commands that are its clients."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import Result
from console import read_steps, run_steps
from PIL import Image
from service import COLOUR_MODEL, make_client, squares
from typer.testing import CliRunner
from waiting import wait_for
from webhook_receiver import SECRET, Receiver, webhook_receiver

from handler.bucket.result_store import ResultStore
from handler.bucket.s3 import S3ObjectStore
from handler.client.api_client import ApiClient, ApiError
from handler.client.smoke import smoke_test
from handler.commands.demo import send_samples
from handler.commands.main import app
from handler.local.bundled import SITE
from handler.local.service import LocalService, local_service
from handler.local.stack import BUCKET
from handler.schemas import FailedManifest

MASKDROP = (sys.executable, "-c", "from handler.commands.main import app; app()")
API_PAGE = Path(__file__).parents[3] / "docs/api.md"
EVENTS = Path(__file__).parents[2] / "events"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """What was said of each part as it came up."""
    return []


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """The owner's webhook."""
    with webhook_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], receiver: Receiver
) -> Iterator[LocalService]:
    """The whole service, at any free port."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MASKDROP_MODEL", str(COLOUR_MODEL))
        environment.setenv("MASKDROP_WEBHOOK_URL", receiver.url)
        environment.setenv("MASKDROP_WEBHOOK_SECRET", SECRET)
        environment.setenv("MASKDROP_PRIVATE_HOSTS", "true")
        folder = tmp_path_factory.mktemp("service")
        with local_service(folder, port=0, say=lambda *line: lines.append(line[0])) as running:
            yield running


def test_a_port_that_is_in_use_is_said_to_be(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = CliRunner().invoke(app, ["run", "--port", str(port), "--state", str(tmp_path)])
    assert answer.exit_code == 1
    assert f"Error: Port {port} cannot be used: " in answer.stderr
    assert "--port 0 for any free one" in answer.stderr


def test_the_webhook_hears_of_what_is_put_into_the_inbox(
    service: LocalService, receiver: Receiver
) -> None:
    """Through the bucket's event, the queue and the worker; a failure too."""
    store = service.stack.store
    store.put("inbox/told.png", squares("red", "green"), content_type="image/png")
    store.put("inbox/words.png", b"no photograph", content_type="image/png")

    def told() -> dict[str, Any]:
        found = {each["data"]["key"]: each["data"] for each in receiver.messages}
        return found if {"inbox/told.png", "inbox/words.png"} <= found.keys() else {}

    messages = wait_for(told)
    assert messages["inbox/told.png"]["counts"] == {"cat": 1, "person": 1}
    assert messages["inbox/words.png"]["state"] == "failed"
    assert store.get(messages["inbox/told.png"]["manifest"]).body
    assert receiver.refused == []


@pytest.fixture
def run(service: LocalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a client's command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words, **how: CliRunner().invoke(app, [*words, "--api", service.url], **how)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two photographs and a file that is none."""
    folder = tmp_path / "album"
    folder.mkdir()
    (folder / "both.png").write_bytes(squares("red", "green"))
    (folder / "dog & co.png").write_bytes(squares("blue"))
    (folder / "words.jpg").write_text("no photograph")
    return folder


def test_every_part_says_that_it_is_up(service: LocalService, lines: list[str]) -> None:
    assert lines == ["Bucket", "Queue", "Model", "Worker", "API", "Site"]


def test_site_and_api_share_an_origin(service: LocalService) -> None:
    config = httpx2.get(f"{service.url}/config.json").json()
    page = httpx2.get(service.url)
    assert "<title>Maskdrop" in page.text
    assert httpx2.get(httpx2.URL(service.url).join(f"{config['api']}readyz")).json()


def test_pages_may_reach_nothing_but_their_origin_and_the_bucket(service: LocalService) -> None:
    policy = httpx2.get(service.url).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert re.findall(r"https?://\S+(?=;)", policy) == [service.stack.s3.endpoint_url] * 2


def test_pages_of_label_studio_and_of_named_origins_may_use_api_and_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, studio = "https://pages.example.org", "http://127.0.0.1:8081"
    monkeypatch.setenv("MASKDROP_MODEL", str(COLOUR_MODEL))
    monkeypatch.setenv("MASKDROP_CORS_ORIGINS", json.dumps([named]))
    monkeypatch.setenv("MASKDROP_LABELSTUDIO_URL", f"{studio}/label/")
    monkeypatch.setenv("MASKDROP_PRIVATE_HOSTS", "true")
    with local_service(tmp_path, port=0, say=lambda *line: None) as service:
        info = service.stack.store.put("uploads/x/photo.png", b"x", content_type="image/png")
        link = service.stack.store.presign_get(info.key, expires_in=60)
        for origin in (named, studio, service.url, "http://elsewhere.example.org"):
            allowed = None if "elsewhere" in origin else origin
            for url in (link, f"{service.url}/healthz"):
                answer = httpx2.get(url, headers={"Origin": origin})
                assert answer.headers.get("Access-Control-Allow-Origin") == allowed, (origin, url)


def test_what_is_dropped_into_the_inbox_is_detected(service: LocalService) -> None:
    service.stack.store.put("inbox/words.jpg", b"words", content_type="image/jpeg")
    failed = wait_for(lambda: ResultStore(service.stack.store).read_latest("inbox/words.jpg"))
    assert isinstance(failed, FailedManifest)
    assert failed.failure.detail == "This is text; JPEG, PNG, WebP, AVIF and HEIC are accepted."


def test_upload_fetches_what_detect_would_write(run: Run, album: Path, tmp_path: Path) -> None:
    answer = run("upload", "album/both.png", "--classes", "cat", "--outputs", "instances,labels")
    assert answer.exit_code == 0, answer.output
    assert "1 cat (0.80)" in answer.stdout
    written = {
        each.relative_to(tmp_path / "out").as_posix()
        for each in (tmp_path / "out").rglob("*")
        if each.is_file()
    }
    assert written == {
        "both/instances/000-cat.png",
        "both/labels.png",
        "both/manifest.json",
    }


def test_upload_names_what_fails_and_does_the_rest(run: Run, album: Path, tmp_path: Path) -> None:
    answer = run("upload", "album", "nope.jpg")
    assert answer.exit_code == 1
    *failures, last = answer.stderr.splitlines()
    assert failures == [
        "Error: album/words.jpg: This is text; JPEG, PNG, WebP, AVIF and HEIC are accepted.",
        "Error: nope.jpg: No such file or directory.",
    ]
    assert last.startswith("Error: 4 photographs: 2 detected, 2 failed (1 unsupported format, 1 ")
    assert (tmp_path / "out/dog & co/overlay.jpg").exists()


def test_batch_reports_failures_by_cause_beside_a_contact_sheet(
    run: Run, album: Path, tmp_path: Path
) -> None:
    answer = run("batch", "album", "--out", "found")
    assert answer.exit_code == 1
    assert answer.stdout.splitlines()[-1] == "found/contact-sheet.html"
    assert "3 photographs: 2 detected, 1 failed (1 unsupported format), in" in answer.stderr
    page = (tmp_path / "found/contact-sheet.html").read_text()
    assert '<img src="dog%20%26%20co/overlay.jpg"' in page
    assert "<b>dog &amp; co.png</b>" in page


def test_batch_goes_on_where_an_earlier_one_ended(run: Run, album: Path, tmp_path: Path) -> None:
    run("batch", "album")
    first = (tmp_path / "out/both/manifest.json").stat().st_ino
    (album / "words.jpg").write_bytes(squares("red"))
    assert run("batch", "album").exit_code == 0
    assert (tmp_path / "out/both/manifest.json").stat().st_ino == first
    assert (tmp_path / "out/words/manifest.json").exists()


@pytest.mark.parametrize("command", [("batch", "--parallel", "1"), ("upload",)])
def test_ctrl_c_sums_up_and_the_next_run_goes_on(
    service: LocalService, tmp_path: Path, command: tuple[str, ...]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(30):
        (photos / f"{number:02}.png").write_bytes(squares("red"))
    words = [*MASKDROP, *command, photos, "--out", "found", "--api", service.url]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=tmp_path, **pipes) as process:
        wait_for(lambda: (tmp_path / "found/00/manifest.json").exists() or None)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    counts = re.search(r"Interrupted\. 30 photographs: (\d+) detected, (\d+) not done, in ", said)
    assert counts, said
    done, left = map(int, counts.groups())
    assert done >= 1
    assert left >= 1
    assert done + left == 30
    again = subprocess.run(words, cwd=tmp_path, timeout=60, **pipes)
    assert again.returncode == 0, again.stderr
    assert f"30 photographs: {left} detected, {done} kept from an earlier run" in again.stderr


def test_batch_takes_what_detect_takes(run: Run, album: Path, tmp_path: Path) -> None:
    (album / "deep").mkdir()
    (album / "deep/c.png").write_bytes(squares("green"))
    words = ("album", "-r", "album/both.png", "-", "--outputs", "labels,coco,csv", "--json")
    answer = run("batch", *words, input=squares("blue"))
    assert [each["source"]["size"] > 0 for each in json.loads(answer.stdout)] == [True] * 4
    rows = json.loads((tmp_path / "out/coco.json").read_text())
    assert sorted({each["image_id"] for each in rows}) == ["both", "deep/c", "dog & co", "stdin"]
    assert (tmp_path / "out/areas.csv").exists()


def test_upload_with_json_alone_writes_nothing(run: Run, album: Path, tmp_path: Path) -> None:
    answer = run("upload", "album/both.png", "--json")
    [manifest] = json.loads(answer.stdout)
    assert manifest["outputs"] == []
    assert not (tmp_path / "out").exists()


def test_the_service_may_stand_in_the_environment(
    service: LocalService, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKDROP_API", service.url)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["upload", "album/both.png", "-q"]).output == ""
    assert (tmp_path / "out/both/manifest.json").exists()


def test_a_url_without_a_scheme_is_said_to_be_one(album: Path) -> None:
    answer = CliRunner().invoke(app, ["upload", str(album), "--api", "localhost:8080"])
    assert "it has to start with http:// or https://" in answer.stderr


def test_batch_does_again_what_was_done_with_other_options(
    run: Run, album: Path, tmp_path: Path
) -> None:
    run("batch", "album")
    run("batch", "album", "--score-threshold", "0.85")
    manifest = json.loads((tmp_path / "out/both/manifest.json").read_text())
    assert [each["class_name"] for each in manifest["detections"]] == ["person"]


def test_batch_reads_a_bucket(
    run: Run,
    service: LocalService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sign_in: Callable[[str, str], None],
) -> None:
    service.stack.store.put("albums/2026/dog.png", squares("blue"), content_type="image/png")
    monkeypatch.setenv("MASKDROP_S3_ENDPOINT", service.stack.s3.endpoint_url)
    sign_in(service.stack.s3.access_key_id, service.stack.s3.secret_access_key)
    answer = run("batch", "s3://maskdrop/albums/")
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "out/2026__dog/instances/000-dog.png").exists()
    assert (
        "Error: s3://maskdrop/none/: It holds no photograph"
        in run("batch", "s3://maskdrop/none/").stderr
    )


def test_smoke_goes_all_the_way_and_leaves_nothing(service: LocalService, album: Path) -> None:
    before = {each.key for each in service.stack.store.list_objects("")}
    answer = CliRunner().invoke(app, ["smoke", service.url, "--photo", str(album / "both.png")])
    assert answer.exit_code == 0, answer.output
    steps = [line.split()[0] for line in answer.stdout.splitlines()]
    assert steps == ["Ready", "Upload", "Detect", "Masks", "Delete"]
    assert {each.key for each in service.stack.store.list_objects("")} == before


def test_smoke_says_that_a_bucket_refuses(service: LocalService, album: Path) -> None:
    s3 = service.stack.s3
    stranger = replace(s3, secret_access_key="0" * 40).client()
    api = make_client(store=S3ObjectStore(BUCKET, s3.client(), presigner=stranger))
    bucket = httpx2.Client()

    def answer(request: httpx2.Request) -> httpx2.Response:
        where = api if request.url.host == "service" else bucket
        got = where.request(
            request.method, str(request.url), headers=request.headers, content=request.read()
        )
        return httpx2.Response(got.status_code, content=got.content)

    client = ApiClient("http://service", httpx2.MockTransport(answer))
    with pytest.raises(ApiError, match=r"^The upload was refused: SignatureDoesNotMatch\.$"):
        smoke_test(client, album / "both.png", lambda name, words: None)


def test_smoke_says_that_nobody_answers(album: Path) -> None:
    url = "http://127.0.0.1:9"
    answer = CliRunner().invoke(app, ["smoke", url, "--photo", str(album / "both.png")])
    assert answer.exit_code == 1
    assert answer.stderr.startswith(f"Error: {url} does not answer: ")


@pytest.mark.parametrize(
    ("event", "answers"),
    [
        ("http_get_health", {"statusCode": 200}),
        ("sqs_s3_test_event", {"batchItemFailures": []}),
        ("backfill_batch", {"done": 0, "skipped": 2, "failed": []}),
        ("backfill_report", {"total": 0, "prefix": "album/"}),
    ],
)
def test_replay_hands_an_event_to_its_function(
    service: LocalService, event: str, answers: dict[str, Any]
) -> None:
    replayed = subprocess.run(
        [*MASKDROP, "replay", EVENTS / f"{event}.json"],
        env=os.environ | service.environment | {"MASKDROP_MODEL": str(COLOUR_MODEL)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout).items() >= answers.items()


@pytest.mark.parametrize("text", ["[]", "{", ""])
def test_replay_refuses_what_is_no_event(tmp_path: Path, text: str) -> None:
    path = tmp_path / "event.json"
    path.write_text(text)
    answer = CliRunner().invoke(app, ["replay", str(path)])
    assert answer.exit_code == 1
    assert answer.stderr.startswith(f"Error: {path} ")


def test_demo_shows_three_results_and_one_explained_failure(
    service: LocalService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send_samples(service, SITE / "samples", tmp_path)
    assert {each.parent.name for each in tmp_path.glob("*/manifest.json")} == {
        "astronaut",
        "chelsea",
        "coffee",
    }
    assert "inbox/broken.jpg failed: The JPEG is truncated" in capsys.readouterr().out


def test_run_stops_cleanly_and_keeps_what_it_stored(tmp_path: Path) -> None:
    command = [*MASKDROP, "run", "--port", "0", "--state", tmp_path]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        # Behind a proxy, which nothing on loopback must be asked of.
        env=os.environ | {"MASKDROP_MODEL": str(COLOUR_MODEL), "http_proxy": "http://127.0.0.1:9"},
    ) as running:
        assert running.stdout is not None
        bucket = next(running.stdout).split()[1]
        assert any(line.startswith("Open http://localhost:") for line in running.stdout)
        running.send_signal(signal.SIGINT)
        assert running.stdout.read().strip().startswith("Stopped.")
    assert running.returncode == 0
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(bucket)
    assert (tmp_path / "s3").is_dir()


@pytest.mark.skipif(not shutil.which("jq"), reason="The session of docs/api.md needs jq.")
def test_the_session_with_curl_goes_as_shown(service: LocalService, tmp_path: Path) -> None:
    shutil.copy(SITE / "samples/astronaut.jpg", tmp_path)
    steps = read_steps(API_PAGE.read_text().replace("http://localhost:8080", service.url))
    assert len(steps) > 10
    assert [
        (step.command, output)
        for step, output in run_steps(steps, tmp_path)
        if not step.matches(output)
    ] == []
    assert Image.open(tmp_path / "person.png").size == (512, 512)
