"""Perceptual hashes (PDQ) of pictures, and the exact search for hashes within a radius (multi-index hashing)."""

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
    """32 bytes, stored as a bit string so that PostgreSQL can count the bits by which two hashes differ."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return f"bit({BITS})"

    def from_db_value(self, value: str | None, *_: object) -> bytes | None:
        return None if value is None else int(value, 2).to_bytes(BITS // 8)

    def get_prep_value(self, value: bytes | None) -> str | None:
        return None if value is None else f"{int.from_bytes(value):0{BITS}b}"


class Key(Func):
    """One of a row's `keys`; `place` counts from 1, as PostgreSQL's arrays do."""

    template = "(%(expressions)s[%(place)s])"
    output_field = models.IntegerField()

    def __init__(self, place: int) -> None:
        super().__init__("keys", place=place)


def key_indexes(prefix: str, *, condition: Q) -> list[models.Index]:
    """Return the indexes that `near()` searches: one for each key, over the rows of `condition`."""
    places = range(1, 2 * fingerprints.WORDS + 1)
    return [models.Index(Key(place), name=f"{prefix}_key_{place}", condition=condition) for place in places]


@dataclass(frozen=True, kw_only=True)
class Near:
    """A row within the radius of a searched hash. `query` is that hash's position in the search, from 0."""

    query: int
    pk: int
    distance: int


class Recognisable(models.Model):
    """Rows with a PDQ hash that can be searched by distance."""

    pdq = HashField(null=True, blank=True)
    keys = ArrayField(
        models.IntegerField(),
        default=list,
        blank=True,
        help_text="The words of the hash that the search compares; empty: it is never found.",
    )

    class Meta:
        abstract = True

    #: The rows that a search considers, as SQL. It must equal the condition of their `key_indexes`.
    searched: ClassVar[str]
    #: The column that a search returns.
    id_column: ClassVar[str] = "id"

    @classmethod
    def near(cls, hashes: Sequence[bytes], *, using: str = "default") -> list[Near]:
        """Return every row within the radius of one of `hashes`. One query; the search is exact."""
        if not hashes:
            return []
        with connections[using].cursor() as cursor:
            cursor.execute(cls.near_sql(), cls.near_parameters(hashes))
            return [Near(query=query, pk=pk, distance=found) for query, pk, found in cursor.fetchall()]

    @staticmethod
    def near_parameters(hashes: Sequence[bytes]) -> dict[str, Any]:
        """Return the parameters of `near_sql()`."""
        keys = ("{" + ",".join(map(str, fingerprints.keys(each))) + "}" for each in hashes)
        return {"bits": [f"{int.from_bytes(each):0{BITS}b}" for each in hashes], "keys": list(keys), "radius": RADIUS}

    @classmethod
    def near_sql(cls) -> str:
        """Return the search's SQL, made only of names and numbers from the code."""
        table, pk = cls._meta.db_table, cls.id_column
        arms = " UNION ".join(
            f"SELECT {pk}, pdq FROM {table} WHERE {cls.searched} AND (keys[{place}]) = ANY (ARRAY("  # noqa: S608
            f"SELECT queries.keys[{place}] # change FROM unnest('{{{','.join(map(str, changes))}}}'::int[]) change))"
            for place, changes in enumerate(fingerprints.variations(), start=1)
        )
        return f"""
            WITH queries AS MATERIALIZED (  -- otherwise each key is parsed from its text for every row
                SELECT number, pdq, keys::int[] AS keys
                FROM unnest(%(bits)s::bit({BITS})[], %(keys)s::text[]) WITH ORDINALITY given(pdq, keys, number)
            )
            SELECT queries.number - 1, found.{pk}, bit_count(found.pdq # queries.pdq)
            FROM queries CROSS JOIN LATERAL ({arms}) found
            WHERE bit_count(found.pdq # queries.pdq) <= %(radius)s
            ORDER BY 1, 3, 2
        """  # noqa: S608


@tracked_changes()
class Fingerprint(Recognisable):
    """A file's perceptual hash, and its cluster of near-duplicates.

    `cluster` is the file that represents the cluster. Every member is within the radius of it, so two members are
    within twice the radius of each other. A file represents itself if no earlier file is near it, if it has too little
    detail to be compared, or if it can be seen in several ways (frames, transparency) and therefore has no hash.
    """

    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT, related_name="fingerprint")
    mirrored = HashField(
        null=True,
        blank=True,
        help_text="The hash of the mirror image; null for files screened before hash lists existed.",
    )
    quality = models.PositiveSmallIntegerField(help_text="0 to 100: how much detail there is to recognise.")
    cluster = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="near_duplicates")

    searched, id_column = "cluster_id = file_id", "file_id"

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.CheckConstraint(condition=Q(quality__lte=100), name="quality_is_a_percentage"),
            models.CheckConstraint(
                condition=Q(cluster=F("file")) | Q(pdq__isnull=False, quality__gte=LEAST_QUALITY),
                name="only_what_can_be_compared_is_a_duplicate",
            ),
        ]
        # Serve Fingerprint.near(), which searches the representatives only.
        indexes = key_indexes("fingerprint", condition=Q(cluster=F("file")))

    def __str__(self) -> str:
        return f"fingerprint of {self.file}"

    @classmethod
    def of(cls, file_id: int, found: fingerprints.PdqHash | None, *, cluster_id: int) -> Self:
        """Build an unsaved row. Only a hash that can be compared has keys, so that near() finds it."""
        pdq = found.pdq if found else None
        return cls(
            file_id=file_id,
            pdq=pdq,
            mirrored=found.mirrored if found else None,
            quality=found.quality if found else 0,
            keys=fingerprints.keys(pdq) if pdq and found and found.is_distinctive else [],
            cluster_id=cluster_id,
        )


def clusters_of(files: Iterable[int]) -> dict[int, int]:
    """Map each file to its cluster. Files that were screened before fingerprints existed are missing."""
    return dict(Fingerprint.objects.filter(file__in=files).values_list("file_id", "cluster_id"))
