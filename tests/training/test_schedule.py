import pytest

from model.training.schedule import Budget, ended_cycles, learning_rate


def test_rate_rises_then_falls_to_a_hundredth():
    rates = [learning_rate(1.0, step, step / 10_000) for step in range(10_001)]
    assert rates[0] == pytest.approx(1 / 200)
    assert rates.index(max(rates)) == 199
    assert rates[-1] == pytest.approx(0.01)


def test_a_short_run_warms_up_over_a_twentieth_of_it():
    rates = [learning_rate(1.0, step, step / 400) for step in range(401)]
    assert rates.index(max(rates)) == 20


def test_rate_rises_again_with_every_cycle():
    rates = [learning_rate(1.0, 1000 + step, step / 1000, cycles=2) for step in range(1001)]
    assert rates[500] == rates[0] == 1
    assert rates[499] == rates[999] == rates[1000] == pytest.approx(0.01)
    assert rates[250] == rates[750] == pytest.approx(0.5)


def test_cycles_end_one_by_one():
    assert [ended_cycles(share, 2) for share in (0, 0.49, 0.5, 0.99, 1)] == [0, 0, 1, 1, 2]


def test_steps_do_not_depend_on_the_clock():
    budget = Budget(steps=100)
    assert budget.progress(25, seconds=9999) == 0.25
    assert budget.seconds_left(25, seconds=50) == 150


def test_minutes_do_not_depend_on_the_steps():
    assert Budget(minutes=10).progress(7, seconds=300) == 0.5


def test_evaluation_is_due_ten_times_unless_told_otherwise():
    assert [Budget(steps=100).is_due(steps, 0) for steps in (9, 10)] == [False, True]
    assert [Budget(minutes=60, every=2).is_due(0, s) for s in (119, 120)] == [False, True]
