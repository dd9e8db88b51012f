"""How numbers, shares, sizes and times are written for people: pages, e-mails and commands use the same functions."""

from datetime import date, datetime

from django.utils import timezone

MINUS = "\N{MINUS SIGN}"
EN_DASH = "\N{EN DASH}"


def thousands(number: int) -> str:
    """Format a whole number: 12,345."""
    return f"{number:,}"


def counted(number: int, noun: str, *, plural: str = "") -> str:
    """Format a count with its noun, so that they agree: 1 upload, 12,345 uploads. `plural` is for an irregular one."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def count(number: float) -> str:
    """Format an estimated or mean count: whole numbers, except for fractions below 10 (3.4)."""
    return f"{number:,.0f}" if isinstance(number, int) or number >= 10 or number == 0 else f"{number:,.1f}"


def change(number: float) -> str:
    """Format the difference of two counts with its sign; a dash where it rounds to zero."""
    text = count(abs(number))
    if not float(text.replace(",", "")):
        return EN_DASH
    return f"+{text}" if number > 0 else f"{MINUS}{text}"


def percent(share: float) -> str:
    """Format an estimated share with three significant digits: 12.3 %, 0.123 %."""
    return f"{100 * share:.3g} %"


def rounded_percent(share: float) -> str:
    """Format a counted share: 12.3 %, 0.12 %. A share above zero never reads as zero: < 0.01 %."""
    if 0 < share < 0.0001:
        return "< 0.01 %"
    return fixed_percent(share, decimals=2 if share < 0.01 else 1)


def fixed_percent(share: float, *, decimals: int = 1) -> str:
    return f"{share:.{decimals}%}".replace("%", " %")


def exact_percent(probability: float) -> str:
    """Format a probability that a person set, with the digits that they wrote: 2.5 %."""
    return f"{probability * 100:g} %"


def threshold(value: float) -> str:
    return f"{value:.2f}"


def score(value: float) -> str:
    return f"{value:.4f}"


def file_size(size: int) -> str:
    """Format bytes in decimal units, as disks are sold: 1.2 MB."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= length:
            return f"{size / length:,.1f} {unit}"
    return f"{size} B"


def duration(seconds: float) -> str:
    """Format a time span in its two largest units: 2 h 5 min."""
    left, parts = round(seconds), []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if left >= length:
            parts.append(f"{left // length} {unit}")
            left %= length
    return " ".join(parts[:2]) or f"{seconds:.1f} s"


def age(moment: datetime) -> str:
    """Format how long ago `moment` was, in its largest unit: 3 h."""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def day(when: date) -> str:
    """Format a date, that of a moment in the local time zone: 3 Nov 2026."""
    local = timezone.localtime(when) if isinstance(when, datetime) else when
    return f"{local:%-d %b %Y}"


def moment(when: datetime) -> str:
    """Format a date and time in the local time zone, with its name: 3 Nov 2026, 18:05 UTC."""
    return f"{day(when)}, {timezone.localtime(when):%H:%M %Z}"


def clock(moment: datetime) -> str:
    """Format a time of day in the local time zone: 18:05."""
    return f"{timezone.localtime(moment):%H:%M}"


def spaced(code: str) -> str:
    """Format a code such as audit_approve as words."""
    return code.replace("_", " ")
