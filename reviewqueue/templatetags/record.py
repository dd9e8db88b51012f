"""How scores, shares, changes and codes are written."""

from django import template

from moderation.models import ScreeningRun
from moderation.reporting.text import asked_for

register = template.Library()
MINUS = "\N{MINUS SIGN}"


@register.filter
def asked(run: ScreeningRun) -> str:
    """What a run was asked beyond screening what is pending, as it was typed."""
    return asked_for(run)


@register.filter
def percent(share: float) -> str:
    """A share of 1 with as many decimals as it needs; what is there at all is never shown as nothing."""
    if 0 < share < 0.0001:
        return "< 0.01 %"
    return f"{share:.2%}".replace("%", " %") if share < 0.01 else f"{share:.1%}".replace("%", " %")


@register.filter
def rate(probability: float) -> str:
    return f"{probability * 100:g} %"


@register.filter
def amount(number: float) -> str:
    """A mean count: whole numbers, but for small ones."""
    return f"{number:,.0f}" if isinstance(number, int) or number >= 10 or number == 0 else f"{number:,.1f}"


@register.filter
def change(number: float) -> str:
    """A difference with its sign; nothing where there is none."""
    text = amount(abs(number))
    if not float(text.replace(",", "")):
        return "\N{EN DASH}"
    return f"+{text}" if number > 0 else f"{MINUS}{text}"


@register.filter
def threshold(value: float) -> str:
    return f"{value:.2f}"


@register.filter
def score(value: float) -> str:
    return f"{value:.4f}"


@register.filter
def spaced(code: str) -> str:
    """A code such as audit_approve, as words."""
    return code.replace("_", " ")
