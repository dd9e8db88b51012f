"""The strategy of a shadow run: add the scores of classifiers in shadow mode to screened uploads."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Count, Exists, OuterRef, Q

from moderation.models import Score, Screening, Shadow, StoredFile, Upload
from moderation.models.uploads import UploadQuerySet
from moderation.screening.chunk import Chunk
from moderation.screening.engine import Engine
from moderation.screening.scored_files import score_files
from moderation.screening.walk import Unfinished

SCREENED = (Upload.Status.IN_REVIEW, Upload.Status.APPROVED, Upload.Status.REJECTED)
NOTHING = Q(pk__in=[])


def needing_shadow_scores(shadows: Sequence[Shadow]) -> UploadQuerySet:
    """Screened uploads whose file lacks a score by a classifier in shadow mode."""
    lacking = reduce(or_, map(_unscored, shadows), NOTHING)
    return Upload.objects.filter(lacking, status__in=SCREENED, file__erased_at=None)


def _unscored(shadow: Shadow) -> Q:
    live = Screening.objects.live().filter(upload=OuterRef("pk"), policy=shadow.policy_id)
    scores = Score.objects.by(shadow.classifier).filter(file=OuterRef("file"))
    lacking = (~Q(Exists(scores.filter(label=label))) for label in shadow.labels)
    return Q(Exists(live)) & reduce(or_, lacking)


@dataclass(frozen=True)
class AddShadowScores:
    """Scores files and changes nothing else. Uploads are only counted."""

    engine: Engine

    def work(self, files: Sequence[StoredFile], *, wanted: UploadQuerySet, resumed: Unfinished | None) -> Chunk:  # noqa: ARG002  (never unfinished)
        # Counted first: once a file is scored, its uploads are not wanted any more.
        uploads = dict(wanted.filter(file__in=files).values_list("file").annotate(Count("pk")))
        scored = score_files(self.engine, [file for file in files if file.pk in uploads])
        read = sum(count for file, count in uploads.items() if file not in scored.refusals)
        counts = Counter(files=len(files), uploads=read, unread=len(scored.refusals), views=scored.views)
        return Chunk(last_file=files[-1].pk, counts=counts)
