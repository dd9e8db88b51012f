"""The ledger: what is known a day, in counts that outlive the uploads, and the certificates that rest on it."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from moderation.models.decisions import Decision
from moderation.models.epochs import Epoch
from moderation.models.people import User
from moderation.models.screenings import Screening
from moderation.models.tracking import never_deleted, tracked, tracked_changes
from moderation.models.uploads import StoredFile
from moderation.routing import UNTRUSTED, Route

# A drawn upload whose verdict is not final so long after its day counts as missing.
DEADLINE = timedelta(days=7)


class LedgerDayQuerySet(models.QuerySet["LedgerDay"]):
    def closed_prefix(self, epoch: Epoch) -> list["LedgerDay"]:
        """The epoch's closed days up to the first that is open: all that evidence may rest on."""
        days = list(self.filter(epoch=epoch).order_by("day"))
        first_open = next((k for k, day in enumerate(days) if day.closed_at is None), len(days))
        return days[:first_open]


@tracked()
class LedgerDay(models.Model):
    """One day (in UTC) of an epoch: the day of the uploads' first screening in it.

    It closes for good once it is over and each drawn upload has a final verdict, or has passed the deadline. What
    is decided or undone later (``decisions_until``) changes its counts no more.
    """

    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="days")
    day = models.DateField()
    closed_at = models.DateTimeField(null=True, blank=True)
    decisions_until = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The last decision that was read before it closed."
    )

    objects = LedgerDayQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["epoch", "day"], name="one_ledger_day_per_epoch_and_day"),
            models.CheckConstraint(
                condition=Q(closed_at=None, decisions_until=None)
                | Q(closed_at__isnull=False, decisions_until__isnull=False),
                name="a_closed_day_says_what_it_has_read",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} of {self.epoch}"


@tracked_changes()
class LedgerRow(models.Model):
    """Counts of one stratum: day, score bin, rate class, group.

    Bin k holds scores in [k/100, (k + 1)/100); bin 100 those of exactly 1. ``labelled`` counts drawn uploads with a
    final verdict, ``missing`` drawn ones without any by the deadline.
    """

    day = models.ForeignKey(LedgerDay, on_delete=models.PROTECT, related_name="rows")
    bin = models.PositiveSmallIntegerField()
    region = models.CharField(max_length=9, choices=[(name, name) for name in (*map(str, Route), UNTRUSTED)])
    rate_class = models.CharField(max_length=24)
    pi = models.FloatField()
    group = models.CharField(max_length=60, blank=True)
    uploads = models.PositiveBigIntegerField(default=0)
    labelled = models.PositiveBigIntegerField(default=0)
    violating = models.PositiveBigIntegerField(default=0)
    missing = models.PositiveBigIntegerField(default=0)

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "bin", "rate_class", "pi", "group"], name="one_ledger_row_per_stratum"
            ),
            models.CheckConstraint(condition=Q(violating__lte=F("labelled")), name="what_violates_is_labelled"),
            models.CheckConstraint(
                condition=Q(uploads__gte=F("labelled") + F("missing")), name="only_counted_uploads_are_asked_about"
            ),
            models.CheckConstraint(condition=Q(bin__lte=100), name="ledger_bin_lies_on_the_grid"),
            models.CheckConstraint(condition=Q(pi__gte=0, pi__lte=1), name="ledger_pi_is_a_probability"),
        ]

    def __str__(self) -> str:
        return f"bin {self.bin}, {self.rate_class}, {self.day}"


class DrawnUpload(models.Model):
    """An upload that the coin drew, and what its verdicts amount to. Derived: `verify` recounts it."""

    class Outcome(models.TextChoices):
        OPEN = "open", "no final verdict yet"
        VIOLATING = "violating", "violating"
        BENIGN = "benign", "benign"
        MISSING = "missing", "no final verdict"

    screening = models.OneToOneField(Screening, on_delete=models.PROTECT, related_name="drawn_upload")
    day = models.ForeignKey(LedgerDay, on_delete=models.PROTECT, related_name="drawn_uploads")
    outcome = models.CharField(max_length=9, choices=Outcome, default=Outcome.OPEN)

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["open", "violating", "benign", "missing"]), name="outcome_is_known"
            )
        ]
        indexes = [
            # Serves the roll-up: which days may close, and whose deadline has passed.
            models.Index(fields=["day"], name="drawn_upload_open_idx", condition=Q(outcome="open")),
        ]

    def __str__(self) -> str:
        return f"{self.screening}: {self.outcome}"


