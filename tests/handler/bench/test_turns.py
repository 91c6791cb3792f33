import itertools

import pytest

from handler.bench.turns import Spread, in_turns, ratios, timed


def test_cases_take_turns_and_every_second_round_goes_backwards() -> None:
    called: list[str] = []
    cases = {name: lambda name=name: called.append(name) or len(called) for name in "ab"}

    answers = in_turns(cases, rounds=2)

    assert "".join(called) == "ab" + "ab" + "ba"
    assert answers == {"a": [3, 6], "b": [4, 5]}


def test_a_spread_is_the_median_and_the_quartiles() -> None:
    assert Spread.of([4.0, 1.0, 3.0, 2.0, 5.0]) == Spread(3.0, 1.5, 4.5)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_ratios_are_of_the_same_round() -> None:
    # The machine is twice as slow in the second round, for both.
    found = ratios({"ours": [1.0, 2.0], "theirs": [3.0, 6.0]}, "ours")

    assert found == {"ours": Spread(1, 1, 1), "theirs": Spread(3, 3, 3)}


def test_work_is_timed_by_the_clock_that_is_given() -> None:
    ticks = itertools.count(10, step=2)

    assert timed(lambda: None, clock=lambda: float(next(ticks)))() == pytest.approx(2000)
