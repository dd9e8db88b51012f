"""The one place that turns the record into an upload's status."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import models, transaction

from moderation.models import Decision, HashMatch, Policy, Screening, Upload, Verdict
from moderation.models.decisions import OBJECTION_SOURCES
from moderation.review.tallies import tallies
from moderation.routing import Route

Status = Upload.Status
STRICTEST_FIRST = (Status.REJECTED, Status.IN_REVIEW, Status.APPROVED)
BY_VERDICT = {Verdict.VIOLATING: Status.REJECTED, Verdict.BENIGN: Status.APPROVED}
BY_ROUTE = {Route.REJECT: Status.REJECTED, Route.APPROVE: Status.APPROVED}


@dataclass(frozen=True, kw_only=True)
class ScreeningResult:
    """A live screening's route, the verdict that stands on it, and whether a person still has to decide.

    A match with a hash list has a route alone.
    """

    route: Route
    fallback: Route = Route.REJECT
    verdict: Verdict | None = None
    undecided: bool = False

    @property
    def status(self) -> Status:
        """The status that the verdict asks for, otherwise the route: an audit changes nothing until it is decided.

        Where everybody who was asked could not tell, the policy's fallback applies.
        """
        if self.verdict is not None:
            return BY_VERDICT[self.verdict]
        if self.route is Route.REVIEW:
            return Status.IN_REVIEW if self.undecided else BY_ROUTE[self.fallback]
        return BY_ROUTE[self.route]


def update_status(uploads: models.QuerySet[Upload]) -> None:
    """Set ``status`` of ``uploads`` from the record, within the transaction that changed the record.

    Locks the uploads' rows first, so that the later of two decisions on one upload sees the earlier one.
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
    """Return the status that each upload should have, in their order, in six statements for any number of uploads."""
    lead_verdicts = _quarantine_verdicts(uploads)
    results = _results(uploads)
    in_force = set(Policy.objects.in_force().values_list("pk", flat=True))
    return [
        status_of(
            upload,
            quarantine_verdict=lead_verdicts.get(upload.pk),
            results=results.get(upload.pk, {}),
            in_force=in_force,
        )
        for upload in uploads
    ]


def status_of(
    upload: Upload,
    *,
    quarantine_verdict: Verdict | None,
    results: Mapping[int, ScreeningResult],
    in_force: Collection[int],
) -> Status:
    """Return the upload's status; the rule itself.

    Erased and quarantined stand above all, except that a lead's verdict lifts quarantine. An upload is pending while a
    policy in force lacks its screening or match; otherwise the strictest result over its policies applies. A policy
    that comes into force later does not make a decided upload pending again: ``prescreen --rescore`` does.

    ``quarantine_verdict`` is a lead's verdict on a quarantined upload, ``results`` are by policy, ``in_force`` are the
    policies in force.
    """
    if upload.erased_at is not None:
        return Status.ERASED
    if quarantine_verdict is not None:
        return BY_VERDICT[quarantine_verdict]
    if upload.quarantine_reason:
        return Status.QUARANTINED
    lacks_screening = not results.keys() >= set(in_force)
    if not results or (lacks_screening and upload.status in {Status.PENDING, Status.QUARANTINED}):
        return Status.PENDING
    return strictest(result.status for result in results.values())


def strictest(statuses: Iterable[Status]) -> Status:
    found = set(statuses)
    return next(status for status in STRICTEST_FIRST if status in found)


def _quarantine_verdicts(uploads: Sequence[Upload]) -> dict[int, Verdict]:
    """By upload."""
    decisions = Decision.objects.live().conclusive().filter(upload__in=uploads, source=Decision.Source.QUARANTINE)
    return {pk: Verdict(verdict) for pk, verdict in decisions.order_by("pk").values_list("upload_id", "verdict")}


def _results(uploads: Sequence[Upload]) -> dict[int, dict[int, ScreeningResult]]:
    """By upload, then by policy."""
    live = Screening.objects.live().filter(upload__in=uploads)
    screenings = list(live.select_related("policy_version").only("pk", *_RESULT_FIELDS))
    tally_of, undecided = tallies(screenings), _undecided(live)
    results: dict[int, dict[int, ScreeningResult]] = defaultdict(dict)
    for each in screenings:
        results[each.upload_id][each.policy_id] = ScreeningResult(
            route=Route(each.route),
            fallback=Route(each.policy_version.fallback),
            verdict=tally_of[each.pk].consensus,
            undecided=each.pk in undecided,
        )
    matches = HashMatch.objects.live().filter(upload__in=uploads)
    for upload, policy, route in matches.values_list("upload_id", "policy_id", "route"):
        results[upload][policy] = ScreeningResult(route=Route(route))
    return results


_RESULT_FIELDS = ("upload_id", "policy_id", "route", "sampling_reason", "policy_version__fallback")


def _undecided(screenings: models.QuerySet[Screening]) -> set[int]:
    """Return those of ``screenings`` on which a person still has to decide."""
    asked = screenings.filter(
        tasks__kind__in=["screening", *OBJECTION_SOURCES], tasks__decided_at=None, tasks__withdrawn_at=None
    )
    return set(asked.values_list("pk", flat=True))
