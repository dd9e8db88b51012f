"""What a file's picture is recognised by, and the files that are nearly the same picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import connections, models
from django.db.models import F, Func, Q

from moderation.decoding import fingerprints
from moderation.decoding.fingerprints import BITS, LEAST_QUALITY, RADIUS
from moderation.models.tracking import never_deleted, tracked_changes
from moderation.models.uploads import StoredFile


class HashField(models.Field):  # type: ignore[type-arg]
    """32 bytes, kept as a string of bits: PostgreSQL counts in how many of them two differ."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return f"bit({BITS})"

    def from_db_value(self, value: str | None, *_: object) -> bytes | None:
        return None if value is None else int(value, 2).to_bytes(BITS // 8)

    def get_prep_value(self, value: bytes | None) -> str | None:
        return None if value is None else f"{int.from_bytes(value):0{BITS}b}"


class Key(Func):
    """One of a hash's keys. Numbers of the array's places count from 1."""

    template = "(%(expressions)s[%(place)s])"
    output_field = models.IntegerField()

    def __init__(self, place: int) -> None:
        super().__init__("keys", place=place)


def key_indexes(prefix: str, *, condition: Q) -> list[models.Index]:
    """What ``near`` looks up, one index for each key, over the rows of ``condition``."""
    places = range(1, 2 * fingerprints.WORDS + 1)
    return [models.Index(Key(place), name=f"{prefix}_key_{place}", condition=condition) for place in places]


@dataclass(frozen=True, kw_only=True)
class Near:
    """A row whose hash is nearly the one asked for: ``asked`` counts those from 0."""

    asked: int
    pk: int
    distance: int


class Recognisable(models.Model):
    """Rows that are found by a hash that is nearly theirs."""

    pdq = HashField(null=True, blank=True)
    keys = ArrayField(models.IntegerField(), default=list, blank=True, help_text="What the hash is found by.")

    class Meta:
        abstract = True

    #: Which rows are looked among, as SQL: the condition of their ``key_indexes``; and by what they are told.
    among: ClassVar[str]
    told_by: ClassVar[str] = "id"

    @classmethod
    def near(cls, hashes: Sequence[bytes], *, using: str = "default") -> list[Near]:
        """All rows within the radius of one of ``hashes``, in one query; none of them is missed."""
        if not hashes:
            return []
        with connections[using].cursor() as cursor:
            cursor.execute(cls.near_sql(), cls.asking(hashes))
            return [Near(asked=asked, pk=pk, distance=found) for asked, pk, found in cursor.fetchall()]

    @staticmethod
    def asking(hashes: Sequence[bytes]) -> dict[str, Any]:
        """The parameters of ``near_sql``."""
        keys = ("{" + ",".join(map(str, fingerprints.keys(each))) + "}" for each in hashes)
        return {"bits": [f"{int.from_bytes(each):0{BITS}b}" for each in hashes], "keys": list(keys), "radius": RADIUS}

    @classmethod
    def near_sql(cls) -> str:
        """Names and numbers in it are this module's own."""
        table, pk = cls._meta.db_table, cls.told_by
        arms = " UNION ".join(
            f"SELECT {pk}, pdq FROM {table} WHERE {cls.among} AND (keys[{place}]) = ANY (ARRAY("  # noqa: S608
            f"SELECT asked.keys[{place}] # change FROM unnest('{{{','.join(map(str, changes))}}}'::int[]) change))"
            for place, changes in enumerate(fingerprints.variations(), start=1)
        )
        return f"""
            WITH asked AS MATERIALIZED (  -- else each key is read from its text again and again
                SELECT number, pdq, keys::int[] AS keys
                FROM unnest(%(bits)s::bit({BITS})[], %(keys)s::text[]) WITH ORDINALITY given(pdq, keys, number)
            )
            SELECT asked.number - 1, found.{pk}, bit_count(found.pdq # asked.pdq)
            FROM asked CROSS JOIN LATERAL ({arms}) found
            WHERE bit_count(found.pdq # asked.pdq) <= %(radius)s
            ORDER BY 1, 3, 2
        """  # noqa: S608


@tracked_changes()
class Fingerprint(Recognisable):
    """How a file is recognised, and whose picture it counts as.

    ``cluster`` is the file that stands for all nearly the same ones: each of them lies within the radius of it, and so
    two of them within twice the radius of each other. A file stands for itself where nothing earlier is like it, where
    it is too flat to be compared, and where it can be seen in several ways (frames, transparency): then it has no hash.
    """

    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT, related_name="fingerprint")
    mirrored = HashField(
        null=True, blank=True, help_text="The hash of its mirror image; unknown of files from before hash lists."
    )
    quality = models.PositiveSmallIntegerField(help_text="0 to 100: how much there is to recognise.")
    cluster = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="near_duplicates")

    among, told_by = "cluster_id = file_id", "file_id"

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.CheckConstraint(condition=Q(quality__lte=100), name="quality_is_a_percentage"),
            models.CheckConstraint(
                condition=Q(cluster=F("file")) | Q(pdq__isnull=False, quality__gte=LEAST_QUALITY),
                name="only_what_can_be_compared_is_a_duplicate",
            ),
        ]
        # Serve Fingerprint.near(): only files that stand for others are looked among.
        indexes = key_indexes("fingerprint", condition=Q(cluster=F("file")))

    def __str__(self) -> str:
        return f"fingerprint of {self.file}"

    @classmethod
    def of(cls, file_id: int, found: fingerprints.PdqHash | None, *, cluster_id: int) -> Self:
        """An unsaved row. Only what says something has keys, and is found."""
        pdq = found.pdq if found else None
        return cls(
            file_id=file_id,
            pdq=pdq,
            mirrored=found.mirrored if found else None,
            quality=found.quality if found else 0,
            keys=fingerprints.keys(pdq) if pdq and found and found.says_something else [],
            cluster_id=cluster_id,
        )


def of_files(files: Iterable[int]) -> dict[int, int]:
    """By file, the cluster that it belongs to; those that were screened before there were fingerprints are missing."""
    return dict(Fingerprint.objects.filter(file__in=files).values_list("file_id", "cluster_id"))
