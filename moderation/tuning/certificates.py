"""Certificates: issued from the ledger, renewed from later uploads only, withdrawn when their alarm rings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, cast

from django.db import transaction

from moderation.models import Certificate, Policy, User
from moderation.statistics.fixed_sequence import CertifiedThreshold, FixedSequence
from moderation.statistics.risks import Risk, counts_for, pair_at, verdicts
from moderation.tuning.alarms import withdraw
from moderation.tuning.certificate_file import FORMAT, NotACertificate, digest, end_of, log_e_of, verify
from moderation.tuning.evidence import RISKS
from moderation.tuning.ledger_days import ClosedDay, closed_days, total
from moderation.tuning.threshold_report import ThresholdReport

__all__ = ["NotACertificate", "NothingToCertify", "issue", "unsound", "verify"]


class NothingToCertify(Exception):
    """No claim has enough evidence that is not certified already. Nothing was issued."""


@transaction.atomic
def issue(report: ThresholdReport, *, by: User | None = None) -> list[Certificate]:
    """Certify each claim of ``report`` that had enough evidence at the end of a closed day.

    A certificate covers the days up to the first such day, and ends 90 days after it. If the same claim was certified
    before, withdrawn or not, only days after those of that certificate count. A new certificate is withdrawn at once
    if its alarm rings on the days since.

    Raises:
        NothingToCertify: no claim has enough evidence, or every claim that has is certified already.
    """
    # If two people issue at once, the second one finds the certificates of the first.
    Policy.objects.select_for_update().get(pk=report.version.policy_id)
    issued = [made for risk in RISKS if (made := _issue(report, risk, by=by)) is not None]
    if not issued:
        raise NothingToCertify(
            "No claim has enough evidence that is not certified already. No certificate was issued. 'manage.py tune' "
            "shows the evidence that is missing."
        )
    withdraw(issued)
    return issued


def _issue(report: ThresholdReport, risk: Risk, *, by: User | None) -> Certificate | None:
    if report.agreement.refusal:
        return None
    days = _unused_days(report, risk)
    sequence = report.sequence(risk, days)
    if sequence is None or not sequence.reaches_goal:
        return None
    content = _content(report, risk, days=days, sequence=sequence)
    verify(content)
    claim = {name: content[name] for name in ("risk", "target", "delta", "low", "high", "first_day", "last_day")}
    made = Certificate.objects.create(
        **claim,
        epoch=report.epoch,
        log_e=content["log_e"],
        content=content,
        code_version=content["code_version"],
        issued_by=by,
        issued_at=datetime.fromisoformat(content["issued_at"]),
        ends_at=datetime.fromisoformat(content["ends_at"]),
    )
    made.refresh_from_db()
    return made


def _unused_days(report: ThresholdReport, risk: Risk) -> list[ClosedDay]:
    """Return the closed days after those that a certificate of the same claim covers."""
    side = "high" if risk == "wrongful" else "low"
    same = {"epoch": report.epoch, "risk": risk, "target": report.targets.get(risk), side: report.goal(risk)}
    last = Certificate.objects.filter(**same).order_by("-last_day").values_list("last_day", flat=True).first()
    return [day for day in report.days if last is None or day.day > last]


def _content(
    report: ThresholdReport, risk: Risk, *, days: Sequence[ClosedDay], sequence: FixedSequence
) -> dict[str, Any]:
    *before, own = sequence.certified
    covered = days[: own.day + 1]
    ledger = total(covered)
    labelled, drawn = verdicts(ledger, risk, *pair_at(ledger, risk, own.threshold))
    alpha = report.agreement.alpha if report.agreement.measured else None
    content: dict[str, Any] = {
        "format": FORMAT,
        "policy": report.version.policy.slug,
        "epoch": report.epoch.pk,
        "risk": risk,
        "target": report.targets[risk],
        "delta": report.epoch.delta,
        "miss_share": report.version.miss_share,
        "low": report.low if risk == "wrongful" else report.goal(risk),
        "high": report.high,
        "start": report.start(risk),
        "before": [{"threshold": each.threshold, **_counts(days, risk, each)} for each in before],
        "pi_floor": report.floor(risk),
        "pi": [float(pi) for pi in ledger.pi],
        **_counts(days, risk, own),
        "labelled": labelled,
        "drawn": drawn,
        "agreement": None if alpha is None else alpha.value,
        "first_day": covered[0].day.isoformat(),
        "last_day": covered[-1].day.isoformat(),
        "issued_at": datetime.now(UTC).isoformat(),
        "ends_at": end_of(covered[-1].day.isoformat()).isoformat(),
        "code_version": _code_version(),
    }
    content["log_e"] = log_e_of(content, content)
    return content | {"sha256": digest(content)}


def _counts(days: Sequence[ClosedDay], risk: Risk, certified: CertifiedThreshold) -> dict[str, list[int]]:
    """Return bad and good labels per rate class on the days that the certified threshold rests on."""
    ledger = total(days[: certified.day + 1])
    counts = counts_for(ledger, risk, *pair_at(ledger, risk, certified.threshold))
    return {name: [int(count) for count in part] for name, part in counts._asdict().items()}


def _code_version() -> str:
    try:
        return metadata.version("second-look")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def unsound() -> Iterator[tuple[str, str]]:
    """Yield (certificate, problem) for each certificate that does not match its own content or the ledger."""
    for certificate in Certificate.objects.select_related("epoch").order_by("pk"):
        try:
            verify(certificate.content)
        except NotACertificate as error:
            yield f"certificate {certificate.pk}", str(error)
            continue
        yield from _differs_from_content(certificate)
        yield from _differs_from_days(certificate)


def _differs_from_content(certificate: Certificate) -> Iterator[tuple[str, str]]:
    content = certificate.content
    row = {
        "epoch": certificate.epoch_id,
        "first_day": certificate.first_day.isoformat(),
        "last_day": certificate.last_day.isoformat(),
        **{name: getattr(certificate, name) for name in ("risk", "target", "delta", "low", "high", "log_e")},
    }
    for name, value in row.items():
        if content[name] != value:
            yield f"certificate {certificate.pk}", f"{name} is {value}, its content says {content[name]}"
    if certificate.ends_at != datetime.fromisoformat(content["ends_at"]):
        yield (
            f"certificate {certificate.pk}",
            f"it ends on {certificate.ends_at}, its content says {content['ends_at']}",
        )


def _differs_from_days(certificate: Certificate) -> Iterator[tuple[str, str]]:
    """Count the certificate's days again; closed days keep their counts."""
    days = [day for day in closed_days(certificate.epoch) if certificate.first_day <= day.day <= certificate.last_day]
    content, risk = certificate.content, cast("Risk", certificate.risk)
    side = "high" if risk == "wrongful" else "low"
    certified = CertifiedThreshold(threshold=content[side], day=len(days) - 1)
    if not days:
        yield f"certificate {certificate.pk}", "its days are not in the ledger"
        return
    for name, found in _counts(days, risk, certified).items():
        # Later days can add rate classes, so counts are compared by pi.
        if _by_pi(total(days).pi, found) != _by_pi(content["pi"], content[name]):
            yield f"certificate {certificate.pk}", f"{name} is {content[name]}, its days hold {found}"


def _by_pi(pi: Iterable[float], counts: Iterable[int]) -> Counter[float]:
    found: Counter[float] = Counter()
    for rate, count in zip(pi, counts, strict=True):
        found[float(rate)] += count
    return +found
