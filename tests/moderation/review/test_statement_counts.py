"""Statements for a chunk of copies, compared with a chunk of different pictures."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.models import Decision, Fingerprint, ReviewTask, Screening, ScreeningRun, Upload
from moderation.review import claiming
from moderation.screening import records
from moderation.tuning.rollup import roll_up
from tests.factories import decide_claimed, image_bytes, make_screening, make_upload, make_user
from tests.moderation.review.near_duplicates import Cluster

pytestmark = pytest.mark.django_db

CHUNK = 64
EXTRA = 20


def unsaved(upload: Upload, *, like: Screening, cluster: int) -> Screening:
    """A screening as the router builds it: drawn, in the band, not written yet."""
    fields = {field.attname: getattr(like, field.attname) for field in Screening._meta.concrete_fields}
    fields |= {
        "id": None,
        "upload_id": upload.pk,
        "duplicate_cluster": cluster,
        "run_id": ScreeningRun.objects.get().pk,
    }
    screening = Screening(**fields)
    screening.upload = upload
    return screening


def statements(action: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        action()
    return len(captured)


def save(screenings: list[Screening]) -> int:
    return statements(lambda: records.save_screenings(screenings))


@pytest.fixture
def decided() -> Screening:
    """A picture that somebody rejected, final by the ledger's rule."""
    screening = Cluster().add(score=0.5)
    task = ReviewTask.objects.get()
    claiming.claim_for(task, moderator=make_user())
    decide_claimed(task, "violating")
    roll_up()
    return screening


def different(like: Screening) -> list[Screening]:
    uploads = [make_upload() for _ in range(CHUNK)]
    return [unsaved(upload, like=like, cluster=upload.file_id) for upload in uploads]


def test_copies_of_a_decided_picture_cost_hardly_more(decided: Screening) -> None:
    cluster = decided.upload.file_id
    uploads = [make_upload() for _ in range(CHUNK)]
    for upload in uploads:
        Fingerprint.objects.create(file=upload.file, pdq=bytes(32), quality=100, cluster_id=cluster)
    plain = save(different(decided))
    copies = save([unsaved(upload, like=decided, cluster=cluster) for upload in uploads])
    assert Decision.objects.filter(carried_from__isnull=False).count() == CHUNK
    assert copies - plain <= EXTRA


def test_the_same_bytes_again_cost_hardly_more() -> None:
    content = image_bytes((9, 9, 9))
    decided = make_screening(make_upload(content=content), score=0.5, u=0.0)
    (task,) = ReviewTask.objects.open_for([decided])
    claiming.claim_for(task, moderator=make_user())
    decide_claimed(task, "benign")
    roll_up()
    uploads = [make_upload(content=content) for _ in range(CHUNK)]
    plain = save(different(decided))
    copies = save([unsaved(upload, like=decided, cluster=upload.file_id) for upload in uploads])
    assert Decision.objects.filter(carried_from__isnull=False).count() == CHUNK
    assert copies - plain <= EXTRA


def test_a_verdict_for_many_followers_costs_as_much_as_for_one() -> None:
    costs = []
    for followers in (1, 30):
        cluster = Cluster()
        first, *_ = [cluster.add(score=0.5) for _ in range(1 + followers)]
        task = ReviewTask.objects.with_upload().get(screening=first)
        claiming.claim_for(task, moderator=make_user(f"mo-{followers}"))
        costs.append(statements(lambda task=task: decide_claimed(task, "violating")))
        assert Decision.objects.filter(carried_from__screening=first).count() == followers
    assert costs[0] == costs[1]
