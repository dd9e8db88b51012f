"""`manage.py hashlists`: create, import, export, enable, disable, expire and check."""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from moderation.hashlists.entry_reviews import EntryReviewRefused, confirm, contest
from moderation.locks import Lock
from moderation.models import EntryReview, HashEntry, HashList, Policy, PolicyVersion
from moderation.verification import verify
from tests.factories import default_policy, image_bytes, make_entry, make_hash_list, make_user
from tests.moderation.screening.pictures import DEMO, photo, picture_of

pytestmark = pytest.mark.django_db

PDQ, SHA = "0f" * 32, "a1" * 32
CSV = f"""algorithm,hash,quality,enabled,expires_at,label,note,reference,who,why,standing
pdq,{PDQ},90,true,2030-01-01T00:00:00Z,"one, two","said ""so""\non two lines",ref-1,alice,Shared.,confirmed
sha256,{SHA},,false,,,,,bob,Found.,unconfirmed
sha256,{"b2" * 32},,true,,,,,bob,Found.,contested
"""
SIGNED = ["--by", "ada", "--why", "From our partner."]
Run = Callable[..., str]


@pytest.fixture(autouse=True)
def ada() -> None:
    make_user("ada", group="admin")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> str:
        call_command("hashlists", *map(str, arguments))
        return capsys.readouterr().out

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "list.csv").write_text(CSV, newline="")
    return tmp_path / "list.csv"


def stored(hash_list: HashList) -> list[dict[str, object]]:
    return list(HashEntry.objects.filter(hash_list=hash_list).order_by("pk").values())


def test_without_lists_the_command_says_how_to_make_one(run: Run) -> None:
    assert run("list") == "There are no hash lists. 'manage.py hashlists create' makes one.\n"
    assert json.loads(run("list", "--json")) == []


def test_without_an_account_the_record_says_that_a_command_made_the_change(run: Run) -> None:
    run("create", "ours", "--policy", "adult-content", "--kind", "known-bad", "--why", "Shared.")
    assert run("list") == "ours (known-bad, adult-content): 0 entries, enabled; last created by a command: Shared.\n"


def test_a_list_is_created_and_shown(run: Run) -> None:
    said = run("create", "ours", "--policy", "adult-content", "--kind", "known-bad", "--source", "us", *SIGNED)
    assert "Created list ours (known-bad) of Adult content." in said
    (told,) = json.loads(run("list", "--json"))
    assert (told["name"], told["kind"], told["entries"], told["enabled"]) == ("ours", "known_bad", 0, True)
    assert told["last_change"] == {"done": "created", "by": "ada", "why": "From our partner."}
    assert "ours (known-bad, adult-content): 0 entries, enabled; last created by ada" in run("list")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--radius", "31"], "at most 17 bits are accepted"),
        (["--by", "nobody"], "--by nobody: there is no such account"),
        (["--why", " "], "--why is empty"),
        (["--policy", "weapons"], "no such policy is in force"),
    ],
)
def test_a_list_with_wrong_options_is_refused(run: Run, options: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("create", "ours", "--policy", "adult-content", "--kind", "known-bad", *SIGNED, *options)


def test_a_second_list_with_the_same_name_is_refused(run: Run) -> None:
    make_hash_list(name="ours")
    with pytest.raises(CommandError, match="already has a list 'ours'"):
        run("create", "ours", "--policy", "adult-content", "--kind", "known-good", *SIGNED)


@pytest.mark.parametrize("written_as", ["csv", "threatexchange"])
def test_import_export_and_import_again_give_the_same_rows(run: Run, file: Path, written_as: str) -> None:
    first, fresh = make_hash_list(name="first"), make_hash_list(name="fresh")
    assert run("import", file, "--list", "first", *SIGNED) == "3 new, 0 changed, 0 unchanged.\n"
    before = stored(first)
    written = file.with_name("written")
    run("export", "first", "--format", written_as, "--output", written)
    again = json.loads(run("import", written, "--list", "first", "--format", written_as, "--json", *SIGNED))
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 3)
    assert stored(first) == before
    run("import", written, "--list", "fresh", "--format", written_as, "--by", "ada", "--why", "Another reason.")
    assert run("export", "fresh", "--format", written_as).encode() == written.read_bytes()
    assert verify().problems == []
    assert fresh.entries.count() == 3


def test_an_export_equals_the_imported_csv(run: Run, file: Path) -> None:
    make_hash_list(name="ours")
    run("import", file, "--list", "ours", *SIGNED)
    assert run("export", "ours").splitlines() == CSV.splitlines()


def test_an_import_changes_an_entrys_content_and_keeps_its_review_state(run: Run, file: Path) -> None:
    hash_list = make_hash_list(name="ours")
    run("import", file, "--list", "ours", *SIGNED)
    contest(HashEntry.objects.get(reference="ref-1"), by=None, why="Wrong.")
    file.write_text(CSV.replace("ref-1", "ref-2"), newline="")
    assert run("import", file, "--list", "ours", *SIGNED) == "0 new, 1 changed, 2 unchanged.\n"
    entry = HashEntry.objects.get(reference="ref-2")
    assert (entry.review_state, entry.events.count()) == ("contested", 3)
    hash_list.refresh_from_db()
    assert (hash_list.done, hash_list.why) == ("imported: 0 new, 1 changed, 2 unchanged", "From our partner.")


