"""What publishing asks for: a typed confirmation of a large change, and a second person."""

import pytest

from moderation import tuning
from moderation.models import Policy, PolicyVersion
from moderation.models.threshold_grid import GRID_STEPS
from moderation.routing import Route
from moderation.tuning.policy_rules import RuleProtected, change_rules
from moderation.tuning.versions import put_in_force
from tests.factories import default_policy, make_screening, make_user, version_in_force


def counts(by_score: dict[float, int]) -> tuning.ScoreCounts:
    bins = [0] * (GRID_STEPS + 1)
    for score, uploads in by_score.items():
        bins[tuning.step(score)] = uploads
    return tuning.ScoreCounts(bins=tuple(bins), routed=dict.fromkeys(Route, 0), days=28.0)


def version(low: float, high: float) -> PolicyVersion:
    return PolicyVersion(policy=Policy(slug="p", name="P"), low=low, high=high)


UPLOADS = counts({0.1: 70, 0.25: 20, 0.5: 9, 0.9: 1})


@pytest.mark.parametrize(
    ("low", "high", "phrase"),
    [
        (0.2, 0.8, None),  # nothing changes
        (0.3, 0.8, None),  # 20 of 100: exactly the share
        (0.51, 0.8, "change routes"),  # 29 of 100
        (0.0, 0.0, "reject everything"),
        (1.0, 1.0, "approve everything"),
    ],
)
def test_a_change_of_more_than_the_policys_share_has_to_be_confirmed(low: float, high: float, phrase: str) -> None:
    asked = tuning.confirmation_for(version(low, high), current=version(0.2, 0.8), counts=UPLOADS)
    assert (asked.phrase if asked else None) == phrase


def test_the_request_says_how_many_uploads_change_and_what_to_type() -> None:
    asked = tuning.confirmation_for(version(0.51, 0.8), current=version(0.2, 0.8), counts=UPLOADS)
    assert asked is not None
    assert asked.request == (
        "This changes the route of 29 of 100 uploads (29 %), more than the 20 % that this policy lets pass without a "
        "confirmation. Type “change routes” to publish."
    )


@pytest.mark.parametrize("extreme", [(0.0, 0.0), (1.0, 1.0)])
def test_rejecting_or_approving_everything_is_confirmed_even_without_uploads(extreme: tuple[float, float]) -> None:
    assert tuning.confirmation_for(version(*extreme), current=version(0.2, 0.8), counts=counts({}))


@pytest.mark.parametrize(("low", "asked"), [(0.4, False), (0.41, True)])
def test_without_uploads_the_distance_counts(low: float, asked: bool) -> None:
    found = tuning.confirmation_for(version(low, 0.8), current=version(0.2, 0.8), counts=counts({}))
    assert bool(found) is asked


@pytest.mark.parametrize(
    ("typed", "given"),
    [("reject everything", True), ("  Reject   EVERYTHING ", True), ("", False), ("yes", False), ("reject", False)],
)
def test_a_confirmation_is_the_whole_phrase_in_any_case(typed: str, given: bool) -> None:
    assert tuning.Confirmation(phrase="reject everything", why="w").is_given_by(typed) is given


@pytest.mark.django_db
def test_publishing_and_rolling_back_ask_for_the_phrase() -> None:
    ann, first = make_user("ann", group="admin"), version_in_force()
    make_screening(score=0.05)
    with pytest.raises(tuning.ConfirmationMissing, match="reject every upload"):
        tuning.publish(first.policy, by=ann, why="w", seen=first.pk, low=0.0, high=0.0, confirmed="yes")
    assert (version_in_force(), tuning.draft_of(first.policy)) == (first, None)
    second = tuning.publish(
        first.policy, by=ann, why="w", seen=first.pk, low=0.0, high=0.0, confirmed="reject everything"
    )
    with pytest.raises(tuning.ConfirmationMissing, match="1 of 1 uploads"):
        tuning.roll_back(first, by=ann, why="w", seen=second.pk)
    assert tuning.roll_back(first, by=ann, why="w", seen=second.pk, confirmed="change routes").low == 0.2


@pytest.mark.django_db
def test_where_two_are_needed_nobody_publishes_their_own_draft() -> None:
    ann, bob, first = make_user("ann", group="admin"), make_user("bob", group="admin"), version_in_force()
    Policy.objects.update(needs_second_publisher=True)
    draft = tuning.save_draft(first.policy, by=ann, why="fewer reviews", low=0.3)
    with pytest.raises(tuning.SecondPersonNeeded, match="another person"):
        tuning.publish(first.policy, by=ann, why="w", seen=first.pk, low=0.3)
    after = tuning.publish(
        first.policy, by=bob, why="agreed", seen=first.pk, seen_draft=tuning.draft_mark(draft), low=0.3
    )
    assert (after.pk, after.created_by, after.published_by) == (draft.pk, ann, bob)


@pytest.mark.django_db
def test_numbers_of_ones_own_make_a_draft_of_ones_own() -> None:
    """Whoever changes the numbers of another person's draft has drafted it."""
    ann, bob, first = make_user("ann", group="admin"), make_user("bob", group="admin"), version_in_force()
    Policy.objects.update(needs_second_publisher=True)
    draft = tuning.save_draft(first.policy, by=ann, why="fewer reviews", low=0.3)
    with pytest.raises(tuning.SecondPersonNeeded):
        tuning.publish(first.policy, by=bob, why="w", seen=first.pk, seen_draft=tuning.draft_mark(draft), low=0.35)
    assert version_in_force() == first


@pytest.mark.django_db
def test_no_way_around_the_second_person() -> None:
    ann = make_user("ann", group="admin")
    Policy.objects.update(needs_second_publisher=True)
    with pytest.raises(tuning.SecondPersonNeeded):
        put_in_force(version_in_force().copy_as_draft(by=ann), by=ann, why="w")


@pytest.mark.django_db
def test_a_draft_that_somebody_saved_meanwhile_is_not_overwritten() -> None:
    ann, bob, policy = make_user("ann", group="admin"), make_user("bob", group="admin"), default_policy()
    tuning.save_draft(policy, by=ann, why="", low=0.3)
    with pytest.raises(tuning.DraftedMeanwhile, match=r"ann saved a draft, version 2 \(low 0.30, high 0.80\)"):
        tuning.save_draft(policy, by=bob, why="", low=0.4)
    with pytest.raises(tuning.DraftedMeanwhile):
        tuning.publish(policy, by=bob, why="w", seen=version_in_force().pk, low=0.4)
    draft = tuning.draft_of(policy)
    assert (draft.low, draft.created_by) == (0.3, ann)
    assert tuning.save_draft(policy, by=bob, why="", seen_draft=tuning.draft_mark(draft), low=0.4).low == 0.4


@pytest.mark.django_db
def test_only_a_superuser_ends_the_rule_of_two() -> None:
    ann, policy = make_user("ann", group="admin"), default_policy()
    rules = {"requires_look": True, "confirmed_share": 0.1, "why": "More care."}
    change_rules(policy, by=ann, needs_second_publisher=True, **rules)
    with pytest.raises(RuleProtected):
        change_rules(policy, by=ann, needs_second_publisher=False, **rules)
    ann.is_superuser = True
    change_rules(policy, by=ann, needs_second_publisher=False, **rules)
    policy.refresh_from_db()
    assert (policy.requires_look, policy.confirmed_share, policy.needs_second_publisher) == (True, 0.1, False)
