"""How a run of the pre-screen was called."""

from django import template

from moderation.reporting import text

register = template.Library()
register.filter("run_options", text.options_as_typed)
