"""The shares of unseen, very fast and skipped tasks in the report, of everybody together."""

import pytest
from django.core.management import call_command
from django.test import Client

from moderation.models import User
from moderation.reporting.looks import LookCounts
from moderation.reporting.report import NightReport
from moderation.review import claiming
from moderation.review.claims import Claim
from tests import factories

pytestmark = pytest.mark.django_db


def settle(*, reveal: bool = False, skip: bool = False, seconds: float = 0) -> None:
    """Decide or skip a new task as a new person, ``seconds`` after the claim."""
    task = factories.make_task()
    claiming.claim_for(task, moderator=factories.make_user(f"mo-{task.pk}"))
    factories.claim_earlier(task, seconds=seconds)
    claim = Claim.from_task(task)
    assert claim is not None
    if reveal:
        claiming.reveal(task, claim=claim)
    if skip:
        claiming.skip(task, claim=claim)
    else:
        factories.decide_claimed(task, "benign")


def test_unseen_very_fast_and_skipped_tasks_are_counted() -> None:
    settle(reveal=True, seconds=5)
    settle(reveal=True)
    settle(seconds=5)
    settle(skip=True)
    assert LookCounts.lately() == LookCounts(verdicts=3, unseen=1, very_fast=1, skipped=1)


def test_a_skip_that_was_taken_back_does_not_count() -> None:
    settle(skip=True)
    claiming.take_back_skips(User.objects.get())
    assert LookCounts.lately().skipped == 0


def test_many_verdicts_without_a_look_need_attention_and_nobody_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    settle(seconds=5)
    settle(reveal=True, seconds=5)
    assert any("without revealing the image" in sentence for sentence in NightReport.of().attention)
    call_command("prescreen", "report")
    printed = capsys.readouterr().out
    assert "Without a look        1 (50.0 %)" in printed
    assert "mo-" not in printed


def test_leads_see_the_shares_on_the_page_of_runs(client: Client) -> None:
    settle(skip=True)
    client.force_login(factories.make_user("lena", group="lead"))
    page = " ".join(client.get("/runs/").content.decode().split())
    assert "Without a look" in page
    assert "1 (100.0 %)" in page
