"""The filters that write numbers, shares, sizes and times: those of moderation.formatting, by the same names."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from moderation import formatting
from moderation.bounded_count import count_text

register = template.Library()
for function in (
    formatting.thousands,
    formatting.counted,
    formatting.count,
    formatting.change,
    formatting.rounded_percent,
    formatting.exact_percent,
    formatting.threshold,
    formatting.score,
    formatting.file_size,
    formatting.age,
    formatting.day,
    formatting.moment,
    formatting.spaced,
    count_text,
):
    register.filter(function)


@register.filter
def time_element(when: datetime) -> SafeString:
    """Return the moment as a <time> element, which programs read by its attribute."""
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), formatting.moment(when))
