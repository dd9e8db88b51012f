"""Certificates: issued from the ledger, renewed from later uploads only, withdrawn when the alarm rings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, cast

from django.db import transaction

from moderation.models import Certificate, Policy, User
from moderation.statistics.guarantee import Risk, counts_for
from moderation.statistics.risks import pair_at, verdicts
from moderation.tuning.alarms import withdraw
from moderation.tuning.certificate_file import FORMAT, NotACertificate, digest, end_of, log_e_of, verify
from moderation.tuning.evidence import RISKS
from moderation.tuning.fixed_sequence import Step, Walk
from moderation.tuning.ledger_days import ClosedDay, closed_days, total
from moderation.tuning.threshold_report import ThresholdReport

__all__ = ["NotACertificate", "NothingToCertify", "issue", "unsound", "verify"]


class NothingToCertify(Exception):
    """No claim has evidence enough that is not certified already."""


@transaction.atomic
def issue(finding: ThresholdReport, *, by: User | None = None) -> list[Certificate]:
    """Certify each claim of ``finding`` that had evidence enough at the end of a closed day.

    A certificate covers the days up to the first such day, and ends 90 days after it. Where there was one for the
    same claim before, withdrawn or not, only days after those that it covers count. One for which the alarm rings on
    the days since is withdrawn at once.

    Raises:
        NothingToCertify: no claim has evidence enough, or all that have are certified already.
    """
    # Of two who issue at once the second finds what the first has issued.
    Policy.objects.select_for_update().get(pk=finding.version.policy_id)
    issued = [made for risk in RISKS if (made := _issue(finding, risk, by=by)) is not None]
    if not issued:
        raise NothingToCertify(
            "No claim has evidence enough that is not certified already. 'manage.py tune' says what is missing."
        )
    withdraw(issued)
    return issued


def _issue(finding: ThresholdReport, risk: Risk, *, by: User | None) -> Certificate | None:
    if finding.agreement.refusal:
        return None
    days = _not_yet_used(finding, risk)
    walk = finding.walk(risk, days)
    if walk is None or walk.stopped_at is not None:
        return None
    content = _content(finding, risk, days=days, walk=walk)
    verify(content)
    claim = {name: content[name] for name in ("risk", "target", "delta", "low", "high", "first_day", "last_day")}
    made = Certificate.objects.create(
        **claim,
        epoch=finding.epoch,
        log_e=content["log_e"],
        content=content,
        code_version=content["code_version"],
        issued_by=by,
        issued_at=datetime.fromisoformat(content["issued_at"]),
        ends_at=datetime.fromisoformat(content["ends_at"]),
    )
    made.refresh_from_db()
    return made


def _not_yet_used(finding: ThresholdReport, risk: Risk) -> list[ClosedDay]:
    """The closed days after those that a certificate for the same claim rests on."""
    side = "high" if risk == "wrongful" else "low"
    same = {"epoch": finding.epoch, "risk": risk, "target": finding.targets.get(risk), side: finding.goal(risk)}
    last = Certificate.objects.filter(**same).order_by("-last_day").values_list("last_day", flat=True).first()
    return [day for day in finding.days if last is None or day.day > last]


def _content(finding: ThresholdReport, risk: Risk, *, days: Sequence[ClosedDay], walk: Walk) -> dict[str, Any]:
    *before, own = walk.steps
    covered = days[: own.last + 1]
    ledger = total(covered)
    labelled, drawn = verdicts(ledger, risk, *pair_at(ledger, risk, walk.goal))
    alpha = finding.agreement.alpha if finding.agreement.measured else None
    content: dict[str, Any] = {
        "format": FORMAT,
        "policy": finding.version.policy.slug,
        "epoch": finding.epoch.pk,
        "risk": risk,
        "target": finding.targets[risk],
        "delta": finding.epoch.delta,
        "miss_share": finding.version.miss_share,
        "low": finding.low if risk == "wrongful" else walk.goal,
        "high": finding.high,
        "start": walk.start,
        "before": [{"threshold": step.threshold, **_counts(days, risk, step)} for step in before],
        "pi_floor": finding.floor(risk),
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


def _counts(days: Sequence[ClosedDay], risk: Risk, step: Step) -> dict[str, list[int]]:
    """Bad and good labels per rate class on the days that the step rests on."""
    ledger = total(days[: step.last + 1])
    counts = counts_for(ledger, risk, *pair_at(ledger, risk, step.threshold))
    return {name: [int(count) for count in part] for name, part in counts._asdict().items()}


def _code_version() -> str:
    try:
        return metadata.version("second-look")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def unsound() -> Iterator[tuple[str, str]]:
    """Certificates that don't follow from themselves or from the ledger: (certificate, what was found)."""
    for certificate in Certificate.objects.select_related("epoch").order_by("pk"):
        try:
            verify(certificate.content)
        except NotACertificate as error:
            yield f"certificate {certificate.pk}", str(error)
            continue
        yield from _other_than_its_content(certificate)
        yield from _other_than_its_days(certificate)


def _other_than_its_content(certificate: Certificate) -> Iterator[tuple[str, str]]:
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


def _other_than_its_days(certificate: Certificate) -> Iterator[tuple[str, str]]:
    """Closed days keep their counts: what the certificate rests on can be counted again."""
    days = [day for day in closed_days(certificate.epoch) if certificate.first_day <= day.day <= certificate.last_day]
    content, risk = certificate.content, cast("Risk", certificate.risk)
    side = "high" if risk == "wrongful" else "low"
    step = Step(threshold=content[side], last=len(days) - 1)
    if not days:
        yield f"certificate {certificate.pk}", "its days are not in the ledger"
        return
    for name, found in _counts(days, risk, step).items():
        # Later days may have brought further classes.
        if _by_pi(total(days).pi, found) != _by_pi(content["pi"], content[name]):
            yield f"certificate {certificate.pk}", f"{name} is {content[name]}, its days hold {found}"


def _by_pi(pi: Iterable[float], counts: Iterable[int]) -> Counter[float]:
    found: Counter[float] = Counter()
    for rate, count in zip(pi, counts, strict=True):
        found[float(rate)] += count
    return +found
