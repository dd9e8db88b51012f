"""How the score of a screening came about, in words."""

from django import template

from moderation.models import Screening
from reviewqueue import score_text

register = template.Library()
register.filter(score_text.why_untrusted)


@register.simple_tag
def score_explanation(screening: Screening) -> score_text.ScoreExplanation | None:
    return score_text.ScoreExplanation.of(screening)
