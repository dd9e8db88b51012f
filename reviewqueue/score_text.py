"""How a classifier looked at a file, in words: for after the verdict, but for why its score is not trusted."""

from dataclasses import dataclass

from moderation.decoding.plan import UntrustedReason
from moderation.decoding.views import Appearance, appearance_of
from moderation.inference.quality_flags import findings
from moderation.models import Screening

DOUBTS = {
    UntrustedReason.LOW_RESOLUTION: "it has too few pixels",
    UntrustedReason.TOO_LONG: "it is too long for its width",
    UntrustedReason.NOT_ALL_SEEN: "it holds more than the classifier looks at",
}
SHOWN_AS = {
    Appearance.PLAIN: "as stored",
    Appearance.ON_BLACK: "on black where it is transparent",
    Appearance.MANAGED: "by its colour profile",
    Appearance.PREVIEW: "the small preview inside the file",
}
NOTICED = {
    "enlarged": "enlarged: little detail for its size",
    "compressed": "heavily compressed",
}


def why_doubted(doubt: str) -> str:
    """Empty for a score that is trusted."""
    return DOUBTS[UntrustedReason(doubt)] if doubt else ""


@dataclass(frozen=True, kw_only=True)
class ScoreExplanation:
    """What is told of a screening on the page of its upload.

    Attributes:
        views: how many were computed.
        place: where the score comes from.
        whole: the score if no part of a picture had been looked at.
        noticed: of the first picture's quality; it changes no route.
    """

    views: int
    place: str
    whole: float
    noticed: list[str]

    @classmethod
    def of(cls, screening: Screening) -> "ScoreExplanation | None":
        """None for a score that is not kept, as in a record that was not made by the pre-screen."""
        score = screening.scores.order_by("-value", "pk").first()
        if score is None:
            return None
        return cls(views=score.looked, place=place_of(screening), whole=score.whole, noticed=noticed_in(score.measured))


def noticed_in(measured: dict[str, float]) -> list[str]:
    return [NOTICED[finding] for finding in findings(measured)]


def place_of(screening: Screening) -> str:
    """The picture that gave the score, and which part of it."""
    appearance = appearance_of(screening.view)
    shown = f", {SHOWN_AS[appearance]}" if appearance else ""
    return f"frame {screening.frame + 1}{shown}, {_part(screening.box)}"


def _part(box: list[float] | None) -> str:
    if box is None:
        return "all of it"
    left, top, right, bottom = (round(100 * share) for share in box)
    return f"{left} to {right} % across, {top} to {bottom} % down"
