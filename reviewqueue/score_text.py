"""How the score of a screening came about, in words. Only the reasons of an untrusted score show before the verdict."""

from dataclasses import dataclass

from moderation.decoding.plan import UntrustedReason
from moderation.decoding.views import Appearance, appearance_of
from moderation.inference.quality_flags import quality_flags
from moderation.models import Screening

UNTRUSTED_REASONS = {
    UntrustedReason.LOW_RESOLUTION: "the image has too few pixels",
    UntrustedReason.TOO_LONG: "the image is too long for its width",
    UntrustedReason.NOT_ALL_SEEN: "the file holds more than the classifier scores",
}
APPEARANCES = {
    Appearance.PLAIN: "as browsers show it",
    Appearance.ON_BLACK: "on black where it is transparent",
    Appearance.UNMANAGED: "without its colour profile",
    Appearance.PREVIEW: "the small preview inside the file",
    Appearance.AS_STORED: "as stored, not turned",
    Appearance.TURNED_BY_EXIF: "turned by a tag that browsers ignore",
    Appearance.TURNED_BY_XMP: "turned by XMP, which browsers ignore",
    Appearance.STILL: "the still picture beside the animation",
    Appearance.OPAQUE: "without its transparency",
}
QUALITY_FLAGS = {
    "enlarged": "enlarged: little detail for its size",
    "compressed": "heavily compressed",
}


def why_untrusted(untrusted: str) -> str:
    """Explain why a score is untrusted; empty for a trusted one."""
    return UNTRUSTED_REASONS[UntrustedReason(untrusted)] if untrusted else ""


@dataclass(frozen=True, kw_only=True)
class ScoreExplanation:
    """Where a score comes from, for the page of its upload.

    Attributes:
        views: how many views of the file were scored.
        place: the frame and the part of it that gave the score.
        whole: the score that whole frames alone would have given.
        quality: flags of the first frame's quality; they change no route.
    """

    views: int
    place: str
    whole: float
    quality: list[str]

    @classmethod
    def of(cls, screening: Screening) -> "ScoreExplanation | None":
        """Explain the score of ``screening``; None where its views were not recorded."""
        score = screening.scores.order_by("-value", "pk").first()
        if score is None:
            return None
        return cls(
            views=score.views_scored,
            place=score_place(screening),
            whole=score.whole,
            quality=quality_text(score.measured),
        )


def quality_text(measured: dict[str, float]) -> list[str]:
    return [QUALITY_FLAGS[finding] for finding in quality_flags(measured)]


def score_place(screening: Screening) -> str:
    """Describe the frame that gave the score, and which part of it."""
    appearance = appearance_of(screening.view)
    shown = f", {APPEARANCES[appearance]}" if appearance else ""
    return f"frame {screening.frame + 1}{shown}, {_part(screening.box)}"


def _part(box: list[float] | None) -> str:
    if box is None:
        return "all of it"
    left, top, right, bottom = (round(100 * share) for share in box)
    return f"{left} to {right} % across, {top} to {bottom} % down"
