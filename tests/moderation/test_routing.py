"""The coin and the band: every boundary, and the laws that the statistics rest on."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation.routing import Draw, Rates, Route, SamplingReason, coin, draw, region, route

SECRET = bytes(range(32))
RATES = Rates(approve=0.02, review=0.6, reject=0.1, fallback=Route.REJECT)
UNIT = st.floats(0, 1, exclude_max=True)
PROBABILITY = st.floats(0, 1)
REGIONS = st.sampled_from(list(Route))


def test_the_coin_is_the_top_of_a_keyed_hash() -> None:
    # printf 12:3 | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f  begins with c2453467ea42a050
    assert coin(SECRET, upload_id=12, policy_id=3) == (0xC2453467EA42A050 >> 11) / 2**53 == 0.7588684800814556


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_the_coin_lies_in_0_1_and_shows_the_same_again(secret: bytes, upload: int, policy: int) -> None:
    u = coin(secret, upload_id=upload, policy_id=policy)
    assert 0 <= u < 1
    assert u == coin(secret, upload_id=upload, policy_id=policy)


@pytest.mark.parametrize(
    ("secret", "upload", "policy"),
    [(SECRET, 13, 3), (SECRET, 12, 4), (SECRET, 1, 23), (bytes(32), 12, 3)],
)
def test_another_upload_policy_or_epoch_throws_another_coin(secret: bytes, upload: int, policy: int) -> None:
    assert coin(secret, upload_id=upload, policy_id=policy) != coin(SECRET, upload_id=12, policy_id=3)


def test_where_the_id_ends_matters() -> None:
    assert coin(SECRET, upload_id=1, policy_id=12) != coin(SECRET, upload_id=11, policy_id=2)


def test_the_coin_is_even_over_ten_thousand_uploads() -> None:
    counts = [0] * 20
    for upload in range(10_000):
        counts[int(coin(SECRET, upload_id=upload, policy_id=1) * 20)] += 1
    chi_square = sum((count - 500) ** 2 / 500 for count in counts)
    assert chi_square < 60  # 19 degrees of freedom: more in 4 of a million fair secrets; this one is fixed


def test_one_upload_is_no_hint_of_the_next() -> None:
    coins = [coin(SECRET, upload_id=upload, policy_id=1) - 0.5 for upload in range(10_001)]
    correlation = 12 * sum(a * b for a, b in pairwise(coins)) / 10_000
    assert abs(correlation) < 0.05


@pytest.mark.parametrize(
    ("score", "low", "high", "within"),
    [
        (0.0, 0.2, 0.8, "approve"),
        (0.19999999, 0.2, 0.8, "approve"),
        (0.2, 0.2, 0.8, "review"),
        (0.79999999, 0.2, 0.8, "review"),
        (0.8, 0.2, 0.8, "reject"),
        (1.0, 0.2, 0.8, "reject"),
        (0.49999999, 0.5, 0.5, "approve"),  # no band
        (0.5, 0.5, 0.5, "reject"),
        (0.0, 0.0, 1.0, "review"),  # people look at nearly everything
        (1.0, 0.0, 1.0, "reject"),
        (0.0, 0.0, 0.0, "reject"),
        (0.99999999, 1.0, 1.0, "approve"),
        (1.0, 1.0, 1.0, "reject"),
    ],
)
def test_the_band_takes_low_and_leaves_high(score: float, low: float, high: float, within: str) -> None:
    assert region(score, low=low, high=high) == within


@pytest.mark.parametrize(
    ("within", "u", "pi", "reason"),
    [
        ("approve", 0.01999999, 0.02, "audit_approve"),
        ("approve", 0.02, 0.02, "none"),
        ("review", 0.59999999, 0.6, "review_band"),
        ("review", 0.6, 0.6, "none"),
        ("reject", 0.09999999, 0.1, "audit_reject"),
        ("reject", 0.1, 0.1, "none"),
    ],
)
def test_a_region_draws_below_its_own_rate(within: str, u: float, pi: float, reason: str) -> None:
    assert draw(u, within=Route(within), rates=RATES) == Draw(
        u=u, pi=pi, reason=SamplingReason(reason), rate_class=f"{within}:{pi}"
    )


@given(UNIT, REGIONS)
@example(0.0, Route.APPROVE)
@example(1 - 2**-53, Route.REJECT)
def test_rate_nought_draws_nobody_and_rate_one_everybody(u: float, within: Route) -> None:
    assert not draw(u, within=within, rates=Rates(approve=0, review=0, reject=0)).drawn
    assert draw(u, within=within, rates=Rates(approve=1, review=1, reject=1)).drawn


@given(UNIT, REGIONS, PROBABILITY, PROBABILITY)
def test_a_higher_rate_draws_everyone_that_a_lower_one_drew(u: float, within: Route, one: float, other: float) -> None:
    low, high = sorted([one, other])
    before = draw(u, within=within, rates=Rates(approve=low, review=low, reject=low))
    after = draw(u, within=within, rates=Rates(approve=high, review=high, reject=high))
    assert after.drawn or not before.drawn


@given(UNIT, REGIONS, PROBABILITY)
def test_a_reason_is_given_exactly_where_drawn(u: float, within: Route, pi: float) -> None:
    thrown = draw(u, within=within, rates=Rates(approve=pi, review=pi, reject=pi))
    assert (thrown.reason is not SamplingReason.NONE) == thrown.drawn


@pytest.mark.parametrize(
    ("within", "u", "fallback", "taken"),
    [
        ("approve", 0.0, "reject", "approve"),  # an audit changes nothing
        ("approve", 0.9, "reject", "approve"),
        ("reject", 0.0, "approve", "reject"),
        ("reject", 0.9, "approve", "reject"),
        ("review", 0.59999999, "reject", "review"),
        ("review", 0.6, "reject", "reject"),  # the band left it out
        ("review", 0.6, "approve", "approve"),
    ],
)
def test_only_what_the_band_leaves_out_takes_the_fallback(within: str, u: float, fallback: str, taken: str) -> None:
    thrown = draw(u, within=Route(within), rates=RATES)
    assert route(Route(within), draw=thrown, fallback=Route(fallback)) == taken


@given(UNIT, st.sampled_from([Route.APPROVE, Route.REJECT]), st.sampled_from([Route.APPROVE, Route.REJECT]))
def test_a_draw_inherited_from_another_region_never_keeps_people_from_the_band(
    u: float, first: Route, fallback: Route
) -> None:
    inherited = draw(u, within=first, rates=RATES)
    assert route(Route.REVIEW, draw=inherited, fallback=fallback) is Route.REVIEW


@given(UNIT, st.sampled_from([Route.APPROVE, Route.REJECT]))
def test_a_draw_inherited_from_the_band_leaves_other_regions_alone(u: float, now: Route) -> None:
    inherited = draw(u, within=Route.REVIEW, rates=RATES)
    assert route(now, draw=inherited, fallback=Route.REJECT) is now
