"""Reports and appeals: another person decides, above the sample; only the coin makes their verdict a label."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from moderation import storage
from moderation.models import (
    ApiToken,
    Decision,
    Effect,
    Exposure,
    LedgerRow,
    Objection,
    ReviewTask,
    Screening,
    Upload,
    User,
)
from moderation.models.effects import status_in_force
from moderation.review import claiming, deciding, objections
from moderation.review.claims import Claim
from moderation.review.exact_duplicates import reuse_verdicts
from moderation.review.objection_checks import ObjectionRefused, TextNotAllowed, TooManyObjections
from moderation.review.objections import record_objection
from moderation.tuning.rollup import differences, roll_up
from moderation.verification import RULES
from tests import factories
from tests.factories import decide_claimed

pytestmark = pytest.mark.django_db
APPROVED, BAND, REJECTED = 0.05, 0.5, 0.95
DRAWN, NOT_DRAWN = 0.0, 0.999
RECORD = (
    "each upload has the status that its record gives",
    "each decided task has exactly one live verdict",
    "each verdict that changes something has its effect",
    "each effect does what was decided",
    "no undone decision has an effect any more",
)


@pytest.fixture(autouse=True)
def at_once(settings) -> None:
    settings.GRACE_SECONDS = 0


@pytest.fixture
def people() -> list[User]:
    return [factories.make_user(f"person-{n}") for n in range(4)]


@pytest.fixture
def lead() -> User:
    return factories.make_user("lena", group="lead")


@pytest.fixture
def token() -> ApiToken:
    return ApiToken.objects.issue(name="platform", source="test")[0]


def screened(score: float, u: float = NOT_DRAWN) -> Screening:
    """Screen an upload; it waits for a person where it was drawn or lies in the band."""
    if score == BAND or u == DRAWN:
        return factories.make_task(score=score, u=u).screening
    return factories.make_screening(score=score, u=u)


def put(screening: Screening, kind: str, *, by: User | None = None, token: ApiToken | None = None) -> Objection:
    return record_objection(screening, kind=kind, text="Look at the poster.", by=by, token=token)


def shown_to(person: User, screening: Screening) -> Screening:
    """Record that ``person`` saw the upload unblurred."""
    Exposure.objects.reveal(screening.upload, person=person)
    return screening


def decide(by: User, verdict: str) -> Decision:
    """Decide the next task of the ordinary queue as ``by``."""
    task = claiming.claim_next(by)
    assert task is not None
    return decide_claimed(task, verdict)


def stands(screening: Screening) -> str:
    """Return the status that other programs get, after checking the record."""
    assert [found for rule in RECORD for found in RULES[rule]()] == []
    return status_in_force(Upload.objects.get(pk=screening.upload_id))


def labels() -> tuple[int, int]:
    """Labelled and violating, over the whole ledger."""
    roll_up()
    assert differences() == []
    rows = LedgerRow.objects.all()
    return sum(row.labelled for row in rows), sum(row.violating for row in rows)


def test_a_report_on_an_approved_upload_is_judged_in_the_queue_and_takes_effect(people, token) -> None:
    screening = screened(APPROVED)
    assert claiming.claim_next(people[0]) is None
    report = put(screening, "report", token=token)
    decision = decide(people[0], "violating")
    assert (decision.source, decision.task) == ("report", report.task)
    assert stands(screening) == "rejected"
    assert not ReviewTask.objects.undecided().exists()


def test_a_report_that_finds_nothing_changes_nothing(people, token) -> None:
    screening = screened(APPROVED)
    put(screening, "report", token=token)
    decide(people[0], "benign")
    assert stands(screening) == "approved"
    assert Effect.objects.filter(decision__isnull=False).count() == 0


def test_an_appeal_is_not_judged_by_its_first_decider_but_by_another_and_reverses(people, token) -> None:
    screening = screened(BAND)
    decide(people[0], "violating")
    assert stands(screening) == "rejected"
    put(screening, "appeal", token=token)
    assert claiming.claim_next(people[0]) is None
    assert decide(people[1], "benign").source == "appeal"
    assert claiming.claim_next(people[1]) is None
    assert decide(people[2], "benign").source == "appeal"
    assert stands(screening) == "approved"


@pytest.mark.parametrize("kind", ["report", "appeal"])
def test_nobody_objects_to_what_they_review(lead, kind: str) -> None:
    screening = screened(APPROVED, DRAWN)
    claiming.claim_next(lead)
    with pytest.raises(ObjectionRefused, match="in the queue just now"):
        put(screening, kind, by=lead)


def test_nobody_answers_their_own_appeal_with_a_task_that_they_held(lead) -> None:
    screening = screened(APPROVED, DRAWN)
    held = claiming.claim_next(lead)
    claiming.skip(held, claim=Claim.from_task(held))
    assert put(screening, "appeal", by=lead).task == held
    assert claiming.claim_next(lead) is None


class TestLiftingARejection:
    """One account alone lifts none, whoever it belongs to."""

    def test_a_second_person_has_to_agree(self, people, token) -> None:
        screening = screened(REJECTED)
        put(screening, "appeal", token=token)
        decide(people[0], "benign")
        assert stands(screening) == "rejected"
        assert Objection.objects.with_answer().get().waits
        decide(people[1], "benign")
        assert stands(screening) == "approved"
        assert Objection.objects.with_answer().get().verdict == "benign"

    def test_the_second_person_keeps_it_at_once(self, people, token) -> None:
        screening = screened(REJECTED)
        put(screening, "appeal", token=token)
        decide(people[0], "benign")
        decide(people[1], "violating")
        assert stands(screening) == "rejected"
        assert claiming.claim_next(people[2]) is None
        assert Objection.objects.with_answer().get().verdict == "violating"

    def test_a_leads_rejection_needs_a_lead(self, people, lead, token) -> None:
        screening = screened(BAND)
        decide(lead, "violating")
        put(screening, "appeal", token=token)
        decide(people[0], "benign")
        assert claiming.claim_next(people[1]) is None
        decide(factories.make_user("leo", group="lead"), "benign")
        assert stands(screening) == "approved"

    def test_where_nobody_else_can_tell_it_stays(self, people, lead, token) -> None:
        screening = screened(REJECTED)
        put(screening, "appeal", token=token)
        decide(people[0], "benign")
        for person in (people[1], people[2], lead):
            decide(person, "cannot_tell")
        assert stands(screening) == "rejected"
        assert not ReviewTask.objects.undecided().exists()
        (answered,) = Objection.objects.with_answer()
        assert (answered.waits, answered.verdict, answered.answered_at) == (False, None, None)

    def test_an_undo_of_one_of_the_two_rejects_again(self, people, token) -> None:
        screening = screened(REJECTED)
        put(screening, "appeal", token=token)
        first = decide(people[0], "benign")
        decide(people[1], "benign")
        deciding.undo(first.task, by=people[0])
        assert stands(screening) == "rejected"

    def test_whoever_rejected_may_undo_it_alone(self, people) -> None:
        screening = screened(BAND)
        deciding.undo(decide(people[0], "violating").task, by=people[0])
        assert stands(screening) == "in_review"


class TestReports:
    def test_what_stands_rejected_is_not_reported(self, people, token) -> None:
        screening = shown_to(people[0], screened(REJECTED))
        for by in ({"by": people[0]}, {"token": token}):
            with pytest.raises(ObjectionRefused, match="An appeal is the way"):
                put(screening, "report", **by)

    def test_people_report_only_what_they_saw(self, people) -> None:
        with pytest.raises(ObjectionRefused, match="You have not seen upload"):
            put(screened(APPROVED), "report", by=people[0])

    def test_nobody_reports_twice_while_the_first_waits(self, people) -> None:
        screening = shown_to(people[0], screened(APPROVED))
        put(screening, "report", by=people[0])
        with pytest.raises(ObjectionRefused, match=r"You reported upload \d+ already"):
            put(screening, "report", by=people[0])
        decide(people[1], "benign")
        assert put(screening, "report", by=people[0]).task.decided_at

    def test_a_person_reports_so_many_a_day(self, people, settings) -> None:
        settings.REPORTS_PER_DAY = 2
        for _ in range(2):
            put(shown_to(people[0], screened(APPROVED)), "report", by=people[0])
        with pytest.raises(TooManyObjections, match="at most 2 are accepted"):
            put(shown_to(people[0], screened(APPROVED)), "report", by=people[0])
        assert Objection.objects.count() == 2

    def test_a_token_objects_so_many_times_a_day(self, token, settings) -> None:
        settings.TOKEN_OBJECTIONS_PER_DAY = 2
        put(screened(APPROVED), "report", token=token)
        put(screened(APPROVED), "appeal", token=token)
        with pytest.raises(TooManyObjections, match="at most 2 are accepted"):
            put(screened(APPROVED), "report", token=token)


def test_whoever_undid_their_verdict_is_not_the_judge_of_an_appeal_either(people, token) -> None:
    screening = screened(BAND)
    deciding.undo(decide(people[0], "violating").task, by=people[0])
    decide(people[1], "violating")
    put(screening, "appeal", token=token)
    assert claiming.claim_next(people[0]) is None
    assert claiming.claim_next(people[2]) is not None


def test_whoever_decided_on_the_same_bytes_elsewhere_is_not_the_judge(people, token) -> None:
    content = factories.red(0.5)
    first = factories.make_task(factories.make_upload(content=content), score=BAND).screening
    decide(people[0], "violating")
    again = factories.make_task(factories.make_upload(content=content), score=BAND).screening
    decide(people[1], "violating")
    assert stands(first) == stands(again) == "rejected"
    put(again, "appeal", token=token)
    assert claiming.claim_next(people[0]) is None


def test_whoever_raised_it_does_not_judge_it(people, lead) -> None:
    put(shown_to(people[0], screened(APPROVED)), "report", by=people[0])
    assert claiming.claim_next(people[0]) is None
    assert claiming.claim_next(lead) is not None


def test_a_verdict_on_an_appeal_stands_above_a_later_one_of_the_sample(people, token) -> None:
    screening = screened(APPROVED, DRAWN)
    decide(people[0], "violating")  # a second opinion is waiting now
    put(screening, "appeal", token=token)
    assert [decide(people[n], "benign").source for n in (1, 2)] == ["appeal", "appeal"]
    assert decide(people[3], "violating").source == "sample"
    assert stands(screening) == "approved"
    assert labels() == (1, 1)


def test_a_verdict_on_a_report_is_no_label_where_the_coin_did_not_draw(people, token) -> None:
    put(screened(APPROVED), "report", token=token)
    decide(people[0], "violating")
    assert labels() == (0, 0)


def test_where_the_coin_drew_the_upload_the_samples_verdict_counts_and_not_the_reports(people, token) -> None:
    screening = screened(APPROVED, DRAWN)
    decide(people[0], "benign")
    put(screening, "report", token=token)
    decide(people[1], "violating")
    assert stands(screening) == "rejected"
    assert labels() == (1, 0)


def test_where_the_first_look_is_to_come_it_answers_the_report_and_counts(people, token) -> None:
    screening = screened(BAND)
    report = put(screening, "report", token=token)
    assert (report.task.kind, ReviewTask.objects.count()) == ("screening", 1)
    decide(people[0], "violating")
    assert labels() == (1, 1)
    assert not Objection.objects.waiting().exists()


def test_a_report_comes_before_what_nobody_asked_about(people, token) -> None:
    screened(BAND)
    reported = screened(APPROVED)
    put(reported, "report", token=token)
    assert decide(people[0], "benign").screening == reported


def test_several_reports_are_answered_by_one_look(people, token) -> None:
    screening = screened(APPROVED)
    put(screening, "report", token=token)
    put(shown_to(people[1], screening), "report", token=token)
    decide(people[0], "benign")
    put(screening, "report", token=token)
    assert ReviewTask.objects.count() == 1
    assert [(one.waits, one.verdict) for one in Objection.objects.with_answer()] == [(False, "benign")] * 3


def test_an_undo_of_a_verdict_on_an_appeal_brings_back_what_stood(people, token) -> None:
    screening = screened(BAND)
    decide(people[0], "violating")
    put(screening, "appeal", token=token)
    decide(people[1], "benign")
    appeal = decide(people[2], "benign")
    assert stands(screening) == "approved"
    deciding.undo(appeal.task, by=people[2])
    assert stands(screening) == "rejected"
    assert Objection.objects.waiting().exists()
    assert decide(people[3], "violating").source == "appeal"
    assert stands(screening) == "rejected"


def test_an_undo_in_the_sample_leaves_the_appeal_in_the_queue(people, token) -> None:
    screening = screened(BAND)
    first = decide(people[0], "violating")
    put(screening, "appeal", token=token)
    deciding.undo(first.task, by=people[0])
    assert decide(people[1], "benign").source == "appeal"
    assert stands(screening) == "approved"


def test_who_can_not_tell_of_an_appeal_hands_on_to_another_and_at_last_to_a_lead(people, lead, token) -> None:
    screening = screened(BAND)
    decide(people[0], "violating")
    put(screening, "appeal", token=token)
    decide(people[1], "cannot_tell")
    decide(people[2], "cannot_tell")
    assert claiming.claim_next(people[3]) is None
    assert Objection.objects.waiting().exists()
    assert decide(lead, "benign").source == "appeal"
    assert stands(screening) == "rejected"
    assert decide(people[3], "benign").source == "appeal"
    assert stands(screening) == "approved"


def test_where_nobody_can_tell_of_an_appeal_all_stays_as_it_was(people, lead, token) -> None:
    screening = screened(BAND)
    decide(people[0], "violating")
    put(screening, "appeal", token=token)
    for person in (people[1], people[2], lead):
        decide(person, "cannot_tell")
    assert not ReviewTask.objects.undecided().exists()
    assert stands(screening) == "rejected"
    assert Objection.objects.with_answer().get().verdict is None


def test_there_is_one_appeal_until_it_is_answered_and_one_in_all(people, token) -> None:
    screening = screened(BAND)
    decide(people[0], "violating")
    first = put(screening, "appeal", token=token)
    with pytest.raises(ObjectionRefused, match=f"Appeal {first.pk} on upload .* waits for its answer"):
        put(screening, "appeal", token=token)
    decide(people[1], "violating")
    with pytest.raises(ObjectionRefused, match=f"Appeal {first.pk} on upload .* was decided"):
        put(screening, "appeal", token=token)


def test_an_appeal_that_nobody_could_answer_may_be_raised_again(people, lead, token) -> None:
    screening = screened(REJECTED)
    put(screening, "appeal", token=token)
    for person in (people[0], people[1], lead):
        decide(person, "cannot_tell")
    assert put(screening, "appeal", token=token).task.decided_at is None


@pytest.mark.django_db(transaction=True)
def test_of_twenty_appeals_at_once_one_is_recorded(token) -> None:
    screening = screened(REJECTED)

    def appeal(_number: int) -> int:
        try:
            put(screening, "appeal", token=token)
        except ObjectionRefused:
            return 409
        finally:
            connection.close()
        return 201

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(appeal, range(20)))
    assert sorted(answers) == [201] + [409] * 19
    assert Objection.objects.count() == 1


def test_nothing_is_to_appeal_before_a_decision(token) -> None:
    with pytest.raises(ObjectionRefused, match="Nothing is decided about upload"):
        put(screened(BAND), "appeal", token=token)
    assert not Objection.objects.exists()


def test_what_an_appeal_overturned_is_not_taken_over_by_the_same_picture(people, token) -> None:
    content = factories.red(0.5)
    screening = factories.make_task(factories.make_upload(content=content), score=BAND).screening
    decide(people[0], "violating")
    put(screening, "appeal", token=token)
    decide(people[1], "benign")
    decide(people[2], "benign")
    roll_up()
    again = factories.make_screening(factories.make_upload(content=content), score=BAND)
    assert reuse_verdicts(ReviewTask.objects.open_for([again])) == []


def test_an_unscreened_upload_is_refused_and_so_is_an_empty_reason(token) -> None:
    upload = factories.make_upload()
    with pytest.raises(ObjectionRefused, match="no pre-screen has decided"):
        objections.object_to(upload, kind="report", text="It is bad.", token=token)
    with pytest.raises(TextNotAllowed, match="1 to 2,000"):
        objections.object_to(upload, kind="report", text="  ", token=token)


def test_an_image_that_nobody_was_asked_about_gets_its_renditions(token) -> None:
    screening = screened(APPROVED)
    objections.object_to(screening.upload, kind="report", text="It is bad.", token=token)
    sha256 = screening.upload.file.sha256
    assert all(storage.rendition_path(sha256, frame=0, variant=each).exists() for each in ("clear", "blurred"))


class TestApi:
    @pytest.fixture
    def call(self, client: Client):
        _, secret = ApiToken.objects.issue(name="shop", source="test")

        def send(path: str, body: dict[str, str] | None = None, **headers: str):
            headers = {"Authorization": f"Bearer {secret}", **headers}
            url = f"/api/v1/uploads/{path}"
            if body is None:
                return client.get(url, headers=headers)
            return client.post(url, body, content_type="application/json", headers=headers)

        return send

    def test_a_platform_reports_and_reads_the_answer(self, call, people) -> None:
        screening = screened(APPROVED)
        answer = call(f"{screening.upload_id}/reports", {"reason": "A customer complained."})
        assert answer.status_code == 201
        assert (answer.json()["status"], answer.json()["outcome"]) == ("waiting", None)
        decide(people[0], "violating")
        (told,) = call(f"{screening.upload_id}/objections").json()
        assert (told["id"], told["status"], told["outcome"]) == (answer.json()["id"], "answered", "reject")
        assert call(str(screening.upload_id)).json()["status"] == "rejected"

    def test_an_answer_within_its_grace_period_does_not_show(self, call, people, settings) -> None:
        screening = screened(APPROVED)
        call(f"{screening.upload_id}/reports", {"reason": "A customer complained."})
        settings.GRACE_SECONDS = 60
        decide(people[0], "violating")
        (told,) = call(f"{screening.upload_id}/objections").json()
        assert (told["status"], told["outcome"], told["answered_at"]) == ("waiting", None, None)
        assert call(str(screening.upload_id)).json()["status"] == "approved"

    def test_a_platform_appeals(self, call, people) -> None:
        screening = screened(REJECTED)
        assert call(f"{screening.upload_id}/appeals", {"reason": "It is a painting."}).status_code == 201
        decide(people[0], "benign")
        assert call(str(screening.upload_id)).json()["status"] == "rejected"
        assert call(f"{screening.upload_id}/objections").json()[0]["status"] == "waiting"
        decide(people[1], "benign")
        assert call(str(screening.upload_id)).json()["status"] == "approved"

    def test_a_second_appeal_is_409_and_names_the_first(self, call) -> None:
        path = f"{screened(REJECTED).upload_id}/appeals"
        first = call(path, {"reason": "It is a painting."}).json()
        again = call(path, {"reason": "It is a statue."})
        assert again.status_code == 409
        assert f"Appeal {first['id']} on upload" in again.json()["detail"]
        assert first["raised_at"][:10] in again.json()["detail"]

    def test_more_than_a_day_allows_is_429_and_may_be_sent_again_later(self, call, settings) -> None:
        settings.TOKEN_OBJECTIONS_PER_DAY = 0
        path, body, key = f"{screened(APPROVED).upload_id}/reports", {"reason": "bad"}, {"Idempotency-Key": "k"}
        refused = call(path, body, **key)
        assert refused.status_code == 429
        assert "at most 0 are accepted" in refused.json()["detail"]
        settings.TOKEN_OBJECTIONS_PER_DAY = 1
        assert call(path, body, **key).status_code == 201

    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            ({}, "Found no reason; it is required"),
            ({"reason": " "}, "1 to 2,000 are accepted"),
            ({"reason": "x" * 2001}, "1 to 2,000 are accepted"),
            ({"reason": "a\0b"}, "Found the character U+0000 in reason"),
            ({"reason": "bad", "policy": "violence"}, "was screened under: adult-content"),
        ],
    )
    def test_what_is_wrong_is_said(self, call, body: dict[str, str], detail: str) -> None:
        answer = call(f"{screened(APPROVED).upload_id}/reports", body)
        assert answer.status_code == 422
        assert detail in answer.json()["detail"]
        assert not Objection.objects.exists()

    def test_an_appeal_before_a_decision_is_409(self, call) -> None:
        answer = call(f"{screened(BAND).upload_id}/appeals", {"reason": "It is a painting."})
        assert answer.status_code == 409

    def test_an_upload_of_another_source_is_not_there(self, call) -> None:
        screening = factories.make_screening(factories.make_upload(source="others"), score=APPROVED)
        assert call(f"{screening.upload_id}/reports", {"reason": "bad"}).status_code == 404
        assert call(f"{screening.upload_id}/objections").status_code == 404

    def test_the_same_key_reports_once(self, call) -> None:
        path, body = f"{screened(APPROVED).upload_id}/reports", {"reason": "bad"}
        first = call(path, body, **{"Idempotency-Key": "k"})
        again = call(path, body, **{"Idempotency-Key": "k"})
        assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (201, first.json(), "true")
        assert Objection.objects.count() == 1
