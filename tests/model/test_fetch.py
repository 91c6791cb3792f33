"""Downloads from a real server on this machine that fails in the ways that servers do."""

import hashlib
import re
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from model.runtime.errors import FetchError
from model.weights.catalogue import PublishedWeights
from model.weights.fetch import default_cache_folder, fetch

CONTENT = bytes(range(256)) * 12_000  # 3 MB: three chunks
AT_ONCE = (0.0, 0.0, 0.0)


class FileServer(ThreadingHTTPServer):
    """Serves CONTENT, ranges included, after it has misbehaved as `mishaps` say.

    A mishap, one a request: a status to answer with; ("cut", n) to break off after n bytes.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FileHandler)
        self.content = CONTENT
        self.knows_ranges = True
        self.mishaps = []
        self.ranges_asked = []

    @property
    def weights(self):
        digest = hashlib.sha256(CONTENT).hexdigest()[:8]
        return PublishedWeights(
            preset="coco-r50-v2",
            url=f"http://127.0.0.1:{self.server_port}/models/weights-{digest}.pth",
            sha256_prefix=digest,
            mebibytes=3,
            box_ap=0,
            mask_ap=0,
            licence="",
            recipe="",
            class_names=(),
        )


class FileHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges_asked.append(asked)
        mishap = self.server.mishaps.pop(0) if self.server.mishaps else None
        if isinstance(mishap, int):
            self.answer(mishap, b"")
        else:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
            self.send_from(start if self.server.knows_ranges else 0, mishap)

    def send_from(self, start, mishap):
        content = self.server.content[start:]
        if start and not content:
            self.answer(416, b"")
        elif mishap:
            self.answer(206 if start else 200, content, content[: mishap[1]])
            self.close_connection = True
        else:
            self.answer(206 if start else 200, content)

    def answer(self, status, content, sent=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if sent is None else sent)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FileServer() as file_server:
        threading.Thread(target=file_server.serve_forever, args=(0.01,), daemon=True).start()
        yield file_server
        file_server.shutdown()


def test_a_file_arrives_whole_under_its_own_name(server, tmp_path):
    path = fetch(server.weights, tmp_path / "cache")
    assert path == tmp_path / "cache" / server.weights.file_name
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_is_not_asked_for_again(server, tmp_path):
    assert fetch(server.weights, tmp_path) == fetch(server.weights, tmp_path)
    assert len(server.ranges_asked) == 1


def test_a_damaged_file_in_the_cache_is_replaced(server, tmp_path):
    (tmp_path / server.weights.file_name).write_bytes(b"damaged")
    assert fetch(server.weights, tmp_path).read_bytes() == CONTENT


def test_a_connection_that_breaks_is_resumed_where_it_broke(server, tmp_path):
    server.mishaps = [("cut", 1_000_000), ("cut", 500_000)]
    assert fetch(server.weights, tmp_path, pauses=AT_ONCE).read_bytes() == CONTENT
    assert server.ranges_asked == [None, "bytes=1000000-", "bytes=1500000-"]


def test_the_next_call_resumes_what_the_last_one_left(server, tmp_path):
    server.mishaps = [("cut", 1_000_000)]
    with pytest.raises(FetchError, match="broke after 1,000,000 of 3,072,000 bytes"):
        fetch(server.weights, tmp_path, pauses=())
    assert fetch(server.weights, tmp_path).read_bytes() == CONTENT
    assert server.ranges_asked == [None, "bytes=1000000-"]


def test_a_server_without_ranges_is_asked_for_everything_again(server, tmp_path):
    server.knows_ranges = False
    (tmp_path / f"{server.weights.file_name}.part").write_bytes(CONTENT[:5000])
    assert fetch(server.weights, tmp_path).read_bytes() == CONTENT


def test_a_part_that_lacks_nothing_is_taken(server, tmp_path):
    (tmp_path / f"{server.weights.file_name}.part").write_bytes(CONTENT)
    assert fetch(server.weights, tmp_path).read_bytes() == CONTENT


def test_an_overloaded_server_is_asked_again(server, tmp_path):
    server.mishaps = [503, 429]
    assert fetch(server.weights, tmp_path, pauses=AT_ONCE).read_bytes() == CONTENT


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    server.mishaps = [404]
    with pytest.raises(FetchError, match="the server answered 404 Not Found"):
        fetch(server.weights, tmp_path, pauses=AT_ONCE)
    assert len(server.ranges_asked) == 1


def test_another_file_under_the_name_is_deleted(server, tmp_path):
    server.content = b"another file"
    expected = f"SHA-256 does not begin with {server.weights.sha256_prefix}, so it was deleted"
    with pytest.raises(FetchError, match=expected):
        fetch(server.weights, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_is_deleted(server, tmp_path):
    (tmp_path / f"{server.weights.file_name}.part").write_bytes(b"another beginning")
    with pytest.raises(FetchError, match="so it was deleted"):
        fetch(server.weights, tmp_path)
    assert fetch(server.weights, tmp_path).read_bytes() == CONTENT


def test_progress_counts_from_where_the_download_resumes(server, tmp_path):
    seen = []
    (tmp_path / f"{server.weights.file_name}.part").write_bytes(CONTENT[:1_000_000])
    fetch(server.weights, tmp_path, lambda done, total: seen.append((done, total)))
    assert seen[0] == (1_000_000, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_without_a_network_the_message_says_what_to_do(server, tmp_path):
    unreachable = replace(server.weights, url=f"http://127.0.0.1:{closed_port()}/weights.pth")
    with pytest.raises(FetchError) as failed:
        fetch(unreachable, tmp_path, pauses=AT_ONCE)
    assert str(failed.value) == (
        f"{unreachable.url} could not be downloaded: Connection refused. Download it elsewhere, "
        "copy it here and run: maskdrop model import weights.pth --preset coco-r50-v2"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_named(server, tmp_path):
    (tmp_path / f"{server.weights.file_name}.part").symlink_to("/dev/full")
    with pytest.raises(FetchError, match="could not be written: No space left on device"):
        fetch(server.weights, tmp_path)


def test_a_cache_that_is_no_folder_is_named(server, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(FetchError, match="cache could not be written: File exists"):
        fetch(server.weights, tmp_path / "cache")


def test_the_cache_is_where_the_desktop_keeps_caches(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_cache_folder() == Path("/caches/maskdrop")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_folder() == Path.home() / ".cache" / "maskdrop"
