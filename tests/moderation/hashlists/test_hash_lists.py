"""Hash lists in the record: routing, contesting, the API, and the verifier's rules."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from moderation.hashlists.entry_reviews import EntryReviewRefused, confirm, contest
from moderation.models import ApiToken, Effect, EntryReview, HashEntry, HashList, HashMatch, Upload, User, Verdict
from moderation.models.effects import status_in_force
from moderation.review import gold, objections
from moderation.review.objections import ObjectionRefused
from moderation.review.status import update_status
from moderation.verification import RULES, verify
from tests.database_owner import tampering
from tests.factories import make_entry, make_hash_list, make_match, make_screening, make_upload, make_user, red
from tests.processes import wait_for

pytestmark = pytest.mark.django_db

PDQ = bytes.fromhex("f0" * 32)


@pytest.fixture
def lead() -> User:
    return make_user("lead", group="lead")


@pytest.fixture
def match() -> HashMatch:
    """One upload that a known-bad list rejected by its bytes."""
    return make_match(make_entry(make_hash_list(name="ours"), red(0.1)), make_upload(content=red(0.1)))


# Constraints and searches


@pytest.mark.parametrize(
    "content",
    [
        {"algorithm": "pdq", "digest": "a" * 64},
        {"algorithm": "sha256", "digest": ""},
        {"algorithm": "sha256", "digest": "A" * 64},
        {"algorithm": "sha256", "digest": "a" * 63},
        {"algorithm": "sha256", "digest": "a" * 64, "pdq": PDQ},
        {"algorithm": "sha256", "digest": "a" * 64, "quality": 90},
        {"algorithm": "pdq", "pdq": PDQ, "quality": 101},
        {"algorithm": "pdq", "pdq": PDQ, "review_state": "doubtful"},
    ],
)
def test_an_inconsistent_entry_is_refused(content: dict[str, Any]) -> None:
    hash_list = make_hash_list()
    with pytest.raises(IntegrityError), transaction.atomic():
        HashEntry.objects.create(hash_list=hash_list, **content)


@pytest.mark.parametrize("is_picture", [False, True])
def test_a_hash_is_on_a_list_once(is_picture: bool) -> None:
    hash_list = make_hash_list()
    make_entry(hash_list, PDQ, is_picture=is_picture)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_entry(hash_list, PDQ, is_picture=is_picture)
    make_entry(make_hash_list(), PDQ, is_picture=is_picture)


def test_each_change_of_a_list_records_its_kind_author_and_reason(lead: User) -> None:
    hash_list = make_hash_list()
    hash_list.disable(by=lead, why="It is old.")
    hash_list.expire(timezone.now(), by=None, why="It ends.")
    hash_list.enable(by=lead, why="It is needed.")
    told = hash_list.events.order_by("pgh_id").values_list("by", "why", "enabled")
    assert list(told) == [
        (None, "For a test.", True),
        (lead.pk, "It is old.", False),
        (None, "It ends.", False),
        (lead.pk, "It is needed.", True),
    ]


@pytest.mark.parametrize("change", [{"why": ""}, {"radius": 18}, {"kind": "unknown"}])
def test_a_list_without_a_reason_or_with_too_wide_a_radius_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_hash_list(**{"kind": "known_bad", **change})


def test_an_entry_is_found_by_the_beginning_of_its_hash() -> None:
    hash_list = make_hash_list()
    picture, file = make_entry(hash_list, PDQ, is_picture=True), make_entry(hash_list, b"a file")
    assert list(HashEntry.objects.with_hash("f0f")) == [picture]
    assert list(HashEntry.objects.with_hash(file.digest)) == [file]
    assert not HashEntry.objects.with_hash("f1").exists()


def test_only_pictures_within_the_radius_are_found() -> None:
    hash_list = make_hash_list()
    entries = [
        make_entry(hash_list, (int.from_bytes(PDQ) ^ (1 << n) - 1).to_bytes(32), is_picture=True) for n in range(30)
    ]
    assert {each.pk for each in HashEntry.near([PDQ])} == {entry.pk for entry in entries[:18]}


# Status and effects


@pytest.mark.parametrize(("kind", "status"), [("known_bad", "rejected"), ("known_good", "approved")])
def test_a_match_gives_the_upload_its_status(kind: str, status: str) -> None:
    upload = make_match(make_entry(make_hash_list(kind), b"known")).upload
    assert (upload.status, status_in_force(upload)) == (status, status)


def test_a_contest_makes_the_upload_pending_and_tells_programs_to_hold_it(match: HashMatch, lead: User) -> None:
    contest(match.entry, by=lead, why="A red square.", match=match)
    upload = Upload.objects.get()
    assert (upload.status, status_in_force(upload)) == ("pending", "pending")
    assert list(Effect.objects.in_force().order_by("pk").values_list("outcome", flat=True)) == ["reject", "hold"]
    opinion = EntryReview.objects.get()
    assert (opinion.state, opinion.by, opinion.why, opinion.match) == ("contested", lead, "A red square.", match)
    assert not HashEntry.objects.routing().exists()


def test_another_policys_screening_stays_while_the_match_is_withdrawn(match: HashMatch, lead: User) -> None:
    contest(match.entry, by=lead, why="A red square.")
    make_screening(match.upload, score=0.05)
    assert Upload.objects.get().status == "approved"


def test_a_contest_needs_a_reason(match: HashMatch, lead: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        contest(match.entry, by=lead, why="")


def test_a_second_contest_is_refused(match: HashMatch, lead: User) -> None:
    contest(match.entry, by=lead, why="A red square.")
    with pytest.raises(EntryReviewRefused, match="contested this entry already"):
        contest(match.entry, by=lead, why="Again.")
    assert EntryReview.objects.count() == 1


def test_confirming_a_contested_entry_lets_it_route_again(match: HashMatch, lead: User) -> None:
    contest(match.entry, by=lead, why="A red square.")
    confirm(match.entry, by=lead)
    assert HashEntry.objects.routing().get().review_state == "confirmed"
    assert list(EntryReview.objects.latest_first().values_list("state", flat=True)) == ["confirmed", "contested"]


def test_entry_reviews_and_matches_cannot_be_changed(match: HashMatch, lead: User) -> None:
    opinion = confirm(match.entry, by=lead)
    for row, change in ((opinion, {"why": "x"}), (match, {"distance": 3})):
        with pytest.raises(Exception, match=r"Cannot update|permission denied"), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(**change)


@pytest.mark.django_db(transaction=True)
def test_a_contest_waits_for_transactions_that_route_by_the_entry() -> None:
    entry = make_entry(make_hash_list(), red(0.1))
    upload, lead = make_upload(content=red(0.1)), make_user("lead", group="lead")

    def contest_meanwhile() -> None:
        contest(entry, by=lead, why="A red square.")
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert HashEntry.objects.lock_routing([entry.pk]) == {entry.pk}
            waits = pool.submit(contest_meanwhile)
            wait_for(somebody_waits_for_a_lock)
            make_match(entry, upload)
        waits.result()
    assert HashMatch.objects.get().superseded
    assert Upload.objects.get().status == "pending"


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


# Other programs, reports and appeals


def test_the_api_names_the_list(match: HashMatch) -> None:
    secret = ApiToken.objects.issue(name="platform", source="test")[1]
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    told = program.get(f"/api/v1/uploads/{match.upload_id}").json()
    assert (told["status"], told["decision"]) == ("rejected", None)
    assert told["policies"] == [
        {
            "policy": "adult-content",
            "version": None,
            "route": "reject",
            "outcome": "reject",
            "hash_list": "known-bad by list ours (sha256: the same bytes)",
        }
    ]


@pytest.mark.parametrize(("bits", "said"), [(1, "PDQ, 1 bit of 256 differ"), (4, "PDQ, 4 bits of 256 differ")])
def test_a_matchs_summary_gives_its_distance(bits: int, said: str) -> None:
    entry = make_entry(make_hash_list(name="ours"), PDQ, is_picture=True)
    assert HashMatch(entry=entry, distance=bits).summary == f"known-bad by list ours ({said})"


@pytest.mark.parametrize("kind", ["reports", "appeals"])
def test_an_objection_to_a_match_is_refused_and_names_the_list(match: HashMatch, kind: str) -> None:
    secret = ApiToken.objects.issue(name="platform", source="test")[1]
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    answer = program.post(
        f"/api/v1/uploads/{match.upload_id}/{kind}", {"reason": "A statue."}, content_type="application/json"
    )
    assert answer.status_code == 409
    assert "known-bad by list ours (sha256: the same bytes)" in answer.json()["detail"]
    assert "A lead can contest the list's entry" in answer.json()["detail"]


def test_an_upload_that_another_policy_screened_can_be_objected_to(match: HashMatch) -> None:
    with pytest.raises(ObjectionRefused):
        objections.screening_of(match.upload, policy="adult-content")
    with pytest.raises(objections.PolicyUnclear):
        objections.screening_of(make_screening().upload, policy="weapons")


def test_a_gold_item_needs_a_score(match: HashMatch) -> None:
    with pytest.raises(ObjectionRefused, match="known-bad by list ours"):
        gold.mark(match.upload, truth=Verdict.VIOLATING, why="Known.", by=None)


# The verifier


def test_a_record_with_matches_and_contests_is_clean(match: HashMatch, lead: User) -> None:
    confirm(match.entry, by=lead, match=match)
    other = make_match(make_entry(make_hash_list("known_good"), red(0.9)), make_upload(content=red(0.9)))
    contest(other.entry, by=lead, why="A red square.", match=other)
    assert verify().problems == []


def untouched(model: type, *triggers: str) -> Any:
    return tampering(*(f"{model._meta.label}:{name}" for name in triggers))


def route_otherwise(match: HashMatch) -> None:
    with untouched(HashMatch, "immutable_except_superseded"):
        HashMatch.objects.update(route="approve")


def stand_farther_off(match: HashMatch) -> None:
    with untouched(HashMatch, "immutable_except_superseded"):
        HashMatch.objects.update(distance=2)


def screen_as_well(match: HashMatch) -> None:
    make_screening(match.upload, score=0.9)


def contest_on_paper(match: HashMatch) -> None:
    HashEntry.objects.update(review_state="contested")


def lose_the_effect(match: HashMatch) -> None:
    with untouched(Effect, "never_deleted"):
        Effect.objects.all().delete()


def hold_what_stands(match: HashMatch) -> None:
    Effect.objects.create(upload=match.upload, policy=match.policy, match=match, outcome="hold", due_at=timezone.now())


@pytest.mark.parametrize(
    ("break_it", "rule", "found"),
    [
        (route_otherwise, "each match with a hash list agrees with its entry", "approve by a list that is known-bad"),
        (stand_farther_off, "each match with a hash list agrees with its entry", "2 bits are recorded, 0 differ"),
        (screen_as_well, "each upload is routed once under each policy", "by a score and by a hash list"),
        (contest_on_paper, "no contested entry of a hash list decides anything", "is still routed by entry"),
        (contest_on_paper, "each entry of a hash list has the state of its latest review", "contested, its latest"),
        (lose_the_effect, "each automatic route has its effect", "by a hash list without an effect"),
        (hold_what_stands, "each effect does what was decided", "hold, the record asks for reject"),
    ],
)
def test_each_broken_rule_is_found(
    match: HashMatch, break_it: Callable[[HashMatch], None], rule: str, found: str
) -> None:
    break_it(match)
    assert any(found in told for _, told in RULES[rule]())


def test_a_status_that_differs_from_the_match_is_found(match: HashMatch) -> None:
    Upload.objects.update(status="approved")
    assert [problem.rule for problem in verify().problems] == ["each upload has the status that its record gives"]
    update_status(Upload.objects.all())
    assert verify().clean


def test_expired_lists_are_not_in_use() -> None:
    make_hash_list(expires_at=timezone.now() - timedelta(seconds=1))
    lasting = make_hash_list(expires_at=timezone.now() + timedelta(hours=1))
    assert list(HashList.objects.in_use()) == [lasting]
