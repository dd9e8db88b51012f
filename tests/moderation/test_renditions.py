"""The rendition with all pixels of a picture is made once, whoever asks for it at the same time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from moderation.decoding.rendition_sizes import ORDINARY, RenditionSize
from moderation.decoding.sandbox import Rendition, Sandbox
from moderation.decoding.views import Appearance
from moderation.models import StoredFile
from moderation.models.frames import BLURRED, CLEAR, FULL, FrameView
from moderation.renditions import write_full_rendition, write_renditions
from tests import factories

FIRST = FrameView(0)


class CountingSandbox(Sandbox):
    """A sandbox that counts the renditions that it makes."""

    made = 0

    def render_all(
        self, path: Path, *, wanted: Sequence[tuple[int, Appearance]], size: RenditionSize = ORDINARY
    ) -> list[Rendition]:
        self.made += len(wanted)
        return super().render_all(path, wanted=wanted, size=size)


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_make_one_full_rendition() -> None:
    file = factories.make_file(factories.image_bytes(size=(1200, 900)))
    with CountingSandbox() as sandbox, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: ask(file, sandbox=sandbox), range(4)))
        assert sandbox.made == 1
    assert FIRST.rendition(file.sha256, variant=FULL).exists()


def ask(file: StoredFile, *, sandbox: Sandbox) -> None:
    try:
        write_full_rendition(file, frame=FIRST, sandbox=sandbox)
    finally:
        connection.close()


@pytest.mark.django_db
def test_a_rendition_that_is_there_stays_whatever_its_size() -> None:
    file = factories.make_file()
    paths = [FIRST.rendition(file.sha256, variant=variant) for variant in (BLURRED, CLEAR)]
    with Sandbox() as sandbox:
        write_renditions(file, frames=[FIRST], sandbox=sandbox)
        for path in paths:
            path.write_bytes(b"of older rules")
        write_renditions(file, frames=[FIRST], sandbox=sandbox)
    assert [path.read_bytes() for path in paths] == [b"of older rules"] * 2
