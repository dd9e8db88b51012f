"""Lists of hashes. An upload whose hash is on a list is routed by it, without a classifier."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from moderation.decoding import fingerprints
from moderation.decoding.fingerprints import RADIUS
from moderation.formatting import moment
from moderation.locks import lock_entries_shared
from moderation.models.fingerprints import Recognisable, key_indexes
from moderation.models.people import User
from moderation.models.policies import Policy
from moderation.models.tracking import never_deleted, tracked
from moderation.routing import Route

# The message to a person who asks for a wider radius.
TOO_WIDE = (
    f"at most {RADIUS} bits are accepted. The look-up finds every hash within that distance and would miss farther "
    f"ones. Choose a radius from 0 to {RADIUS}. (HMA's default of 31 also matches more pictures by mistake.)"
)


class Switchable(models.Model):
    """A list or an entry: it can be switched off, and it can expire."""

    enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="It routes nothing from this time on.")

    #: Rows that are enabled and have not expired. An entry also depends on its list, which this does not check.
    IS_ON: ClassVar[Q] = Q(enabled=True) & (Q(expires_at=None) | Q(expires_at__gt=Now()))

    class Meta:
        abstract = True


class HashListQuerySet(models.QuerySet["HashList"]):
    def in_use(self) -> Self:
        return self.filter(HashList.IS_ON)


@tracked()
class HashList(Switchable):
    """Hashes from one source that route uploads under one policy. Each change notes its kind, its author and why."""

    class Kind(models.TextChoices):
        KNOWN_BAD = "known_bad", "known-bad"  # a match is rejected
        KNOWN_GOOD = "known_good", "known-good"  # a match is approved

    ROUTES: ClassVar[dict[str, Route]] = {Kind.KNOWN_BAD: Route.REJECT, Kind.KNOWN_GOOD: Route.APPROVE}

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="hash_lists")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=500, blank=True, help_text="Where its hashes come from.")
    radius = models.PositiveSmallIntegerField(
        default=RADIUS, help_text="The number of bits, of 256, by which a picture's PDQ hash may differ from an entry."
    )
    done = models.CharField(max_length=200, help_text="The last change, in words.")
    by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="hash_lists",
        help_text="The person who made the last change.",
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
                violation_error_message="The policy already has a list with this name.",
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
        """Change the list. Uploads that it has routed keep their route."""
        HashList.objects.filter(pk=self.pk).update(done=done, by=by, why=why, **content)
        self.refresh_from_db()

    def enable(self, *, by: User | None, why: str) -> None:
        self.change("enabled", by=by, why=why, enabled=True)

    def disable(self, *, by: User | None, why: str) -> None:
        self.change("disabled", by=by, why=why, enabled=False)

    def expire(self, at: datetime | None, *, by: User | None, why: str) -> None:
        """Let the list route nothing from `at` on; None: it never expires."""
        done = f"expires {moment(at)}" if at else "expires never"
        self.change(done, by=by, why=why, expires_at=at)


class HashEntryQuerySet(models.QuerySet["HashEntry"]):
    def routing(self) -> Self:
        """Entries that route if their list is in use: enabled, not expired and not contested.

        An entry that is contested in the file that it came from routes nothing until somebody here confirms it.
        """
        state = HashEntry.ReviewState
        doubtful = Q(review_state=state.UNCONFIRMED, standing_in_file=state.CONTESTED)
        return self.filter(HashEntry.IS_ON).exclude(Q(review_state=state.CONTESTED) | doubtful)

    def with_hash(self, text: str) -> Self:
        """Entries whose hash begins with `text`: up to 64 hexadecimal digits in lower case."""
        first, last = text.ljust(64, "0"), text.ljust(64, "f")
        return self.filter(Q(digest__range=(text, last)) | Q(pdq__range=(bytes.fromhex(first), bytes.fromhex(last))))

    def lock_routing(self, entries: Collection[int]) -> set[int]:
        """Return which of `entries` route. None of them can be contested until the transaction ends."""
        lock_entries_shared(entries)
        return set(self.routing().filter(pk__in=entries).values_list("pk", flat=True))


@tracked(exclude=["keys"])
class HashEntry(Recognisable, Switchable):
    """One hash on a list: of a file's bytes (sha256, MD5 or SHA-1) or of a picture (PDQ).

    `who` and `why` name the person here who added or last changed the entry, and their reason. Texts from the file
    that it was imported from take their place where the file has them; `who` then ends with `FROM_FILE`, because such
    a name says nothing about the people here. `added_by` is the account that imported it.
    """

    class Algorithm(models.TextChoices):
        PDQ = "pdq", "PDQ"  # finds nearly the same picture
        # These find the same bytes only.
        SHA256 = "sha256", "sha256"
        MD5 = "md5", "MD5"
        SHA1 = "sha1", "SHA-1"

    #: The hexadecimal digits of each algorithm's hash.
    DIGITS: ClassVar[dict[str, int]] = {Algorithm.PDQ: 64, Algorithm.SHA256: 64, Algorithm.MD5: 32, Algorithm.SHA1: 40}
    #: Anybody can make two files with the same hash of these, so they prove nothing good about a file.
    FORGEABLE: ClassVar[frozenset[str]] = frozenset({Algorithm.MD5, Algorithm.SHA1})
    FROM_FILE: ClassVar[str] = " (from the file)"

    class ReviewState(models.TextChoices):
        UNCONFIRMED = "unconfirmed", "unconfirmed"  # nobody has reviewed it; it routes
        CONFIRMED = "confirmed", "confirmed"  # the latest review says it is right; it routes
        CONTESTED = "contested", "contested"  # the latest review says it is wrong; it routes nothing

    # Without an index of its own: the planner would take one for selective and walk through the whole list. The
    # constraints' indexes find entries.
    hash_list = models.ForeignKey(HashList, on_delete=models.PROTECT, related_name="entries", db_index=False)
    algorithm = models.CharField(max_length=6, choices=Algorithm)
    digest = models.CharField(max_length=64, blank=True, help_text="The hash of a file's bytes, by its algorithm.")
    quality = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The quality of a PDQ hash, 0 to 100, if the source gives it."
    )
    label = models.CharField(max_length=100, blank=True)
    note = models.CharField(max_length=500, blank=True)
    reference = models.CharField(max_length=200, blank=True, help_text="The source's own name for the entry.")
    who = models.CharField(max_length=170, blank=True)
    why = models.CharField(max_length=500, blank=True)
    standing_in_file = models.CharField(
        max_length=11, blank=True, help_text="The state that the imported file gave it. It is no review of people here."
    )
    added_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="added_hash_entries",
        help_text="The person who imported it. Somebody else has to confirm it.",
    )
    # The latest EntryReview's state. Only moderation.hashlists writes it.
    review_state = models.CharField(max_length=11, choices=ReviewState, default=ReviewState.UNCONFIRMED)
    added_at = models.DateTimeField(db_default=Now())

    searched = "pdq IS NOT NULL"

    objects = HashEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "hash entries"
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["hash_list", "pdq"], name="one_entry_per_list_and_pdq"),
            models.UniqueConstraint(
                fields=["hash_list", "digest"], condition=~Q(digest=""), name="one_entry_per_list_and_digest"
            ),
            models.CheckConstraint(
                condition=Q(algorithm="pdq", pdq__isnull=False, digest="")
                | Q(algorithm="sha256", pdq=None, digest__regex="^[0-9a-f]{64}$")
                | Q(algorithm="md5", pdq=None, digest__regex="^[0-9a-f]{32}$")
                | Q(algorithm="sha1", pdq=None, digest__regex="^[0-9a-f]{40}$"),
                name="an_entry_has_the_hash_of_its_algorithm",
            ),
            models.CheckConstraint(
                condition=Q(quality=None) | Q(algorithm="pdq", quality__lte=100), name="only_a_picture_has_a_quality"
            ),
            models.CheckConstraint(
                condition=Q(review_state__in=["unconfirmed", "confirmed", "contested"]),
                name="an_entry_has_a_known_review_state",
            ),
        ]
        indexes = [
            # Serves the look-up of a chunk's files by their bytes.
            models.Index(fields=["digest"], name="hashentry_digest_idx", condition=~Q(digest="")),
            # Serve HashEntry.near().
            *key_indexes("hashentry", condition=Q(pdq__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk} of {self.hash_list}"

    def get_absolute_url(self) -> str:
        return reverse("hash_entry", args=[self.hash_list_id, self.pk])

    @property
    def hash(self) -> str:
        return self.pdq.hex() if self.pdq else self.digest

    @property
    def can_vouch(self) -> bool:
        """Whether a match may approve a file."""
        return self.algorithm not in self.FORGEABLE

    def set_hash(self, text: str) -> None:
        """Set the hash of the entry's algorithm from its hexadecimal digits."""
        if self.algorithm == self.Algorithm.PDQ:
            self.pdq = bytes.fromhex(text)
        else:
            self.digest = text

    @property
    def is_flat(self) -> bool:
        """Whether the picture has too little detail to be compared. Such an entry matches nothing."""
        return bool(self.pdq) and not self.keys

    @property
    def is_contested(self) -> bool:
        return self.review_state == self.ReviewState.CONTESTED

    def set_keys(self) -> None:
        """Set the keys that near() finds the hash by; none if the hash cannot tell pictures apart."""
        comparable = self.pdq and can_be_compared(self.pdq, quality=self.quality)
        self.keys = fingerprints.keys(self.pdq) if self.pdq and comparable else []

    def enable(self, *, by: User | None, why: str) -> None:
        self._change(by=by, why=why, enabled=True)

    def disable(self, *, by: User | None, why: str) -> None:
        self._change(by=by, why=why, enabled=False)

    def expire(self, at: datetime | None, *, by: User | None, why: str) -> None:
        """Let the entry route nothing from `at` on; None: it never expires."""
        self._change(by=by, why=why, expires_at=at)

    def _change(self, *, by: User | None, why: str, **content: Any) -> None:
        HashEntry.objects.filter(pk=self.pk).update(who=str(by or ""), why=why, **content)
        self.refresh_from_db()


def can_be_compared(pdq: bytes, *, quality: int | None) -> bool:
    """Whether `pdq` can tell pictures apart. Without a quality, the hash's own bits decide."""
    return not fingerprints.is_flat(pdq) and (quality is None or quality >= fingerprints.LEAST_QUALITY)
