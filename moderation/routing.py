"""The coin and the band: from a score to a route, and to whether a person reviews the upload. Pure.

The coin decides which uploads are drawn for a human verdict. It is a keyed hash, so a retry draws the same, nobody
outside can predict it, and samples nest: an upload drawn at 2 % is also drawn at 5 %.
"""

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum


class Route(StrEnum):
    """The action that the thresholds ask for."""

    APPROVE = "approve"  # score below low
    REVIEW = "review"  # score in [low, high), or untrusted
    REJECT = "reject"  # score from high on


class SamplingReason(StrEnum):
    """Why the coin asks a person to review an upload."""

    REVIEW_BAND = "review_band"  # the score lies in the band
    AUDIT_APPROVE = "audit_approve"  # drawn among the approved
    AUDIT_REJECT = "audit_reject"  # drawn among the rejected
    UNTRUSTED = "untrusted"  # no route may rely on the score
    NONE = "none"  # not drawn


#: The region, in rate classes, of uploads with an untrusted score. It has no thresholds: all of it is reviewed.
UNTRUSTED = "untrusted"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The sampling of a policy version: the probability of a human verdict by region.

    ``fallback`` is the route of uploads in the band that are not drawn.
    """

    approve: float
    review: float
    reject: float
    fallback: Route = Route.REJECT


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One throw of the coin. ``u`` in [0, 1); ``pi`` in [0, 1]; drawn when u < pi."""

    u: float
    pi: float
    reason: SamplingReason
    rate_class: str

    @property
    def drawn(self) -> bool:
        return self.u < self.pi


def coin(secret: bytes, *, upload_id: int, policy_id: int) -> float:
    """The top 53 bits of HMAC-SHA256(secret, "<upload id>:<policy id>") as a float in [0, 1)."""
    digest = hmac.digest(secret, f"{upload_id}:{policy_id}".encode(), hashlib.sha256)
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def region(score: float, *, low: float, high: float) -> Route:
    """Approve below low, reject from high, review in [low, high)."""
    if score < low:
        return Route.APPROVE
    return Route.REJECT if score >= high else Route.REVIEW


def draw(u: float, *, within: Route, rates: Rates, untrusted: bool = False) -> Draw:
    """Draw an upload whose score lies ``within`` a region. An ``untrusted`` score is always drawn."""
    if untrusted:
        return Draw(u=u, pi=1.0, reason=SamplingReason.UNTRUSTED, rate_class=f"{UNTRUSTED}:1")
    reason, pi = {
        Route.APPROVE: (SamplingReason.AUDIT_APPROVE, rates.approve),
        Route.REVIEW: (SamplingReason.REVIEW_BAND, rates.review),
        Route.REJECT: (SamplingReason.AUDIT_REJECT, rates.reject),
    }[within]
    return Draw(u=u, pi=pi, reason=reason if u < pi else SamplingReason.NONE, rate_class=f"{within}:{pi:.6g}")


def route(within: Route, *, draw: Draw, fallback: Route) -> Route:
    """Return the route: that of the region, or ``fallback`` for an upload in the band that the coin did not draw.

    An upload whose score is untrusted is reviewed, wherever its score lies.
    """
    if draw.reason is SamplingReason.UNTRUSTED:
        return Route.REVIEW
    not_drawn = draw.rate_class.startswith(f"{Route.REVIEW}:") and not draw.drawn
    return fallback if within is Route.REVIEW and not_drawn else within
