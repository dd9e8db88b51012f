"""Versions of a policy: refusals, publishing, and when evidence starts over."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction

from moderation.models import Classifier, Community, Epoch, Policy, PolicyVersion
from moderation.models.version_content import CONTENT
from moderation.tuning.epochs import why_new_epoch
from moderation.tuning.versions import AlreadyPublished, put_in_force
from tests.database_owner import as_owner
from tests.factories import default_policy, make_user, version_in_force

pytestmark = pytest.mark.django_db


def draft(**changes: Any) -> PolicyVersion:
    return version_in_force().copy_as_draft(by=None, **changes)


def publish(**changes: Any) -> PolicyVersion:
    version = draft(**changes)
    put_in_force(version, by=None, why="A test.")
    return version


def other_classifier(**changes: Any) -> Classifier:
    fields = {"name": "other", "sha256": "0" * 64, "preprocessing_version": "1", "manifest": {}, "licence": "MIT"}
    return Classifier.objects.create(positive_label="bad", **(fields | changes))


def make_community(slug: str = "art", *, parent: Community | None = None) -> Community:
    return Community.objects.create(slug=slug, name=slug.title(), parent=parent)


def for_community(community: Community, **changes: Any) -> PolicyVersion:
    fields = {"policy": default_policy(), "number": 1, "low": 0.4, "high": 0.9}
    return PolicyVersion.objects.create(community=community, **(fields | changes))


# Drafts


def test_a_draft_copies_the_content_and_takes_the_next_number() -> None:
    user, now = make_user(), version_in_force()
    copy = now.copy_as_draft(by=user)
    assert (copy.number, copy.state, copy.created_by, copy.epoch, copy.why) == (2, "draft", user, None, "")
    assert {name: getattr(copy, name) for name in CONTENT} == {name: getattr(now, name) for name in CONTENT}


def test_a_draft_takes_the_given_changes() -> None:
    copy = draft(low=0.3, text="Another rule.", capacity=500)
    assert (copy.low, copy.high, copy.text, copy.capacity) == (0.3, 0.8, "Another rule.", 500)
    assert version_in_force().low == 0.2


def test_numbers_go_on_after_drafts_and_from_older_versions() -> None:
    first = version_in_force()
    publish(low=0.3)
    assert [first.copy_as_draft(by=None).number, draft().number] == [3, 4]


# Publishing


def test_publishing_retires_the_version_before() -> None:
    user, before = make_user(group="admin"), version_in_force()
    after = draft(low=0.3)
    put_in_force(after, by=user, why="Fewer reviews.")
    before.refresh_from_db()
    assert (before.state, before.retired_at is None) == ("retired", False)
    assert (after.state, after.published_by, after.why, after.retired_at) == ("in_force", user, "Fewer reviews.", None)
    assert version_in_force() == after


@pytest.mark.parametrize("state", ["in_force", "retired"])
def test_only_a_draft_can_be_published_and_nothing_changes_otherwise(state: str) -> None:
    publish(low=0.3)
    version, before = PolicyVersion.objects.get(state=state), list(PolicyVersion.objects.order_by("pk").values())
    with pytest.raises(AlreadyPublished, match="is no longer a draft"):
        put_in_force(version, by=None, why="Again.")
    assert list(PolicyVersion.objects.order_by("pk").values()) == before


def test_publishing_twice_opens_no_epoch() -> None:
    version = publish(text="Another rule.")
    version.text = "A third rule."
    with pytest.raises(AlreadyPublished):
        put_in_force(version, by=None, why="Again.")
    assert Epoch.objects.get(closed_at=None) == version.epoch


@pytest.mark.parametrize(
    "changes",
    [
        {"low": 0.1, "high": 0.9},
        {"low": 0.5, "high": 0.5},
        {"audit_rate_approve": 0.05, "audit_rate_reject": 1.0},
        {"cost_miss": 100.0, "cost_wrongful": 0.0, "cost_review": 9.0},
        {"capacity": 300},
        {"fallback": "approve"},
        {"review_rate": 0.1},  # no smaller than the smallest audit rate
        {"reasons": [{"code": "other", "text": "Something else"}]},
        {},
    ],
)
def test_evidence_keeps_adding_up(changes: dict[str, Any]) -> None:
    epoch = version_in_force().epoch
    assert why_new_epoch(draft(**changes)) == ""
    assert publish(**changes).epoch == epoch
    assert Epoch.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"text": "Another rule."}, "The policy's text changed."),
        ({"audit_rate_approve": 0.01}, "An audit rate fell below the epoch's floor (leak, miss)."),
        ({"audit_rate_reject": 0.09}, "An audit rate fell below the epoch's floor (wrongful)."),
        ({"review_rate": 0.09}, "An audit rate fell below the epoch's floor (wrongful)."),
        ({"review_rate": 0.01}, "An audit rate fell below the epoch's floor (leak, miss, wrongful)."),
        ({"audit_rate_approve": 0.0, "audit_rate_reject": 0.0},
         "An audit rate fell below the epoch's floor (leak, miss, wrongful)."),
    ],
)  # fmt: skip
def test_evidence_starts_over(changes: dict[str, Any], why: str) -> None:
    before = version_in_force().epoch
    assert why_new_epoch(draft(**changes)) == why
    after = publish(**changes).epoch
    before.refresh_from_db()
    assert (before.closed_at is None, before.why_closed, after.why_opened) == (False, why, why)
    assert bytes(after.secret) != bytes(before.secret)
    assert Epoch.objects.filter(closed_at=None).get() == after


@pytest.mark.parametrize("same_file", [True, False])
def test_another_classifier_or_preprocessing_starts_over(same_file: bool) -> None:
    now = version_in_force().classifier
    changed = {"sha256": now.sha256, "preprocessing_version": "other"} if same_file else {}
    after = publish(classifier=other_classifier(**changed)).epoch
    assert after.why_opened == "The classifier or its preprocessing changed."
    assert Epoch.objects.count() == 2


def test_an_epoch_keeps_what_it_started_with() -> None:
    epoch = publish(text="Another rule.", low=0.3, high=0.7, audit_rate_approve=0.04, targets={"leak": 0.01}).epoch
    assert (epoch.start_low, epoch.start_high, epoch.targets) == (0.3, 0.7, {"leak": 0.01})
    assert epoch.pi_floor == {"leak": 0.04, "miss": 0.04, "wrongful": 0.1}
    assert (epoch.grid[0], epoch.grid[29], epoch.grid[-1], len(epoch.grid)) == (0.0, 0.29, 1.0, 101)


def test_a_rate_above_the_floor_that_falls_back_to_it_starts_nothing_over() -> None:
    publish(audit_rate_approve=0.5)
    assert why_new_epoch(draft(audit_rate_approve=0.02)) == ""


# Communities


def test_a_community_goes_by_the_roots_epoch() -> None:
    version = for_community(make_community())
    put_in_force(version, by=None, why="Art may show more.")
    assert version.epoch == version_in_force().epoch
    assert version_in_force().state == "in_force"


def test_each_community_has_a_version_in_force_of_its_own() -> None:
    art, sport = for_community(make_community()), for_community(make_community("sport"))
    put_in_force(art, by=None, why="Art.")
    put_in_force(sport, by=None, why="Sport.")
    after = art.copy_as_draft(by=None, low=0.5)
    put_in_force(after, by=None, why="More art.")
    art.refresh_from_db()
    assert (art.state, after.number) == ("retired", 2)
    assert PolicyVersion.objects.in_force().count() == 3


def test_a_communitys_lower_rate_lowers_the_floor_for_all() -> None:
    version = for_community(make_community(), audit_rate_approve=0.005)
    put_in_force(version, by=None, why="Art is large.")
    assert version.epoch.pi_floor == {"leak": 0.005, "miss": 0.005, "wrongful": 0.1}
    assert publish(audit_rate_approve=0.01).epoch == version.epoch


def test_a_new_epochs_floor_looks_at_every_community_in_force_but_at_no_former_version() -> None:
    art = for_community(make_community(), audit_rate_reject=0.03)
    put_in_force(art, by=None, why="Art.")
    assert publish(text="Another rule.").epoch.pi_floor["wrongful"] == 0.03
    put_in_force(art.copy_as_draft(by=None, audit_rate_reject=0.2), by=None, why="Art again.")
    assert publish(text="A third rule.", audit_rate_reject=0.1).epoch.pi_floor["wrongful"] == 0.1


# Refusals by the database


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"low": 0.81}, "thresholds_in_order"),
        ({"low": -0.01}, "thresholds_in_order"),
        ({"high": 1.01}, "thresholds_in_order"),
        ({"low": 0.255}, "low_lies_on_the_grid"),
        ({"high": 0.805}, "high_lies_on_the_grid"),
        ({"low": 0.2000001}, "low_lies_on_the_grid"),
        ({"audit_rate_approve": 1.5}, "rates_are_probabilities"),
        ({"audit_rate_approve": -0.01}, "rates_are_probabilities"),
        ({"audit_rate_reject": 1.01}, "rates_are_probabilities"),
        ({"review_rate": 1.01}, "rates_are_probabilities"),
        ({"cost_miss": -0.1}, "costs_are_not_negative"),
        ({"cost_wrongful": -1}, "costs_are_not_negative"),
        ({"cost_review": -1}, "costs_are_not_negative"),
        ({"text": ""}, "text_and_classifier_belong_to_the_root"),
        ({"classifier": None}, "text_and_classifier_belong_to_the_root"),
        ({"low": float("nan")}, "low_lies_on_the_grid"),
    ],
)
def test_a_root_version_that_makes_no_sense_is_refused(changes: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        draft(**changes)
    assert PolicyVersion.objects.count() == 1


@pytest.mark.parametrize("step", [0, 1, 7, 14, 28, 29, 55, 56, 57, 58, 99, 100])
def test_every_hundredth_lies_on_the_grid(step: int) -> None:
    version = draft(low=step / 100, high=1.0)
    version.full_clean(exclude=["capacity", "epoch"])
    assert version.low == step / 100


@pytest.mark.parametrize("changes", [{"text": "A rule of its own."}, {"classifier": "the root's"}])
def test_a_community_sets_neither_text_nor_classifier(changes: dict[str, Any]) -> None:
    if "classifier" in changes:
        changes = {"classifier": version_in_force().classifier}
    with pytest.raises(IntegrityError, match="text_and_classifier_belong_to_the_root"), transaction.atomic():
        for_community(make_community(), **changes)


def test_two_versions_in_force_are_refused() -> None:
    version = draft()
    with pytest.raises(IntegrityError, match="one_version_in_force_per_policy_and_community"), transaction.atomic():
        PolicyVersion.objects.filter(pk=version.pk).update(
            state="in_force", published_at="2026-01-01T00:00Z", why="x", epoch=version_in_force().epoch
        )


@pytest.mark.parametrize("missing", ["why", "epoch", "published_at"])
def test_in_force_without_a_reason_or_an_epoch_is_refused(missing: str) -> None:
    other = Policy.objects.create(slug="other", name="Other")
    now = version_in_force()
    fields = {"why": "x", "epoch": now.epoch, "published_at": now.published_at} | {
        missing: "" if missing == "why" else None
    }
    content = {"policy": other, "number": 1, "text": "x", "classifier": now.classifier, "low": 0.2, "high": 0.8}
    with pytest.raises(IntegrityError, match="published_with_a_reason_in_an_epoch"), transaction.atomic():
        PolicyVersion.objects.create(state="in_force", **content, **fields)


def test_a_number_is_given_once() -> None:
    with pytest.raises(IntegrityError, match="one_version_per_number"), transaction.atomic():
        PolicyVersion.objects.filter(pk=draft().pk).update(number=1)


def test_one_epoch_is_open_at_a_time() -> None:
    publish(text="Another rule.")
    with pytest.raises(IntegrityError, match="one_open_epoch_per_policy"), transaction.atomic():
        Epoch.objects.update(closed_at=None)


def test_a_community_is_not_its_own_parent() -> None:
    community = make_community()
    with pytest.raises(IntegrityError, match="community_is_not_its_own_parent"), transaction.atomic():
        Community.objects.update(parent=community)


@pytest.mark.parametrize("model", [PolicyVersion, Epoch])
def test_versions_and_epochs_stay(model: type[PolicyVersion | Epoch]) -> None:
    publish(text="Another rule.")
    with pytest.raises(DatabaseError, match="Cannot delete or truncate rows"), transaction.atomic(), as_owner():
        model.objects.all()._raw_delete("default")


@pytest.mark.parametrize("state", ["in_force", "retired"])
@pytest.mark.parametrize(
    "change",
    [{"text": "Other."}, {"low": 0.1}, {"audit_rate_approve": 0.5}, {"labels": []}, {"capacity": 1}, {"number": 9}],
)
def test_what_was_published_is_never_rewritten(state: str, change: dict[str, Any]) -> None:
    publish(low=0.3)
    with pytest.raises(DatabaseError, match="Cannot update rows"), transaction.atomic():
        PolicyVersion.objects.filter(state=state).update(**change)


def test_a_draft_may_be_rewritten() -> None:
    assert PolicyVersion.objects.filter(pk=draft().pk).update(low=0.1, text="Other.") == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": 0.9}, "Thresholds must satisfy 0 <= low <= high <= 1."),
        ({"low": 0.255}, "low must be a multiple of 0.01."),
        ({"high": 0.805}, "high must be a multiple of 0.01."),
    ],
)
def test_a_form_can_say_what_is_wrong(changes: dict[str, float], message: str) -> None:
    version = draft()
    for name, value in changes.items():
        setattr(version, name, value)
    with pytest.raises(ValidationError) as refused:
        version.validate_constraints()
    assert refused.value.messages == [message]


# Arithmetic


@pytest.mark.parametrize(
    ("combination", "scores", "combined"),
    [("max", (0.3, 0.6), 0.6), ("sum", (0.3, 0.5), 0.8), ("sum", (0.7, 0.6), 1.0)],
)
def test_labels_are_combined_into_one_probability(
    combination: str, scores: tuple[float, float], combined: float
) -> None:
    version = PolicyVersion(labels=["a", "b"], combination=combination)
    by_label = {"a": scores[0], "b": scores[1], "of another policy": 0.99}
    assert version.combine(by_label) == pytest.approx(combined)


@pytest.mark.parametrize("change", [{"labels": ["nsfw", "sfw"]}, {"combination": "sum"}])
def test_another_way_to_the_score_opens_a_new_epoch(change: dict[str, object]) -> None:
    before = version_in_force()
    draft = before.copy_as_draft(by=None, **change)
    put_in_force(draft, by=None, why="The score means something else.")
    assert draft.epoch != before.epoch
    assert draft.epoch.why_opened == "The labels of the score, or their combination, changed."
