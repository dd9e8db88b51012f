"""The thresholds pages: the version in force, previews, drafts, publishing and roll back."""

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation import tuning
from moderation.models import Classifier, Policy, PolicyVersion
from moderation.review import claiming, deciding
from moderation.review.claims import Claim
from moderation.tuning.rollup import roll_up
from tests.factories import default_policy, make_screening, make_task, make_user, use_red_classifier, version_in_force

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def signed_in(group: str = "admin") -> Client:
    client = Client()
    client.force_login(make_user(f"{group}-person", group=group))
    return client


def numbers(**changes: object) -> dict[str, object]:
    now = version_in_force()
    typed = {
        "low": "0.30",
        "high": "0.80",
        "audit_rate_approve": "2",
        "audit_rate_reject": "10",
        "capacity": "",
        "why": "",
    }
    return {**typed, "policy": "adult-content", "seen": now.pk, **changes}


def test_the_page_says_what_is_in_force_and_counts_every_upload() -> None:
    for score in (0.05, 0.1, 0.5, 0.9):
        make_screening(score=score)
    page = signed_in("auditor").get("/thresholds/")
    assert b"Version 1 in force since" in page.content
    assert [row[1:3] for row in page.context["comparison"].routes] == [(2, 0.5), (1, 0.25), (1, 0.25)]
    assert page.content.count(b'<svg class="histogram') == 2


def test_uploads_with_an_untrusted_score_are_counted_below_the_chart() -> None:
    for untrusted in ("", "", "low_resolution"):
        make_screening(score=0.1, untrusted=untrusted)
    html = " ".join(signed_in().get("/thresholds/").content.decode().split())
    assert "3 uploads" in html
    assert "Not in the chart: 1 upload with an untrusted score." in html


def test_without_scores_the_page_says_so_instead_of_a_chart() -> None:
    page = signed_in().get("/thresholds/")
    assert b"No scores yet" in page.content
    assert b"histogram" not in page.content


def test_a_moderator_sees_no_scores() -> None:
    assert signed_in("moderator").get("/thresholds/").status_code == 403


def test_an_unknown_policy_is_not_found() -> None:
    assert signed_in().get("/thresholds/?policy=none").status_code == 404


@pytest.mark.parametrize("slug", ["%00", "adult-content%00", "x" * 5000])
def test_an_impossible_policy_is_not_found(slug: str) -> None:
    client = signed_in()
    for page in ("", "preview/", "history/"):
        # A query with a NUL character is refused before any page reads it.
        assert client.get(f"/thresholds/{page}?policy={slug}").status_code == (400 if "%00" in slug else 404)
    for form in ("preview/", "draft/", "publish/"):
        sent = f"policy={slug}"
        answer = client.post(f"/thresholds/{form}", sent, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 404


def test_the_page_takes_few_queries(django_assert_max_num_queries) -> None:
    client = signed_in()
    make_task(score=0.5)
    with django_assert_max_num_queries(25):
        client.get("/thresholds/")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_preview_shows_what_would_change_and_saves_nothing(method: str) -> None:
    make_screening(score=0.25)
    page = getattr(signed_in("auditor"), method)("/thresholds/preview/", numbers())
    assert page.context["comparison"].moved == [("reviewed", "approved", 1)]
    assert b"<html" in page.content
    assert PolicyVersion.objects.count() == 1


def test_htmx_gets_the_preview_alone_with_the_messages_of_the_fields() -> None:
    page = signed_in().get("/thresholds/preview/", numbers(), headers=HTMX)
    assert page.content.strip().startswith(b'<div class="threshold-preview" id="threshold-preview"')
    assert b'id="id_low-error" hx-swap-oob' in page.content
    assert "HX-Request" in page["Vary"]


def test_a_link_with_the_numbers_alone_is_enough_and_can_be_published_from() -> None:
    page = signed_in().get("/thresholds/preview/?low=0.3&high=0.9&audit_rate_approve=2&audit_rate_reject=10")
    assert page.status_code == 200
    assert page.context["form"]["seen"].value() == str(version_in_force().pk)


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("low", "", "from 0 to 1"),
        ("low", "-0.1", "from 0 to 1"),
        ("low", "nan", "not a number"),
        ("low", "0,2", "not a number"),
        ("low", "0.205", "0.20 or 0.21"),
        ("high", "1.01", "from 0 to 1"),
        ("high", "much", "not a number"),
        ("high", "0.1", "lies below low 0.30"),
        ("audit_rate_approve", "101", "from 0 to 100"),
        ("audit_rate_reject", "Infinity", "not a number"),
        ("capacity", "-1", "whole number"),
        ("capacity", "1.5", "whole number"),
        ("why", "", "Say why"),
    ],
)
@pytest.mark.parametrize("headers", [HTMX, {}])
def test_an_error_shows_at_its_field_and_the_other_values_stay(field: str, typed: str, message: str, headers) -> None:
    sent = {**numbers(why="because", capacity="77"), field: typed}
    page = signed_in().post("/thresholds/publish/", sent, headers=headers)
    assert page.status_code == 422
    assert message in " ".join(page.context["form"].errors[field])
    assert f'id="id_{field}-error"' in page.content.decode()
    assert field == "capacity" or 'value="77"' in page.content.decode()
    assert version_in_force().number == 1


