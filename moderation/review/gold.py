"""Gold items measure what moderators miss: marking them, retiring them, and the results."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now

from moderation.models import Decision, GoldItem, Policy, ReviewTask, Skip, Upload, User, Verdict
from moderation.models.decisions import DecisionQuerySet
from moderation.models.review_tasks import SkipQuerySet
from moderation.review.objections import ensure_renditions, screening_of
from moderation.statistics.intervals import wilson

MAX_RATE = 0.5


class NotGold(Exception):
    """The upload cannot be marked, or is not a gold item in use. Nothing was changed."""


def mark(upload: Upload, *, truth: Verdict, why: str, by: User | None, policy: str = "") -> GoldItem:
    """Use ``upload`` as a gold item: ``truth`` is the right verdict, ``why`` says how that is known.

    Raises:
        NotGold: it is not decided, waits for a verdict, or is a gold item already.
        ObjectionRefused: it is not screened, or cannot be shown.
        PolicyUnclear: it was screened under several policies, and none of them was named.
    """
    upload = Upload.objects.get(pk=upload.pk)
    screening = screening_of(upload, policy=policy, person=by)
    if upload.status not in {Upload.Status.APPROVED, Upload.Status.REJECTED}:
        raise NotGold(f"{upload} is {upload.get_status_display()}; only decided uploads can be gold items.")
    if ReviewTask.objects.undecided().filter(screening=screening).exists():
        raise NotGold(f"{upload} waits for somebody's verdict. Mark it when that has come.")
    ensure_renditions(screening)
    try:
        with transaction.atomic():
            return GoldItem.objects.create(
                policy=screening.policy, screening=screening, truth=truth, why=why, marked_by=by
            )
    except IntegrityError as error:
        raise NotGold(f"{upload} is a gold item already. Retire it first to change what is right.") from error


def retire(item: GoldItem, *, why: str) -> None:
    """Take ``item`` out of use: verdicts on it count no longer, and its open tasks are withdrawn.

    Raises:
        NotGold: it is out of use already.
    """
    with transaction.atomic():
        if GoldItem.objects.filter(pk=item.pk, retired_at=None).update(retired_at=Now(), why_retired=why) != 1:
            raise NotGold(f"{item.screening.upload} is out of use already. Nothing was changed.")
        waiting = ReviewTask.objects.claimable().filter(screening=item.screening, kind=ReviewTask.Kind.GOLD)
        waiting.update(withdrawn_at=Now())


@dataclass(frozen=True, kw_only=True)
class GoldResults:
    """First verdicts on gold items in use, by everybody or by one person.

    ``missed`` of ``violating`` were called benign, ``alarms`` of ``benign`` violating; ``unsure`` could not tell or
    skipped the item, and are in neither. Intervals are Wilson's, as if each verdict were a draw of its own.
    """

    violating: int
    missed: int
    benign: int
    alarms: int
    unsure: int

    @property
    def miss_share(self) -> float | None:
        return self.missed / self.violating if self.violating else None

    @property
    def miss_limits(self) -> tuple[float, float] | None:
        return wilson(self.missed, self.violating) if self.violating else None

    @property
    def alarm_share(self) -> float | None:
        return self.alarms / self.benign if self.benign else None

    @property
    def alarm_limits(self) -> tuple[float, float] | None:
        return wilson(self.alarms, self.benign) if self.benign else None

    def as_json(self) -> dict[str, object]:
        return {
            "miss_share": _share_as_json(self.miss_share, self.miss_limits, x=self.missed, n=self.violating),
            "alarm_share": _share_as_json(self.alarm_share, self.alarm_limits, x=self.alarms, n=self.benign),
            "cannot_tell": self.unsure,
        }


def _share_as_json(value: float | None, limits: tuple[float, float] | None, *, x: int, n: int) -> dict[str, object]:
    low, high = limits or (None, None)
    return {"value": value, "low": low, "high": high, "x": x, "n": n}


def gold_results(policy: Policy, *, reviewer: User | None = None) -> GoldResults:
    """Count the verdicts on the policy's gold items in use, of everybody or of one person.

    The first verdict counts, even where it was undone, from the end of its grace period on: the results would tell
    before whether an undo is worthwhile.
    """
    first = _first_verdicts().filter(screening__policy=policy)
    skips = Skip.objects.live().filter(task__policy=policy, task__kind=ReviewTask.Kind.GOLD)
    if reviewer is not None:
        first, skips = first.filter(reviewer=reviewer), skips.filter(moderator=reviewer)
    items = dict(GoldItem.objects.filter(policy=policy).active().values_list("screening", "truth"))
    rows = first.filter(screening__in=items).values_list("screening", "verdict").annotate(count=Count("pk"))
    counts: dict[tuple[str, str], int] = {}
    for screening, verdict, count in rows:
        key = items[screening], verdict
        counts[key] = counts.get(key, 0) + count

    def of(truth: str, verdict: str) -> int:
        return counts.get((truth, verdict), 0)

    return GoldResults(
        violating=of("violating", "violating") + of("violating", "benign"),
        missed=of("violating", "benign"),
        benign=of("benign", "violating") + of("benign", "benign"),
        alarms=of("benign", "violating"),
        unsure=of("violating", "cannot_tell") + of("benign", "cannot_tell") + _skipped(skips, items=items),
    )


def _first_verdicts() -> DecisionQuerySet:
    """First verdicts on gold items whose grace period is over."""
    given = Decision.objects.filter(source=Decision.Source.GOLD, kind=Decision.Kind.VERDICT, attempt=1)
    return given.filter(decided_at__lte=Now() - timedelta(seconds=settings.GRACE_SECONDS))


def _skipped(skips: SkipQuerySet, *, items: Collection[int]) -> int:
    """Count skips of the ``items``; otherwise whoever recognises gold could leave it out of their results.

    A person's verdict counts instead where they gave one before they skipped.
    """
    given = Decision.objects.verdicts().filter(
        source=Decision.Source.GOLD, reviewer=OuterRef("moderator"), screening=OuterRef("task__screening")
    )
    return (
        skips.filter(~Exists(given), task__screening__in=items)
        .values("moderator", "task__screening")
        .distinct()
        .count()
    )


def set_rate(policy: Policy, *, rate: float) -> None:
    """Make this share of the tasks that people claim gold items, from the next claim on.

    Raises:
        ValueError: outside [0, 0.5].
    """
    if not 0 <= rate <= MAX_RATE:
        raise ValueError(f"rate is {rate:g}; write a probability from 0 to {MAX_RATE:g}")
    Policy.objects.filter(pk=policy.pk).update(gold_rate=rate)


def items_of(policy: Policy) -> "list[GoldItem]":
    """Return the items in use, the newest first, each with its number of ``verdicts`` and of ``wrong`` ones."""
    decisions = "screening__decisions__"
    first = Q(**{f"{decisions}source": "gold", f"{decisions}kind": "verdict", f"{decisions}attempt": 1})
    wrong = Q(**{"truth": "violating", f"{decisions}verdict": "benign"})
    wrong |= Q(**{"truth": "benign", f"{decisions}verdict": "violating"})
    return list(
        GoldItem.objects.filter(policy=policy)
        .active()
        .select_related("screening__upload", "marked_by")
        .annotate(
            verdicts=Count("screening__decisions", filter=first),
            wrong=Count("screening__decisions", filter=first & wrong),
        )
        .order_by("-pk")
    )
