"""Downloads from a real server on this machine that fails in the ways that servers do."""

import hashlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import FileServer

from model.runtime.errors import FetchError
from model.weights.catalogue import PublishedWeights
from model.weights.fetch import default_cache_folder, fetch

CONTENT = bytes(range(256)) * 12_000  # 3 MB: three chunks
AT_ONCE = (0.0, 0.0, 0.0)


def weights_of(server):
    digest = hashlib.sha256(CONTENT).hexdigest()[:8]
    return PublishedWeights(
        preset="coco-r50-v2",
        url=f"{server.url}/weights-{digest}.pth",
        sha256_prefix=digest,
        mebibytes=3,
        box_ap=0,
        mask_ap=0,
        licence="",
        recipe="",
        class_names=(),
    )


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FileServer(CONTENT) as file_server:
        file_server.weights = weights_of(file_server)
        yield file_server


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


def test_a_file_that_was_changed_meanwhile_is_not_mixed_with_its_beginning(server, tmp_path):
    server.tag, server.mishaps = '"old"', [("cut", 1_000_000)]
    server.content = bytes(len(CONTENT))
    with pytest.raises(FetchError, match="broke after"):
        fetch(server.weights, tmp_path, pauses=())
    server.tag, server.content = '"new"', CONTENT
    assert fetch(server.weights, tmp_path).read_bytes() == CONTENT
    assert server.ranges_asked == [None, "bytes=1000000-"]
    assert [path.name for path in tmp_path.iterdir()] == [server.weights.file_name]


def test_another_part_than_was_asked_for_is_not_appended(server, tmp_path):
    server.mishaps, server.shift = [("cut", 1_000_000)], 7
    with pytest.raises(FetchError, match="the server sent another part"):
        fetch(server.weights, tmp_path, pauses=(0.0,))
    server.shift = 0
    assert fetch(server.weights, tmp_path).read_bytes() == CONTENT


def test_a_page_in_place_of_the_file_is_named(server, tmp_path):
    server.content = b"<!DOCTYPE html><html><title>Sign in</title></html>"
    with pytest.raises(FetchError, match="this is a web page, 'Sign in', not weights"):
        fetch(server.weights, tmp_path)


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
