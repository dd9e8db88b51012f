import math
from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from moderation.statistics.estimates import estimate
from moderation.statistics.intervals import clopper_pearson, fay_feuer, wilson
from moderation.statistics.ledger import Ledger
from tests.moderation.statistics.reading import dress_scores, plain_ledger, read_table, three_bins

API = read_table("r_survey_apistrat")


def test_the_worked_example():
    """50 violations leak, 60 are in the band, 90 are rejected: of 1,300 uploads 200 violate."""
    found = estimate(plain_ledger(), 0.1, 0.9)
    assert found.prevalence.value == pytest.approx(200 / 1300)
    assert found.leak_rate.value == pytest.approx(50 / 1000)
    assert found.miss_rate.value == pytest.approx(50 / 200)
    assert found.wrongful_rate.value == pytest.approx(10 / 100)
    assert found.escapes_10k.value == pytest.approx(10_000 * 50 / 1300)
    assert found.wrongful_10k.value == pytest.approx(10_000 * 10 / 1300)
    assert astuple(found.review_share)[:3] == pytest.approx((200 / 1300,) * 3)


def test_each_estimate_has_the_number_of_labels_that_it_rests_on():
    found = estimate(plain_ledger(), 0.1, 0.9)
    assert (found.leak_rate.n, found.wrongful_rate.n, found.prevalence.n) == (100, 50, 350)


def test_one_equal_probability_sample_has_wilson_limits():
    found = estimate(plain_ledger(), 0.1, 0.9)
    assert (found.leak_rate.low, found.leak_rate.high) == pytest.approx(wilson(5, 100))
    assert (found.wrongful_rate.low, found.wrongful_rate.high) == pytest.approx(wilson(5, 50))


def test_limits_are_exact_on_request():
    leak = estimate(plain_ledger(), 0.1, 0.9, exact=True).leak_rate
    assert (leak.low, leak.high) == pytest.approx(clopper_pearson(5, 100))


def sampled_leak(leaked, *, exact):
    """Return exact coverage and upper coverage of the leak rate, for 10,000 approved uploads audited at 2 %."""
    covered = upper = 0.0
    for found in range(leaked + 1):
        ledger = three_bins([[10_000], [0], [0]], [[200], [0], [0]], [[found], [0], [0]], pi=[0.02])
        leak, chance = (
            estimate(ledger, 0.1, 0.9, exact=exact).leak_rate,
            stats.hypergeom.pmf(found, 10_000, leaked, 200),
        )
        covered += chance * (leak.low <= leaked / 10_000 <= leak.high)
        upper += chance * (leaked / 10_000 <= leak.high)
    return covered, upper


def test_wilsons_lower_limit_is_too_high_for_very_rare_leaks_and_the_exact_one_is_not():
    """At 8 leaks in 10,000, one run in six finds a leak, and then the interval starts at 8.8."""
    covered, upper = sampled_leak(8, exact=False)
    assert covered == pytest.approx(0.851, abs=0.002)
    assert upper == pytest.approx(1)
    assert sampled_leak(8, exact=True)[0] > 0.975


@pytest.mark.parametrize("leaked", [1, 8, 9, 27, 50, 77, 100, 150, 200])
def test_the_upper_limit_of_the_leak_rate_holds_at_every_rate(leaked):
    assert sampled_leak(leaked, exact=False)[1] >= 0.95


def test_samples_of_unequal_probability_have_gamma_limits():
    ledger = three_bins(
        [[900, 100], [0, 0], [0, 0]], [[90, 50], [0, 0], [0, 0]], [[2, 1], [0, 0], [0, 0]], pi=[0.1, 0.5]
    )
    leak = estimate(ledger, 0.1, 0.9).leak_rate
    assert leak.value == pytest.approx((10 * 2 + 2 * 1) / 1000)
    assert (1000 * leak.low, 1000 * leak.high) == pytest.approx(fay_feuer([2, 1], [10, 2]))


def test_what_was_labelled_entirely_is_known():
    ledger = three_bins(
        [[900, 100], [0, 0], [0, 0]], [[90, 100], [0, 0], [0, 0]], [[0, 7], [0, 0], [0, 0]], pi=[0.1, 1]
    )
    leak = estimate(ledger, 0.1, 0.9).leak_rate
    assert leak.value == pytest.approx(7 / 1000)
    assert leak.low == pytest.approx(7 / 1000)
    assert leak.high == pytest.approx((7 + 900 * wilson(0, 90)[1]) / 1000)


def test_parts_are_joined_around_the_estimate():
    found = estimate(plain_ledger(), 0.1, 0.9)
    (leak_low, leak_high), (benign_low, benign_high) = wilson(5, 100), wilson(5, 50)
    below = math.hypot(50 - 1000 * leak_low, 90 - (100 - 100 * benign_high))
    above = math.hypot(1000 * leak_high - 50, 100 - 100 * benign_low - 90)
    assert (found.prevalence.low, found.prevalence.high) == pytest.approx(((200 - below) / 1300, (200 + above) / 1300))


