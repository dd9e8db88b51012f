"""Fresh uploads come before the backlog, so that a backlog of several nights does not hold up today's.

Files are taken in the order of their ids, which grow with time: fresh ones lie at the end. Where that end begins is
looked up once, by the index on when pending uploads were received. What was received lately with bytes that were
stored long ago, the strays, is found by the same index once the rest is done.
"""

from datetime import datetime, timedelta

from moderation.models import StoredFile, Upload
from moderation.models.uploads import UploadQuerySet

# A night's run takes what came in since the last one before all else.
FRESH = timedelta(hours=24)
# More than workers hold among them; whoever finds all of these held leaves them to who holds them.
STRAYS = 2_000


def first_fresh_file(since: datetime) -> int:
    """The first file that was stored since then and has a pending upload; where there is none, the next one to come."""
    fresh = Upload.objects.pending().filter(received_at__gte=since, file__created_at__gte=since)
    # By the index on received_at; the ids of one transaction's uploads are compared among themselves alone.
    found = fresh.order_by("received_at", "file_id").values_list("file_id", flat=True).first()
    return found or (StoredFile.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1


def strays(wanted: UploadQuerySet, *, since: datetime, before: int) -> list[int]:
    """Some files from before file ``before`` that have a wanted upload received since then."""
    late = wanted.filter(received_at__gte=since, file__lt=before).order_by("received_at")
    return list(late.values_list("file_id", flat=True)[:STRAYS])
