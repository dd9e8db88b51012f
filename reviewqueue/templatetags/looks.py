"""How a classifier looked at a file, in words."""

from django import template

from moderation.models import Screening
from reviewqueue import looks

register = template.Library()
register.filter(looks.why_doubted)


@register.simple_tag
def looks_of(screening: Screening) -> looks.Looks | None:
    return looks.Looks.of(screening)
