"""The ledger of daily counts, which are kept when uploads are erased."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from moderation.models.decisions import Decision
from moderation.models.epochs import Epoch
from moderation.models.people import User
from moderation.models.screenings import Screening
from moderation.models.tracking import never_deleted, tracked, tracked_changes
from moderation.models.uploads import StoredFile
from moderation.routing import UNTRUSTED, Route

# A drawn upload without a final verdict counts as missing when its day is this long over.
DEADLINE = timedelta(days=7)


class LedgerDayQuerySet(models.QuerySet["LedgerDay"]):
    def closed_prefix(self, epoch: Epoch) -> list["LedgerDay"]:
        """Return the epoch's closed days up to the first open day, the only days that evidence may rest on."""
        days = list(self.filter(epoch=epoch).order_by("day"))
        first_open = next((k for k, day in enumerate(days) if day.closed_at is None), len(days))
        return days[:first_open]


@tracked()
class LedgerDay(models.Model):
    """One day (in UTC) of an epoch, with the uploads whose first screening in the epoch was on that day.

    It closes when it is over and each drawn upload has a final verdict or has passed the deadline. Then its counts
    never change again: decisions and undos after ``decisions_until`` do not count.
    """

    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, related_name="days")
    day = models.DateField()
    closed_at = models.DateTimeField(null=True, blank=True)
    decisions_until = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The last decision that the roll-up read before the day closed."
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

    Bin k holds scores in [k/100, (k + 1)/100), and bin 100 scores of exactly 1. ``labelled`` counts drawn uploads with
    a final verdict, ``missing`` drawn uploads without one by the deadline.
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
    """An upload that the coin drew, with the outcome of its verdicts. It is derived data, which `verify` recounts."""

    class Outcome(models.TextChoices):
        OPEN = "open", "no final verdict yet"  # keeps its day open
        VIOLATING = "violating", "violating"  # labelled
        BENIGN = "benign", "benign"  # labelled
        MISSING = "missing", "no final verdict"  # nobody could tell, or the deadline passed

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
            # Serves the roll-up: days that can close, and uploads whose deadline has passed.
            models.Index(fields=["day"], name="drawn_upload_open_idx", condition=Q(outcome="open")),
        ]

    def __str__(self) -> str:
        return f"{self.screening}: {self.outcome}"


class FirstOpinion(models.Model):
    """A person's last verdict on a file's bytes in an epoch that no earlier verdict called for.

    It is a verdict on a first task or on a gold item. Second opinions are left out: an alarming verdict calls for them,
    so they would measure agreement on difficult pictures only. It is derived data, which `verify` recounts.
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
            # Also serves the roll-up: all opinions on a file.
            models.UniqueConstraint(fields=["epoch", "file", "reviewer"], name="one_opinion_per_person_file_and_epoch"),
            models.CheckConstraint(condition=Q(verdict__in=["violating", "benign"]), name="an_opinion_is_conclusive"),
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.file}: {self.verdict}"


class OpinionCount(models.Model):
    """The number of an epoch's files with a given number of violating and benign opinions, at least two in all."""

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
    """The last rows that the roll-up has read. There is one row, which a running roll-up locks."""

    screenings_read = models.PositiveBigIntegerField(default=0)
    decisions_read = models.PositiveBigIntegerField(default=0)
    rolled_up_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="there_is_one_roll_up")]

    def __str__(self) -> str:
        return f"up to screening {self.screenings_read} and decision {self.decisions_read}"

    @classmethod
    def hold(cls) -> Self:
        """Return the row, locked until the transaction ends, so that only one roll-up runs at a time."""
        cls.objects.get_or_create(pk=1)
        return cls.objects.select_for_update().get(pk=1)
