"""What the audits say of a classifier in the shadow, before it rules: the ledger as if its scores had been compared.

The uploads are binned anew by the scores of the shadow; pi stays what each was drawn with, so the labels that are
there are a probability sample of these bins too. Uploads that the ruling classifier rejects may lie below the shadow's
``low``: the floor is the least of the epoch's.

Verdicts by which somebody chose the classifier can't vouch for it: only uploads that were screened on the days after
it was put in the shadow count, or from a later day on that is stated.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, Exists, F, FloatField, OuterRef, Q, Value

from moderation.models import Epoch, LedgerDay, PolicyVersion, Screening, Shadow
from moderation.models.screenings import ScreeningQuerySet
from moderation.models.threshold_grid import GRID
from moderation.statistics.ledger import Estimates, Ledger, estimate
from moderation.tuning.agreement import Agreement, agreement
from moderation.tuning.counts import WidthBucket
from moderation.tuning.evidence import RISKS, Evidence, all_shown, audits_missing, corrected, evidence
from moderation.tuning.ledger_days import ledgers

_GRID = Value(GRID, output_field=ArrayField(FloatField()))
LABELLED = Q(drawn_upload__outcome__in=["violating", "benign"])


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Estimates and evidence for a shadow at ``low`` and ``high``.

    Attributes:
        since: the first day (in UTC) that may count.
        days: the closed days that do.
        unscored: uploads of these days that the shadow has not scored: while there are any, nothing is certified.
        erased: uploads of these days whose bytes were erased before it could score them; they are left out.
    """

    version: PolicyVersion
    epoch: Epoch
    low: float
    high: float
    since: date
    days: list[date]
    ledger: Ledger
    unscored: int
    erased: int
    agreement: Agreement

    @cached_property
    def estimates(self) -> Estimates:
        return corrected(estimate(self.ledger, self.low, self.high), miss_share=self.version.miss_share)

    @cached_property
    def evidence(self) -> list[Evidence]:
        """For each risk, at the targets of the version in force."""
        return [
            evidence(
                self.ledger,
                risk,
                low=self.low,
                high=self.high,
                target=self.version.targets.get(risk),
                pi_floor=min(self.epoch.pi_floor.values()),
                delta=self.epoch.delta,
                miss_share=self.version.miss_share,
                obstacle=self.obstacle,
            )
            for risk in RISKS
        ]

    @property
    def obstacle(self) -> str:
        """Why nothing can be certified whatever the labels say; empty where it can."""
        if self.unscored:
            return f"{self.unscored:,} uploads of these days lack its score: 'prescreen --shadows' adds them."
        return self.agreement.refusal

    @property
    def audits_missing(self) -> int:
        """How many more verdicts it takes until every rate is shown."""
        return audits_missing(self.ledger, low=self.low, high=self.high)

    def as_json(self) -> dict[str, Any]:
        told = {
            "epoch": self.epoch.pk,
            "low": self.low,
            "high": self.high,
            "since": self.since.isoformat(),
            "closed_days": len(self.days),
            "unscored": self.unscored,
            "erased": self.erased,
            "n_labelled": int(self.ledger.labelled.sum()),
        }
        if not self.days:
            return told | {"estimates": {}, "evidence": []}
        return told | {
            "estimates": all_shown(self.estimates),
            "evidence": [claim.as_json() for claim in self.evidence],
        }


def prove(shadow: Shadow, *, low: float, high: float, since: date | None = None) -> Proof:
    """Weigh what the audits say of ``shadow`` at thresholds that were chosen without looking at their verdicts.

    Raises:
        TooEarly: ``since`` lies before the day after the shadow began.
        ValueError: thresholds that are not on the grid, or out of order.
    """
    version = PolicyVersion.objects.root().in_force().get(policy=shadow.policy)
    epoch = Epoch.objects.filter(policy=shadow.policy, closed_at=None).first() or version.epoch
    assert epoch is not None
    first = shadow.started_at.astimezone(UTC).date() + timedelta(days=1)
    if since is not None and since < first:
        raise TooEarly(
            f"Found {since}; accepted is {first} or later. What was known when {shadow.classifier.name} was put in the "
            "shadow may have chosen it, so it can't vouch for it."
        )
    since = since or first
    days = [day.day for day in LedgerDay.objects.closed_prefix(epoch) if day.day >= since]
    beside: Any = shadow.beside(_first_screenings(epoch, days=days))  # with ``shadow``, which mypy can't know of
    without = beside.filter(shadow=None)
    ledger = _ledger(beside.filter(shadow__isnull=False))
    ledger.regions(low, high)  # refuses a pair that can't be
    return Proof(
        version=version,
        epoch=epoch,
        low=low,
        high=high,
        since=since,
        days=days,
        ledger=ledger,
        unscored=without.filter(upload__file__erased_at=None).count(),
        erased=without.filter(upload__file__erased_at__isnull=False).count(),
        agreement=agreement(epoch),
    )


class TooEarly(Exception):
    """Labels from before the classifier was chosen were asked for."""


def _first_screenings(epoch: Epoch, *, days: list[date]) -> ScreeningQuerySet:
    """Of the uploads of these days: the screening that the coin was drawn at."""
    if not days:
        return Screening.objects.none()
    earlier = Screening.objects.filter(
        upload=OuterRef("upload"), policy=OuterRef("policy"), epoch=epoch, pk__lt=OuterRef("pk")
    )
    return Screening.objects.filter(
        ~Exists(earlier), epoch=epoch, created_at__gte=_midnight(days[0]), created_at__lt=_midnight(days[-1], after=1)
    )


def _midnight(day: date, *, after: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=after), time(), tzinfo=UTC)


def _ledger(scored: ScreeningQuerySet) -> Ledger:
    """Counts by bin of the shadow's score and by the class that each upload was drawn in."""
    binned = scored.annotate(bin=WidthBucket(F("shadow"), _GRID) - 1).order_by()
    rows = binned.values_list("bin", "rate_class", "pi").annotate(
        uploads=Count("pk"),
        labelled=Count("pk", filter=LABELLED),
        violating=Count("pk", filter=Q(drawn_upload__outcome="violating")),
        missing=Count("pk", filter=Q(drawn_upload__outcome="missing")),
    )
    (ledger,) = ledgers([(0, *row) for row in rows], [0])
    return ledger