def test_who_and_why_default_to_those_of_the_import(run: Run, file: Path) -> None:
    make_hash_list(name="ours")
    file.write_text(f"algorithm,hash\npdq,{PDQ}\npdq,{PDQ}\n")
    assert run("import", file, "--list", "ours", *SIGNED) == "1 new, 0 changed, 1 unchanged.\n"
    assert HashEntry.objects.values_list("who", "why").get() == ("ada", "From our partner.")
    assert run("import", file, "--list", "ours", "--by", "ada", "--why", "Again.").startswith("0 new, 0 changed, 2 un")


def test_nothing_is_imported_if_one_row_is_wrong(run: Run, file: Path) -> None:
    hash_list = make_hash_list(name="ours")
    file.write_text(CSV + "md5,abc,,,,,,,,,\n", newline="")
    with pytest.raises(CommandError, match=r"line 6: found a hash of 3 characters.*Nothing was changed\."):
        run("import", file, "--list", "ours", *SIGNED)
    assert not HashEntry.objects.exists()
    hash_list.refresh_from_db()
    assert hash_list.done == "created"


def test_an_import_says_what_it_left_out(run: Run, file: Path) -> None:
    make_hash_list(name="ours")
    file.write_text(f"algorithm,hash\npdq,{PDQ}\ntmk,{SHA}\ntmk,{PDQ}\nuri,example.org\nmd5,{'ab' * 16}\n")
    said = "Left out 3 of 5 rows. By reason: video (tmk): 2; address (uri): 1."
    assert run("import", file, "--list", "ours", *SIGNED) == f"2 new, 0 changed, 0 unchanged.\n{said}\n"
    again = json.loads(run("import", file, "--list", "ours", "--json", *SIGNED))
    assert again["left_out"] == {"video (tmk)": 2, "address (uri)": 1}


def test_names_and_states_in_a_file_are_no_acts_of_people_here(run: Run, file: Path) -> None:
    make_hash_list(name="ours")
    make_user("alice", group="lead")
    run("import", file, "--list", "ours", *SIGNED)
    assert not EntryReview.objects.exists()
    confirmed, _, contested = HashEntry.objects.order_by("pk")
    assert (confirmed.who, confirmed.review_state, confirmed.standing_in_file) == (
        "alice (from the file)", "unconfirmed", "confirmed",
    )  # fmt: skip
    assert (str(confirmed.added_by), contested.standing_in_file) == ("ada", "contested")
    assert not HashEntry.objects.routing().filter(pk=contested.pk).exists()
    confirm(contested, by=None)
    assert HashEntry.objects.routing().filter(pk=contested.pk).exists()
    assert verify().problems == []


def test_nobody_confirms_an_entry_that_they_imported(run: Run, file: Path) -> None:
    make_hash_list(name="ours")
    run("import", file, "--list", "ours", *SIGNED)
    entry = HashEntry.objects.get(reference="ref-1")
    with pytest.raises(EntryReviewRefused, match="You imported this entry yourself"):
        confirm(entry, by=entry.added_by)
    assert not EntryReview.objects.exists()
    confirm(entry, by=make_user("lead", group="lead"))
    contest(entry, by=entry.added_by, why="It was wrong after all.")
    assert EntryReview.objects.count() == 2


def test_a_dry_run_counts_and_writes_nothing(run: Run, file: Path) -> None:
    make_hash_list(name="ours")
    assert "3 new, 0 changed, 0 unchanged. Nothing was written" in run(
        "import", file, "--list", "ours", "--dry-run", *SIGNED
    )
    assert not HashEntry.objects.exists()


