"""The frames that reviewers are shown, for many screenings in two statements."""

from collections import defaultdict
from collections.abc import Collection

from moderation.decoding.views import appearance_of
from moderation.models import PolicyVersion, Score, Screening
from moderation.models.frames import FrameView, ranked_frames

#: (file, classifier, preprocessing version)
Key = tuple[int, int, str]


def frames_by_screening(screenings: Collection[Screening]) -> dict[int, list[FrameView]]:
    """Return `Screening.ranked_frames` of each screening. Their uploads and policy versions should be loaded."""
    labels, scores = _root_labels(screenings), _scores(screenings)
    return {each.pk: _frames(each, labels=labels.get(each.pk, ()), scores=scores[_key(each)]) for each in screenings}


def _frames(screening: Screening, *, labels: Collection[str], scores: list[Score]) -> list[FrameView]:
    used = [score for score in scores if score.label in labels]
    return ranked_frames(used) or [FrameView(screening.frame, appearance_of(screening.view))]


def _key(screening: Screening) -> Key:
    return screening.upload.file_id, screening.classifier_id, screening.preprocessing_version


def _scores(screenings: Collection[Screening]) -> dict[Key, list[Score]]:
    rows = Score.objects.filter(
        file__in={each.upload.file_id for each in screenings},
        classifier__in={each.classifier_id for each in screenings},
        preprocessing_version__in={each.preprocessing_version for each in screenings},
    )
    found: dict[Key, list[Score]] = defaultdict(list)
    for row in rows.order_by("pk"):
        found[row.file_id, row.classifier_id, row.preprocessing_version].append(row)
    return found


def _root_labels(screenings: Collection[Screening]) -> dict[int, list[str]]:
    """Return each screening's labels: those of its epoch's root version, as a community version has none."""
    own = {each.pk: each.policy_version.labels for each in screenings if each.policy_version.community_id is None}
    others = [each for each in screenings if each.pk not in own]
    roots = PolicyVersion.objects.root().filter(epoch__in={each.epoch_id for each in others}).order_by("-pk")
    by_epoch = dict(roots.values_list("epoch_id", "labels"))  # the first one of each epoch, as `first()` takes it
    return own | {each.pk: by_epoch[each.epoch_id] for each in others if each.epoch_id in by_epoch}
