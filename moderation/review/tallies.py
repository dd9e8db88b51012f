"""Reading the verdicts on screenings from the record, for the rules in ``consensus``."""

from collections import defaultdict
from collections.abc import Collection

from moderation.models import Decision, Screening
from moderation.review.consensus import VerdictTally
from moderation.review.standing import Given
from moderation.routing import SamplingReason


def tally(screening: Screening) -> VerdictTally:
    """Count the live verdicts on one screening."""
    return tallies([screening])[screening.pk]


def tallies(screenings: Collection[Screening]) -> dict[int, VerdictTally]:
    """Count the live verdicts on ``screenings``, by screening, in one statement.

    Their policy versions should be loaded: each one that is not costs a statement more.
    """
    given = _verdicts_on(screenings)
    return {screening.pk: _tally(screening, given.get(screening.pk, [])) for screening in screenings}


def _verdicts_on(screenings: Collection[Screening]) -> dict[int, list[Given]]:
    """Return the live verdicts, oldest first, by screening; gold items do not count."""
    live = Decision.objects.live().verdicts().excluding_gold().filter(screening__in=[each.pk for each in screenings])
    given: dict[int, list[Given]] = defaultdict(list)
    for pk, *verdict in live.order_by("pk").values_list("screening_id", *Given._fields):
        given[pk].append(Given(*verdict))
    return given


def _tally(screening: Screening, given: list[Given]) -> VerdictTally:
    automatic = screening.automatic_outcome
    return VerdictTally.from_verdicts(
        given,
        automatic_outcome=automatic,
        # Only held uploads fall back, so no other version has to be read.
        fallback=screening.policy_version.fallback if automatic == "hold" else automatic,
        sampling_reason=SamplingReason(screening.sampling_reason),
    )
