"""Command-line arguments: the types for argparse, and the rows that an argument names.

A type parses text alone and raises ArgumentTypeError. A lookup needs the database, runs in `handle()` and raises
CommandError.
"""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, timedelta
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email
from django.utils import timezone

from moderation.models import Policy, User
from moderation.moments import parse_moment

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
MOMENTS = "write a date (2026-11-01), a date and time (2026-11-01T18:00), or how long ago (90m, 24h, 7d, 2w)"


def when(text: str) -> datetime:
    """Parse a past moment; a text without an offset is in TIME_ZONE."""
    found = _ago(text) or parse_moment(text, zone=timezone.get_current_timezone())
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a date or time: {MOMENTS}")
    if found > timezone.now():
        raise ArgumentTypeError(f"{text!r} is in the future, and no upload has been received since: {MOMENTS}")
    return found


def _ago(text: str) -> datetime | None:
    if not (found := re.fullmatch(r"([0-9]{1,6})([mhdw])", text)):
        return None
    try:
        return timezone.now() - timedelta(**{UNITS[found[2]]: int(found[1])})
    except OverflowError:
        return None


def iso_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a date: write one such as 2026-11-01") from error


def whole_number(text: str) -> int:
    """Parse an integer from 0 up."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r}: write a whole number")
    return int(text)


def positive_int(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r}: write a whole number from 1 up")
    return int(text)


def threshold(text: str) -> float:
    """Parse a number in [0, 1]."""
    number = _number(text)
    if number is None or not 0 <= number <= 1:
        raise ArgumentTypeError(f"{text!r}: write a number from 0 to 1")
    return number


def probability(text: str) -> float:
    """Parse a number in (0, 1]: an upload that can never be drawn gives no evidence."""
    number = _number(text)
    if number is None or not 0 < number <= 1:
        raise ArgumentTypeError(f"{text!r}: write a probability above 0 and at most 1")
    return number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def comma_separated(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def email_address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise ArgumentTypeError(f"{text!r} is not an e-mail address; write one such as ops@example.org") from error
    return text


def read_text(path: Path, *, option: str) -> str:
    """Return the text of the file that `option` names."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{option} {path} cannot be read: {error}. Give a text file in UTF-8.") from error


def policy_in_force(slug: str | None) -> Policy:
    """Return the policy with this slug, or without a slug the first one in force."""
    policies = Policy.objects.in_force()
    found = policies.filter(slug=slug).first() if slug else policies.first()
    if found is None:
        in_force = ", ".join(policies.values_list("slug", flat=True)) or "none"
        raise CommandError(f"--policy {slug or ''}: no such policy is in force. In force: {in_force}.")
    return found


def add_by(parser: ArgumentParser) -> None:
    """Add `--by`, as every command has it that records who changed something."""
    parser.add_argument(
        "--by", default="", metavar="USERNAME", help="the account to record (default: none, the record says so)"
    )


def user_named(username: str) -> User | None:
    """Return the account with this username; None for an empty one."""
    user = User.objects.filter(username=username).first() if username else None
    if username and user is None:
        raise CommandError(f"--by {username}: there is no such account. Nothing was changed. Give a username.")
    return user
