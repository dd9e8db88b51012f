"""The pre-screen as an operator calls it, with real worker processes and a real, tiny classifier."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from moderation import storage
from moderation.models import (
    Community,
    Effect,
    Policy,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    ScreeningRun,
    Upload,
)
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import image_bytes, make_upload, put_community_in_force, red

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("value", "route", "status"),
    [(0.0, "approve", "approved"), (0.19, "approve", "approved"), (0.2, "review", "in_review"),
     (0.5, "review", "in_review"), (0.8, "reject", "rejected"), (1.0, "reject", "rejected")],
)  # fmt: skip
def test_routes_by_score(red_policy: PolicyVersion, prescreen: Any, value: float, route: str, status: str) -> None:
    upload = make_upload(content=red(value))
    prescreen()
    upload.refresh_from_db()
    screening = upload.screenings.get()
    assert (screening.route, upload.status) == (route, status)
    assert screening.score == pytest.approx(value, abs=0.003)
    assert verify().clean


def test_report_adds_up(red_policy: PolicyVersion, prescreen: Any) -> None:
    for value in (0.1, 0.15, 0.5, 0.9):
        make_upload(content=red(value))
    make_upload(content=image_bytes()[:60])
    report = prescreen()
    assert report["uploads"] == 5
    assert (report["approved"], report["review"], report["rejected"]) == (2, 1, 1)
    assert sum(report["quarantined"].values()) == 1
    assert ScreeningRun.objects.get(pk=report["run"]).state == "done"


def test_a_second_run_changes_nothing(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_upload(content=red(0.5))
    prescreen()
    before = list(Screening.objects.values())
    assert prescreen()["uploads"] == 0
    assert list(Screening.objects.values()) == before


def test_uploads_of_the_same_bytes_share_one_score(red_policy: PolicyVersion, prescreen: Any) -> None:
    first, second = make_upload(content=red(0.5)), make_upload(content=red(0.5))
    prescreen()
    assert Score.objects.count() == 1
    assert Screening.objects.filter(upload__in=[first, second], route="review").count() == 2
    third = make_upload(content=red(0.5))
    prescreen()
    assert Score.objects.count() == 1
    assert third.screenings.get().score == Score.objects.get().value


def test_unreadable_file_is_quarantined_and_the_rest_is_scored(red_policy: PolicyVersion, prescreen: Any) -> None:
    bad = make_upload(content=image_bytes(size=(300, 300))[:-300])
    good = [make_upload(content=red(0.1, salt=n)) for n in range(5)]
    prescreen()
    bad.refresh_from_db()
    assert bad.status == "quarantined"
    assert bad.quarantine_reason in {"truncated", "unreadable"}
    assert Upload.objects.filter(pk__in=[upload.pk for upload in good], status="approved").count() == 5
    assert not bad.screenings.exists()


def test_worst_frame_counts_and_is_what_people_see(red_policy: PolicyVersion, prescreen: Any) -> None:
    frames = [Image.new("RGB", (64, 64), (10 * n, 0, 0)) for n in range(6)]
    frames[3] = Image.new("RGB", (64, 64), (140, 0, 0))
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    upload = make_upload(content=out.getvalue())
    prescreen()
    screening = upload.screenings.get()
    assert (screening.route, screening.frame) == ("review", 3)
    assert storage.rendition_path(upload.file.sha256, frame=3, variant="clear").exists()


def test_automatic_routes_take_effect_at_once(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_upload(content=red(0.1))
    make_upload(content=red(0.5))
    make_upload(content=red(0.9))
    prescreen()
    assert sorted(Effect.objects.in_force().values_list("outcome", flat=True)) == ["approve", "reject"]


def test_audits_are_drawn_by_the_coin_and_get_a_task(red_policy: PolicyVersion, prescreen: Any) -> None:
    version = red_policy.copy_as_draft(by=None, audit_rate_approve=1.0, audit_rate_reject=0.0)
    put_in_force(version, by=None, why="Audit everything that is approved.")
    upload = make_upload(content=red(0.1))
    make_upload(content=red(0.9))
    assert prescreen()["audits"] == 1
    task = ReviewTask.objects.get()
    assert (task.upload, task.screening.sampling_reason) == (upload, "audit_approve")
    upload.refresh_from_db()
    assert upload.status == "approved", "an audit changes nothing until it is decided"


def test_overflow_takes_the_fallback(red_policy: PolicyVersion, prescreen: Any) -> None:
    version = red_policy.copy_as_draft(by=None, review_rate=0.0, fallback="reject")
    put_in_force(version, by=None, why="Nobody has time.")
    upload = make_upload(content=red(0.5))
    assert prescreen()["rejected"] == 1
    assert (upload.screenings.get().route, ReviewTask.objects.count()) == ("reject", 0)


def test_dry_run_leaves_the_record_as_it_is(red_policy: PolicyVersion, prescreen: Any) -> None:
    upload = make_upload(content=red(0.5))
    assert prescreen("--dry-run")["review"] == 1
    upload.refresh_from_db()
    assert upload.status == "pending"
    assert not Score.objects.exists()
    assert not storage.renditions_folder().exists()


def test_limit_stops_with_75_and_work_left(red_policy: PolicyVersion, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(5):
        make_upload(content=red(0.1, salt=n))
    with pytest.raises(SystemExit) as stopped:
        call_command("prescreen", "--json", "--processes", "1", "--limit", "3")
    assert stopped.value.code == 75
    assert Upload.objects.pending().count() == 2


def test_only_one_policy_when_asked(red_policy: PolicyVersion, prescreen: Any) -> None:
    other = Policy.objects.create(slug="weapons", name="Weapons")
    fields = {f: getattr(red_policy, f) for f in ("text", "reasons", "classifier", "labels", "low", "high")}
    put_in_force(PolicyVersion.objects.create(policy=other, number=1, **fields), by=None, why="A second policy.")
    upload = make_upload(content=red(0.9))
    prescreen("--policy", "weapons")
    upload.refresh_from_db()
    assert upload.status == "pending", "the other policy lacks its screening"
    prescreen()
    upload.refresh_from_db()
    assert (upload.status, upload.screenings.count(), Score.objects.count()) == ("rejected", 2, 1)


def test_unknown_policy_is_refused_by_name(red_policy: PolicyVersion) -> None:
    with pytest.raises(CommandError, match=r"No policy 'nope' is in force\. In force: adult-content"):
        call_command("prescreen", "--policy", "nope")


def test_changed_classifier_file_refuses_to_run(red_policy: PolicyVersion) -> None:
    make_upload(content=red(0.5))
    path = red_policy.classifier.path
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(CommandError, match="sha256"):
        call_command("prescreen", "--processes", "1")
    assert Upload.objects.pending().count() == 1
    assert ScreeningRun.objects.get().state == "failed"


def test_a_retry_draws_the_same(red_policy: PolicyVersion, prescreen: Any) -> None:
    upload = make_upload(content=red(0.5))
    prescreen()
    first = upload.screenings.get()
    Screening.objects.filter(pk=first.pk).update(superseded=True)
    Upload.objects.filter(pk=upload.pk).update(status="pending")
    prescreen()
    again = upload.screenings.live().get()
    assert (again.u, again.pi, again.rate_class) == (first.u, first.pi, first.rate_class)


def test_community_thresholds_come_from_the_nearest_ancestor(red_policy: PolicyVersion, prescreen: Any) -> None:
    parent = Community.objects.create(slug="art", name="Art")
    child = Community.objects.create(slug="painting", name="Painting", parent=parent)
    put_community_in_force(parent, low=0.6, high=0.9, audit_rate_approve=0, audit_rate_reject=0)
    own = make_upload(content=red(0.5), community=child)
    elsewhere = make_upload(content=red(0.5))
    prescreen()
    assert own.screenings.get().route == "approve"
    assert own.screenings.get().group == "painting"
    assert elsewhere.screenings.get().route == "review"
