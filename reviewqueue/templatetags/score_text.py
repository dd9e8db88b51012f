"""How a classifier looked at a file, in words."""

from django import template

from moderation.models import Screening
from reviewqueue import score_text

register = template.Library()
register.filter(score_text.why_doubted)


@register.simple_tag
def looks_of(screening: Screening) -> score_text.ScoreExplanation | None:
    return score_text.ScoreExplanation.of(screening)
