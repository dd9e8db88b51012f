"""Reasons to refuse an upload, and the checks that need neither the database nor a decoder."""

import re

from django.conf import settings
from django.db import models

from moderation.decoding import foreign_formats
from moderation.decoding.images import HEAD_BYTES, format_sentence, sniff
from moderation.models import Upload

#: PostgreSQL indexes at most 2,704 bytes of (source, external id), some of which it needs itself.
IDENTITY_BYTES = 2_500
#: Characters that PostgreSQL cannot store. Lone surrogates stand for bytes of a file name that are not UTF-8.
NO_TEXT = re.compile("[\0\ud800-\udfff]")
#: Characters that turn the direction of text, so that people read another name than the one that is stored.
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


class UploadRefused(Exception):
    """The upload was not recorded. The message says what was found, what is accepted and what to do."""


class Empty(UploadRefused):
    """There are no bytes."""


class TooLarge(UploadRefused):
    """There are more bytes than UPLOAD_MAX_BYTES."""


class FormatNotAllowed(UploadRefused):
    """Its content is none of the accepted image formats."""


class TooManyPixels(UploadRefused):
    """Its header states more pixels than UPLOAD_MAX_PIXELS."""


class TooManyFrames(UploadRefused):
    """It has more frames, or more pixels over all frames, than can be read at a bounded cost."""


class FieldNotAllowed(UploadRefused):
    """The source, the external id or the uploader's reference cannot be recorded."""


class ConflictingBytes(UploadRefused):
    """The same source sent other bytes under this external id before."""


class Unreadable(UploadRefused):
    """The file or folder cannot be read from disk."""


def check_size(size: int) -> None:
    """Refuse a file by its size in bytes.

    Raises:
        Empty, TooLarge: it has no bytes, or more than UPLOAD_MAX_BYTES.
    """
    if size == 0:
        raise Empty("Found an empty file; an image is accepted. Check the file and send it again.")
    if size > settings.UPLOAD_MAX_BYTES:
        raise TooLarge(
            f"Found {size:,} bytes; at most {settings.UPLOAD_MAX_BYTES:,} are accepted. "
            "Send a smaller or more strongly compressed image."
        )


def check_format(content: bytes) -> str:
    """Return the format by the first bytes; the file name does not matter.

    Raises:
        FormatNotAllowed: it is none of the accepted formats.
    """
    if found := sniff(content[:HEAD_BYTES]):
        return found
    raise FormatNotAllowed(format_sentence(foreign_formats.name_of(content[:HEAD_BYTES])))


def check_fields(*, source: str, external_id: str, uploader_reference: str) -> None:
    """Refuse texts that the database cannot hold.

    Raises:
        FieldNotAllowed: a field is missing, too long, or not text. The message names it.
    """
    values = {"source": source, "external_id": external_id, "uploader_reference": uploader_reference}
    for name, value in values.items():
        _check_text(name, value)
    size = len(source.encode()) + len(external_id.encode())
    if size > IDENTITY_BYTES:
        raise FieldNotAllowed(
            f"Found {size:,} bytes in source and external_id together; at most {IDENTITY_BYTES:,} are accepted. "
            "Send a shorter external_id."
        )


def _check_text(name: str, value: str) -> None:
    field = Upload._meta.get_field(name)
    assert isinstance(field, models.CharField)
    accepted = f"text of {0 if field.blank else 1} to {field.max_length:,} characters is accepted"
    if not field.blank and not value:
        raise FieldNotAllowed(f"Found nothing in {name}; {accepted}. Fill it in and send it again.")
    if len(value) > (field.max_length or 0):
        raise FieldNotAllowed(f"Found {len(value):,} characters in {name}; {accepted}. Shorten it and send it again.")
    if NO_TEXT.search(value):
        raise FieldNotAllowed(
            f"Found bytes in {name} that are not text: {value!a}; {accepted}. Rename it and send it again."
        )
    if found := DIRECTION.search(value):
        raise FieldNotAllowed(
            f"Found the character U+{ord(found[0]):04X} in {name}, which changes the direction of text; {accepted} "
            "without it. Take it out and send it again."
        )
