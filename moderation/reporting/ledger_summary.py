"""The state of the ledger and of certificates: how far the ledger has read, and the alarms' withdrawals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moderation.models import Certificate, LedgerDay, RollUp, Screening


@dataclass(frozen=True, kw_only=True)
class LedgerSummary:
    """The state of the ledger, and its changes since a moment.

    Attributes:
        uncounted: whether some screenings are not in the ledger yet.
        closed_days: days closed since the moment.
        valid: certificates that are valid now.
        withdrawn: certificates that an alarm withdrew since the moment.
    """

    rolled_up_at: datetime | None
    uncounted: bool
    closed_days: int
    valid: int
    withdrawn: tuple[Certificate, ...]

    @classmethod
    def since(cls, moment: datetime) -> "LedgerSummary":
        state = RollUp.objects.first()
        # Uses the primary key.
        newest = Screening.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        return cls(
            rolled_up_at=state.rolled_up_at if state else None,
            uncounted=newest > (state.screenings_read if state else 0),
            # The table has one row per day and epoch, and certificates are few: no index is needed.
            closed_days=LedgerDay.objects.filter(closed_at__gte=moment).count(),
            valid=Certificate.objects.valid().count(),
            withdrawn=tuple(Certificate.objects.filter(withdrawn_at__gte=moment).order_by("withdrawn_at")),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "rolled_up_at": self.rolled_up_at and self.rolled_up_at.isoformat(),
            "uncounted_screenings": self.uncounted,
            "closed_days": self.closed_days,
            "valid_certificates": self.valid,
            "withdrawn_certificates": [
                {"claim": str(certificate), "why": certificate.why_withdrawn} for certificate in self.withdrawn
            ],
        }
