"""How numbers, ages and keys are written."""

from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reviewqueue.shortcuts import ACTIONS, DIGITS, keys_of

register = template.Library()

QUARANTINED = {
    "format_not_allowed": ("Format", "Its content is in a format that is not accepted, whatever its name says."),
    "too_large": ("Too large", "The file has more bytes than are accepted."),
    "too_many_pixels": ("Too many pixels", "It has more pixels than can be decoded safely."),
    "too_many_frames": ("Too many frames", "It has more frames or pages than can be decoded safely."),
    "unreadable": ("Unreadable", "It starts like a picture, but could not be decoded."),
    "truncated": ("Cut short", "The file ends before its picture does."),
    "out_of_memory": ("Memory", "Decoding it took more memory than one picture may."),
    "timed_out": ("Time", "Decoding it took longer than one picture may."),
    "decoder_died": ("Decoder died", "It ended the decoder's process twice, the second time all by itself."),
    "file_missing": ("File missing", "Its file is not in storage. A retry helps once an operator has put it back."),
}
UNKNOWN = ("Not read", "It could not be read safely.")


@register.filter
def thousands(number: int) -> str:
    return f"{number:,}"


@register.filter
def age(moment: datetime) -> str:
    """How long ago ``moment`` was, in its largest unit."""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


@register.filter
def file_size(size: int) -> str:
    """Bytes in decimal units, as storage is sold."""
    for unit, length in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= length:
            return f"{size / length:,.1f} {unit}"
    return f"{size} B"


@register.filter
def policy_lines(text: str) -> list[dict[str, str]]:
    """A policy's lines, each with the short words before its colon apart: "Allowed: ..."."""
    lines = []
    for line in filter(None, map(str.strip, text.splitlines())):
        lead, colon, rest = line.partition(":")
        short = bool(colon) and len(lead) <= 24
        lines.append({"lead": lead, "text": rest.strip()} if short else {"lead": "", "text": line})
    return lines


@register.filter
def seconds_left(moment: datetime) -> int:
    return max(0, int((moment - timezone.now()).total_seconds()))


@register.simple_tag
def claim_seconds() -> int:
    """How long a claim holds."""
    return int(settings.CLAIM_SECONDS)


@register.filter
def quarantine_title(code: str) -> str:
    return QUARANTINED.get(code, UNKNOWN)[0]


@register.filter
def quarantine_words(code: str) -> str:
    """Why the upload could not be read, for a person who has not written the decoder."""
    return QUARANTINED.get(code, UNKNOWN)[1]


@register.simple_tag(takes_context=True)
def hold_key(context: dict[str, Any]) -> bool:
    """Whether holding Space reveals, for this person."""
    return bool(keys_of(context["user"]))


@register.simple_tag(takes_context=True)
def data_key(context: dict[str, Any], action: str) -> SafeString:
    """The attributes that let static/js/keys.js press this control; none where the person has no key for it."""
    key = _key(context, action)
    return format_html(' data-key="{}" aria-keyshortcuts="{}"', key, key.upper()) if key else SafeString()


@register.simple_tag(takes_context=True)
def kbd(context: dict[str, Any], action: str) -> SafeString:
    """The key as it stands on its button; the control's name does not repeat it."""
    key = _key(context, action)
    return format_html('<kbd class="hint" aria-hidden="true">{}</kbd>', key) if key else SafeString()


def _key(context: dict[str, Any], action: str) -> str:
    """The key of ``action``, or the digit itself, for the person who looks at the page."""
    keys = keys_of(context["user"])
    return action if keys and action in DIGITS else keys.get(action, "")


@register.simple_tag(takes_context=True)
def key_list(context: dict[str, Any]) -> list[dict[str, str]]:
    """Key and label of every action that has a key for this person."""
    keys = keys_of(context["user"])
    return [{"key": keys[action.name], "label": action.label} for action in ACTIONS if action.name in keys]
