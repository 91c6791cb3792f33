"""Memory and work are admitted: by number, by bytes, in turn, and never for ever."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from service import make_client, make_services, squares
from starlette.testclient import TestClient
from waiting import wait_for

from handler.detection.admission import Caller, Gate
from handler.errors import CallerGone, ImageTooLarge, Overloaded
from handler.web.app import create_app


class Running:
    """Detections on threads of their own, which run until they are told to end."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.begun: list[str] = []
        self.refused: list[tuple[str, Exception]] = []
        self._end = {name: Event() for name in "abcdefgh"}
        self._threads: list[Thread] = []
        self.callers = {name: Caller() for name in self._end}

    def start(self, name: str, size: int = 1) -> None:
        thread = Thread(target=self._run, args=(name, size), daemon=True)
        thread.start()
        self._threads.append(thread)

    def end(self, name: str) -> None:
        self._end[name].set()

    def join(self) -> None:
        for event in self._end.values():
            event.set()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _run(self, name: str, size: int) -> None:
        try:
            with self.gate.entered(size, self.callers[name]):
                self.begun.append(name)
                self._end[name].wait(5)
        except (CallerGone, Overloaded) as error:
            self.refused.append((name, error))


@contextmanager
def running(budget: int = 100, concurrent: int = 2, waiting: int = 2) -> Iterator[Running]:
    found = Running(Gate(budget, concurrent, waiting))
    try:
        yield found
    finally:
        found.join()
        assert found.gate.bytes_held == 0


def waiting_in(gate: Gate) -> int:
    return len(gate._queue)


def test_so_many_run_and_the_next_waits_its_turn() -> None:
    with running() as work:
        for each in "abc":
            work.start(each)
            wait_for(
                lambda each=each: len(work.begun) + waiting_in(work.gate) == "abc".index(each) + 1
            )
        assert work.begun == ["a", "b"]
        work.end("a")
        wait_for(lambda: work.begun == ["a", "b", "c"])


def test_bytes_are_waited_for_in_turn() -> None:
    with running(concurrent=4) as work:
        for name, size in (("a", 60), ("b", 60), ("c", 1)):
            work.start(name, size)
            wait_for(lambda name=name: name in work.begun or waiting_in(work.gate) > 0)
        # c would fit; it does not pass b, which would wait for ever behind small ones.
        wait_for(lambda: waiting_in(work.gate) == 2)
        assert work.begun == ["a"]
        work.end("a")
        wait_for(lambda: sorted(work.begun) == ["a", "b", "c"])


def test_past_the_queue_is_refused_at_once() -> None:
    with running() as work:
        for each in "abcd":
            work.start(each)
            wait_for(lambda each=each: each in work.begun or waiting_in(work.gate) > 0)
        wait_for(lambda: waiting_in(work.gate) == 2)
        assert work.gate.is_full
        with pytest.raises(Overloaded, match="2 detections are at work and 2 wait"):
            work.gate.entered(1, Caller()).__enter__()
        # A queue's worker waits all the same: its message would only come back.
        work.callers["e"].patient = True
        work.start("e")
        wait_for(lambda: waiting_in(work.gate) == 3)


def test_what_can_never_fit_is_told_how_much_there_is() -> None:
    with pytest.raises(ImageTooLarge, match="takes 200 MiB of memory; this instance has 100 MiB"):
        Gate(100 * 2**20, 1).entered(200 * 2**20, Caller()).__enter__()


def test_who_hangs_up_leaves_the_queue() -> None:
    with running(concurrent=1) as work:
        for each in "abc":
            work.start(each)
            wait_for(lambda each=each: each in work.begun or waiting_in(work.gate) > 0)
        wait_for(lambda: waiting_in(work.gate) == 2)
        work.callers["b"].hang_up()
        wait_for(lambda: [name for name, _ in work.refused] == ["b"])
        work.end("a")
        wait_for(lambda: work.begun == ["a", "c"])


def test_who_hung_up_before_is_not_let_in() -> None:
    caller, gate = Caller(), Gate(10, 1)
    caller.hang_up()
    with pytest.raises(CallerGone):
        gate.entered(1, caller).__enter__()
    assert (gate.bytes_held, gate.is_full) == (0, False)


def test_bodies_hold_half_of_the_budget_at_most() -> None:
    gate = Gate(100, 1)
    assert gate.hold(50)
    assert not gate.hold(1)
    # A detection whose bytes bodies hold runs alone, or none of them would ever end.
    with gate.entered(100, Caller()):
        assert gate.bytes_held == 150
    gate.release(50)
    assert gate.hold(1)


def test_many_threads_leave_nothing_behind() -> None:
    gate, seen = Gate(100, 3, 1000), []

    def once(number: int) -> None:
        caller = Caller()
        try:
            if number % 7 == 0:
                caller.hang_up()
            with gate.entered(number % 100, caller):
                seen.append(gate._running)
        except CallerGone:
            pass

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(once, range(700)))
    assert max(seen) <= 3
    assert len(seen) == 600
    assert (gate.bytes_held, gate._running, waiting_in(gate)) == (0, 0, 0)


@pytest.mark.parametrize("path", ["/api/detect", "/v1/models/colour:predict"])
def test_a_full_service_answers_at_once_and_says_when_to_come_again(path: str) -> None:
    services = make_services({"max_running": 1, "max_waiting": 0})
    client = TestClient(create_app(services))
    with services.gate.entered(1, Caller()):
        answer = client.post(path, content=b"x" * 1000)
    assert answer.status_code == 503
    assert 3 <= int(answer.headers["Retry-After"]) <= 8
    # Nothing of the refused stays.
    assert client.post("/api/detect", files={"image": squares("red")}).status_code == 200


def test_requests_past_the_limit_are_refused_and_health_is_not() -> None:
    services = make_services({"max_requests": 1})
    services.gate.close()
    client = TestClient(create_app(services))
    assert client.get("/v1/models").status_code == 503
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_a_photograph_that_needs_more_than_the_budget_is_refused_unread() -> None:
    client = make_client({"memory_budget_mb": 64})
    frame = squares("red", width=4000, height=3000)
    answer = client.post("/api/detect", files={"image": frame})
    assert answer.status_code == 413
    assert "this instance has 64 MiB" in answer.json()["detail"]
