"""What the pages of the queue show: keys, a claim's remaining time, a policy's text, why an upload is in quarantine."""

from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reviewqueue.shortcuts import ACTIONS, DIGITS, keys_of

register = template.Library()

# The title and the explanation of each reason.
QUARANTINE_REASONS = {
    "format_not_allowed": ("Format", "Its content is in a format that is not accepted, whatever its name says."),
    "too_large": ("Too large", "The file has more bytes than are accepted."),
    "too_many_pixels": ("Too many pixels", "The image has more pixels than can be decoded safely."),
    "too_many_frames": ("Too many frames", "The file has more frames or pages than can be decoded safely."),
    "unreadable": ("Unreadable", "The file starts like an image, but could not be decoded."),
    "truncated": ("Cut short", "The file ends before its image does."),
    "out_of_memory": ("Memory", "Decoding the file took more memory than one image may use."),
    "timed_out": ("Time", "Decoding the file took longer than one image may take."),
    "decoder_died": ("Decoder died", "The file ended the decoder's process twice, the second time alone in it."),
    "file_missing": ("File missing", "The file is not in storage. A retry helps after an operator has restored it."),
}
UNKNOWN_REASON = ("Not read", "The file could not be read safely.")


@register.filter
def policy_lines(text: str) -> list[dict[str, str]]:
    """Split a policy's text into lines, with a short lead before the colon set apart: "Allowed: ..."."""
    lines = []
    for line in filter(None, map(str.strip, text.splitlines())):
        lead, colon, rest = line.partition(":")
        short = bool(colon) and len(lead) <= 24
        lines.append({"lead": lead, "text": rest.strip()} if short else {"lead": "", "text": line})
    return lines


@register.filter
def seconds_left(moment: datetime) -> int:
    """Return the seconds until ``moment``; 0 after it."""
    return max(0, int((moment - timezone.now()).total_seconds()))


@register.simple_tag
def claim_seconds() -> int:
    """Return how long a claim holds."""
    return int(settings.CLAIM_SECONDS)


@register.filter
def quarantine_title(code: str) -> str:
    return QUARANTINE_REASONS.get(code, UNKNOWN_REASON)[0]


@register.filter
def quarantine_explanation(code: str) -> str:
    """Explain why the upload could not be read."""
    return QUARANTINE_REASONS.get(code, UNKNOWN_REASON)[1]


@register.simple_tag(takes_context=True)
def hold_key(context: dict[str, Any]) -> bool:
    """Whether holding Space reveals the image for this person."""
    return bool(keys_of(context["user"]))


@register.simple_tag(takes_context=True)
def data_key(context: dict[str, Any], action: str) -> SafeString:
    """Return the attributes that let static/js/keys.js press this control; none where the person has no key for it."""
    key = _key(context, action)
    return format_html(' data-key="{}" aria-keyshortcuts="{}"', key, key.upper()) if key else SafeString()


@register.simple_tag(takes_context=True)
def kbd(context: dict[str, Any], action: str) -> SafeString:
    """Return the key as its button shows it. Screen readers get it from ``data_key``."""
    key = _key(context, action)
    return format_html('<kbd class="hint" aria-hidden="true">{}</kbd>', key) if key else SafeString()


def _key(context: dict[str, Any], action: str) -> str:
    """Return the key of ``action`` for the signed-in person; a digit is its own key."""
    keys = keys_of(context["user"])
    return action if keys and action in DIGITS else keys.get(action, "")


@register.simple_tag(takes_context=True)
def key_of(context: dict[str, Any], action: str) -> str:
    """Return the person's key for ``action``; empty where they have none."""
    return _key(context, action)


@register.simple_tag(takes_context=True)
def key_list(context: dict[str, Any]) -> list[dict[str, str]]:
    """Return key and label of every action that has a key for this person."""
    keys = keys_of(context["user"])
    return [{"key": keys[action.name], "label": action.label} for action in ACTIONS if action.name in keys]
