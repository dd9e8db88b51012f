"""Texts of commands that no test of their process reads."""

import pytest

from moderation.classifiers.eight_bit import EightBitDrift, EightBitFlip
from moderation.management.subcommands.classifier_text import drift_text

FLIP = EightBitFlip(file="a.png", policy="adult", routes=("approve", "review"), before=0.1, after=0.3)


@pytest.mark.parametrize(
    ("flips", "says"), [([], "0 would take another route."), ([FLIP], "1 would take another route:\n  a.png: adult")]
)
def test_a_colon_is_followed_by_a_list(flips: list[EightBitFlip], says: str) -> None:
    drift = EightBitDrift(method="static", images=1, mean=0.0, largest=0.0, flips=flips)
    text = drift_text(drift, name="small", source="big")
    assert says in text
    assert "On 1 image its scores" in text
