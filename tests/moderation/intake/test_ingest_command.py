import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from moderation import intake, storage
from moderation.models import Upload
from tests.factories import image_bytes
from tests.moderation.intake.test_receiving import no_file_larger_than

pytestmark = pytest.mark.django_db

NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, two of them the same, in two levels."""
    root = tmp_path / "photos"
    (root / "2024" / "may").mkdir(parents=True)
    (root / "b.png").write_bytes(image_bytes((1, 1, 1)))
    (root / "2024" / "a.jpg").write_bytes(image_bytes((2, 2, 2), fmt="JPEG"))
    (root / "2024" / "may" / "b.png").write_bytes(image_bytes((1, 1, 1)))
    return root


def ingest(*arguments: object) -> str:
    out = io.StringIO()
    call_command("ingest", *map(str, arguments), stdout=out)
    return out.getvalue()


def ingest_json(*arguments: object) -> dict[str, object]:
    summary: dict[str, object] = json.loads(ingest(*arguments, "--json").splitlines()[-1])
    assert summary["received"] == summary["new"] + summary["duplicate"] + len(summary["refused"])
    return summary


def external_ids() -> list[str]:
    return list(Upload.objects.order_by("pk").values_list("external_id", flat=True))


def test_every_file_below_a_folder_comes_in_under_its_path(folder: Path) -> None:
    summary = ingest_json(folder)
    assert summary == {"received": 3, "new": 3, "duplicate": 0, "refused": [], "skipped": []}
    assert external_ids() == ["2024/a.jpg", "2024/may/b.png", "b.png"]
    assert set(Upload.objects.values_list("source", flat=True)) == {"folder"}


def test_running_it_twice_adds_nothing(folder: Path) -> None:
    ingest(folder)
    assert ingest_json(folder) == {"received": 3, "new": 0, "duplicate": 3, "refused": [], "skipped": []}
    assert Upload.objects.count() == 3


def test_a_file_comes_in_under_its_name(folder: Path) -> None:
    ingest(folder / "2024" / "a.jpg", folder / "b.png", "--source", "shop")
    assert list(Upload.objects.order_by("pk").values_list("source", "external_id")) == [
        ("shop", "a.jpg"),
        ("shop", "b.png"),
    ]


def test_a_folder_may_be_named_from_where_one_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "2024")
    assert ingest_json(".")["new"] == 2
    assert external_ids() == ["a.jpg", "may/b.png"]


def test_what_is_refused_is_listed_and_the_rest_comes_in(folder: Path) -> None:
    (folder / "notes.txt").write_text("no image")
    (folder / "empty.png").touch()
    summary = ingest_json(folder)
    assert summary["new"] == 3
    assert [each["file"] for each in summary["refused"]] == [f"{folder}/empty.png", f"{folder}/notes.txt"]
    assert "Accepted are JPEG" in summary["refused"][1]["reason"]


def test_a_changed_file_is_refused_as_received_before(folder: Path) -> None:
    ingest(folder)
    (folder / "b.png").write_bytes(image_bytes((9, 9, 9)))
    summary = ingest_json(folder)
    assert summary["duplicate"] == 2
    assert "already received with other bytes" in summary["refused"][0]["reason"]


def test_a_large_file_is_refused_by_its_size_without_being_read(folder: Path) -> None:
    with (folder / "film.png").open("wb") as film:
        film.truncate(10**12)
    assert "at most 25,000,000" in ingest_json(folder)["refused"][0]["reason"]


def test_hidden_files_links_that_lead_out_and_pipes_are_skipped_and_said(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "private.png"
    outside.write_bytes(image_bytes((5, 5, 5)))
    (folder / ".DS_Store").write_text("hidden")
    (folder / ".git").mkdir()
    (folder / "out.png").symlink_to(outside)
    (folder / "nothing.png").symlink_to(folder / "gone.png")
    (folder / "self").symlink_to(folder)
    (folder / "round.png").symlink_to(folder / "round.png")
    os.mkfifo(folder / "pipe.png")
    summary = ingest_json(folder)
    assert summary["received"] == summary["new"] == 3
    assert {Path(each["file"]).name: each["reason"] for each in summary["skipped"]} == {
        ".DS_Store": "it is hidden",
        ".git": "it is hidden",
        "nothing.png": "it is a link to nothing",
        "out.png": "it is a link that leads out of the folder",
        "pipe.png": "it is not a regular file",
        "round.png": "it is a link to nothing",
        "self": "it is a link to a folder, whose files are ingested themselves",
    }


def test_a_link_within_the_folder_is_an_upload_of_its_own(folder: Path) -> None:
    (folder / "c.png").symlink_to(folder / "b.png")
    assert ingest_json(folder)["new"] == 4


@contextmanager
def without_privileges() -> Iterator[None]:
    """Permissions bind everybody but root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_what_may_not_be_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "file.png").write_bytes(image_bytes())
    (folder / "file.png").chmod(0)
    (folder / "sub").mkdir(mode=0)
    # Nobody else may pass through pytest's own folder.
    descriptor = os.open(folder, os.O_RDONLY)
    with without_privileges():
        outcomes = list(intake.ingest(Path(f"/proc/self/fd/{descriptor}/."), source="s"))
    os.close(descriptor)
    assert [(Path(each.file).name, each.result) for each in outcomes] == [("file.png", "refused"), ("sub", "refused")]
    assert all("Permission denied" in each.reason for each in outcomes)


def test_a_name_that_is_no_text_is_refused_in_words_that_can_be_printed(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(image_bytes())
    refused = ingest_json(tmp_path / "in")["refused"]
    assert refused[0]["file"].endswith(r"caf\udce9.png")
    assert "not text" in refused[0]["reason"]


def test_people_read_sentences(folder: Path) -> None:
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden").touch()
    *named, last = ingest(folder).splitlines()
    assert last == "4 received: 3 new, 0 duplicate, 1 refused; 1 skipped."
    assert [line.split(".", 1)[0] for line in named] == [f"{folder}/", f"{folder}/notes"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder"], "/no/such/folder does not exist"),
        (["/dev/null"], "/dev/null is neither a file nor a folder"),
        (["/tmp", "--source", ""], "--source is empty"),
    ],
)
def test_wrong_arguments_are_named_before_anything_comes_in(arguments: list[str], said: str, folder: Path) -> None:
    with pytest.raises(CommandError, match=said):
        ingest(folder, *arguments)
    assert not Upload.objects.exists()


def test_a_full_disk_stops_it_and_says_how_to_go_on(folder: Path) -> None:
    (folder / "large.png").write_bytes(image_bytes() + bytes(100_000))
    with (
        no_file_larger_than(50_000),
        pytest.raises(CommandError, match=r"Stopped after 3 files.*Run the command again"),
    ):
        ingest(folder)
    assert ingest_json(folder)["new"] == 1
    assert len(list(storage.stored_files())) == 3