def test_a_wrong_form_answers_htmx_with_the_form_alone() -> None:
    page = signed_in().post("/thresholds/draft/", numbers(low="x"), headers=HTMX)
    assert (page.status_code, b"<html" in page.content) == (422, False)
    assert b'id="threshold-form"' in page.content


def test_a_draft_needs_no_reason_and_opens_again() -> None:
    client = signed_in()
    assert client.post("/thresholds/draft/", numbers(high="0.95")).url == "/thresholds/?policy=adult-content"
    page = client.get("/thresholds/")
    assert page.context["form"]["high"].value() == "0.95"
    assert b"Saved as draft, version 2" in page.content
    assert version_in_force().high == 0.8


def test_a_proposal_can_start_from_the_numbers_in_force_despite_a_draft() -> None:
    client = signed_in()
    client.post("/thresholds/draft/", numbers(high="0.95"))
    assert client.get("/thresholds/?start=in_force").context["form"]["high"].value() == "0.80"


def test_publishing_says_what_happens_next() -> None:
    client = signed_in()
    sent = numbers(why="Fewer reviews.", audit_rate_approve="2.5", capacity="600")
    page = client.post("/thresholds/publish/", sent, follow=True)
    now = version_in_force()
    assert (now.low, now.audit_rate_approve, now.capacity, now.why) == (0.3, 0.025, 600, "Fewer reviews.")
    assert b"The next pre-screen uses it" in page.content
    assert b"The epoch continues" in page.content


def test_publishing_by_htmx_leads_to_the_whole_page() -> None:
    answer = signed_in().post("/thresholds/publish/", numbers(why="w"), headers=HTMX)
    assert answer["HX-Redirect"] == "/thresholds/?policy=adult-content"


def test_a_lower_audit_rate_is_announced_and_opens_a_new_epoch() -> None:
    client, sent = signed_in(), numbers(audit_rate_approve="1", why="w")
    assert b"opens a new epoch" in client.get("/thresholds/preview/", sent).content
    assert b"A new epoch began" in client.post("/thresholds/publish/", sent, follow=True).content


@pytest.mark.parametrize("page", ["/thresholds/publish/", "/thresholds/draft/"])
@pytest.mark.parametrize("group", ["lead", "operator", "auditor"])
def test_only_people_who_may_publish_draft_and_publish(group: str, page: str) -> None:
    assert signed_in(group).post(page, numbers(why="w")).status_code == 403
    assert PolicyVersion.objects.count() == 1


def test_someone_else_published_meanwhile() -> None:
    client, sent = signed_in(), numbers(why="w")
    ann = make_user("ann", group="admin")
    tuning.publish(default_policy(), by=ann, why="first", seen=version_in_force().pk, low=0.4)
    page = client.post("/thresholds/publish/", sent, headers=HTMX)
    assert page.status_code == 409
    assert b"was put in force by ann" in page.content
    assert version_in_force().low == 0.4
    # The form now knows what the person has been told: the second time it is published.
    again = client.post("/thresholds/publish/", {**sent, "seen": page.context["form"].data["seen"]})
    assert (again.status_code, version_in_force().low) == (302, 0.3)


def test_a_form_without_the_seen_version_is_not_published() -> None:
    assert signed_in().post("/thresholds/publish/", numbers(why="w", seen="")).status_code == 409


def test_the_history_lists_every_version_with_its_reason() -> None:
    client = signed_in()
    client.post("/thresholds/publish/", numbers(why="Fewer reviews."))
    client.post("/thresholds/draft/", numbers(low="0.4"))
    page = client.get("/thresholds/history/")
    assert [version.state for version in page.context["versions"]] == ["draft", "in_force", "retired"]
    assert b"Fewer reviews." in page.content


def test_rolling_back_asks_why_and_makes_a_new_version() -> None:
    client, first = signed_in(), version_in_force()
    client.post("/thresholds/publish/", numbers(why="try"))
    page = f"/thresholds/versions/{first.pk}/roll-back/"
    seen = client.get(page).context["form"]["seen"].value()
    assert client.post(page, {"seen": seen, "why": ""}).status_code == 422
    assert client.post(page, {"seen": seen, "why": "Too much went through."}).status_code == 302
    now = version_in_force()
    assert (now.number, now.low, now.why) == (3, 0.2, "Too much went through.")


def test_rolling_back_over_an_unseen_version_is_refused() -> None:
    client, first = signed_in(), version_in_force()
    client.post("/thresholds/publish/", numbers(why="try"))
    page = client.post(f"/thresholds/versions/{first.pk}/roll-back/", {"seen": first.pk, "why": "back"})
    assert page.status_code == 409
    assert b"since you opened this page" in page.content


@pytest.mark.parametrize("state", ["in_force", "draft"])
def test_only_retired_versions_can_be_rolled_back_to(state: str) -> None:
    client = signed_in()
    client.post("/thresholds/draft/", numbers(low="0.4"))
    version = PolicyVersion.objects.get(state=state)
    assert client.get(f"/thresholds/versions/{version.pk}/roll-back/").status_code == 404


