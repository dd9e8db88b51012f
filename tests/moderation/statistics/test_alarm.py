import itertools
import math

import numpy as np
import pytest

from moderation.statistics.guarantee import ReverseAlarm

FACTORS = (1.5, 2, 3, 5)


def by_hand(alarm, bad, good):
    """Return M of docs/statistics.md, computed for one class."""
    t, total = alarm.target, 0.0
    for j, start in enumerate(range(0, len(bad), alarm.restart_days), start=1):
        wealth = 0.0
        for a in FACTORS:
            stake = min(a, (1 + 1 / t) / 2) - 1
            b, g = sum(bad[start:]), sum(good[start:])
            wealth += (1 + stake) ** b * (1 - stake * t / (1 - t)) ** g / len(FACTORS)
        total += 6 / (math.pi * j) ** 2 * wealth
    return total


@pytest.mark.parametrize(("bad", "good"), [(0, 0), (1, 50), (3, 20), (0, 90)])
@pytest.mark.parametrize("target", [0.02, 0.4, 0.9])
def test_the_evidence_is_that_of_its_formula(bad, good, target):
    alarm = ReverseAlarm(pi=[0.1], target=target, pi_floor=0.1)
    days = ([bad] * 30, [good] * 30)
    found = alarm.watch(*(np.array(day)[:, np.newaxis] for day in days))
    assert found.evidence == pytest.approx(by_hand(alarm, *days))


def test_classes_that_are_drawn_more_often_weigh_less():
    alarm = ReverseAlarm(pi=[0.1, 1.0], target=0.02, pi_floor=0.1)
    rare, often = alarm.watch([[1, 0]], [[0, 0]]), alarm.watch([[0, 1]], [[0, 0]])
    assert rare.evidence > often.evidence
    expected = 6 / math.pi**2 * sum(1 + 0.1 * (a - 1) for a in FACTORS) / 4
    assert often.evidence == pytest.approx(expected)


def test_it_rings_on_the_first_day_with_evidence_of_20():
    alarm = ReverseAlarm(pi=[0.02], target=0.005, pi_floor=0.02)
    bad = [[1]] * 10
    evidence = alarm.evidence(bad, [[0]] * 10)
    assert alarm.watch(bad, [[0]] * 10).day == int(np.argmax(evidence >= 20)) > 0
    assert alarm.watch([[0]] * 10, [[100]] * 10).day is None


def test_a_late_change_is_seen_by_a_later_start():
    """200 good days with 100 checks each hide the change from the first start; the fifteenth start finds it."""
    bad, good = np.zeros((214, 1)), np.full((214, 1), 100)
    bad[200:] = 2
    alarm = ReverseAlarm(pi=[0.02], target=0.005, pi_floor=0.02)
    forgetful = ReverseAlarm(pi=[0.02], target=0.005, pi_floor=0.02, restart_days=10_000)
    assert alarm.watch(bad, good).day > 200
    assert forgetful.watch(bad, good).day is None


def test_no_day_is_no_evidence():
    assert ReverseAlarm(pi=[0.1], target=0.01, pi_floor=0.1).watch(np.zeros((0, 1)), np.zeros((0, 1))) == (0, None)


@pytest.mark.parametrize("target", [0.25, 0.5])
def test_at_the_target_or_below_the_evidence_is_at_most_1_on_average(target):
    rates = (0.2, 0.5, 1.0, 0.2)
    alarm = ReverseAlarm(pi=sorted(set(rates)), target=target, pi_floor=0.2)
    for violating in itertools.product((0, 1), repeat=4):
        if sum(violating) / 4 > target:
            continue
        assert mean_evidence(alarm, violating, rates) <= 1 + 1e-12


def mean_evidence(alarm, violating, rates):
    mean = 0.0
    for drawn in itertools.product((0, 1), repeat=len(rates)):
        chance = math.prod(pi if each else 1 - pi for each, pi in zip(drawn, rates, strict=True))
        bad, good = (
            [
                [
                    sum(d and y == kind and pi == rate for d, y, pi in zip(drawn, violating, rates, strict=True))
                    for rate in alarm.pi
                ]
            ]
            for kind in (1, 0)
        )
        mean += chance * alarm.watch(bad, good).evidence
    return mean


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ReverseAlarm([0.1], 1, 0.1), r"target=1"),
        (lambda: ReverseAlarm([0.0], 0.1, 0.1), r"pi="),
        (lambda: ReverseAlarm([0.1], 0.1, 0), r"pi_floor=0"),
        (lambda: ReverseAlarm([0.1], 0.1, 0.1, delta=1), r"delta=1"),
        (lambda: ReverseAlarm([0.1], 0.1, 0.1, restart_days=0), r"restart_days=0.*1 or more"),
        (lambda: ReverseAlarm([0.1], 0.1, 0.2).watch([[0]], [[1]]), r"pi_floor=0.2.*at most each pi with labels"),
        (lambda: ReverseAlarm([0.1], 0.1, 0.1).watch([[0]], [[1], [1]]), r"good.shape="),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()
