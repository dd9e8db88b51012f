"""The hashes of files' pictures that are looked for in hash lists."""

from typing import Self

from django.db import models
from django.db.models import Q

from moderation.decoding.fingerprints import HashedPicture, PdqHash, Reading
from moderation.models.fingerprints import HashField
from moderation.models.tracking import append_only
from moderation.models.uploads import StoredFile


class PictureHash(models.Model):
    """The hash of one frame of a file, in one appearance and one reading. Append-only: a fact about the bytes.

    Near-duplicates are found by `Fingerprint` instead, which a file has only if it looks the same in every viewer.
    """

    # Without an index of its own: the constraint's finds a file's hashes.
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="picture_hashes", db_index=False)
    frame = models.PositiveIntegerField()
    appearance = models.PositiveSmallIntegerField()
    reading = models.CharField(max_length=7, choices=[(reading.value, reading.value) for reading in Reading])
    pdq = HashField()
    mirrored = HashField(help_text="The hash of the mirror image.")
    quality = models.PositiveSmallIntegerField(help_text="0 to 100: how much detail there is to recognise.")

    class Meta:
        verbose_name_plural = "picture hashes"
        triggers = [append_only()]
        constraints = [
            models.UniqueConstraint(
                fields=["file", "frame", "appearance", "reading"], name="one_hash_per_reading_of_a_picture"
            ),
            models.CheckConstraint(condition=Q(quality__lte=100), name="quality_of_a_hash_is_a_percentage"),
            models.CheckConstraint(condition=Q(reading__in=["upright", "stored", "scaled"]), name="reading_is_known"),
        ]

    def __str__(self) -> str:
        return f"hash of {self.file}"

    @classmethod
    def of(cls, file_id: int, found: HashedPicture) -> Self:
        """Build an unsaved row."""
        return cls(
            file_id=file_id,
            frame=found.frame,
            appearance=found.appearance,
            reading=found.reading,
            pdq=found.hash.pdq,
            mirrored=found.hash.mirrored,
            quality=found.hash.quality,
        )

    def hashed_picture(self) -> HashedPicture:
        return HashedPicture(
            frame=self.frame,
            appearance=self.appearance,
            reading=Reading(self.reading),
            hash=PdqHash(self.pdq, self.mirrored, self.quality),
        )