def test_the_page_shows_the_number_of_verdicts_on_audits_but_no_rate() -> None:
    task = make_task(score=0.05, u=0.0)
    mo = make_user("mo")
    claiming.claim_next(mo)
    task.refresh_from_db()
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    roll_up()
    page = signed_in().get("/thresholds/")
    assert page.context["verdicts"] == {"audit_approve": 1, "audit_reject": 0}


def test_the_page_reads_no_decision_however_many_there_are() -> None:
    """Decisions grow without limit; the page reads daily counts from the ledger instead."""
    task = make_task(score=0.05, u=0.0)
    claiming.claim_for(task, moderator=make_user("mo"))
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    roll_up()
    client = signed_in()
    with CaptureQueriesContext(connection) as asked:
        client.get("/thresholds/")
    from_record = [query["sql"] for query in asked if 'FROM "moderation_decision"' in query["sql"]]
    # The header's count of the person's own day, by its index.
    # Not-blind verdicts, which are few, by theirs.
    by_index = ('"reviewer_id" =', 'NOT "moderation_decision"."blind"')
    assert [sql for sql in from_record if not any(part in sql for part in by_index)] == []


def test_rolling_back_to_a_retired_classifier_is_refused_on_the_page() -> None:
    first = version_in_force()
    second = use_red_classifier()
    Classifier.objects.filter(pk=first.classifier_id).update(retired_at=Now())
    page = signed_in().post(f"/thresholds/versions/{first.pk}/roll-back/", {"seen": second.pk, "why": "back"})
    assert page.status_code == 409
    assert "was retired on" in page.content.decode()


def test_thresholds_that_reject_everything_ask_for_a_typed_confirmation() -> None:
    client, everything = signed_in(), {"low": "0", "high": "0", "why": "A test."}
    preview = client.post("/thresholds/preview/", numbers(**everything)).content.decode()
    assert "reject every upload, whatever its score" in preview
    asked = client.post("/thresholds/publish/", numbers(**everything))
    assert (asked.status_code, version_in_force().number) == (422, 1)
    assert "Type “reject everything” to publish." in asked.content.decode()
    client.post("/thresholds/publish/", numbers(**everything, confirmation="Reject everything"))
    assert (version_in_force().low, version_in_force().high) == (0.0, 0.0)


def test_another_admins_draft_is_shown_and_the_own_numbers_stay() -> None:
    client, typed = signed_in(), numbers(low="0.45")
    tuning.save_draft(default_policy(), by=make_user("ann", group="admin"), why="", low=0.4)
    refused = client.post("/thresholds/draft/", typed, headers=HTMX)
    html = refused.content.decode()
    assert (refused.status_code, tuning.draft_of(default_policy()).low) == (409, 0.4)
    assert "ann saved a draft, version 2 (low 0.40, high 0.80)" in html
    assert 'value="0.45"' in html
    mark = tuning.draft_mark(tuning.draft_of(default_policy()))
    assert f'name="seen_draft" value="{mark}"' in html
    assert client.post("/thresholds/draft/", {**typed, "seen_draft": mark}).status_code == 302


def test_who_drafted_is_told_that_another_person_publishes() -> None:
    client = signed_in()
    Policy.objects.update(needs_second_publisher=True)
    assert "Save your numbers as a draft" in client.get("/thresholds/").content.decode()
    client.post("/thresholds/draft/", numbers())
    assert "You saved this draft" in client.get("/thresholds/").content.decode()
    refused = client.post("/thresholds/publish/", numbers(why="Mine."))
    assert (refused.status_code, version_in_force().number) == (409, 1)
    assert "another person who may publish thresholds has to do it" in refused.content.decode()


def test_the_rules_of_a_policy_change_with_a_reason_and_stay_in_the_record() -> None:
    client = signed_in()
    rules = {"requires_look": "on", "confirmed_share": "10", "needs_second_publisher": "on"}
    assert client.post("/thresholds/rules/adult-content/", rules).status_code == 422
    assert client.post("/thresholds/rules/adult-content/", {**rules, "why": "More care."}).status_code == 302
    policy = default_policy()
    assert (policy.requires_look, policy.confirmed_share, policy.needs_second_publisher) == (True, 0.1, True)
    event = policy.events.order_by("-pgh_id").first()
    assert event.pgh_context.metadata["why"] == "More care."
    off = client.post("/thresholds/rules/adult-content/", {"confirmed_share": "10", "why": "Alone."})
    assert (off.status_code, default_policy().needs_second_publisher) == (409, True)


def test_only_people_who_may_publish_open_the_rules() -> None:
    assert signed_in("lead").get("/thresholds/rules/adult-content/").status_code == 403


def test_a_wrong_number_is_not_called_the_number_in_force() -> None:
    make_screening(score=0.5)
    html = signed_in().post("/thresholds/preview/", numbers(low="0.9", high="0.1")).content.decode()
    assert "Yours are compared once every field is right." in html
