"""The content of a certificate, and its recomputation from that content alone, without the database."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from moderation.formatting import percent
from moderation.models.threshold_grid import GRID
from moderation.statistics.e_values import log_e_value
from moderation.statistics.fixed_sequence import candidates, certify
from moderation.statistics.risks import RESPONSE_NEEDED
from moderation.tuning.agreement import REFUSED_BELOW
from moderation.tuning.evidence import RISKS, share_recognised

LASTS = timedelta(days=90)
FORMAT = 1
LOG_E_DIGITS = 9
# The fields of a certificate's file, each with the types that it may have.
FIELDS: Mapping[str, tuple[type, ...]] = {
    "format": (int,), "policy": (str,), "epoch": (int,), "risk": (str,), "target": (float, int), "delta": (float, int),
    "miss_share": (float, int), "low": (float, int), "high": (float, int), "start": (float, int), "before": (list,),
    "pi_floor": (float, int), "pi": (list,), "bad": (list,), "good": (list,), "labelled": (int,), "drawn": (int,),
    "agreement": (float, int, type(None)), "first_day": (str,), "last_day": (str,), "issued_at": (str,),
    "ends_at": (str,), "log_e": (float, int), "code_version": (str,), "sha256": (str,),
}  # fmt: skip


class NotACertificate(Exception):
    """The content is not a certificate, or does not match its own counts; the message names each difference."""


def log_e_of(content: Mapping[str, Any], counts: Mapping[str, Any]) -> float:
    """Return log E of a certificate's claim from ``counts`` (bad and good), rounded so that every machine agrees."""
    tested = content["target"] * share_recognised(content["risk"], miss_share=content["miss_share"])
    log_e = log_e_value(counts["bad"], counts["good"], content["pi"], tested, content["pi_floor"])
    return round(float(log_e), LOG_E_DIGITS)


def digest(content: Mapping[str, Any]) -> str:
    """Return the sha256 of all fields except the digest itself, so that any changed digit is found."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def end_of(last_day: str) -> datetime:
    """Return the moment at which a certificate ends: 90 days after its last day (in UTC)."""
    return datetime.combine(datetime.fromisoformat(last_day), time(), tzinfo=UTC) + LASTS + timedelta(days=1)


def verify(content: object) -> float:
    """Recompute a certificate from its own content, and return its E.

    Raises:
        NotACertificate: a field is missing or wrong, or differs from the value that follows from the counts.
    """
    if not isinstance(content, dict):
        raise NotACertificate("This is not a certificate. A certificate is one JSON object.")
    _check_fields(content)
    try:
        log_e = log_e_of(content, content)
        problems = [*_wrong_figures(content, log_e=log_e), *_wrong_sequence(content)]
    except (ValueError, TypeError, KeyError) as error:
        raise NotACertificate(f"The certificate cannot be recomputed: {error}.") from error
    if problems:
        raise NotACertificate(f"The certificate does not match its own content: {'; '.join(problems)}.")
    return math.exp(min(log_e, 700.0))


def _wrong_figures(content: Mapping[str, Any], *, log_e: float) -> list[str]:
    ends, agreement = end_of(content["last_day"]).isoformat(), content["agreement"]
    checks = [
        (log_e != content["log_e"], f"log E is {log_e!r} by its counts"),
        (content["ends_at"] != ends, f"it ends on {ends} by its last day"),
        (content["first_day"] > content["last_day"], "its first day comes after its last"),
        (not 0 <= content["low"] <= content["high"], "its thresholds are out of order"),
        (not 0 <= content["labelled"] <= content["drawn"], "it has more verdicts than drawn uploads"),
        (
            content["labelled"] < RESPONSE_NEEDED * content["drawn"],
            f"fewer than {percent(RESPONSE_NEEDED)} of its drawn uploads have a verdict",
        ),
        (
            agreement is not None and agreement < REFUSED_BELOW,
            f"the moderators' agreement is below {REFUSED_BELOW}",
        ),
        (content["sha256"] != digest(content), "its sha256 does not match, so a field was changed"),
    ]
    return [text for is_wrong, text in checks if is_wrong]


def _wrong_sequence(content: Mapping[str, Any]) -> list[str]:
    """Recompute the fixed sequence from the threshold that the epoch opened with up to the certified one."""
    start, goal = content["start"], content["high" if content["risk"] == "wrongful" else "low"]
    steps = [*content["before"], {"threshold": goal, "bad": content["bad"], "good": content["good"]}]
    expected = candidates(GRID, content["risk"], start=start, goal=goal)
    if [step["threshold"] for step in steps] != expected:
        return [f"its thresholds from {start} to {goal} are not complete and in order"]
    by_threshold = dict(zip(expected, steps, strict=True))
    needed = -math.log(content["delta"])

    def first_day(threshold: float) -> int | None:
        return 0 if log_e_of(content, by_threshold[threshold]) >= needed else None

    found = certify(expected, first_day=first_day)
    return [] if found.reaches_goal else [f"E is below 1/delta at {found.stopped_at}"]


def _check_fields(content: Mapping[str, Any]) -> None:
    if content.keys() != FIELDS.keys():
        odd = sorted(content.keys() ^ FIELDS.keys())
        raise NotACertificate(f"This is not a certificate. Missing or unknown fields: {', '.join(map(str, odd))}.")
    for name, types in FIELDS.items():
        if not isinstance(content[name], types) or isinstance(content[name], bool):
            raise NotACertificate(f"{name} is {json.dumps(content[name])}: a certificate holds no such value here.")
    if content["format"] != FORMAT or content["risk"] not in RISKS:
        raise NotACertificate(
            f"format is {content['format']}, risk is '{content['risk']}': this version reads format {FORMAT} with a "
            f"risk of {', '.join(RISKS)}."
        )
    if not 0 < content["delta"] < 1:
        raise NotACertificate(f"delta is {content['delta']}: a certificate holds a number between 0 and 1 here.")
