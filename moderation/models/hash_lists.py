"""Lists of hashes that are known: what is on one is routed by it, and no classifier is asked."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import connection, models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from moderation.decoding import fingerprints
from moderation.decoding.fingerprints import RADIUS
from moderation.models.fingerprints import Recognisable, key_indexes
from moderation.models.people import User
from moderation.models.policies import Policy
from moderation.models.tracking import never_deleted, tracked
from moderation.routing import Route

# What whoever asks for a wider radius is told.
TOO_WIDE = (
    f"at most {RADIUS} bits are looked up, as near-duplicates are; farther ones would be missed without a word. "
    "(HMA's default of 31 also takes in more pictures by mistake.)"
)
# Advisory locks of entries: (this, entry id).
ENTRY_LOCKS = 20_484


class Switched(models.Model):
    """What can be switched off, and runs out."""

    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="From then on it routes nothing.")

    #: True of rows that are switched on and have not run out; of their own alone.
    IS_ON: ClassVar[Q] = Q(enabled=True) & (Q(expires_at=None) | Q(expires_at__gt=Now()))

    class Meta:
        abstract = True


class HashListQuerySet(models.QuerySet["HashList"]):
    def in_use(self) -> Self:
        return self.filter(HashList.IS_ON)


@tracked()
class HashList(Switched):
    """Hashes from one source that one policy goes by. Each change notes what it did, who did it and why."""

    class Kind(models.TextChoices):
        KNOWN_BAD = "known_bad", "known-bad"
        KNOWN_GOOD = "known_good", "known-good"

    ROUTES: ClassVar[dict[str, Route]] = {Kind.KNOWN_BAD: Route.REJECT, Kind.KNOWN_GOOD: Route.APPROVE}

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="hash_lists")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=500, blank=True, help_text="Where its hashes come from.")
    radius = models.PositiveSmallIntegerField(
        default=RADIUS, help_text="In how many of 256 bits a picture's PDQ hash may differ from an entry's."
    )
    done = models.CharField(max_length=200, help_text="What the last change did.")
    by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="hash_lists", help_text="Who did it."
    )
    why = models.CharField(max_length=500)
    made_at = models.DateTimeField(db_default=Now())

    objects = HashListQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        permissions = [("keep_hash_lists", "Can see, import and switch hash lists, and contest their entries")]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "name"],
                name="one_hash_list_per_policy_and_name",
                violation_error_message="The policy has a list of this name already.",
            ),
            models.CheckConstraint(condition=Q(kind__in=["known_bad", "known_good"]), name="hash_list_kind_is_known"),
            models.CheckConstraint(condition=Q(radius__lte=RADIUS), name="a_radius_is_one_that_is_looked_up"),
            models.CheckConstraint(condition=~Q(why="") & ~Q(done=""), name="a_change_of_a_hash_list_says_why"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("hash_list", args=[self.pk])

    @property
    def route(self) -> Route:
        return self.ROUTES[self.kind]

    @property
    def is_bad(self) -> bool:
        return self.kind == self.Kind.KNOWN_BAD

    def change(self, done: str, *, by: User | None, why: str, **content: Any) -> None:
        """Change the list; what it did route already stays as it is."""
        HashList.objects.filter(pk=self.pk).update(done=done, by=by, why=why, **content)
        self.refresh_from_db()

    def enable(self, *, by: User | None, why: str) -> None:
        self.change("enabled", by=by, why=why, enabled=True)

    def disable(self, *, by: User | None, why: str) -> None:
        self.change("disabled", by=by, why=why, enabled=False)

    def expire(self, at: datetime | None, *, by: User | None, why: str) -> None:
        """Let it route nothing from ``at`` on; None: it never runs out."""
        done = f"expires {at:%Y-%m-%d %H:%M %Z}" if at else "expires never"
        self.change(done, by=by, why=why, expires_at=at)


class HashEntryQuerySet(models.QuerySet["HashEntry"]):
    def on(self) -> Self:
        """Entries that route where their list is in use: neither switched off, nor run out, nor contested."""
        return self.filter(HashEntry.IS_ON).exclude(standing=HashEntry.Standing.CONTESTED)

    def with_hash(self, text: str) -> Self:
        """Those whose hash begins with ``text``: up to 64 hexadecimal digits in lower case."""
        first, last = text.ljust(64, "0"), text.ljust(64, "f")
        return self.filter(Q(sha256__range=(first, last)) | Q(pdq__range=(bytes.fromhex(first), bytes.fromhex(last))))

    def still_on(self, entries: Collection[int]) -> set[int]:
        """Of these entries, those that route. Until the transaction ends, none of them can be contested."""
        take_turns_with_contests(entries)
        return set(self.on().filter(pk__in=entries).values_list("pk", flat=True))


@tracked(exclude=["keys"])
class HashEntry(Recognisable, Switched):
    """One hash on a list: of the very bytes (sha256), or of the picture (PDQ).

    ``who`` and ``why`` are as its source has them, or else those of whoever put it here or changed it last.
    """

    class Algorithm(models.TextChoices):
        PDQ = "pdq", "PDQ"
        SHA256 = "sha256", "sha256"

    class Standing(models.TextChoices):
        UNCONFIRMED = "unconfirmed", "unconfirmed"
        CONFIRMED = "confirmed", "confirmed"
        CONTESTED = "contested", "contested"

    # Found by its constraints' indexes: one of the list alone would be taken for selective, and walk through all of it.
    hash_list = models.ForeignKey(HashList, on_delete=models.PROTECT, related_name="entries", db_index=False)
    algorithm = models.CharField(max_length=6, choices=Algorithm)
    sha256 = models.CharField(max_length=64, blank=True)
    quality = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of a PDQ hash, 0 to 100, where the source tells it."
    )
    label = models.CharField(max_length=100, blank=True)
    note = models.CharField(max_length=500, blank=True)
    reference = models.CharField(max_length=200, blank=True, help_text="What its source calls it.")
    who = models.CharField(max_length=150, blank=True)
    why = models.CharField(max_length=500, blank=True)
    # Set by moderation.models.hash_opinions alone: what the latest opinion says.
    standing = models.CharField(max_length=11, choices=Standing, default=Standing.UNCONFIRMED)
    added_at = models.DateTimeField(db_default=Now())

    among = "pdq IS NOT NULL"

    objects = HashEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "hash entries"
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["hash_list", "pdq"], name="one_entry_per_list_and_pdq"),
            models.UniqueConstraint(
                fields=["hash_list", "sha256"], condition=~Q(sha256=""), name="one_entry_per_list_and_sha256"
            ),
            models.CheckConstraint(
                condition=Q(algorithm="pdq", pdq__isnull=False, sha256="")
                | Q(algorithm="sha256", pdq=None) & Q(sha256__regex="^[0-9a-f]{64}$"),
                name="an_entry_has_the_hash_of_its_algorithm",
            ),
            models.CheckConstraint(
                condition=Q(quality=None) | Q(algorithm="pdq", quality__lte=100), name="only_a_picture_has_a_quality"
            ),
            models.CheckConstraint(
                condition=Q(standing__in=["unconfirmed", "confirmed", "contested"]), name="entry_standing_is_known"
            ),
        ]
        indexes = [
            # Serves the look-up of a chunk's files by their bytes.
            models.Index(fields=["sha256"], name="hashentry_sha256_idx", condition=~Q(sha256="")),
            # Serve HashEntry.near().
            *key_indexes("hashentry", condition=Q(pdq__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk} of {self.hash_list}"

    def get_absolute_url(self) -> str:
        return reverse("hash_entry", args=[self.hash_list_id, self.pk])

    @property
    def hash(self) -> str:
        return self.pdq.hex() if self.pdq else self.sha256

    @property
    def is_flat(self) -> bool:
        """Of a picture with too little in it: it is kept, and matches nothing."""
        return bool(self.pdq) and not self.keys

    @property
    def is_contested(self) -> bool:
        return self.standing == self.Standing.CONTESTED

    def set_keys(self) -> None:
        """What its hash is found by; nothing where pictures can't be told apart by it."""
        self.keys = fingerprints.keys(self.pdq) if self.pdq and says_something(self.pdq, quality=self.quality) else []

    def enable(self, *, by: User | None, why: str) -> None:
        self._change(by=by, why=why, enabled=True)

    def disable(self, *, by: User | None, why: str) -> None:
        self._change(by=by, why=why, enabled=False)

    def expire(self, at: datetime | None, *, by: User | None, why: str) -> None:
        """Let it route nothing from ``at`` on; None: it never runs out."""
        self._change(by=by, why=why, expires_at=at)

    def _change(self, *, by: User | None, why: str, **content: Any) -> None:
        HashEntry.objects.filter(pk=self.pk).update(who=str(by or ""), why=why, **content)
        self.refresh_from_db()


def says_something(pdq: bytes, *, quality: int | None) -> bool:
    """Whether pictures may be compared by it; where nobody tells the quality, as far as the hash itself tells."""
    return not fingerprints.is_flat(pdq) and (quality is None or quality >= fingerprints.LEAST_QUALITY)


def take_turns_with_contests(entries: Collection[int]) -> None:
    """Until the transaction ends, whoever contests one of these waits. They may all be used by others, too."""
    _lock("pg_advisory_xact_lock_shared", entries)


def wait_for_who_routes_by(entry: int) -> None:
    """Until the transaction ends, nobody begins to route by ``entry``; who does so already has committed."""
    _lock("pg_advisory_xact_lock", [entry])


def _lock(function: str, entries: Collection[int]) -> None:
    """The smallest first, and before rows of uploads are locked: so nobody waits in a circle."""
    with connection.cursor() as cursor:
        keys = sorted({entry % 2**31 for entry in entries})
        cursor.execute(f"SELECT {function}(%s, key) FROM unnest(%s::int[]) key", [ENTRY_LOCKS, keys])  # noqa: S608
