"""The alarm that withdraws a certificate: evidence, on the days after it, that the risk is above its target."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import cast

import numpy as np
from django.db.models.functions import Now

from moderation.models import Certificate
from moderation.statistics.checks import Floats
from moderation.statistics.guarantee import ReverseAlarm, Risk, alarm_counts_for
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import pair_at
from moderation.tuning.evidence import share_recognised
from moderation.tuning.ledger_days import NEVER, ClosedDay, closed_days, total
from moderation.tuning.text import CLAIMS, percent


def watch() -> list[Certificate]:
    """Withdraw each valid certificate whose alarm rings on the closed days after it, and return those."""
    return withdraw(Certificate.objects.valid().select_related("epoch").order_by("pk"))


def withdraw(certificates: Iterable[Certificate]) -> list[Certificate]:
    """Withdraw those of ``certificates`` whose alarm rings; a second call finds nothing more to do."""
    days: dict[int, list[ClosedDay]] = {}
    withdrawn = []
    for certificate in certificates:
        if certificate.epoch_id not in days:
            days[certificate.epoch_id] = closed_days(certificate.epoch)
        if (day := rung(certificate, days[certificate.epoch_id])) is None:
            continue
        claim = f"'{CLAIMS[certificate.risk]}' is above {percent(certificate.target)}"
        why = f"The alarm rang on {day}: there is evidence that {claim}."
        held = Certificate.objects.filter(pk=certificate.pk, withdrawn_at=None)
        if held.update(withdrawn_at=Now(), why_withdrawn=why):
            certificate.refresh_from_db()
            withdrawn.append(certificate)
    return withdrawn


def rung(certificate: Certificate, days: list[ClosedDay]) -> date | None:
    """The first closed day at whose end the certificate's alarm rang, or None.

    It starts on the day after the last one that the certificate covers, and afresh every 14 days of the calendar.
    """
    since = [day for day in days if day.day > certificate.last_day]
    if not since:
        return None
    counts = [_counts(certificate, day.ledger) for day in since]
    watched = _calendar(certificate.last_day, since, counts)
    found = _alarm(certificate, total(since)).watch(watched[:, 0], watched[:, 1]).day
    return None if found is None else certificate.last_day + timedelta(days=found + 1)


def _counts(certificate: Certificate, ledger: Ledger) -> Floats:
    """Bad and good labels per rate class, shape (2, classes)."""
    risk = cast("Risk", certificate.risk)
    threshold = certificate.high if risk == "wrongful" else certificate.low
    return np.stack(alarm_counts_for(ledger, risk, *pair_at(ledger, risk, threshold)))


def _calendar(last: date, days: list[ClosedDay], counts: list[Floats]) -> Floats:
    """The counts by days since ``last``, shape (days, 2, classes): days without uploads have their place, too."""
    watched = np.zeros(((days[-1].day - last).days, *counts[0].shape))
    for day, found in zip(days, counts, strict=True):
        watched[(day.day - last).days - 1] = found
    return watched


def _alarm(certificate: Certificate, ledger: Ledger) -> ReverseAlarm:
    floor, miss_share = certificate.content["pi_floor"], certificate.content["miss_share"]
    reached = ledger.pi[(_uploads(certificate, ledger) > 0) & (ledger.pi > NEVER)]
    return ReverseAlarm(
        pi=ledger.pi,
        target=certificate.target * share_recognised(certificate.risk, miss_share=miss_share),
        # Declared before any verdict; smaller only where thresholds reach into a region with a smaller rate.
        pi_floor=float(min([floor, *reached])),
        delta=certificate.delta,
    )


def _uploads(certificate: Certificate, ledger: Ledger) -> Floats:
    """Uploads per rate class that can have den = 1."""
    below, _, above = ledger.regions(certificate.low, certificate.high)
    own = {"leak": below.uploads, "wrongful": above.uploads}
    everything: Floats = ledger.uploads.sum(axis=0)
    return own.get(certificate.risk, everything)
