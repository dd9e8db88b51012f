import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from moderation.statistics.ledger import Ledger
from tests.moderation.statistics.reading import plain_ledger, three_bins

EDGES = [0, 0.1, 0.9, 1]


def test_rows_are_counted_by_bin_and_rate():
    ledger = Ledger.from_rows(
        scores=[0.05, 0.1, 0.5, 0.9, 1.0],
        violating=[0, 1, 1, 0, 1],
        drawn=[True, True, True, True, False],
        pi=[0.02, 1, 1, 0.1, 0.1],
        edges=EDGES,
    )
    assert ledger.pi.tolist() == [0.02, 0.1, 1]
    assert ledger.uploads.tolist() == [[1, 0, 0], [0, 0, 2], [0, 2, 0]]
    assert ledger.labelled.tolist() == [[1, 0, 0], [0, 0, 2], [0, 1, 0]]
    assert ledger.violating.tolist() == [[0, 0, 0], [0, 0, 2], [0, 0, 0]]


@pytest.mark.parametrize("hidden", [None, float("nan"), 7, "secret"])
def test_a_verdict_is_read_only_where_the_coin_drew(hidden):
    ledger = Ledger.from_rows([0.05, 0.05], [1, hidden], [True, False], 0.5, EDGES)
    assert ledger.violating.tolist() == [[1], [0], [0]]
    assert ledger.uploads.sum() == 2


def test_no_rows_make_an_empty_ledger():
    assert Ledger.from_rows([], [], [], [], EDGES).uploads.tolist() == [[0], [0], [0]]


def test_an_edge_that_differs_by_rounding_only_is_the_same_edge():
    tenths = np.arange(11) * 0.1  # the fourth is 0.30000000000000004
    ledger = Ledger.from_rows([0.3], [1], [True], 1.0, tenths)
    below, band, _ = ledger.regions(0.3, 0.4)
    assert (below.size, band.size) == (0, 1)


@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_the_order_of_rows_does_not_matter(random, rows):
    table = [
        (random.random(), random.randint(0, 1), random.random() < 0.5, random.choice([0.1, 0.5])) for _ in range(rows)
    ]
    shuffled = random.sample(table, rows)
    one, other = (Ledger.from_rows(*zip(*each, strict=True), EDGES) for each in (table, shuffled))
    for name in ("uploads", "labelled", "violating", "pi"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_days_add_up():
    total = plain_ledger() + plain_ledger()
    assert total.uploads.sum() == 2600
    assert total.violating.sum() == 220


def test_days_of_other_rates_do_not_add_up():
    with pytest.raises(ValueError, match="same edges and rate classes"):
        plain_ledger() + plain_ledger(pi=[0.2, 1, 0.5])


def test_a_ledger_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        plain_ledger().uploads[0, 0] = 3


def test_it_keeps_no_hold_on_the_arrays_that_it_was_given():
    uploads = np.array([[10], [10], [10]])
    ledger = three_bins(uploads, uploads * 0, uploads * 0, pi=[1])
    uploads[0, 0] = 99
    assert ledger.uploads[0, 0] == 10


ONE = np.ones((3, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: three_bins(ONE, ONE, 2 * ONE, pi=[1]), r"violating=.*at most labelled"),
        (lambda: three_bins(ONE, 2 * ONE, ONE, pi=[1]), r"labelled=.*at most uploads"),
        (lambda: three_bins(ONE, ONE, ONE, pi=[1], missing=ONE), r"missing=.*at most uploads - labelled"),
        (lambda: three_bins(-ONE, ONE, ONE, pi=[1]), r"uploads=.*0 or more"),
        (lambda: three_bins(0.5 * ONE, ONE, ONE, pi=[1]), r"uploads=.*whole numbers"),
        (lambda: three_bins(ONE * np.nan, ONE, ONE, pi=[1]), r"uploads=.*finite"),
        (lambda: three_bins(ONE, ONE, ONE, pi=[0]), r"pi=.*above 0 and at most 1"),
        (lambda: three_bins(ONE, ONE, ONE, pi=[1.1]), r"pi=.*above 0 and at most 1"),
        (lambda: three_bins(ONE, ONE, ONE, pi=[[1]]), r"pi=.*one probability for each rate class"),
        (lambda: three_bins(ONE, ONE, ONE, pi=[1, 1]), r"uploads.shape=\(3, 1\).*\(3, 2\)"),
        (lambda: Ledger([0, 0.5, 0.5, 1], ONE, ONE, ONE, [1]), r"edges=.*each above the one before"),
        (lambda: Ledger([0], ONE, ONE, ONE, [1]), r"edges=.*at least two edges"),
        (lambda: Ledger.from_rows([1.2], [1], [True], 1.0, EDGES), r"scores=\[1.2\].*from 0.0 to 1.0"),
        (lambda: Ledger.from_rows([0.2], [2], [True], 1.0, EDGES), r"violating=\[2.\].*1 \(violating\) or 0"),
        (lambda: Ledger.from_rows([0.2], [None], [True], 1.0, EDGES), r"violating=.*finite"),
        (lambda: Ledger.from_rows([0.2], [1, 0], [True], 1.0, EDGES), r"violating.shape=\(2,\).*\(1,\)"),
        (lambda: Ledger.from_rows([0.2], [1], [True, True], 1.0, EDGES), r"drawn.shape=\(2,\)"),
        (lambda: Ledger.from_rows([0.2], [1], [True], [0.5, 0.5], EDGES), r"pi.shape=\(2,\)"),
        (lambda: Ledger.from_rows([0.2], [1], [True], 0.0, EDGES), r"pi=.*above 0"),
        (lambda: plain_ledger().regions(0.15, 0.9), r"low=0.15.*bin edge; the nearest is 0.1"),
        (lambda: plain_ledger().regions(0.1, 0.8), r"high=0.8.*bin edge"),
        (lambda: plain_ledger().regions(float("nan"), 0.9), r"low=nan.*bin edge"),
        (lambda: plain_ledger().regions(0.9, 0.1), r"low=0.9.*at most high=0.1"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats(0, 1)))
def test_every_row_lands_in_the_bin_that_holds_its_score(scores):
    ledger = Ledger.from_rows(scores, np.zeros(scores.size), np.zeros(scores.size), 0.5, EDGES)
    expected = [(scores < 0.1).sum(), ((scores >= 0.1) & (scores < 0.9)).sum(), (scores >= 0.9).sum()]
    assert ledger.uploads[:, 0].tolist() == expected
