"""The report on a classifier in shadow mode, before it is active: the ledger as if its scores had been compared.

Uploads are binned by the shadow classifier's scores. Each keeps the pi that it was drawn with, so its labels are a
probability sample of these bins too. Uploads that the active classifier rejects can lie below the shadow's ``low``, so
the floor is the smallest of the epoch's.

Verdicts that helped to choose the classifier cannot certify it. Only uploads screened on the days after shadow mode
began count, or from a later day that the caller names.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, Exists, F, FloatField, OuterRef, Q, Value
from django.utils import timezone

from moderation.models import Epoch, LedgerDay, PolicyVersion, Screening, Shadow
from moderation.models.screenings import ScreeningQuerySet
from moderation.models.threshold_grid import GRID
from moderation.statistics.estimates import Estimates, estimate
from moderation.statistics.ledger import Ledger
from moderation.tuning.agreement import ModeratorAgreement, measure_agreement
from moderation.tuning.counts import WidthBucket
from moderation.tuning.evidence import RISKS, ClaimEvidence, all_shown, audits_missing, corrected, weigh_evidence
from moderation.tuning.ledger_days import ledgers

_GRID = Value(GRID, output_field=ArrayField(FloatField()))
LABELLED = Q(drawn_upload__outcome__in=["violating", "benign"])


@dataclass(frozen=True, kw_only=True)
class ShadowReport:
    """Estimates and evidence for a classifier in shadow mode at ``low`` and ``high``.

    Attributes:
        since: the first day (in UTC) that can count.
        days: the closed days that count.
        unscored: uploads of these days without a score by the classifier; while there are any, nothing is certified.
        erased: uploads of these days whose bytes were erased before they were scored; they are left out.
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
    agreement: ModeratorAgreement

    @cached_property
    def estimates(self) -> Estimates:
        return corrected(estimate(self.ledger, self.low, self.high), miss_share=self.version.miss_share)

    @cached_property
    def evidence(self) -> list[ClaimEvidence]:
        """The evidence for each risk, at the targets of the version in force."""
        return [
            weigh_evidence(
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
        """The reason why the labels cannot certify anything; empty if they can."""
        if self.unscored:
            return f"{self.unscored:,} uploads of these days lack its score. 'manage.py prescreen --shadows' adds it."
        return self.agreement.refusal

    @property
    def audits_missing(self) -> int:
        """The number of verdicts that are still needed before every rate is shown."""
        return audits_missing(self.ledger, low=self.low, high=self.high)

    @property
    def is_ahead(self) -> bool:
        """Whether no day can be closed yet, as the first one that counts has not begun."""
        return self.since > timezone.now().astimezone(UTC).date()

    def as_json(self) -> dict[str, Any]:
        report = {
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
            return report | {"estimates": {}, "evidence": []}
        return report | {
            "estimates": all_shown(self.estimates),
            "evidence": [claim.as_json() for claim in self.evidence],
        }


def report_on_shadow(shadow: Shadow, *, low: float, high: float, since: date | None = None) -> ShadowReport:
    """Return the report on ``shadow`` at thresholds that were chosen without the verdicts that it counts.

    Raises:
        TooEarly: ``since`` lies before the day after shadow mode began.
        ValueError: thresholds that are not on the grid, or out of order.
    """
    version = PolicyVersion.objects.root().in_force().get(policy=shadow.policy)
    epoch = Epoch.objects.filter(policy=shadow.policy, closed_at=None).first() or version.epoch
    assert epoch is not None
    first = shadow.started_at.astimezone(UTC).date() + timedelta(days=1)
    if since is not None and since < first:
        raise TooEarly(
            f"{since} is too early. Verdicts from before {shadow.classifier.name} entered shadow mode may have helped "
            f"to choose it, so they cannot certify it. Give {first} or later."
        )
    since = since or first
    days = [day.day for day in LedgerDay.objects.closed_prefix(epoch) if day.day >= since]
    screenings: Any = shadow.with_shadow_scores(
        _first_screenings(epoch, days=days)
    )  # annotated with `shadow`, which mypy cannot know
    without = screenings.filter(shadow=None)
    ledger = _ledger(screenings.filter(shadow__isnull=False))
    ledger.regions(low, high)  # raises for a wrong pair
    return ShadowReport(
        version=version,
        epoch=epoch,
        low=low,
        high=high,
        since=since,
        days=days,
        ledger=ledger,
        unscored=without.filter(upload__file__erased_at=None).count(),
        erased=without.filter(upload__file__erased_at__isnull=False).count(),
        agreement=measure_agreement(epoch),
    )


class TooEarly(Exception):
    """The requested first day lies before the classifier was chosen."""


def _first_screenings(epoch: Epoch, *, days: list[date]) -> ScreeningQuerySet:
    """Return the first screening of each upload of these days, which is the one that the coin was drawn for."""
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
    """Count uploads by bin of the shadow classifier's score and by the rate class that they were drawn in."""
    binned = scored.annotate(bin=WidthBucket(F("shadow"), _GRID) - 1).order_by()
    rows = binned.values_list("bin", "rate_class", "pi").annotate(
        uploads=Count("pk"),
        labelled=Count("pk", filter=LABELLED),
        violating=Count("pk", filter=Q(drawn_upload__outcome="violating")),
        missing=Count("pk", filter=Q(drawn_upload__outcome="missing")),
    )
    (ledger,) = ledgers([(0, *row) for row in rows], [0])
    return ledger