class FirstOpinion(models.Model):
    """What a person last said of a file's bytes in an epoch, with nobody's verdict before theirs having asked for it.

    That is the verdict on a first task, or on a gold item; second opinions, which somebody's verdict called for, would
    show how people agree about doubtful pictures only. Derived: `verify` recounts what follows from it.
    """

    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="first_opinions")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="first_opinions")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="first_opinions")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="first_opinion")
    verdict = models.CharField(max_length=9, choices=[("violating", "violating"), ("benign", "benign")])
    undone = models.BooleanField(default=False)

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            # Serves the roll-up as well: all that was said of a file.
            models.UniqueConstraint(fields=["epoch", "file", "reviewer"], name="one_opinion_per_person_file_and_epoch"),
            models.CheckConstraint(condition=Q(verdict__in=["violating", "benign"]), name="an_opinion_is_conclusive"),
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.file}: {self.verdict}"


class OpinionCount(models.Model):
    """How many files of an epoch so many people found violating and so many benign; two people at least."""

    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="opinion_counts")
    violating = models.PositiveIntegerField()
    benign = models.PositiveIntegerField()
    files = models.PositiveBigIntegerField(default=0)

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["epoch", "violating", "benign"], name="one_count_per_pattern_of_opinions"),
            models.CheckConstraint(
                condition=Q(violating__gte=2 - F("benign")), name="opinions_of_two_people_are_compared"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.files} files with {self.violating} violating and {self.benign} benign, {self.epoch}"


class RollUp(models.Model):
    """How far the ledger has read; one row, which whoever rolls up holds."""

    screenings_read = models.PositiveBigIntegerField(default=0)
    decisions_read = models.PositiveBigIntegerField(default=0)
    rolled_up_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="there_is_one_roll_up")]

    def __str__(self) -> str:
        return f"up to screening {self.screenings_read} and decision {self.decisions_read}"

    @classmethod
    def hold(cls) -> Self:
        """The one row, locked until the transaction ends: roll-ups come one after the other."""
        cls.objects.get_or_create(pk=1)
        return cls.objects.select_for_update().get(pk=1)


class CertificateQuerySet(models.QuerySet["Certificate"]):
    def valid(self) -> Self:
        """Neither withdrawn nor at their end; what closes an epoch ends its certificates."""
        return self.filter(withdrawn_at=None, ends_at__gt=Now(), epoch__closed_at=None)


@tracked()
class Certificate(models.Model):
    """A claim "risk < target" with all that it rests on; ``content`` alone suffices to recompute it."""

    class Risk(models.TextChoices):
        LEAK = "leak", "violating among the approved"
        MISS = "miss", "approved among the violating"
        WRONGFUL = "wrongful", "benign among the rejected"
        ESCAPES = "escapes", "violating and approved among all"

    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="certificates")
    risk = models.CharField(max_length=8, choices=Risk)
    target = models.FloatField()
    delta = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    first_day = models.DateField()
    last_day = models.DateField()
    log_e = models.FloatField()
    content = models.JSONField(help_text="Counts per rate class and all else that log E follows from.")
    code_version = models.CharField(max_length=40)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    issued_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    why_withdrawn = models.CharField(max_length=500, blank=True)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted()]
        constraints = [
            models.CheckConstraint(
                condition=Q(target__gt=0, target__lt=1, delta__gt=0, delta__lt=1), name="a_claim_lies_between_0_and_1"
            ),
            models.CheckConstraint(condition=Q(low__lte=F("high")), name="certified_thresholds_are_in_order"),
            models.CheckConstraint(condition=Q(first_day__lte=F("last_day")), name="a_certificate_covers_a_day"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, why_withdrawn="") | Q(withdrawn_at__isnull=False) & ~Q(why_withdrawn=""),
                name="withdrawn_for_a_reason",
            ),
            # Evidence is used once: later days need a certificate of their own.
            models.UniqueConstraint(
                fields=["epoch", "risk", "target", "delta", "low", "high", "first_day"],
                name="one_certificate_per_claim_and_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.risk} below {self.target:g} at [{self.low:g}, {self.high:g}], to {self.last_day}"

    @property
    def why_invalid(self) -> str:
        """Why nobody may rely on it any more; empty while it is valid."""
        if self.withdrawn_at is not None:
            return f"withdrawn on {self.withdrawn_at:%Y-%m-%d}: {self.why_withdrawn}"
        if self.epoch.closed_at is not None:
            return f"ended with epoch {self.epoch_id} on {self.epoch.closed_at:%Y-%m-%d}: {self.epoch.why_closed}"
        return "" if self.ends_at > timezone.now() else "ended 90 days after its last day"
