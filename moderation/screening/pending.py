"""The strategy of an ordinary run: screen pending uploads and route them."""

from collections.abc import Sequence
from dataclasses import dataclass

from moderation.models import StoredFile
from moderation.models.uploads import UploadQuerySet
from moderation.screening import records
from moderation.screening.chunk import Chunk, UploadSlice
from moderation.screening.chunk_screening import ChunkScreener, save_rest
from moderation.screening.walk import Unfinished


@dataclass(frozen=True)
class ScreenPending:
    """Screens pending uploads, and quarantines those whose file cannot be read."""

    screener: ChunkScreener
    most_uploads: int

    def work(self, files: Sequence[StoredFile], *, wanted: UploadQuerySet, resumed: Unfinished | None) -> Chunk:
        part = UploadSlice.of(files, wanted=wanted, most=self.most_uploads)
        screened = self.screener.screen(part, resumed=resumed)
        records.save_screenings(screened.screenings)
        return save_rest(screened, part=part, quarantinable=screened.uploads)
