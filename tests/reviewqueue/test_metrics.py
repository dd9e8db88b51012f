"""/metrics, as Prometheus' own parser reads it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from moderation.models import ApiToken, ScreeningRun, Upload
from tests.factories import make_task, make_upload
from tests.moderation.reporting.runs import make_run

pytestmark = pytest.mark.django_db
SECRET = "for tests only, but long enough".replace(" ", "-")


def scrape(secret: str = SECRET) -> Any:
    return Client().get("/metrics", headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def families(settings: Settings) -> Any:
    settings.METRICS_TOKEN = SECRET
    return lambda: {family.name: family for family in text_string_to_metric_families(scrape().content.decode())}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    (found,) = [sample.value for sample in families[f"second_look_{name}"].samples if sample.labels == labels]
    return float(found)


def test_prometheus_reads_the_backlog_and_the_last_run(families: Any) -> None:
    run = make_run(
        ago=3, lasting=1, work_left=7, uploads=13,
        counts={"approve": 8, "review": 2, "reject": 1, "audits": 3, "matched": 4, "quarantined:truncated": 2},
    )  # fmt: skip
    old = make_upload()
    Upload.objects.filter(pk=old.pk).update(received_at=Now() - timedelta(hours=2))
    make_upload(status="quarantined", quarantine_reason="truncated")
    make_task()
    ScreeningRun.objects.exclude(pk=run.pk).update(started_at=Now() - timedelta(days=1))
    found = families()
    assert value(found, "pending_uploads") == 1
    assert value(found, "oldest_pending_age_seconds") == pytest.approx(7200, abs=60)
    assert (value(found, "quarantined_uploads"), value(found, "undecided_review_tasks")) == (1, 1)
    routes = [value(found, "last_run_uploads", route=route) for route in ("approve", "review", "reject")]
    assert routes == [8, 2, 1]
    assert value(found, "last_run_quarantined_uploads", reason="truncated") == 2
    told = [value(found, f"last_run_{name}") for name in ("audits", "matched_uploads", "uploads_left")]
    assert told == [3, 4, 7]
    assert value(found, "last_run_duration_seconds") == pytest.approx(3600, abs=1)
    assert (value(found, "last_run_state", state="done"), value(found, "last_run_state", state="failed")) == (1, 0)
    assert value(found, "storage_free_bytes") > 0
    assert value(found, "database_size_bytes") > 0


def test_every_metric_says_what_it_is_and_ends_in_its_unit(families: Any) -> None:
    make_run(ago=1)
    for family in families().values():
        assert family.documentation.endswith(".")
        assert family.type == "gauge"
        if "timestamp" in family.name or "_age" in family.name or "duration" in family.name:
            assert family.name.endswith("_seconds")
        if "size" in family.name or "free" in family.name:
            assert family.name.endswith("_bytes")


def test_an_empty_database_has_metrics_too(families: Any) -> None:
    found = families()
    assert value(found, "pending_uploads") == 0
    assert "second_look_last_run_state" not in found


def test_a_label_may_hold_anything(families: Any) -> None:
    odd = 'a "b" \\ c\nd'
    make_run(ago=1, counts={f"quarantined:{odd}": 2})
    assert value(families(), "last_run_quarantined_uploads", reason=odd) == 2


def test_a_token_for_metrics_opens_them_and_its_use_is_noted() -> None:
    token, secret = ApiToken.objects.issue(name="prometheus", scope="metrics")
    answer = scrape(secret)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_no_other_secret_opens_them(settings: Settings) -> None:
    _, sends = ApiToken.objects.issue(name="shop", source="shop")
    revoked, secret = ApiToken.objects.issue(name="old", scope="metrics")
    ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=Now())
    settings.METRICS_TOKEN = ""
    for wrong in ("", "x", sends, secret, SECRET):
        answer = scrape(wrong)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert b"second_look_" not in answer.content
    assert Client().get("/metrics").status_code == 401
    assert Client().post("/metrics").status_code == 405


def test_the_cost_does_not_grow_with_the_record(families: Any, django_assert_num_queries) -> None:
    with django_assert_num_queries(11):
        families()
    for _ in range(5):
        make_upload()
        make_run(ago=1)
    with django_assert_num_queries(11):
        families()
