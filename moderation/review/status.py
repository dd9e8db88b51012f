"""The one place that turns the record into an upload's status."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import models, transaction

from moderation.models.decisions import OBJECTION_SOURCES, Decision, Verdict, consensus
from moderation.models.hash_matches import HashMatch
from moderation.models.policies import Policy
from moderation.models.screenings import Screening
from moderation.models.uploads import Upload
from moderation.routing import Route

Status = Upload.Status
STRICTEST_FIRST = (Status.REJECTED, Status.IN_REVIEW, Status.APPROVED)
BY_VERDICT = {Verdict.VIOLATING: Status.REJECTED, Verdict.BENIGN: Status.APPROVED}
BY_ROUTE = {Route.REJECT: Status.REJECTED, Route.APPROVE: Status.APPROVED}


@dataclass(frozen=True, kw_only=True)
class ScreeningResult:
    """How a live screening stands: its route, the verdict that stands, whether somebody is still to decide.

    A match with a hash list stands by its route alone.
    """

    route: Route
    fallback: Route = Route.REJECT
    verdict: Verdict | None = None
    undecided: bool = False

    @property
    def result(self) -> Status:
        """The verdict, else the route: an audit changes nothing until it is decided.

        Where everyone asked could not tell, the policy's fallback stands.
        """
        if self.verdict is not None:
            return BY_VERDICT[self.verdict]
        if self.route is Route.REVIEW:
            return Status.IN_REVIEW if self.undecided else BY_ROUTE[self.fallback]
        return BY_ROUTE[self.route]


def update_status(uploads: models.QuerySet[Upload]) -> None:
    """Set ``status`` of ``uploads`` from what is recorded, within the transaction that changed the record.

    Locks the uploads' rows first, so that of two decisions on one upload the later sees the earlier.
    """
    with transaction.atomic(savepoint=False):
        locked = list(uploads.select_for_update(no_key=True, of=("self",)).order_by("pk"))
        changed = defaultdict(list)
        for upload, status in zip(locked, computed_statuses(locked), strict=True):
            if status != upload.status:
                changed[status].append(upload.pk)
        for status, pks in changed.items():
            Upload.objects.filter(pk__in=pks).update(status=status)


def computed_statuses(uploads: Sequence[Upload]) -> list[Status]:
    """What each upload's status should be, in their order, in five queries however many they are."""
    by_hand = _verdicts_on_quarantined(uploads)
    standings = _standings(uploads)
    in_force = set(Policy.objects.in_force().values_list("pk", flat=True))
    return [
        status_of(upload, by_hand=by_hand.get(upload.pk), standings=standings.get(upload.pk, {}), in_force=in_force)
        for upload in uploads
    ]


def status_of(
    upload: Upload, *, by_hand: Verdict | None, standings: Mapping[int, ScreeningResult], in_force: Collection[int]
) -> Status:
    """The rule. ``by_hand`` is a lead's word on a quarantined upload, ``standings`` are by policy.

    Erased and quarantined stand above all (a person's word lifts quarantine); pending while a policy in force lacks
    its screening or match; else the strictest result over the upload's policies.
    A policy that comes into force later does not make pending again what is decided: ``prescreen --rescore`` does.
    """
    if upload.erased_at is not None:
        return Status.ERASED
    if by_hand is not None:
        return BY_VERDICT[by_hand]
    if upload.quarantine_reason:
        return Status.QUARANTINED
    waits = upload.status in {Status.PENDING, Status.QUARANTINED} and not standings.keys() >= set(in_force)
    if waits or not standings:
        return Status.PENDING
    return strictest(consensus.result for consensus in standings.values())


def strictest(results: Iterable[Status]) -> Status:
    found = set(results)
    return next(status for status in STRICTEST_FIRST if status in found)


def _verdicts_on_quarantined(uploads: Sequence[Upload]) -> dict[int, Verdict]:
    decisions = Decision.objects.live().conclusive().filter(upload__in=uploads, source=Decision.Source.QUARANTINE)
    return {pk: Verdict(verdict) for pk, verdict in decisions.order_by("pk").values_list("upload_id", "verdict")}


def _standings(uploads: Sequence[Upload]) -> dict[int, dict[int, ScreeningResult]]:
    """By upload, then by policy."""
    live = Screening.objects.live().filter(upload__in=uploads)
    decisions = Decision.objects.live().conclusive().that_count().filter(screening__in=live).order_by("pk")
    said: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for pk, verdict, source in decisions.values_list("screening_id", "verdict", "source"):
        said[pk].append((verdict, source))
    undecided = set(
        live.filter(
            tasks__kind__in=["screening", *OBJECTION_SOURCES], tasks__decided_at=None, tasks__withdrawn_at=None
        ).values_list("pk", flat=True)
    )
    standings: dict[int, dict[int, ScreeningResult]] = defaultdict(dict)
    for pk, upload, policy, route, fallback in live.values_list(
        "pk", "upload_id", "policy_id", "route", "policy_version__fallback"
    ):
        standings[upload][policy] = ScreeningResult(
            route=Route(route),
            fallback=Route(fallback),
            verdict=consensus(said[pk]),
            undecided=pk in undecided,
        )
    for upload, policy, route in _matched(uploads):
        standings[upload][policy] = ScreeningResult(route=Route(route))
    return standings


def _matched(uploads: Sequence[Upload]) -> Iterable[tuple[int, int, str]]:
    return HashMatch.objects.live().filter(upload__in=uploads).values_list("upload_id", "policy_id", "route")
