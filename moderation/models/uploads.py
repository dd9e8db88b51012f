"""Uploads as received, and the bytes they share."""

from collections.abc import Collection
from datetime import datetime
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import connection, models
from django.db.models import Exists, Min, OuterRef, Q
from django.db.models.functions import Now, Upper
from django.urls import reverse

from moderation import storage
from moderation.models.people import User
from moderation.models.policies import Community
from moderation.models.tracking import never_deleted, tracked


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def of_uploads(self, uploads: "UploadQuerySet") -> Self:
        """Files that at least one of ``uploads`` has."""
        return self.filter(Exists(uploads.filter(file=OuterRef("pk"))))


@tracked()
class StoredFile(models.Model):
    """Bytes, kept once however many uploads share them."""

    sha256 = models.CharField(max_length=64, unique=True)
    # Hash lists name files by these as well. Empty if the bytes came in by another way than intake.
    md5 = models.CharField("MD5", max_length=32, blank=True, default="")
    sha1 = models.CharField("SHA-1", max_length=40, blank=True, default="")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    format = models.CharField(max_length=10, help_text="By content, as the first bytes say.")
    # Unknown (null) where the header could not be read; the pre-screen will then quarantine the uploads.
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    frames = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def path(self) -> Path:
        return storage.upload_path(self.sha256)


class UploadQuerySet(models.QuerySet["Upload"]):
    def pending(self) -> Self:
        return self.filter(status=Upload.Status.PENDING)

    def lacking(self, policies: Collection[int]) -> Self:
        """Uploads with neither a live screening nor a live match under at least one of ``policies``."""
        return self.filter(~reduce(and_, map(_routed, policies)))

    def received_since(self, moment: datetime | None) -> Self:
        """Uploads that came in at ``moment`` or later; all of them where it is None."""
        return self if moment is None else self.filter(received_at__gte=moment)

    def quarantined(self) -> Self:
        return self.filter(status=Upload.Status.QUARANTINED)

    def quarantine(self, *, reason: str, detail: str) -> int:
        """Note why these uploads could not be read safely. The caller settles their status."""
        return self.update(quarantine_reason=reason, quarantine_detail=detail[:500])

    def first_pending_file(self) -> int | None:
        """The smallest file id that has a pending upload."""
        found: int | None = self.pending().aggregate(first=Min("file_id"))["first"]
        return found


def _routed(policy: int) -> Q:
    """For a query over uploads: whether ``policy`` has routed it, by a score or by a hash list."""
    same = Upload.objects.filter(pk=OuterRef("pk"))
    screened = same.filter(screenings__policy=policy, screenings__superseded=False)
    matched = same.filter(hash_matches__policy=policy, hash_matches__superseded=False)
    return Q(Exists(screened)) | Q(Exists(matched))


@tracked()
class Upload(models.Model):
    """One image as one source sent it."""

    class Status(models.TextChoices):
        PENDING = "pending", "waiting for the pre-screen"
        IN_REVIEW = "in_review", "in review"
        APPROVED = "approved", "approved"
        REJECTED = "rejected", "rejected"
        QUARANTINED = "quarantined", "quarantined"
        ERASED = "erased", "erased"

    source = models.CharField(max_length=100)
    external_id = models.CharField(max_length=1000)
    uploader_reference = models.CharField(max_length=255, blank=True)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, null=True, blank=True, related_name="uploads")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="uploads")
    # Set by moderation.review.status.update_status() alone.
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    quarantine_reason = models.CharField(max_length=40, blank=True)
    quarantine_detail = models.CharField(max_length=500, blank=True)
    received_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="uploads")
    received_at = models.DateTimeField(db_default=Now())
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        permissions = [
            ("see_uploads", "Can see uploads with their routes and decisions"),
            ("send_uploads", "Can send uploads in on the upload page"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="one_upload_per_source_and_external_id"),
            models.CheckConstraint(
                condition=~Q(status="quarantined") | ~Q(quarantine_reason=""), name="quarantined_for_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "in_review", "approved", "rejected", "quarantined", "erased"]),
                name="status_is_known",
            ),
        ]
        indexes = [
            # Serves StoredFileQuerySet.of_uploads() in the pre-screen and UploadQuerySet.first_pending_file().
            models.Index(fields=["file"], name="upload_pending_file_idx", condition=Q(status="pending")),
            # Serves the oldest pending upload of /readyz and of the queue's empty state, and what the pre-screen takes
            # first: pending uploads that were received lately (screening.fresh).
            models.Index(fields=["received_at"], name="upload_pending_age_idx", condition=Q(status="pending")),
            # Serves the list of uploads by status, newest first.
            models.Index(fields=["status", "-id"], name="upload_status_idx"),
            # Serves external_id__icontains in the list of uploads.
            GinIndex(OpClass(Upper("external_id"), name="gin_trgm_ops"), name="upload_external_id_part_idx"),
        ]

    def __str__(self) -> str:
        return f"upload {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("upload", args=[self.pk])


# A loose index scan: each step looks the next source up in the index of one_upload_per_source_and_external_id.
_SOURCES = """
WITH RECURSIVE sources(source) AS (
    (SELECT source FROM moderation_upload ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT u.source FROM moderation_upload u WHERE u.source > sources.source ORDER BY u.source LIMIT 1)
    FROM sources WHERE sources.source IS NOT NULL
)
SELECT source FROM sources WHERE source IS NOT NULL
"""


def upload_sources() -> list[str]:
    """Return the sources of all uploads, in order. The cost grows with the number of sources, not of uploads."""
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES)
        return [source for (source,) in cursor.fetchall()]
