"""Why a score is not trusted, in words."""

from moderation.inference.plan import Doubt

DOUBTS = {
    Doubt.LOW_RESOLUTION: "it has too few pixels",
    Doubt.TOO_LONG: "it is too long for its width",
    Doubt.NOT_ALL_SEEN: "it holds more than the classifier looks at",
}


def why_doubted(doubt: str) -> str:
    """Empty for a score that is trusted."""
    return DOUBTS[Doubt(doubt)] if doubt else ""