def test_more_than_a_batch_is_imported(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation.hashlists.importing.BATCH", 2)
    hash_list = make_hash_list(name="ours")
    file.write_text("algorithm,hash\n" + "".join(f"sha256,{number % 5:064x}\n" for number in range(9)))
    assert run("import", file, "--list", "ours", *SIGNED) == "5 new, 0 changed, 4 unchanged.\n"
    assert hash_list.entries.count() == 5


def test_a_missing_file_and_an_unknown_list_are_reported(run: Run, file: Path) -> None:
    make_hash_list(name="ours")
    with pytest.raises(CommandError, match="No such file"):
        run("import", file.with_name("none.csv"), "--list", "ours", *SIGNED)
    with pytest.raises(CommandError, match=r"There is no list 'theirs'\. Nothing was changed\. Lists: ours\."):
        run("export", "theirs")


def test_lists_with_the_same_name_are_distinguished_by_policy(run: Run) -> None:
    other = Policy.objects.create(slug="weapons", name="Weapons")
    for policy in (default_policy(), other):
        make_hash_list(name="ours", policy=policy)
    with pytest.raises(CommandError, match="2 policies have a list 'ours'"):
        run("disable", "ours", *SIGNED)
    run("disable", "ours", "--policy", "weapons", *SIGNED)
    assert HashList.objects.get(enabled=False).policy == other
    assert PolicyVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [(["disable"], "enabled", "False"), (["expire", "--at", "2020-01-01"], "expires_at", "2020-01-01 00:00:00+00:00")],
)
def test_a_list_or_one_entry_is_disabled_enabled_and_expires(
    run: Run, action: list[str], field: str, value: str
) -> None:
    hash_list = make_hash_list(name="ours")
    entry, other = make_entry(hash_list, b"one"), make_entry(hash_list, b"two")
    name, *rest = action
    run(name, "ours", "--hash", entry.hash.upper(), *rest, *SIGNED)
    assert not HashEntry.objects.routing().filter(pk=entry.pk).exists()
    assert HashEntry.objects.routing().filter(pk=other.pk).exists()
    run(name, "ours", *rest, *SIGNED)
    hash_list.refresh_from_db()
    assert (str(getattr(hash_list, field)), hash_list.why) == (value, "From our partner.")


def test_an_expired_list_can_be_set_to_never_expire(run: Run) -> None:
    hash_list = make_hash_list(name="ours", enabled=False)
    run("enable", "ours", *SIGNED)
    assert "expires never" in run("expire", "ours", "--at", "never", *SIGNED)
    assert list(HashList.objects.in_use()) == [hash_list]


@pytest.mark.parametrize("text", ["abc", "x" * 64, "a" * 64])
def test_an_unknown_entry_is_reported(run: Run, text: str) -> None:
    make_hash_list(name="ours")
    with pytest.raises(CommandError, match="ours has no entry with that hash"):
        run("disable", "ours", "--hash", text, *SIGNED)


def test_files_are_checked_and_nothing_is_stored(run: Run, tmp_path: Path) -> None:
    make_entry(make_hash_list(name="pictures"), picture_of("cat.jpg").pdq, is_picture=True)
    make_entry(make_hash_list("known_good", name="bytes"), photo("cat.jpg"))
    told = run("check", DEMO / "cat.jpg", DEMO / "coffee.jpg")
    assert "cat.jpg: Adult content: known-bad by list pictures (PDQ, 0 bits of 256 differ)" in told
    assert "known-good by list bytes (sha256: the same bytes)" in told
    assert "coffee.jpg: on no list in use\n" in told
    assert "Compared: its bytes (sha256, MD5, SHA-1); frame 0, plain (upright at quality 100, scaled" in told
    assert "Not compared" not in told
    first, second = map(json.loads, run("check", "--json", DEMO / "cat.jpg", DEMO / "coffee.jpg").splitlines())
    assert [each["list"] for each in first["known"]] == ["pictures", "bytes"]
    assert second["known"] == []


def test_a_check_says_what_it_did_not_compare(run: Run, tmp_path: Path) -> None:
    (tmp_path / "flat.png").write_bytes(image_bytes())
    told = run("check", tmp_path / "flat.png")
    assert "Compared: its bytes (sha256, MD5, SHA-1).\n" in told
    assert "Not compared: frame 0, plain (upright at quality 0, scaled at quality 0): too flat.\n" in told
    (checked,) = map(json.loads, run("check", "--json", tmp_path / "flat.png").splitlines())
    assert [(each["reading"], each["compared"]) for each in checked["pictures"]] == [
        ("upright", False),
        ("scaled", False),
    ]


def test_a_file_that_cannot_be_decoded_is_checked_by_its_bytes(run: Run, tmp_path: Path, capsys) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(image_bytes()[:60])
    make_entry(make_hash_list(name="bytes"), broken.read_bytes())
    with pytest.raises(SystemExit):
        run("check", broken)
    out, err = capsys.readouterr()
    assert "known-bad by list bytes" in out
    assert "1 file could not be decoded: only the bytes were compared." in err


def test_a_confirmed_entry_is_exported_as_confirmed(run: Run) -> None:
    confirm(make_entry(make_hash_list(name="ours"), b"one"), by=None)
    assert run("export", "ours").splitlines()[1].endswith(",confirmed")


@pytest.mark.django_db(transaction=True)
def test_the_second_of_two_imports_into_one_list_is_refused(run: Run, file: Path) -> None:
    hash_list = make_hash_list(name="ours")

    def import_meanwhile() -> None:
        try:
            run("import", file, "--list", "ours", *SIGNED)
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [int(Lock.HASH_LIST_IMPORT), hash_list.pk])
        with pytest.raises(CommandError, match="another import into ours is running"):
            pool.submit(import_meanwhile).result()


def test_export_to_a_pipe_is_text(run: Run) -> None:
    make_entry(make_hash_list(name="ours"), b"one")
    assert next(iter(io.StringIO(run("export", "ours", "--format", "threatexchange")))) == '{"data": [\n'
