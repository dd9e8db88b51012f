"""What a certificate says, and recomputing it from that alone, without the database."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from moderation.statistics.e_values import log_e_value
from moderation.statistics.guarantee import RESPONSE_NEEDED
from moderation.tuning.agreement import REFUSED_BELOW
from moderation.tuning.evidence import RISKS, share_recognised
from moderation.tuning.fixed_sequence import candidates

LASTS = timedelta(days=90)
FORMAT = 1
LOG_E_DIGITS = 9
# What a certificate's file consists of: each field with the types it may have.
FIELDS: Mapping[str, tuple[type, ...]] = {
    "format": (int,), "policy": (str,), "epoch": (int,), "risk": (str,), "target": (float, int), "delta": (float, int),
    "miss_share": (float, int), "low": (float, int), "high": (float, int), "start": (float, int), "before": (list,),
    "pi_floor": (float, int), "pi": (list,), "bad": (list,), "good": (list,), "labelled": (int,), "drawn": (int,),
    "agreement": (float, int, type(None)), "first_day": (str,), "last_day": (str,), "issued_at": (str,),
    "ends_at": (str,), "log_e": (float, int), "code_version": (str,), "sha256": (str,),
}  # fmt: skip


class NotACertificate(Exception):
    """The content does not follow from itself; the message names what is wrong."""


def log_e_of(content: Mapping[str, Any], counts: Mapping[str, Any]) -> float:
    """Log E of a certificate's claim from ``counts`` (bad and good), rounded: no digit beyond what a float can tell."""
    tested = content["target"] * share_recognised(content["risk"], miss_share=content["miss_share"])
    found = log_e_value(counts["bad"], counts["good"], content["pi"], tested, content["pi_floor"])
    return round(float(found), LOG_E_DIGITS)


def digest(content: Mapping[str, Any]) -> str:
    """What all other fields amount to: a digit that was changed shows, wherever it stands."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def end_of(last_day: str) -> datetime:
    return datetime.combine(datetime.fromisoformat(last_day), time(), tzinfo=UTC) + LASTS + timedelta(days=1)


def verify(content: object) -> float:
    """Recompute a certificate from its own content, and return its E.

    Raises:
        NotACertificate: a field is missing or wrong, or what follows from the counts differs from what is said.
    """
    if not isinstance(content, dict):
        raise NotACertificate("A certificate is one JSON object.")
    _check_fields(content)
    try:
        found = log_e_of(content, content)
        wrong = [*_wrong_figures(content, log_e=found), *_wrong_sequence(content)]
    except (ValueError, TypeError, KeyError) as error:
        raise NotACertificate(f"It can't be recomputed: {error}") from error
    if said := [text for is_wrong, text in wrong if is_wrong]:
        raise NotACertificate("The certificate does not follow from itself: " + "; ".join(said) + ".")
    return math.exp(min(found, 700.0))


def _wrong_figures(content: Mapping[str, Any], *, log_e: float) -> list[tuple[bool, str]]:
    ends, agreement = end_of(content["last_day"]).isoformat(), content["agreement"]
    return [
        (log_e != content["log_e"], f"log E is {log_e!r} by its counts"),
        (not 0 < content["delta"] < 1 or log_e < -math.log(content["delta"]), "E is below 1/delta"),
        (content["ends_at"] != ends, f"it ends on {ends} by its last day"),
        (content["first_day"] > content["last_day"], "its first day comes after its last"),
        (not 0 <= content["low"] <= content["high"], "its thresholds are out of order"),
        (not 0 <= content["labelled"] <= content["drawn"], "more verdicts than uploads drawn"),
        (content["labelled"] < RESPONSE_NEEDED * content["drawn"], "fewer than 99.5 % of its drawn uploads answered"),
        (agreement is not None and agreement < REFUSED_BELOW, f"moderators agreed below {REFUSED_BELOW}"),
        (content["sha256"] != digest(content), "its sha256 is another one, so a field was changed"),
    ]


def _wrong_sequence(content: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """The thresholds before it, from the one that the epoch began with, each with evidence enough of its own."""
    goal = content["high" if content["risk"] == "wrongful" else "low"]
    expected = candidates(start=content["start"], goal=goal, risk=content["risk"])
    found = [*(each["threshold"] for each in content["before"]), goal]
    weak = [each["threshold"] for each in content["before"] if log_e_of(content, each) < -math.log(content["delta"])]
    return [
        (found != expected, f"the thresholds from {content['start']} to {goal} are not all there, in order"),
        (bool(weak), f"E is below 1/delta at {weak}"),
    ]


def _check_fields(content: Mapping[str, Any]) -> None:
    if content.keys() != FIELDS.keys():
        odd = sorted(content.keys() ^ FIELDS.keys())
        raise NotACertificate(f"Fields that are missing or unknown: {', '.join(map(str, odd))}.")
    for name, types in FIELDS.items():
        if not isinstance(content[name], types) or isinstance(content[name], bool):
            raise NotACertificate(f"{name}={content[name]!r}: not what a certificate holds there.")
    if content["format"] != FORMAT or content["risk"] not in RISKS:
        raise NotACertificate(f"format={content['format']}, risk={content['risk']!r}: give format {FORMAT} and a risk.")