def test_the_miss_rate_sets_each_part_against_the_other_end_of_the_rest():
    found = estimate(plain_ledger(), 0.1, 0.9)
    leak_low, leak_high = (1000 * limit for limit in wilson(5, 100))
    benign_low, benign_high = (100 * limit for limit in wilson(5, 50))
    rest_low, rest_high = 60 + 100 - benign_high, 60 + 100 - benign_low
    expected = (leak_low / (leak_low + rest_high), leak_high / (leak_high + rest_low))
    assert (found.miss_rate.low, found.miss_rate.high) == pytest.approx(expected)


def test_missing_verdicts_widen_from_all_benign_to_all_violating():
    leak = estimate(plain_ledger(missing=[[10, 0, 0], [0, 0, 0], [0, 0, 0]]), 0.1, 0.9).leak_rate
    assert leak.value == pytest.approx(0.05)
    assert (leak.low, leak.high) == pytest.approx((wilson(5, 110)[0], wilson(15, 110)[1]))


def test_a_rate_class_without_a_label_leaves_no_estimate():
    found = estimate(
        plain_ledger(labelled=[[0, 0, 0], [0, 200, 0], [0, 0, 50]], violating=[[0] * 3, [0, 60, 0], [0, 0, 45]]),
        0.1,
        0.9,
    )
    assert found.leak_rate.value is found.prevalence.value is found.miss_rate.value is None
    assert found.leak_rate.low is found.leak_rate.high is None
    assert found.wrongful_rate.value == pytest.approx(0.1)


@pytest.mark.parametrize(("labels", "shown"), [(29, False), (30, True)])
def test_an_estimate_is_shown_from_30_labels(labels, shown):
    ledger = plain_ledger(labelled=[[labels, 0, 0], [0, 200, 0], [0, 0, 50]])
    found = estimate(ledger, 0.1, 0.9)
    assert (found.leak_rate.shown, found.miss_rate.shown, found.wrongful_rate.shown) == (shown, shown, True)


def pvb_ledger(table):
    """Return a diagnostic test as a ledger: negative and positive are two bins, verified means labelled."""
    cells = [table["inputs"]["test_negative"], table["inputs"]["test_positive"]]
    return two_bins(cells)


def two_bins(cells):
    labelled = np.array([[cell["verified_diseased"] + cell["verified_healthy"]] for cell in cells])
    uploads = labelled + [[cell["unverified"]] for cell in cells]
    return Ledger([0, 0.5, 1], uploads, labelled, [[cell["verified_diseased"]] for cell in cells], [0.5])


def accuracy(ledger):
    """Return the textbook's four rates from ours, without a band."""
    found = estimate(ledger, 0.5, 0.5)
    healthy = 1 - found.prevalence.value
    return {
        "sensitivity": 1 - found.miss_rate.value,
        "specificity": 1 - found.wrongful_10k.value / 10_000 / healthy,
        "ppv": 1 - found.wrongful_rate.value,
        "npv": 1 - found.leak_rate.value,
    }


@pytest.mark.parametrize("name", ["pvb_diaphanography", "pvb_hepatic_scintigraphy"])
def test_verification_bias_is_corrected_as_published(name):
    table = read_table(name)
    ours = accuracy(pvb_ledger(table))
    for rate, (expected, *_) in table["expected"]["r_PVBcorrect_acc_bg_est_se_lo_hi"].items():
        assert ours[rate] == pytest.approx(expected, abs=1e-6)


def cad_cells(**where):
    cells = read_table("pvb_cad_spect")["inputs"]["cells"]
    chosen = [cell for cell in cells if all(cell[key] == value for key, value in where.items())]
    return {key: sum(cell[key] for cell in chosen) for key in ("verified_diseased", "verified_healthy", "unverified")}


def test_verification_bias_of_2688_heart_patients_is_corrected_as_published():
    ours = accuracy(two_bins([cad_cells(T=0), cad_cells(T=1)]))
    for rate, (expected, *_) in read_table("pvb_cad_spect")["expected"]["acc_bg_est_se_lo_hi"].items():
        assert ours[rate] == pytest.approx(expected, abs=2e-6)


def test_strata_of_unequal_verification_are_weighted_each_by_its_own_rate():
    groups = [two_bins([cad_cells(T=0, X1=x), cad_cells(T=1, X1=x)]) for x in (0, 1)]
    columns = (np.hstack([getattr(group, name) for group in groups]) for name in ("uploads", "labelled", "violating"))
    ours = accuracy(Ledger([0, 0.5, 1], *columns, pi=[0.5, 0.5]))
    for rate, expected in read_table("pvb_cad_spect")["expected"]["acc_dg2_X1"].items():
        assert ours[rate] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("variable", ["sch.wide", "awards", "yr.rnd"])
