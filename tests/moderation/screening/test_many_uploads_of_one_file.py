"""A hundred thousand uploads of the same bytes: the file is scored once, and each upload is screened once."""

from typing import Any

import pytest
from django.db import connection

from moderation.models import PolicyVersion, Score, Screening, Upload
from moderation.screening import supervisor
from tests.factories import make_upload, red

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

UPLOADS = 100_000


def copy_upload(upload: Upload, *, copies: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO moderation_upload (source, external_id, uploader_reference, file_id, status,"
            " quarantine_reason, quarantine_detail) SELECT 'copies', number::text, '', %s, 'pending', '', ''"
            " FROM generate_series(1, %s) number",
            [upload.file_id, copies],
        )


def test_each_is_screened_once_in_slices(red_policy: PolicyVersion, prescreen: Any) -> None:
    copy_upload(make_upload(content=red(0.1)), copies=UPLOADS)
    report = prescreen()
    assert report["approved"] == Screening.objects.live().count() == UPLOADS + 1
    assert Score.objects.count() == 1
    assert not Upload.objects.pending().exists()
    assert UPLOADS > 50 * supervisor.MOST_UPLOADS
