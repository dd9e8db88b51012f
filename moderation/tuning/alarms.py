"""Withdrawal of certificates by their alarm: evidence, on later days, that the risk is above its target."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import cast

import numpy as np
from django.db.models.functions import Now

from moderation.formatting import percent
from moderation.models import Certificate
from moderation.statistics.checks import Floats
from moderation.statistics.guarantee import ReverseAlarm, Risk, alarm_counts_for
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import pair_at
from moderation.tuning.evidence import share_recognised
from moderation.tuning.ledger_days import NEVER_DRAWN, ClosedDay, closed_days, total
from moderation.tuning.text import CLAIMS


def watch() -> list[Certificate]:
    """Withdraw each valid certificate whose alarm rings on the closed days after it, and return them."""
    return withdraw(Certificate.objects.valid().select_related("epoch").order_by("pk"))


def withdraw(certificates: Iterable[Certificate]) -> list[Certificate]:
    """Withdraw the ``certificates`` whose alarm rings, and return them; a second call changes nothing."""
    days: dict[int, list[ClosedDay]] = {}
    withdrawn = []
    for certificate in certificates:
        if certificate.epoch_id not in days:
            days[certificate.epoch_id] = closed_days(certificate.epoch)
        if (day := day_of_alarm(certificate, days[certificate.epoch_id])) is None:
            continue
        claim = f"'{CLAIMS[certificate.risk]}' is above {percent(certificate.target)}"
        why = f"The alarm rang on {day}: there is evidence that {claim}."
        not_withdrawn = Certificate.objects.filter(pk=certificate.pk, withdrawn_at=None)
        if not_withdrawn.update(withdrawn_at=Now(), why_withdrawn=why):
            certificate.refresh_from_db()
            withdrawn.append(certificate)
    return withdrawn


def day_of_alarm(certificate: Certificate, days: list[ClosedDay]) -> date | None:
    """Return the first closed day at whose end the certificate's alarm rang, or None.

    The alarm starts on the day after the last one that the certificate covers, and again every 14 calendar days.
    """
    since = [day for day in days if day.day > certificate.last_day]
    if not since:
        return None
    counts = [_counts(certificate, day.ledger) for day in since]
    by_date = _by_date(certificate.last_day, since, counts)
    number = _alarm(certificate, total(since)).watch(by_date[:, 0], by_date[:, 1]).day
    return None if number is None else certificate.last_day + timedelta(days=number + 1)


def _counts(certificate: Certificate, ledger: Ledger) -> Floats:
    """Return bad and good labels per rate class, shape (2, classes)."""
    risk = cast("Risk", certificate.risk)
    threshold = certificate.high if risk == "wrongful" else certificate.low
    return np.stack(alarm_counts_for(ledger, risk, *pair_at(ledger, risk, threshold)))


def _by_date(last: date, days: list[ClosedDay], counts: list[Floats]) -> Floats:
    """Return the counts of each date after ``last``, shape (days, 2, classes); 0 on dates without uploads."""
    table = np.zeros(((days[-1].day - last).days, *counts[0].shape))
    for day, counted in zip(days, counts, strict=True):
        table[(day.day - last).days - 1] = counted
    return table


def _alarm(certificate: Certificate, ledger: Ledger) -> ReverseAlarm:
    floor, miss_share = certificate.content["pi_floor"], certificate.content["miss_share"]
    reached = ledger.pi[(_uploads(certificate, ledger) > 0) & (ledger.pi > NEVER_DRAWN)]
    return ReverseAlarm(
        pi=ledger.pi,
        target=certificate.target * share_recognised(certificate.risk, miss_share=miss_share),
        # The epoch declared its floor before any verdict. A smaller pi counts only if thresholds moved into its region.
        pi_floor=float(min([floor, *reached])),
        delta=certificate.delta,
    )


def _uploads(certificate: Certificate, ledger: Ledger) -> Floats:
    """Return the uploads that can have den = 1, per rate class."""
    below, _, above = ledger.regions(certificate.low, certificate.high)
    own = {"leak": below.uploads, "wrongful": above.uploads}
    everything: Floats = ledger.uploads.sum(axis=0)
    return own.get(certificate.risk, everything)
