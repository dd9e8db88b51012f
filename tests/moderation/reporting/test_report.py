"""`prescreen report`: printed, as JSON and by e-mail."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from moderation.formatting import duration, file_size
from moderation.models import PolicyVersion, ScreeningRun, Upload
from moderation.reporting.report import NightReport
from moderation.reporting.text import as_text
from tests.factories import image_bytes, make_upload, red
from tests.mail_server import RecordingMailServer
from tests.moderation.reporting.runs import make_run, make_withdrawn_certificate

pytestmark = pytest.mark.django_db(transaction=True)


def report(*arguments: str) -> str:
    out = io.StringIO()
    call_command("prescreen", "report", *arguments, stdout=out)
    return out.getvalue()


def test_the_report_of_a_real_night_is_complete(red_policy: PolicyVersion, prescreen: Any) -> None:
    for value in (0.1, 0.15, 0.5, 0.9):
        make_upload(content=red(value))
    make_upload(content=image_bytes()[:60])
    done = prescreen()
    found = json.loads(report("--json"))
    for name in ("uploads", "approved", "review", "rejected", "audits", "quarantined"):
        assert found[name] == done[name]
    assert [run["run"] for run in found["runs"]] == [done["run"]]
    assert (found["backlog"]["pending"], found["attention"]) == (0, [])
    assert found["versions"][0]["classifier"] == "red"
    assert found["ledger"]["uncounted_screenings"] is False
    assert found["drift"][0]["uploads"] == 4
    assert found["disk"]["uploads"]["bytes"] == sum(Upload.objects.values_list("file__size", flat=True))


def test_the_text_has_every_figure_and_is_plain(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_upload(content=red(0.5))
    make_upload(content=image_bytes()[:60])
    prescreen()
    text = report()
    for words in (
        "2 uploads in", "images a second", "To review             1 (50.0 %)", "Quarantined           1: 1 truncated",
        "nothing is pending", "never trusted alone", "Rolled up", "red (sha256", "in 28 days before", "Free",
    ):  # fmt: skip
        assert words in text, words
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_one_run_by_its_number() -> None:
    first, _ = make_run(ago=3, uploads=12), make_run(ago=1, uploads=30)
    assert json.loads(report("--run", str(first.pk), "--json"))["uploads"] == 12
    assert json.loads(report("--json"))["uploads"] == 42


def test_without_a_run_the_command_says_what_to_do() -> None:
    with pytest.raises(CommandError, match=r"Run 'manage\.py prescreen' first"):
        report()
    with pytest.raises(CommandError, match="There is no run 7"):
        report("--run", "7")


def test_points_that_need_attention_come_first() -> None:
    upload = make_upload()
    Upload.objects.filter(pk=upload.pk).update(received_at=Now() - timedelta(days=4))
    make_run(ago=3, state="failed", work_left=None)
    make_run(ago=2, state="interrupted", work_left=None)
    sentences = NightReport.of().attention
    assert [sentence.split()[2] for sentence in sentences[:2]] == ["failed.", "was"]
    assert "has waited since" in sentences[2]
    assert report().splitlines()[2] == "Needs attention"


def test_a_withdrawn_certificate_is_reported() -> None:
    make_run(ago=1)
    make_withdrawn_certificate(why="The alarm rang on Monday.")
    (sentence,) = NightReport.of().attention
    assert sentence.endswith("The alarm rang on Monday.")
    assert json.loads(report("--json"))["ledger"]["withdrawn_certificates"][0]["why"] == "The alarm rang on Monday."


def test_it_goes_out_by_email_as_plain_text(settings: Settings) -> None:
    make_run(ago=1, uploads=30, counts={"quarantined:truncated": 2, "review": 4})
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with RecordingMailServer() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.REPORT_TO = "127.0.0.1", server.port, ["ops@example.org"]
        assert report("--email") == "Sent to ops@example.org.\n"
        assert report("--email", "a@example.org", "b@example.org") == "Sent to a@example.org, b@example.org.\n"
    first, second = server.taken
    assert first["Subject"] == "Second Look: 30 screened, 4 to review, 2 quarantined, 0 pending"
    assert (first["To"], second["To"]) == ("ops@example.org", "a@example.org, b@example.org")
    assert first.get_content_type() == "text/plain"
    assert "30 uploads in 1 h" in first.get_content()


def test_a_server_that_refuses_the_email_is_named(settings: Settings) -> None:
    make_run(ago=1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with RecordingMailServer(answer="550 nobody of that name") as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        with pytest.raises(CommandError, match=r"did not accept the e-mail .*nobody of that name.*EMAIL_URL"):
            report("--email", "ops@example.org")


def test_without_a_server_or_a_recipient_nothing_is_sent(settings: Settings) -> None:
    make_run(ago=1)
    with pytest.raises(CommandError, match="EMAIL_URL is not set"):
        report("--email", "ops@example.org")
    settings.EMAIL_HOST = "127.0.0.1"
    with pytest.raises(CommandError, match="set REPORT_TO"):
        report("--email")
    with pytest.raises(CommandError, match="'nobody' is not an e-mail address"):
        report("--email", "nobody")


def test_the_report_reads_no_upload_or_screening_one_by_one(red_policy: PolicyVersion, prescreen: Any) -> None:
    """Each query is bounded by runs, ledger days or the end of an index, so the cost does not grow with the record."""
    for value in (0.1, 0.5, 0.9):
        make_upload(content=red(value))
    prescreen()
    with CaptureQueriesContext(connection) as asked:
        as_text(NightReport.of())
    assert len(asked) <= 18
    for sql in (query["sql"] for query in asked):
        bounded = "LIMIT" in sql or "MIN(" in sql or "pending" in sql
        assert 'moderation_screening"' not in sql or bounded, sql
        assert 'moderation_upload"' not in sql or bounded, sql
        assert 'moderation_score"' not in sql, sql


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.2 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (100_000, "1 d 3 h")]
)
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(999, "999 B"), (1500, "1.5 kB"), (3_200_000_000_000, "3.2 TB")])
def test_sizes_are_decimal(number: int, text: str) -> None:
    assert file_size(number) == text


def test_matches_with_hash_lists_are_reported_if_there_are_any() -> None:
    make_run(ago=1, uploads=8, counts={"reject": 8, "matched": 2})
    assert "Routed by hash lists  2 (25.0 %)" in report()
    assert json.loads(report("--json"))["matched"] == 2
    make_run(ago=0.5, lasting=0.1, uploads=8, counts={"reject": 8})
    assert "Routed by hash lists" not in report("--run", str(ScreeningRun.objects.latest("pk").pk))
