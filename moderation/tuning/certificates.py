"""Certificates: issued from the ledger, recomputed from themselves alone."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from functools import reduce
from importlib import metadata
from operator import add
from typing import Any

from django.db import transaction

from moderation.models import Certificate, User
from moderation.statistics.evidence import log_e_value
from moderation.statistics.guarantee import RESPONSE_NEEDED, Risk, counts_for
from moderation.statistics.risks import verdicts
from moderation.tuning.evidence import RISKS
from moderation.tuning.state import Finding

LASTS = timedelta(days=90)
FORMAT = 1
LOG_E_DIGITS = 9
# What a certificate's file consists of: each field with the types it may have.
FIELDS: Mapping[str, tuple[type, ...]] = {
    "format": (int,), "policy": (str,), "epoch": (int,), "risk": (str,), "target": (float, int), "delta": (float, int),
    "low": (float, int), "high": (float, int), "pi_floor": (float, int), "pi": (list,), "bad": (list,), "good": (list,),
    "labelled": (int,), "drawn": (int,), "first_day": (str,), "last_day": (str,), "issued_at": (str,),
    "ends_at": (str,), "log_e": (float, int), "code_version": (str,), "sha256": (str,),
}  # fmt: skip


class NothingToCertify(Exception):
    """No claim has evidence enough that is not certified already."""


class NotACertificate(Exception):
    """The content does not follow from itself; the message names what is wrong."""


@transaction.atomic
def issue(finding: Finding, *, by: User | None = None) -> list[Certificate]:
    """Certify each claim of ``finding`` that had evidence enough at the end of a closed day.

    A certificate covers the days up to the first such day, and ends 90 days after it.

    Raises:
        NothingToCertify: no claim has evidence enough, or all that have are certified already.
    """
    issued = [made for risk in RISKS if (made := _issue(finding, risk, by=by)) is not None]
    if not issued:
        raise NothingToCertify(
            "No claim has evidence enough that is not certified already. 'manage.py tune' says what is missing."
        )
    return issued


def _issue(finding: Finding, risk: Risk, *, by: User | None) -> Certificate | None:
    last = finding.first_certified(risk)
    if last is None or _is_certified(finding, risk):
        return None
    content = _content(finding, risk, last=last)
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


def _is_certified(finding: Finding, risk: Risk) -> bool:
    pair = {"low": finding.low, "high": finding.high}
    return Certificate.objects.filter(epoch=finding.epoch, risk=risk, target=finding.targets[risk], **pair).exists()


def _content(finding: Finding, risk: Risk, *, last: int) -> dict[str, Any]:
    days = finding.days[: last + 1]
    total = reduce(add, (day.ledger for day in days))
    bad, good = counts_for(total, risk, finding.low, finding.high)
    labelled, drawn = verdicts(total, risk, finding.low, finding.high)
    target, floor = finding.targets[risk], finding.floor(risk)
    content = {
        "format": FORMAT,
        "policy": finding.version.policy.slug,
        "epoch": finding.epoch.pk,
        "risk": risk,
        "target": target,
        "delta": finding.epoch.delta,
        "low": finding.low,
        "high": finding.high,
        "pi_floor": floor,
        "pi": [float(pi) for pi in total.pi],
        "bad": [int(count) for count in bad],
        "good": [int(count) for count in good],
        "labelled": labelled,
        "drawn": drawn,
        "first_day": days[0].day.isoformat(),
        "last_day": days[-1].day.isoformat(),
        "issued_at": datetime.now(UTC).isoformat(),
        "ends_at": _end_of(days[-1].day.isoformat()).isoformat(),
        # Rounded, so that no digit is beyond what a float can tell.
        "log_e": round(float(log_e_value(bad, good, total.pi, target, floor)), LOG_E_DIGITS),
        "code_version": _code_version(),
    }
    return content | {"sha256": _digest(content)}


def _digest(content: Mapping[str, Any]) -> str:
    """What all other fields amount to: a digit that was changed shows, wherever it stands."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _end_of(last_day: str) -> datetime:
    return datetime.combine(datetime.fromisoformat(last_day), time(), tzinfo=UTC) + LASTS + timedelta(days=1)


def _code_version() -> str:
    try:
        return metadata.version("second-look")
    except metadata.PackageNotFoundError:
        return "0.1.0"


def verify(content: object) -> float:
    """Recompute a certificate from its own content, and return its E.

    Raises:
        NotACertificate: a field is missing or wrong, or what follows from the counts differs from what is said.
    """
    if not isinstance(content, dict):
        raise NotACertificate("A certificate is one JSON object.")
    _check_fields(content)
    try:
        found = float(
            log_e_value(
                content["bad"], content["good"], content["pi"], content["target"], content["pi_floor"]
            )
        )  # fmt: skip
        ends = _end_of(content["last_day"]).isoformat()
    except ValueError as error:
        raise NotACertificate(str(error)) from error
    wrong = [
        (round(found, LOG_E_DIGITS) != content["log_e"], f"log E is {found!r} by its counts"),
        (not 0 < content["delta"] < 1 or found < -math.log(content["delta"]), "E is below 1/delta"),
        (content["ends_at"] != ends, f"it ends on {ends} by its last day"),
        (content["first_day"] > content["last_day"], "its first day comes after its last"),
        (not 0 <= content["low"] <= content["high"], "its thresholds are out of order"),
        (not 0 <= content["labelled"] <= content["drawn"], "more verdicts than uploads drawn"),
        (content["labelled"] < RESPONSE_NEEDED * content["drawn"], "fewer than 99.5 % of its drawn uploads answered"),
        (content["sha256"] != _digest(content), "its sha256 is another one, so a field was changed"),
    ]
    if said := [text for is_wrong, text in wrong if is_wrong]:
        raise NotACertificate("The certificate does not follow from itself: " + "; ".join(said) + ".")
    return math.exp(min(found, 700.0))


def _check_fields(content: Mapping[str, Any]) -> None:
    if content.keys() != FIELDS.keys():
        odd = sorted(content.keys() ^ FIELDS.keys())
        raise NotACertificate(f"Fields that are missing or unknown: {', '.join(map(str, odd))}.")
    for name, types in FIELDS.items():
        if not isinstance(content[name], types) or isinstance(content[name], bool):
            raise NotACertificate(f"{name}={content[name]!r}: not what a certificate holds there.")
    if content["format"] != FORMAT or content["risk"] not in RISKS:
        raise NotACertificate(f"format={content['format']}, risk={content['risk']!r}: give format {FORMAT} and a risk.")
