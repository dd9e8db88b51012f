"""The one fixed sequence, which reports, certificates, their verification and recommendations use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.fixed_sequence import candidates, certify, goal_of

GRID = [step / 10 for step in range(11)]


@pytest.mark.parametrize(
    ("risk", "start", "goal", "expected"),
    [
        ("leak", 0.2, 0.4, [0.2, 0.3, 0.4]),
        ("leak", 0.2, 0.2, [0.2]),
        ("leak", 0.2, 0.1, []),
        ("miss", 0.8, None, [0.8, 0.9, 1.0]),
        ("wrongful", 0.8, 0.6, [0.8, 0.7, 0.6]),
        ("wrongful", 0.8, 0.9, []),
        ("wrongful", 0.2, None, [0.2, 0.1, 0.0]),
    ],
)
def test_candidates_lie_between_start_and_goal(risk, start, goal, expected):
    assert candidates(GRID, risk, start=start, goal=goal) == expected


@pytest.mark.parametrize(("pair", "name"), [((0.25, 0.4), "start"), ((0.2, 0.45), "goal")])
def test_a_threshold_off_the_grid_is_refused(pair, name):
    with pytest.raises(ValueError, match=rf"{name}=.*bin edge"):
        candidates(GRID, "leak", start=pair[0], goal=pair[1])


@pytest.mark.parametrize(
    ("risk", "low", "expected"), [("leak", 0.1, 0.1), ("miss", 0.1, 0.2), ("escapes", 0.3, 0.3), ("wrongful", 0.1, 0.8)]
)
def test_only_monotone_risks_carry_over_from_the_start(risk, low, expected):
    assert goal_of(risk, start=0.2, low=low, high=0.8) == expected


@given(st.lists(st.one_of(st.none(), st.integers(0, 90)), max_size=11))
def test_it_certifies_up_to_the_first_candidate_without_enough_evidence(days):
    by_threshold = dict(zip(GRID, days, strict=False))
    found = certify(by_threshold, first_day=by_threshold.get)
    first = days.index(None) if None in days else len(days)
    assert [(each.threshold, each.day) for each in found.certified] == list(by_threshold.items())[:first]
    assert found.stopped_at == (GRID[first] if first < len(days) else None)
    assert found.reaches_goal == (bool(days) and first == len(days))
