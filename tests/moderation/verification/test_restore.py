"""A copy that is restored as docs/operations.md says, without the renditions, works again and passes `verify`."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from localpg.programs import find_programs
from moderation import storage
from moderation.models import ReviewTask, Screening, Upload, Verdict
from tests.factories import make_user
from tests.moderation.verification.test_verification import decide, make_sound_task
from tests.processes import start_command, url_of

pytestmark = pytest.mark.django_db(transaction=True)
COPY = "restored_copy"


def program(name: str) -> Path:
    found = [each.folder / name for each in find_programs() if (each.folder / name).exists()]
    if not found or not settings.DATABASE_OWNER:
        pytest.skip(f"needs {name} and the owner's connection")
    return found[0]


def owner(database: str) -> str:
    return url_of({**(settings.DATABASE_OWNER or {}), "NAME": database})


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a copy: a dump that was restored, and DATA_DIR with the uploads alone."""
    dump, data = tmp_path / "dump", tmp_path / "copy"
    name, copy = str(connection.settings_dict["NAME"]), f"{connection.settings_dict['NAME']}_{COPY}"
    subprocess.run([program("pg_dump"), "-Fc", "-f", dump, owner(name)], check=True)
    with psycopg.connect(owner(name), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{copy}"')
        try:
            subprocess.run([program("pg_restore"), "--exit-on-error", "-d", owner(copy), dump], check=True)
            shutil.copytree(settings.DATA_DIR / "uploads", data / "uploads")
            yield {
                "DATABASE_URL": url_of({**connection.settings_dict, "NAME": copy}),
                "DATABASE_OWNER_URL": owner(copy),
                "DATA_DIR": str(data),
            }
        finally:
            server.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


@pytest.fixture
def record() -> list[ReviewTask]:
    tasks = [make_sound_task(), make_sound_task()]
    decide(tasks[1], Verdict.VIOLATING, by=make_user("mo"))
    return tasks


def run(*arguments: str, environment: dict[str, str]) -> tuple[int, str]:
    process = start_command(*arguments, also=environment)
    out, err = process.communicate()
    return process.returncode, out + err


@pytest.mark.lengthy
def test_a_restored_copy_gets_its_renditions_back_and_passes_verify(
    record: list[ReviewTask], restored: dict[str, str]
) -> None:
    status, lost = run("verify", environment=restored)
    assert (status, "the clear rendition of frame 0 is missing" in lost) == (1, True)
    assert run("renditions", environment=restored) == (
        0,
        "Renditions of 2 uploads were made; those of 0 could not be made.\n",
    )
    status, found = run("verify", environment=restored)
    assert (status, "0 problems" in found) == (0, True), found


def test_renditions_are_made_anew_and_nothing_else_changes(record: list[ReviewTask]) -> None:
    before = [list(model.objects.order_by("pk").values()) for model in (Upload, Screening, ReviewTask)]
    shutil.rmtree(settings.DATA_DIR / "renditions")
    assert run("renditions", environment={})[0] == 0
    assert all(each.screened.ranked_frames[0].is_rendered(each.upload.file.sha256) for each in record)
    assert before == [list(model.objects.order_by("pk").values()) for model in (Upload, Screening, ReviewTask)]


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_made(record: list[ReviewTask]) -> None:
    shutil.rmtree(settings.DATA_DIR / "renditions")
    record[0].upload.file.path.unlink()
    status, out = run("renditions", environment={})
    assert status == 1
    assert re.search(rf"^{record[0].upload} cannot be shown \(.* does not exist", out, re.MULTILINE)
    assert "Renditions of 1 upload were made; those of 1 could not be made." in out
    assert len([path for path in storage.renditions_folder().rglob("*") if path.is_file()]) == 2
