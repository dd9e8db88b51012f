"""The filters that write numbers, shares, sizes and times: those of moderation.formatting, by the same names."""

from django import template

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
