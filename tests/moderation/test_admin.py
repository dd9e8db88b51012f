"""The admin site: its actions, and its read-only record."""

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from moderation.models import ApiToken, Community, Effect, Policy, ReviewTask, Score, Screening, User
from moderation.review import claiming, deciding
from moderation.review.claims import Claim
from moderation.review.objections import record_objection
from moderation.tasks import request_prescreen
from tests.factories import PASSWORD, make_screening, make_task, make_upload, make_user, red

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> Client:
    user = make_user("root", group="auditor")
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return client


def read_only() -> list[str]:
    return sorted(
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for model, options in admin.site._registry.items()
        if type(options).__mro__[1].__name__ == "RecordAdmin"
    )


def test_every_list_opens(root: Client) -> None:
    make_task(score=0.5)
    make_screening(score=0.1)
    for model in admin.site._registry:
        url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert root.get(url).status_code == 200, url


def test_jobs_bring_no_styles_that_the_browser_would_refuse(root: Client) -> None:
    request_prescreen()
    listed = root.get("/admin/procrastinate/procrastinatejob/")
    job = ProcrastinateJob.objects.filter(task_name="prescreen").latest("pk")  # other tests leave theirs
    opened = root.get(f"/admin/procrastinate/procrastinatejob/{job.pk}/change/")
    for page in (listed.content.decode(), opened.content.decode()):
        assert "prescreen" in page
        assert "style=" not in page


@pytest.mark.parametrize(
    "table",
    [
        "upload",
        "screening",
        "decision",
        "effect",
        "exposure",
        "screeningrun",
        "classifier",
        "policyversion",
        "score",
        "epoch",
        "hashlist",
        "hashentry",
        "hashmatch",
        "entryreview",
    ],
)
def test_the_record_can_be_read_and_not_changed(root: Client, table: str) -> None:
    url = f"/admin/moderation/{table}/"
    assert url in read_only()
    assert root.get(url + "add/").status_code == 403


