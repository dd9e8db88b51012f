"""Fresh uploads come before the backlog, so that a backlog of several nights does not delay today's.

Files are taken in the order of their ids, which grow with time, so fresh files lie at the end. The start of that end is
looked up once, by the index on the time when pending uploads were received. Strays are recent uploads of bytes that
were stored long ago: the same index finds them after the other fresh files.
"""

from datetime import datetime, timedelta

from moderation.models import StoredFile, Upload
from moderation.models.uploads import UploadQuerySet

# A nightly run takes the uploads since the previous run before all others.
FRESH = timedelta(hours=24)
# More than all workers hold together. If all of these are locked, the workers that hold them screen them.
STRAYS = 2_000


def first_fresh_file(since: datetime) -> int:
    """Return the first file stored since then that has a pending upload, or the id that the next new file may have."""
    fresh = Upload.objects.pending().filter(received_at__gte=since, file__created_at__gte=since)
    # Ordered by the index on received_at; only uploads of one transaction, which share it, are sorted by file.
    found = fresh.order_by("received_at", "file_id").values_list("file_id", flat=True).first()
    return found or (StoredFile.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1


def strays(wanted: UploadQuerySet, *, since: datetime, before: int) -> list[int]:
    """Return up to STRAYS files with an id below ``before`` that have a wanted upload received since then."""
    late = wanted.filter(received_at__gte=since, file__lt=before).order_by("received_at")
    return list(late.values_list("file_id", flat=True)[:STRAYS])
