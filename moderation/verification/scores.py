"""Rules about scores, and about the routes that follow from them."""

from collections.abc import Iterator

from django.db.models import Count, Exists, OuterRef

from moderation import routing
from moderation.models import Epoch, PolicyVersion, Score, Screening, Shadow
from moderation.models.screenings import ScreeningQuerySet
from moderation.verification.findings import Finding


def screenings_have_their_score() -> Iterator[Finding]:
    score = Score.objects.filter(
        file=OuterRef("upload__file"),
        classifier=OuterRef("classifier"),
        preprocessing_version=OuterRef("preprocessing_version"),
        frame=OuterRef("frame"),
        view=OuterRef("view"),
    )
    for screening in _with_names(Screening.objects.filter(~Exists(score))).iterator():
        yield str(screening), "no score of its file by its classifier and preprocessing, for its frame and view"


def untrusted_scores_go_to_a_person() -> Iterator[Finding]:
    """A screening has the reason of its score. The database makes sure that one with a reason goes to a person."""
    other = Score.objects.filter(
        file=OuterRef("upload__file"),
        classifier=OuterRef("classifier"),
        preprocessing_version=OuterRef("preprocessing_version"),
    ).exclude(untrusted=OuterRef("untrusted"))
    for screening in _with_names(Screening.objects.filter(Exists(other))).iterator():
        yield str(screening), f"untrusted is {screening.untrusted or 'empty'}, its score has another reason"


def files_have_one_score() -> Iterator[Finding]:
    key = ("file", "classifier", "preprocessing_version", "label")
    for row in Score.objects.values(*key).annotate(scores=Count("pk")).filter(scores__gt=1).iterator():
        yield f"file {row['file']}", f"{row['scores']} scores for {row['label']} by classifier {row['classifier']}"


def screenings_follow_coin_and_thresholds() -> Iterator[Finding]:
    """The draw is the epoch's coin, and the route follows from score, thresholds and coin."""
    secrets = {epoch.pk: bytes(epoch.secret) for epoch in Epoch.objects.all()}
    for screening in _with_names(Screening.objects.select_related("policy_version")).iterator():
        u = routing.coin(secrets[screening.epoch_id], upload_id=screening.upload_id, policy_id=screening.policy_id)
        if u != screening.u:
            yield str(screening), f"u is {screening.u}, the epoch's coin shows {u}"
        if not _could_be_drawn(screening):
            yield str(screening), f"pi {screening.pi}, {screening.rate_class}, {screening.sampling_reason} don't agree"
        within = routing.region(screening.score, low=screening.low, high=screening.high)
        route = routing.route(within, draw=screening.draw, fallback=screening.policy_version.rates.fallback)
        if route != screening.route:
            yield str(screening), f"route is {screening.route}, score and thresholds say {route}"


def _could_be_drawn(screening: Screening) -> bool:
    """Whether one draw can have given u, pi, rate class and reason.

    It may be the draw of an earlier version of the same epoch, so this version's rates are not used.
    """
    region = screening.rate_class.split(":")[0]
    within = routing.Route.REVIEW if region == routing.UNTRUSTED else routing.Route(region)
    rates = routing.Rates(approve=screening.pi, review=screening.pi, reject=screening.pi)
    return routing.draw(screening.u, within=within, rates=rates, untrusted=bool(screening.untrusted)) == screening.draw


def retired_classifiers_score_nothing() -> Iterator[Finding]:
    in_force = PolicyVersion.objects.in_force().exclude(classifier__retired_at=None)
    for version in in_force.select_related("policy", "classifier"):
        yield str(version), f"in force with {version.classifier}, which is retired"
    shadows = Shadow.objects.current().exclude(classifier__retired_at=None)
    for shadow in shadows.select_related("policy", "classifier"):
        yield str(shadow), "in shadow mode, and retired"


def _with_names(screenings: ScreeningQuerySet) -> ScreeningQuerySet:
    """Load the rows that `str(screening)` names."""
    return screenings.select_related("upload", "policy")
