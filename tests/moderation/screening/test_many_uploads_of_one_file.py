"""A hundred thousand uploads of the same bytes: the file is scored once, and each upload is screened once."""

from typing import Any

import pytest
from django.db import connection

from moderation.models import PolicyVersion, Score, Screening, Upload
from moderation.screening import supervisor
from tests.factories import make_upload, red

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

INSERTED_AT_ONCE = 2_000
UPLOADS = 100_000


def copy_upload(upload: Upload, *, copies: int) -> None:
    """Insert ``copies`` uploads of the same file, in statements that end before the limit on a statement's time."""
    for first in range(0, copies, INSERTED_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO moderation_upload (source, external_id, uploader_reference, file_id, status,"
                " quarantine_reason, quarantine_detail) SELECT 'copies', number::text, '', %s, 'pending', '', ''"
                " FROM generate_series(%s, %s) number",
                [upload.file_id, first + 1, min(first + INSERTED_AT_ONCE, copies)],
            )


def test_each_is_screened_once_in_slices(red_policy: PolicyVersion, prescreen: Any) -> None:
    copy_upload(make_upload(content=red(0.1)), copies=UPLOADS)
    report = prescreen()
    assert report["approved"] == Screening.objects.live().count() == UPLOADS + 1
    assert Score.objects.count() == 1
    assert not Upload.objects.pending().exists()
    assert UPLOADS > 50 * supervisor.MOST_UPLOADS