def test_a_row_of_the_record_has_no_buttons(root: Client) -> None:
    upload = make_upload()
    page = root.get(f"/admin/moderation/upload/{upload.pk}/change/")
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert root.post(f"/admin/moderation/upload/{upload.pk}/change/", {"source": "x"}).status_code == 403
    assert root.post(f"/admin/moderation/upload/{upload.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_coins_secret_is_not_shown(root: Client) -> None:
    screening = make_screening()
    page = root.get(f"/admin/moderation/epoch/{screening.epoch_id}/change/").content.decode().lower()
    assert "opened at" in page
    assert "secret" not in page


def test_a_person_is_created_with_groups_and_can_sign_in(root: Client) -> None:
    lead = Group.objects.get(name="lead")
    sent = {
        "username": "new",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "groups": [lead.pk],
    }
    assert root.post("/admin/moderation/user/add/", sent).status_code == 302
    person = User.objects.get(username="new")
    assert list(person.groups.all()) == [lead]
    assert person.check_password(PASSWORD)


def test_an_account_is_deactivated_not_deleted(root: Client) -> None:
    person = make_user("leaver")
    assert root.get(f"/admin/moderation/user/{person.pk}/delete/").status_code == 403
    own = User.objects.get(username="root")
    root.post("/admin/moderation/user/", {"action": "deactivate", "_selected_action": [person.pk, own.pk]})
    assert list(User.objects.filter(is_active=False)) == [person]


def test_a_password_can_be_changed_for_somebody(root: Client) -> None:
    person = make_user("forgetful")
    sent = {"usable_password": "true", "password1": "quite another one", "password2": "quite another one"}
    root.post(f"/admin/moderation/user/{person.pk}/password/", sent)
    person.refresh_from_db()
    assert person.check_password("quite another one")


def test_a_tokens_secret_is_shown_once_and_works(root: Client) -> None:
    answer = root.post(
        "/admin/moderation/apitoken/add/", {"name": "shop", "scope": "uploads", "source": "shop"}, follow=True
    )
    shown = re.findall(r"sl_[\w-]+", answer.content.decode())
    token = ApiToken.objects.authenticate(shown[0])
    assert token is not None
    assert (token.name, token.source, str(token.created_by)) == ("shop", "shop", "root")
    assert shown[0] not in root.get(f"/admin/moderation/apitoken/{token.pk}/change/").content.decode()


def test_a_tokens_secret_is_kept_nowhere(root: Client) -> None:
    answer = root.post("/admin/moderation/apitoken/add/", {"name": "shop", "scope": "uploads", "source": "shop"})
    (secret,) = re.findall(r"sl_[\w-]+", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert secret not in str(answer.cookies)
    sessions = [session.get_decoded() for session in Session.objects.all()]
    assert secret not in str(sessions)
    assert secret not in str(list(LogEntry.objects.values()))


def test_a_notice_is_not_put_into_a_cookie(root: Client) -> None:
    token = ApiToken.objects.issue(name="shop", source="shop")[0]
    answer = root.post("/admin/moderation/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})
    assert set(answer.cookies) <= {"sessionid"}
    assert b"1 revoked" in root.get("/admin/").content


@pytest.mark.parametrize("sent", [{"scope": "metrics", "source": "shop"}, {"scope": "uploads", "source": ""}])
def test_a_token_for_uploads_needs_a_source_and_one_for_metrics_has_none(root: Client, sent: dict[str, str]) -> None:
    page = root.post("/admin/moderation/apitoken/add/", {"name": "it", **sent})
    assert b"A token for uploads needs a source; one that reads the metrics has none." in page.content
    assert not ApiToken.objects.exists()


def test_two_tokens_of_one_name_are_refused_at_the_field(root: Client) -> None:
    ApiToken.objects.issue(name="shop", source="shop")
    page = root.post("/admin/moderation/apitoken/add/", {"name": "shop", "source": "other"})
    assert page.status_code == 200
    assert "already exists" in str(page.context["adminform"].form.errors["name"])


def test_a_revoked_token_opens_nothing(root: Client) -> None:
    token, secret = ApiToken.objects.issue(name="shop", source="shop")
    root.post("/admin/moderation/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})
    assert ApiToken.objects.authenticate(secret) is None


def test_a_token_cannot_be_changed(root: Client) -> None:
    token, _ = ApiToken.objects.issue(name="shop", source="shop")
    assert root.post(f"/admin/moderation/apitoken/{token.pk}/change/", {"name": "x"}).status_code == 403


def test_a_community_is_created(root: Client) -> None:
    root.post("/admin/moderation/community/add/", {"name": "Art", "slug": "art", "parent": ""})
    assert Community.objects.filter(slug="art").exists()


@pytest.mark.parametrize("model", [Screening, Effect, Score])
def test_scores_and_routes_wait_for_the_verdict_here_too(root: Client, model: type) -> None:
    """A superuser may review, so uploads that wait for a verdict are not in these lists."""
    waits, done = make_task(score=0.1), make_screening(score=0.9)
    for screening in (waits.screening, done):
        Score.objects.create(
            file=screening.upload.file, classifier=screening.classifier, label="nsfw", value=screening.score,
            preprocessing_version=screening.preprocessing_version, runtime="test",
        )  # fmt: skip
    rows = root.get(f"/admin/moderation/{model.__name__.lower()}/").context["cl"].queryset
    assert rows.count() == 1
    assert ReviewTask.objects.undecided().count() == 1


def test_rows_of_the_same_bytes_as_a_waiting_upload_are_hidden_as_well(root: Client) -> None:
    """Uploads of the same bytes have the same score."""
    _, twin = (
        make_task(make_upload(content=red(0.1)), score=0.1),
        make_screening(make_upload(content=red(0.1)), score=0.1),
    )
    for model in (Screening, Effect):
        rows = root.get(f"/admin/moderation/{model.__name__.lower()}/").context["cl"].queryset
        assert not rows.exists()
    assert root.get(f"/admin/moderation/screening/{twin.pk}/change/").status_code == 302


def test_second_opinions_are_given_without_seeing_the_first_or_the_sampling_reason(root: Client, settings) -> None:
    def told() -> list[bool]:
        lists = (f"/admin/moderation/{name}/" for name in ("decision", "reviewtask", "objection"))
        return [root.get(page).context["cl"].queryset.exists() for page in lists]

    audit = make_task(score=0.05)
    record_objection(audit.screening, kind="appeal", text="Look.", by=make_user("rea", group="lead"))
    for name, verdict in (("mo", "violating"), ("lea", "violating")):
        task = claiming.claim_next(make_user(name))
        assert told() == [False, False, False]
        deciding.decide(task, verdict, claim=Claim.from_task(task), reason="nudity")
    assert told() == [False, False, False], "within the grace period"
    settings.GRACE_SECONDS = 0
    assert told() == [True, True, True]


def test_a_policy_can_be_made_to_require_a_look_and_nothing_else_of_it_changes(root: Client) -> None:
    policy = Policy.objects.get()
    root.post(f"/admin/moderation/policy/{policy.pk}/change/", {"requires_look": "on", "name": "Another"})
    policy.refresh_from_db()
    assert (policy.requires_look, policy.name) == (True, "Adult content")


@pytest.mark.parametrize(
    "query",
    [
        "upload/?effects__isnull=True",
        "upload/?effects__outcome=approve",
        "upload/?status=approved",
        "upload/?status__exact=approved",
        "upload/?tasks__screening__score__gte=0.5",
        "reviewtask/?claim_token__isnull=True",
        "reviewtask/?screening__route=approve",
        "reviewtask/?screening=1",
        "decision/?screening__isnull=True",
        "epoch/?secret__gte=a",
        "policyversion/?policy__epochs__secret__gte=a",
        "exposure/?claim_token__startswith=a",
    ],
)
def test_no_query_reveals_a_hidden_column(root: Client, query: str) -> None:
    make_task(score=0.1)
    assert root.get(f"/admin/moderation/{query}").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "upload/?source=test",
        "upload/?source__isnull=True",
        "upload/?pk=1",
        "upload/?id__in=1,2",
        "screening/?policy__id__exact=1",
        "policyversion/?state__exact=in_force",
        "decision/?verdict__exact=benign&kind__exact=verdict",
        "epoch/?o=-1&p=0&all=",
    ],
)
def test_the_filters_of_a_list_work(root: Client, query: str) -> None:
    make_task(score=0.5)
    assert root.get(f"/admin/moderation/{query}").status_code == 200


def test_every_filter_that_a_list_offers_works(root: Client) -> None:
    make_task(score=0.5)
    for url in read_only():
        changelist = root.get(url).context["cl"]
        for offered in changelist.filter_specs:
            for choice in offered.choices(changelist):
                assert root.get(url + choice["query_string"]).status_code == 200, choice


def test_people_without_staff_status_are_refused_and_strangers_sign_in_first() -> None:
    client = Client()
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    client.force_login(make_user("ann", group="admin"))
    assert client.get("/admin/", follow=True).status_code == 403
