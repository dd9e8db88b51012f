"""The view plan: which pictures of a file are scored, which parts of them, and when a score is untrusted. Data only."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

#: Increase it when the decode process or ``views`` change which pictures of a file are scored, or their colours or
#: orientation: scores change with them.
_ALGORITHM_VERSION = 2


class UntrustedReason(StrEnum):
    """Why a score is untrusted, so that the upload goes to a person. The values are stored: never change one."""

    LOW_RESOLUTION = "low_resolution"  # the shorter side has too few pixels
    TOO_LONG = "too_long"  # the tiles that the plan allows do not cover the picture
    NOT_ALL_SEEN = "not_all_seen"  # the file has more scenes, pages or parts than the plan allows


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPlan:
    """How many views of a file a classifier scores. A score is a function of the file, the classifier and the plan.

    Therefore "near the band" is a fixed range and not derived from the thresholds in force: a score that changed with
    the thresholds could not serve as evidence for them.

    Attributes:
        pictures: most pictures of one file that are scored whole.
        views: most views of one file by one classifier, whole pictures and tiles together.
        tiles: most tiles of one picture; with 0 only whole pictures are scored.
        long_from: a picture is long from this ratio of its sides on.
        seen_share: a picture is also long if a centre crop keeps less than this share of its long side.
        large_from: a picture is large from this number of pixels on.
        near_from, near_to: parts are also scored of whole pictures with a score in [near_from, near_to). The range
            ends where the usual band begins, because uploads in the band go to a person anyway.
        least_side: scores of pictures whose shorter side has fewer pixels are untrusted; 0 trusts all.
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
        """Identifies these numbers and the algorithms that use them, in the provenance of every score."""
        content = json.dumps(asdict(self), sort_keys=True).encode()
        return f"{_ALGORITHM_VERSION}-{hashlib.sha256(content).hexdigest()[:8]}"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ViewPlan":
        """Read the result of ``as_json``. The value is trusted, because it comes from the parent process."""
        return cls(**value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def is_near(self, score: float) -> bool:
        return self.near_from <= score < self.near_to


#: The plan for uploads. Another plan gives other scores, so changing it ends every epoch.
IN_FORCE = ViewPlan()
#: Scores up to 16 pictures as a whole and trusts every score.
WHOLE_PICTURES = ViewPlan(tiles=0, least_side=0)
