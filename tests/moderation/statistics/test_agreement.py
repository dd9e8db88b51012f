from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.statistics.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha, percent_agreement
from tests.moderation.statistics.reading import read_table

KAPPA = read_table("cohen_fleiss_kappa")
ALPHA = read_table("krippendorff_alpha")


def test_cohens_kappa_and_its_interval_are_those_of_sas():
    kappa, expected = cohen_kappa(KAPPA["inputs"]["sas_table"]), KAPPA["expected"]["sas"]
    assert kappa == pytest.approx(expected["kappa"], abs=KAPPA["tolerance"]["sas"])
    assert [kappa.low, kappa.high] == pytest.approx(expected["ci"], abs=2e-4)


@pytest.mark.parametrize("at", range(3))
def test_cohens_kappa_of_the_textbook_tables(at):
    kappa = cohen_kappa(KAPPA["inputs"]["wikipedia_cohen"][at])
    assert kappa == pytest.approx(KAPPA["expected"]["wikipedia_cohen"][at], abs=5e-5)


def test_two_tables_that_agree_on_60_percent_differ_in_kappa():
    _, one, other = KAPPA["inputs"]["wikipedia_cohen"]
    assert percent_agreement(one) == percent_agreement(other) == pytest.approx(0.6)
    assert cohen_kappa(one) < cohen_kappa(other)


def test_fleiss_kappa_of_the_textbook_table():
    assert fleiss_kappa(KAPPA["inputs"]["fleiss_wikipedia"]) == pytest.approx(0.21, abs=5e-4)


def test_fleiss_kappa_of_the_psychiatric_diagnoses():
    rows = [Counter(ratings) for ratings in KAPPA["inputs"]["fleiss_1971_ratings"]]
    kappa = fleiss_kappa([[row[diagnosis] for diagnosis in range(1, 6)] for row in rows])
    assert kappa == pytest.approx(KAPPA["expected"]["fleiss_1971"], abs=KAPPA["tolerance"]["fleiss_1971"])
    assert 0.3 < kappa.low < kappa < kappa.high < 0.55


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ("binary_two_observers", "binary_two_observers"),
        ("nominal_two_observers", "nominal_two_observers"),
        ("four_observers", "nominal_four_observers_missing"),
        ("wikipedia", "wikipedia_nominal"),
    ],
)
def test_krippendorffs_nominal_alpha_with_gaps(ratings, expected):
    alpha = krippendorff_alpha(ALPHA["inputs"][ratings])
    assert alpha == pytest.approx(ALPHA["recomputed"][expected], abs=1e-9)
    assert alpha == pytest.approx(ALPHA["expected"][expected], abs=ALPHA["tolerance"]["three_dp"])
    assert alpha.low < alpha < alpha.high


@given(st.lists(st.tuples(*[st.sampled_from(["violating", "benign", None])] * 3), max_size=25))
def test_agreement_is_1_at_most_and_inside_its_interval(units):
    alpha = krippendorff_alpha(list(zip(*units, strict=True)))
    if alpha is not None:
        assert alpha <= 1
        assert alpha.low is None or -1 <= alpha.low <= max(alpha, -1) <= alpha.high <= 1


@given(st.permutations(range(12)))
def test_the_order_of_uploads_does_not_matter(order):
    ratings = ALPHA["inputs"]["four_observers"]
    shuffled = [[row[at] for at in order] for row in ratings]
    assert krippendorff_alpha(shuffled) == pytest.approx(krippendorff_alpha(ratings))


def test_agreement_on_everything_is_1():
    assert cohen_kappa([[5, 0], [0, 5]]) == fleiss_kappa([[2, 0], [0, 2]]) == krippendorff_alpha([[1, 2], [1, 2]]) == 1


@pytest.mark.parametrize(
    "nothing",
    [
        lambda: cohen_kappa([[0, 0], [0, 0]]),
        lambda: cohen_kappa([[9, 0], [0, 0]]),
        lambda: percent_agreement([[0, 0], [0, 0]]),
        lambda: fleiss_kappa([]),
        lambda: fleiss_kappa([[3, 0], [3, 0]]),
        lambda: krippendorff_alpha([]),
        lambda: krippendorff_alpha([[1, None], [None, 2]]),
        lambda: krippendorff_alpha([[1, 1], [1, float("nan")]]),
    ],
)
def test_what_is_not_defined_is_none(nothing):
    assert nothing() is None


def test_one_upload_has_a_value_without_an_interval():
    alpha = krippendorff_alpha([["violating"], ["benign"]])
    assert (alpha, alpha.low, alpha.high, alpha.n) == (0, None, None, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cohen_kappa([[1, 2]]), r"table.shape=\(1, 2\).*square"),
        (lambda: cohen_kappa([[1, -2], [0, 0]]), r"table=.*0 or more"),
        (lambda: cohen_kappa([[1, 2], [0, 0]], 2), r"confidence=2"),
        (lambda: fleiss_kappa([[1, 1], [2, 1]]), r"counts=.*same number of reviewers"),
        (lambda: fleiss_kappa([[1, 0], [0, 1]]), r"counts=.*2 or more"),
        (lambda: krippendorff_alpha([[1, 2], [1]]), r"ratings=\[2, 1\].*one verdict or None"),
    ],
)
def test_wrong_input_names_argument_value_and_what_is_accepted(call, message):
    with pytest.raises(ValueError, match=message):
        call()
