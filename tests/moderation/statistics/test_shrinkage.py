import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.shrinkage import beta_binomial


def test_groups_alike_share_one_rate():
    shrunk = beta_binomial([10, 11, 9, 10], [1000, 1000, 1000, 1000])
    assert shrunk.values == pytest.approx(0.01, rel=0.05)
    assert shrunk.strength > 1000


def test_groups_that_differ_keep_their_own_rates():
    shrunk = beta_binomial([10, 300, 900], [1000, 1000, 1000])
    assert shrunk.values == pytest.approx([0.01, 0.3, 0.9], abs=0.005)
    assert shrunk.strength < 20


def test_the_prior_is_found_again():
    random = np.random.default_rng(5)
    labels = random.integers(50, 400, 2000)
    shrunk = beta_binomial(random.binomial(labels, random.beta(2, 38, 2000)), labels)
    assert shrunk.mean == pytest.approx(0.05, abs=0.003)
    assert shrunk.strength == pytest.approx(40, rel=0.15)


def test_a_group_without_labels_gets_the_common_rate():
    shrunk = beta_binomial([5, 0, 40], [100, 0, 200])
    assert shrunk.values[1] == pytest.approx(shrunk.mean)
    assert shrunk.low[1] < shrunk.low[0]
    assert shrunk.high[1] > shrunk.high[0]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1)), min_size=1, max_size=12))
def test_values_lie_between_the_own_and_the_common_rate(rows):
    labels = np.array([n for n, _ in rows])
    hits = np.array([int(n * share) for n, share in rows])
    shrunk = beta_binomial(hits, labels)
    if not labels.sum():
        assert shrunk is None
        return
    own = np.where(labels > 0, hits / np.maximum(labels, 1), shrunk.mean)
    assert (shrunk.values >= np.minimum(own, shrunk.mean) - 1e-9).all()
    assert (shrunk.values <= np.maximum(own, shrunk.mean) + 1e-9).all()
    assert ((shrunk.low >= 0) & (shrunk.low <= shrunk.high) & (shrunk.high <= 1)).all()


@pytest.mark.parametrize(("hits", "labels"), [([0, 0], [10**6, 10]), ([10**6, 10], [10**6, 10])])
def test_no_hits_or_hits_only(hits, labels):
    shrunk = beta_binomial(hits, labels)
    assert np.isfinite(shrunk.low + shrunk.high).all()
    assert shrunk.values == pytest.approx(float(hits[0] > 0), abs=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: beta_binomial([2], [1]), r"x=.*at most n"),
        (lambda: beta_binomial([1, 1], [1]), r"x.shape=\(2,\).*\(1,\)"),
        (lambda: beta_binomial([-1], [1]), r"x=.*0 or more"),
        (lambda: beta_binomial([1], [1], 0), r"confidence=0"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("hits", "limit"), [(0, "high"), (400, "low")])
def test_what_nobody_has_seen_is_not_ruled_out(hits: int, limit: str):
    shrunk = beta_binomial([hits, hits // 2], [400, 200])
    assert (shrunk.low <= shrunk.values).all()
    assert (shrunk.values <= shrunk.high).all()
    far = getattr(shrunk, limit)
    assert (abs(far - hits / 400) > 1e-3).all()
    assert (abs(far - hits / 400) < 0.02).all()