def test_a_stratified_mean_is_that_of_the_survey_package(variable):
    given, expected = API["inputs"], API["expected"][variable]
    ledger = Ledger([0, 1], [given["N"]], [given["n"]], [given["x"][variable]], [0.1, 0.1, 0.1])
    prevalence = estimate(ledger, 1, 1).prevalence
    assert prevalence.value == pytest.approx(expected["mean"], abs=3e-8)
    low, high = expected["beta_korn_graubard"]
    assert prevalence.low < low < high < prevalence.high  # gamma limits are wider for counts that are not rare


@given(st.data())
def test_with_equal_pi_the_estimate_is_the_stratified_mean(data):
    sizes = data.draw(st.lists(st.integers(1, 10**6), min_size=3, max_size=3))
    labelled = [data.draw(st.integers(1, size)) for size in sizes]
    hits = [data.draw(st.integers(0, count)) for count in labelled]
    ledger = three_bins(*([[value] for value in column] for column in (sizes, labelled, hits)), pi=[0.3])
    mean = sum(size * x / n for size, n, x in zip(sizes, labelled, hits, strict=True)) / sum(sizes)
    assert estimate(ledger, 0.1, 0.9).prevalence.value == pytest.approx(mean)


@st.composite
def ledgers(draw):
    shape, most = (draw(st.integers(1, 4)), draw(st.integers(1, 3))), draw(st.sampled_from([0, 3, 1000, 10**6]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    uploads = random.integers(0, most + 1, shape)
    labelled = random.integers(0, uploads + 1)
    missing = random.integers(0, np.minimum(uploads - labelled, draw(st.sampled_from([0, 5]))) + 1)
    violating = draw(st.sampled_from([0, labelled, random.integers(0, labelled + 1)])) * np.ones(shape)
    return Ledger(
        np.linspace(0, 1, shape[0] + 1), uploads, labelled, violating, random.uniform(0.01, 1, shape[1]), missing
    )


@given(ledgers(), st.data())
def test_every_estimate_is_right_side_up_or_none(ledger, data):
    low, high = sorted(data.draw(st.sampled_from(ledger.edges.tolist())) for _ in range(2))
    found = estimate(ledger, low, high)
    for field in fields(found):
        each = getattr(found, field.name)
        most = 10_000 if field.name.endswith("10k") else 1
        if each.value is None:
            assert each.low is each.high is None
        else:
            assert 0 <= each.low <= each.value <= each.high <= most * (1 + 1e-12)


def test_a_ledger_of_nothing_has_no_estimates():
    zeros = np.zeros((3, 1))
    found = estimate(three_bins(zeros, zeros, zeros, pi=[1]), 0.1, 0.9)
    assert all(getattr(found, field.name).value is None for field in fields(found))


def test_no_violation_anywhere_has_no_miss_rate_but_a_prevalence():
    ledger = plain_ledger(violating=np.zeros((3, 3)))
    found = estimate(ledger, 0.1, 0.9)
    assert found.miss_rate.value is None
    assert (found.prevalence.value, found.prevalence.low) == (0, 0)
    assert found.prevalence.high > 0


def test_everything_violating_has_no_benign_upload():
    ledger = plain_ledger(violating=plain_ledger().labelled)
    found = estimate(ledger, 0.1, 0.9)
    assert (found.prevalence.value, found.wrongful_rate.value, found.leak_rate.value) == (1, 0, 1)


def test_a_million_uploads_a_bin():
    counts = np.full((3, 1), 10**6)
    found = estimate(three_bins(counts, counts, counts // 4, pi=[1]), 0.1, 0.9)
    assert (found.prevalence.low, found.prevalence.value, found.prevalence.high) == pytest.approx((0.25,) * 3)


def test_confidence_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"confidence=95.*strictly between 0 and 1"):
        estimate(plain_ledger(), 0.1, 0.9, confidence=95)


def test_intervals_on_real_scores_cover_the_truth_of_all_rows():
    """Label only the band and the coin's draw of 3,781 photos, 200 times; see docs/statistics.md."""
    violating, scores = dress_scores()
    pi = np.select([scores < 0.2, scores >= 0.9], [0.1, 0.3], 1.0)
    truth = violating[scores < 0.2].sum() / violating.sum()
    hits = []
    for seed in range(200):
        drawn = np.random.default_rng(seed).random(scores.size) < pi
        miss = estimate(Ledger.from_rows(scores, violating, drawn, pi, np.linspace(0, 1, 51)), 0.2, 0.9).miss_rate
        hits.append(miss.low <= truth <= miss.high)
    assert np.mean(hits) >= 0.93
