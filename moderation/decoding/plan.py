"""What of a file is looked at: which pictures, which parts of them, and when a score is not trusted. Data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

#: Raised when the rules of ``scenes``, ``appearances`` or ``views`` change: other rules give other scores.
_RULES = 1


class UntrustedReason(StrEnum):
    """Why a score is not trusted, so that a person looks whatever it is. The values are stored: never change one."""

    LOW_RESOLUTION = "low_resolution"
    TOO_LONG = "too_long"  # the tiles that the plan allows don't cover it
    NOT_ALL_SEEN = "not_all_seen"  # more scenes, pages or parts than the plan looks at


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPlan:
    """How closely a classifier looks at a file. A score is a function of the file, the classifier and this.

    That is why "near the band" is a fixed range here and not the thresholds in force: these move, and a score that
    moved with them would be evidence about nothing.

    Attributes:
        pictures: most pictures of one file that are scored whole.
        views: most views of one file by one classifier, whole pictures and tiles together.
        tiles: most tiles of one picture; 0 looks at whole pictures alone.
        long_from: a picture is long from this ratio of its sides on.
        seen_share: the same where a centre crop keeps less than this share of the long side.
        large_from: a picture is large from this number of pixels on.
        near_from, near_to: whole pictures with a score in [near_from, near_to) are looked at in parts as well. It
            ends where the band begins: what lies in the band goes to a person anyhow.
        least_side: pictures whose shorter side has fewer pixels are not trusted to the classifier; 0 trusts all.
    """

    pictures: int = 16
    views: int = 48
    tiles: int = 12
    long_from: float = 2.0
    seen_share: float = 0.6
    large_from: int = 25_000_000
    near_from: float = 0.18
    near_to: float = 0.2
    least_side: int = 64

    @property
    def version(self) -> str:
        """Names these numbers and the rules that read them, in the provenance of every score."""
        content = json.dumps(asdict(self), sort_keys=True).encode()
        return f"{_RULES}-{hashlib.sha256(content).hexdigest()[:8]}"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ViewPlan":
        """Read what ``as_json`` wrote. The value is trusted: it comes from the parent process."""
        return cls(**value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def is_near(self, score: float) -> bool:
        return self.near_from <= score < self.near_to


#: By which uploads are scored. Another plan gives other scores, so an epoch ends with it.
IN_FORCE = ViewPlan()
#: One look at each picture as a whole, up to 16 of them, and every score is believed.
WHOLE_PICTURES = ViewPlan(tiles=0, least_side=0)
