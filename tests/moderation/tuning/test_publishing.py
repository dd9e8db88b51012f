"""Counts from the record, and drafts that become the version in force."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from moderation import tuning
from moderation.models import Community, PolicyVersion, Screening
from moderation.models.threshold_grid import GRID, GRID_STEPS
from moderation.routing import Rates, Route, region
from moderation.tuning.epochs import why_new_epoch
from moderation.tuning.versions import put_in_force
from tests.factories import default_policy, make_screening, make_upload, make_user, version_in_force

pairs = st.tuples(st.integers(0, GRID_STEPS), st.integers(0, GRID_STEPS)).map(
    lambda steps: (GRID[min(steps)], GRID[max(steps)])
)
bins = st.lists(st.integers(0, 50), min_size=GRID_STEPS + 1, max_size=GRID_STEPS + 1).map(tuple)


def counts(bins_: tuple[int, ...], days: float = 1.0) -> tuning.ScoreCounts:
    return tuning.ScoreCounts(bins=bins_, routed={}, days=days)


@given(bins, pairs)
def test_shares_add_up_to_all_uploads(bins_, pair) -> None:
    shares = counts(bins_).shares(low=pair[0], high=pair[1])
    assert shares.total == sum(bins_)


@given(bins, pairs, pairs)
def test_moved_uploads_explain_the_whole_difference_between_two_pairs(bins_, one, other) -> None:
    scores = counts(bins_)
    before = scores.shares(low=one[0], high=one[1])
    after = scores.shares(low=other[0], high=other[1])
    moved = scores.moved(one, other)
    for route in Route:
        came = sum(n for (_, to), n in moved.items() if to is route)
        left = sum(n for (origin, _), n in moved.items() if origin is route)
        assert getattr(after, route) - getattr(before, route) == came - left


def test_expected_reviews_count_the_band_and_the_audits() -> None:
    shares = tuning.Shares(approve=1000, review=50, reject=10)
    assert shares.reviews_expected(Rates(approve=0.02, review=1.0, reject=0.1)) == pytest.approx(50 + 20 + 1)


def test_share_without_uploads_is_zero() -> None:
    assert tuning.Shares(approve=0, review=0, reject=0).share(Route.REVIEW) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("score", [0.0, 0.07, 0.1, 0.2, 0.28, 0.29, 0.57, 0.58, 0.7, 0.8, 0.99, 1.0])
def test_a_score_on_the_grid_is_counted_as_the_thresholds_compare_it(score: float) -> None:
    """0.29 * 100 is 28.999999999999996: a product would count it on the wrong side of low 0.29."""
    make_screening(score=score)
    scores = tuning.score_counts(default_policy())
    for threshold in GRID:
        shares = scores.shares(low=threshold, high=threshold)
        assert getattr(shares, region(score, low=threshold, high=threshold)) == 1


@pytest.mark.django_db
def test_counts_are_of_live_screenings_with_the_routes_they_took() -> None:
    for score in (0.1, 0.11, 0.5, 0.9):
        make_screening(score=score)
    old = make_screening(score=0.95)
    Screening.objects.filter(pk=old.pk).update(superseded=True)
    scores = tuning.score_counts(default_policy())
    assert (scores.total, scores.days) == (4, 1.0)
    assert scores.routed == {Route.APPROVE: 2, Route.REVIEW: 1, Route.REJECT: 1}


@pytest.mark.django_db
def test_screenings_older_than_the_window_are_left_out() -> None:
    make_screening(score=0.1)
    long_ago = timezone.now() - tuning.WINDOW - timedelta(hours=1)
    copy_screening(make_screening(score=0.6), created_at=long_ago)
    assert tuning.score_counts(default_policy()).total == 2


@pytest.mark.django_db
def test_days_span_from_the_oldest_screening_in_the_window() -> None:
    copy_screening(make_screening(score=0.6), created_at=timezone.now() - timedelta(days=10))
    assert tuning.score_counts(default_policy()).days == pytest.approx(10, abs=0.1)


@pytest.mark.django_db
def test_screenings_under_a_communitys_own_thresholds_are_left_out() -> None:
    community = Community.objects.create(slug="art", name="Art")
    own = PolicyVersion.objects.create(policy=default_policy(), community=community, number=1, low=0.4, high=0.9)
    copy_screening(make_screening(score=0.6), policy_version=own)
    assert tuning.score_counts(default_policy()).total == 1


@pytest.mark.django_db
def test_scores_by_another_preprocessing_are_left_out() -> None:
    copy_screening(make_screening(score=0.6), preprocessing_version="another")
    assert tuning.score_counts(default_policy()).total == 1


def copy_screening(screening: Screening, **changes: object) -> Screening:
    """Make a copy for another upload that differs in ``changes``, because screenings are immutable."""
    screening.pk, screening.upload = None, make_upload()
    for name, value in changes.items():
        setattr(screening, name, value)
    screening.save(force_insert=True)
    return screening


@pytest.mark.django_db
def test_saving_twice_keeps_one_draft() -> None:
    policy, ann = default_policy(), make_user("ann", group="admin")
    first = tuning.save_draft(policy, by=ann, why="", low=0.3)
    second = tuning.save_draft(policy, by=ann, why="fewer reviews", low=0.35)
    assert (first.pk, second.low, second.why) == (second.pk, 0.35, "fewer reviews")
    assert version_in_force().low == 0.2


@pytest.mark.django_db
def test_a_draft_takes_its_text_from_what_is_in_force_when_it_is_saved() -> None:
    policy, ann = default_policy(), make_user("ann", group="admin")
    stale = tuning.save_draft(policy, by=ann, why="", low=0.3)
    put_in_force(version_in_force().copy_as_draft(by=ann, text="A new text."), by=ann, why="text")
    draft = tuning.save_draft(policy, by=ann, why="", low=0.4)
    assert (draft.pk, draft.text, draft.number) == (stale.pk, "A new text.", version_in_force().number + 1)


@pytest.mark.django_db
def test_publishing_puts_the_draft_in_force_and_keeps_the_epoch() -> None:
    ann, before = make_user("ann", group="admin"), version_in_force()
    tuning.save_draft(before.policy, by=ann, why="", low=0.3)
    after = tuning.publish(before.policy, by=ann, why="fewer reviews", seen=before.pk, low=0.3, high=0.9)
    assert version_in_force() == after
    assert (after.low, after.high, after.epoch, after.why) == (0.3, 0.9, before.epoch, "fewer reviews")
    assert tuning.draft_of(before.policy) is None


@pytest.mark.django_db
def test_a_lower_audit_rate_opens_a_new_epoch_and_the_proposal_says_so_before() -> None:
    ann, before = make_user("ann", group="admin"), version_in_force()
    foretold = why_new_epoch(tuning.proposed(before, audit_rate_approve=0.01))
    after = tuning.publish(before.policy, by=ann, why="w", seen=before.pk, audit_rate_approve=0.01)
    assert after.epoch != before.epoch
    assert "audit rate" in foretold


@pytest.mark.django_db
def test_rolling_back_makes_a_new_version_with_the_old_content() -> None:
    ann, first = make_user("ann", group="admin"), version_in_force()
    second = tuning.publish(first.policy, by=ann, why="try", seen=first.pk, low=0.4)
    third = tuning.roll_back(first, by=ann, why="it let too much through", seen=second.pk)
    assert (third.number, third.low, third.state) == (3, 0.2, "in_force")


@pytest.mark.django_db
def test_a_person_with_an_older_page_gets_a_message_and_nothing_is_saved() -> None:
    ann, first = make_user("ann", group="admin"), version_in_force()
    tuning.publish(first.policy, by=ann, why="first", seen=first.pk, low=0.4)
    with pytest.raises(tuning.PublishedMeanwhile, match=r"Version 2 .* by ann"):
        tuning.publish(first.policy, by=ann, why="second", seen=first.pk, low=0.1)
    with pytest.raises(tuning.PublishedMeanwhile):
        tuning.roll_back(first, by=ann, why="second", seen=first.pk)
    assert PolicyVersion.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_publish_at_once_one_wins_and_the_other_gets_a_message() -> None:
    ann, first = make_user("ann", group="admin"), version_in_force()
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def publish(low: float) -> None:
        start.wait()
        try:
            tuning.publish(first.policy, by=ann, why="w", seen=first.pk, low=low)
            outcomes.append("published")
        except tuning.PublishedMeanwhile:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=publish, args=[low]) for low in (0.3, 0.4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["published", "refused"]
    assert PolicyVersion.objects.count() == 2
