"""The walk and the strategy of each mode of a run."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from moderation.models import ScreeningRun, Upload
from moderation.models.uploads import UploadQuerySet
from moderation.screening.chunk import Strategy
from moderation.screening.chunk_screening import ChunkScreener
from moderation.screening.engine import Engine
from moderation.screening.newest_first import FRESH
from moderation.screening.pending import ScreenPending
from moderation.screening.rescreening import Rescreen, needing_rescreen
from moderation.screening.rulebook import Rulebook
from moderation.screening.shadow_scoring import AddShadowScores, needing_shadow_scores
from moderation.screening.walk import Walk

Mode = Literal["pending", "rescore", "shadows"]


def wanted_uploads(mode: Mode, *, rulebook: Rulebook, since: datetime | None) -> UploadQuerySet:
    """Return the uploads that a run in ``mode`` works on, received since then if ``since`` is given."""
    match mode:
        case "pending":
            wanted = pending_uploads(rulebook.policies)
        case "rescore":
            wanted = needing_rescreen(rulebook)
        case "shadows":
            wanted = needing_shadow_scores(rulebook.shadows)
    return wanted.received_since(since)


def pending_uploads(policies: Collection[int]) -> UploadQuerySet:
    """Pending uploads that a policy has not routed."""
    return Upload.objects.pending().lacking(policies)


def make_walk(
    mode: Mode, *, rulebook: Rulebook, run: ScreeningRun, dry_run: bool = False, since: datetime | None = None
) -> Walk:
    """Return the walk of ``mode``.

    Only an ordinary run takes the newest uploads first and starts again at the end. Stored uploads are all of an age,
    and a dry run, like a rescore of a file that cannot be read, leaves uploads wanted: one pass is enough.
    """

    def wanted() -> UploadQuerySet:
        return wanted_uploads(mode, rulebook=rulebook, since=since)

    if mode != "pending":
        return Walk(wanted)
    if dry_run:
        return Walk(wanted, first_file=first_pending_file)
    return Walk(
        wanted,
        first_file=first_pending_file,
        fresh_since=since or run.started_at - FRESH,
        only_fresh=since is not None,
        starts_again=True,
    )


def first_pending_file() -> int:
    return Upload.objects.first_pending_file() or 0


def make_strategy(
    mode: Mode, *, engine: Engine, run: ScreeningRun, most_uploads: int, dry_run: bool = False
) -> Strategy:
    """Return the strategy of ``mode``. ``most_uploads`` bounds the rows that one transaction holds."""
    match mode:
        case "pending":
            return ScreenPending(ChunkScreener(engine, run=run, dry_run=dry_run), most_uploads)
        case "rescore":
            return Rescreen(ChunkScreener(engine, run=run, dry_run=dry_run), most_uploads)
        case "shadows":
            return AddShadowScores(engine)
