"""Builders of pre-screen runs at chosen times."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from moderation.models import Certificate, LedgerDay, LedgerRow, ScreeningRun
from tests.factories import version_in_force


def hours_ago(hours: float) -> datetime:
    return timezone.now() - timedelta(hours=hours)


def make_run(
    *, ago: float, lasting: float = 1.0, uploads: int = 0, state: str = "done", work_left: int | None = 0, **found: Any
) -> ScreeningRun:
    """Create a run of `lasting` hours that began `ago` hours ago, with further options and counts."""
    options = {name: found.pop(name) for name in ("mode", "dry_run", "policy", "since", "max_seconds") if name in found}
    run = ScreeningRun.objects.create(
        state=state,
        options=options,
        started_at=hours_ago(ago),
        finished_at=None if state == "running" else hours_ago(ago - lasting),
        counts={"uploads": uploads, **found.pop("counts", {})},
        work_left=work_left,
    )
    run.policy_versions.add(version_in_force())
    return run


def make_ledger_day(*, days_ago: float, bins: dict[int, int]) -> LedgerDay:
    """Create a day of the ledger with the given uploads by score bin."""
    day = LedgerDay.objects.create(epoch=version_in_force().epoch, day=hours_ago(24 * days_ago).date())
    LedgerRow.objects.bulk_create(
        LedgerRow(day=day, bin=bin_, region="approve", rate_class="approve:0.02", pi=0.02, uploads=uploads)
        for bin_, uploads in bins.items()
    )
    return day


def make_withdrawn_certificate(*, why: str) -> Certificate:
    today = timezone.now().date()
    return Certificate.objects.create(
        epoch=version_in_force().epoch, risk="leak", target=0.005, delta=0.05, low=0.2, high=0.8, first_day=today,
        last_day=today, log_e=3.0, content={}, code_version="0", ends_at=hours_ago(-1000), withdrawn_at=timezone.now(),
        why_withdrawn=why,
    )  # fmt: skip
