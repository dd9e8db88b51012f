"""`manage.py tune` and `certificate`, from ledger rows of closed days."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from moderation.models import Certificate, LedgerDay, LedgerRow, User
from moderation.review import claiming, deciding
from moderation.tuning import certificates, threshold_report
from moderation.tuning.versions import put_in_force
from tests.factories import (
    decide_claimed,
    default_policy,
    make_screening,
    make_task,
    make_user,
    version_in_force,
)

pytestmark = pytest.mark.django_db
FIRST = date(2026, 1, 5)


def closed(day: int, *, leaks: int = 0, missing: int = 0, is_closed: bool = True) -> LedgerDay:
    """A day of 10,000 uploads: 200 audits of 9,000 approved, a band of 600, 40 audits of 400 rejected."""
    closing = {"closed_at": timezone.now(), "decisions_until": 0} if is_closed else {}
    made = LedgerDay.objects.create(epoch=version_in_force().epoch, day=FIRST + timedelta(days=day), **closing)
    rows = [
        (5, "approve", 0.02, 9000, 200 - missing, leaks, missing),
        (50, "review", 1.0, 600, 600, 150, 0),
        (95, "reject", 0.1, 400, 40, 39, 0),
    ]
    for bin_, region, pi, uploads, labelled, violating, lost in rows:
        LedgerRow.objects.create(
            day=made, bin=bin_, region=region, pi=pi, rate_class=f"{region}:{pi:g}", uploads=uploads,
            labelled=labelled, violating=violating, missing=lost,
        )  # fmt: skip
    return made


def run(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    call_command(*args)
    return capsys.readouterr().out


def report(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(capsys, "tune", "--json", *args))
    return answer


def test_without_closed_days_it_says_so(capsys) -> None:
    assert "No day is closed yet" in run(capsys, "tune")
    assert report(capsys)["estimates"] == {}


def test_estimates_weight_each_label_by_what_it_stands_for(capsys) -> None:
    for day in range(4):
        closed(day, leaks=1)
    found = report(capsys)
    assert found["estimates"]["leak_rate"]["value"] == pytest.approx(1 / 200)
    assert found["estimates"]["escapes_10k"]["value"] == pytest.approx(45)
    assert (found["closed_days"], found["n_labelled"]) == (4, 4 * 840)


def test_only_the_closed_days_before_the_first_open_one_count(capsys) -> None:
    closed(0)
    closed(1, is_closed=False)
    closed(2, leaks=100)
    assert report(capsys)["estimates"]["leak_rate"]["value"] == 0


def test_people_read_sentences_evidence_and_what_is_recommended(capsys) -> None:
    for day in range(3):
        closed(day)
    text = run(capsys, "tune")
    for part in ("Of 10,000 uploads about", "certified below", "of 20", "clean checks", "3 closed days"):
        assert part in text


def test_verdicts_that_are_no_labels_are_counted(capsys, settings) -> None:
    closed(0)
    assert "All verdicts were blind" in run(capsys, "tune")
    task = make_task(score=0.5)
    settings.GRACE_SECONDS = 0
    for person in (make_user("mo"), make_user("lead", group="lead")):
        claiming.claim_for(task, moderator=person)
        decide_claimed(task, "benign")
        deciding.undo(task, by=person)
    assert report(capsys)["blindness"] == {"not_blind": 1, "undone_late": 2}
    assert "Not blind, so no label: 1 verdict." in run(capsys, "tune")


def test_another_pair_of_thresholds_is_asked_about(capsys) -> None:
    closed(0)
    assert report(capsys, "--low", "0.0", "--high", "0.9")["estimates"]["leak_rate"]["value"] is None
    with pytest.raises(CommandError, match="bin edge"):
        call_command("tune", "--low", "0.205")
    with pytest.raises(CommandError, match="no such policy"):
        call_command("tune", "--policy", "nothing")


def test_a_low_response_is_warned_of_and_certifies_nothing(capsys) -> None:
    for day in range(10):
        closed(day, missing=10)
    assert "Only 95.0 % of the drawn uploads" in run(capsys, "tune")
    with pytest.raises(certificates.NothingToCertify):
        leaks_alone()


def leaks_alone() -> list[Certificate]:
    if set(version_in_force().targets) != {"leak"}:
        put_in_force(
            version_in_force().copy_as_draft(by=None, targets={"leak": 0.005}), by=None, why="One claim is enough."
        )
    return certificates.issue(threshold_report.report_for(default_policy()))


def test_a_certificate_covers_the_days_up_to_the_first_with_evidence_enough() -> None:
    for day in range(10):
        closed(day, leaks=int(day > 5) * 3)
    (leak,) = leaks_alone()
    # 785 clean checks are needed, and 200 come a day.
    assert (leak.risk, leak.first_day, leak.last_day) == ("leak", FIRST, FIRST + timedelta(days=3))
    assert leak.content["good"] == [800, 0, 0]
    assert leak.ends_at.date() == FIRST + timedelta(days=3 + 91)
    with pytest.raises(certificates.NothingToCertify):
        leaks_alone()


@pytest.fixture
def issued(tmp_path: Path) -> Path:
    for day in range(5):
        closed(day)
    (leak,) = leaks_alone()
    path = tmp_path / "leak.json"
    path.write_text(json.dumps(leak.content))
    return path


def test_a_certificate_is_verified_from_its_file_alone(issued: Path, capsys, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert "Correct: leak below 0.005" in run(capsys, "certificate", "verify", str(issued))


@pytest.mark.parametrize("field", ["target", "low", "good", "pi_floor", "labelled", "last_day", "log_e", "epoch"])
def test_a_changed_digit_is_refused(issued: Path, field: str) -> None:
    content = json.loads(issued.read_text())
    text = json.dumps(content[field])
    digit = next(k for k in reversed(range(len(text))) if text[k].isdigit())
    content[field] = json.loads(text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :])
    issued.write_text(json.dumps(content))
    with pytest.raises(CommandError, match=r"does not match its own content|give|holds no such value"):
        call_command("certificate", "verify", str(issued))


@pytest.mark.parametrize("content", ["[]", "{}", "{", '{"format": 1}'])
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "no.json"
    path.write_text(content)
    with pytest.raises(CommandError):
        call_command("certificate", "verify", str(path))


def test_certificates_are_listed_and_end_with_their_epoch(issued: Path, capsys) -> None:
    Certificate.objects.update(ends_at=timezone.now() + timedelta(days=1))
    assert ": valid" in run(capsys, "certificate", "list")
    assert json.loads(run(capsys, "certificate", "list", "--json"))[0]["risk"] == "leak"
    put_in_force(version_in_force().copy_as_draft(by=None, text="Another text."), by=None, why="clearer")
    assert ": ended" in run(capsys, "certificate", "list")


def test_the_thresholds_page_shows_estimates_and_evidence() -> None:
    for day in range(3):
        closed(day, leaks=1)
    client = Client()
    client.force_login(make_user("ada", group="admin"))
    page = client.get("/thresholds/").content.decode()
    assert "0.5 %" in page
    assert "of 20" in page
    assert "more clean checks" in page


def test_without_enough_audits_the_page_shows_no_rate_and_says_what_is_missing() -> None:
    made = closed(0)
    made.rows.filter(region="approve").update(labelled=12)
    client = Client()
    client.force_login(make_user("ada", group="admin"))
    page = client.get("/thresholds/").content.decode()
    assert "18 more" in page


def preview(**numbers: object) -> str:
    client = Client()
    client.force_login(User.objects.filter(username="ada").first() or make_user("ada", group="admin"))
    sent = {"low": "0.20", "high": "0.90", "audit_rate_approve": "2", "audit_rate_reject": "10", **numbers}
    return client.get("/thresholds/preview/", sent, headers={"HX-Request": "true"}).content.decode()


def test_the_preview_shows_what_tune_says_of_the_proposed_pair(capsys) -> None:
    for day in range(3):
        closed(day, leaks=1)
    make_screening(score=0.5)
    page, said = preview(), report(capsys, "--high", "0.9")
    assert f"{said['estimates']['escapes_10k']['value']:.0f} <span" in page
    assert f"{said['cost_10k']:,.0f} <span" in page
    assert "n 600" in page
    assert "of 20; " in page


def test_the_preview_says_what_is_certified_and_what_a_new_epoch_ends() -> None:
    for day in range(5):
        closed(day)
    make_screening(score=0.5)
    leaks_alone()
    Certificate.objects.update(ends_at=timezone.now() + timedelta(days=30))
    assert preview().count("until") == 2
    assert "ends with the epoch" in preview(audit_rate_approve="1")


def test_the_page_links_to_the_recommended_pair() -> None:
    for day in range(5):
        closed(day)
    put_in_force(
        version_in_force().copy_as_draft(by=None, targets={"leak": 0.02}, cost_miss=0.1), by=None, why="Cheap."
    )
    client = Client()
    client.force_login(make_user("ada", group="admin"))
    page = client.get("/thresholds/")
    assert "Recommended: low" in page.content.decode()
    assert client.get(page.context["try_best"]).status_code == 200
