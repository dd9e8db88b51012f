"""Uploads that are nearly the same picture, as the pre-screen leaves them."""

from moderation.models import Fingerprint, ReviewTask, Screening, Upload
from moderation.review.near_duplicates import attach_to_clusters
from moderation.review.status import update_status
from tests.factories import make_screening, make_upload


class Cluster:
    """Files that are nearly the same picture, screened one after the other."""

    def __init__(self) -> None:
        self.first: int | None = None

    def add(self, *, score: float = 0.5, u: float = 0.0, upload: Upload | None = None) -> Screening:
        upload = upload or make_upload()
        self.first = self.first or upload.file_id
        Fingerprint.objects.get_or_create(
            file=upload.file, defaults={"pdq": bytes(32), "quality": 100, "cluster_id": self.first}
        )
        screening = make_screening(upload, score=score, u=u)
        if screening.route == "review" or screening.drawn:
            ReviewTask.objects.open_for([screening])
        attach_to_clusters([screening], clusters={screening.pk: self.first})
        update_status(Upload.objects.filter(pk=upload.pk))
        return screening
