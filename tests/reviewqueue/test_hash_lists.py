"""Hash lists on the pages: creating, importing, switching, searching; confirming and contesting matches."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from moderation.models import EntryReview, HashEntry, HashList, HashMatch, Upload
from tests.factories import (
    default_policy,
    make_entry,
    make_hash_list,
    make_match,
    make_task,
    make_upload,
    make_user,
    red,
)

pytestmark = pytest.mark.django_db

PDQ = bytes.fromhex("f0" * 32)
HTMX = {"HX-Request": "true"}
NEW = {"name": "ours", "kind": "known_bad", "source": "us", "radius": "17", "why": "For us."}


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(make_user("lea", group="lead"))
    return client


@pytest.fixture
def match() -> HashMatch:
    return make_match(make_entry(make_hash_list(name="ours"), red(0.1)), make_upload(content=red(0.1)))


def file(text: str, *, name: str = "list.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def address(hash_list: HashList, rest: str = "") -> str:
    return f"/hash-lists/{hash_list.pk}/{rest}"


@pytest.mark.parametrize(
    ("group", "status"), [("moderator", 403), ("lead", 200), ("admin", 200), ("operator", 403), ("auditor", 403)]
)
def test_leads_and_admins_keep_lists(match: HashMatch, group: str, status: int) -> None:
    client = Client()
    client.force_login(make_user("someone", group=group))
    entry = match.entry
    for path in ("/hash-lists/", address(entry.hash_list), address(entry.hash_list, f"entries/{entry.pk}/")):
        assert client.get(path).status_code == status
    for path in ("/hash-lists/new/", f"/hash-lists/matches/{match.pk}/judge/", address(entry.hash_list, "import/")):
        assert client.post(path).status_code == (422 if status == 200 else 403)
    assert client.get(address(entry.hash_list, "export/csv/")).status_code == status
    assert ("Hash lists" in client.get("/keys/").content.decode()) is (status == 200)


def test_a_new_list_records_who_and_why(page: Client) -> None:
    told = page.post("/hash-lists/new/", new(), follow=True).content.decode()
    made = HashList.objects.get()
    assert (made.name, made.kind, made.radius, made.by.username, made.why) == (
        "ours",
        "known_bad",
        17,
        "lea",
        "For us.",
    )
    assert "The list ours was created. It is empty." in told
    assert "For us." in page.get("/hash-lists/").content.decode()


def new(**changes: str) -> dict[str, object]:
    return {**NEW, "policy": default_policy().pk, **changes}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "another", "has a list of this name already"),
        ("radius", "31", "At most 17 bits are accepted"),
        ("why", " ", "Say why, in a sentence"),
        ("kind", "unknown", "Select a valid choice"),
    ],
)
def test_an_error_in_a_new_list_shows_at_its_field(page: Client, field: str, value: str, said: str) -> None:
    make_hash_list(name="another")
    answer = page.post("/hash-lists/new/", new(**{field: value}))
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors[field])
    assert HashList.objects.count() == 1


def test_the_lists_show_their_state(page: Client, match: HashMatch) -> None:
    make_hash_list("known_good", name="old", expires_at=timezone.now() - timedelta(days=1))
    make_hash_list(name="off", enabled=False)
    lists = {each.name: (each.held, each.matched) for each in page.get("/hash-lists/").context["lists"]}
    assert lists == {"ours": (1, 1), "old": (0, 0), "off": (0, 0)}
    told = page.get("/hash-lists/").content.decode()
    assert all(state in told for state in (">enabled<", ">expired<", ">disabled<"))


def test_a_file_is_imported(page: Client) -> None:
    hash_list = make_hash_list()
    body = {"file": file(f"algorithm,hash\npdq,{PDQ.hex()}\n"), "why": "From our partner."}
    told = page.post(address(hash_list, "import/"), body, follow=True).content.decode()
    assert "Imported: 1 new, 0 changed, 0 unchanged." in told
    assert PDQ.hex() in told
    assert HashEntry.objects.values_list("who", "why").get() == ("lea", "From our partner.")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (
            {"file": file("algorithm,hash\nmd5,ab\n")},
            "file",
            "Line 2: found a hash of 2 characters; 32 hexadecimal digits are accepted for md5",
        ),
        ({"file": file("[{}]", name="list.json")}, "file", "Entry 1: found the keys none"),
        ({"file": file("")}, "file", "The file is empty"),
        ({"file": file("x" * 1_000_001)}, "file", "1,000,000 are accepted here"),
        ({}, "file", "Choose a file."),
        ({"file": file("algorithm,hash\n"), "why": ""}, "why", "Say why, in a sentence"),
    ],
)
def test_an_error_in_a_file_shows_at_its_field(page: Client, body: dict, field: str, said: str) -> None:
    answer = page.post(address(make_hash_list(), "import/"), {"why": "Ours.", **body})
    assert answer.status_code == 422
    assert said in str(answer.context["import_form"].errors[field])
    assert not HashEntry.objects.exists()


@pytest.mark.parametrize(("written_as", "begins"), [("csv", b"algorithm,hash"), ("threatexchange", b'{"data": [')])
def test_a_list_is_exported(page: Client, match: HashMatch, written_as: str, begins: bytes) -> None:
    answer = page.get(address(match.entry.hash_list, f"export/{written_as}/"))
    assert answer.getvalue().startswith(begins)
    assert answer["Content-Disposition"].startswith('attachment; filename="ours.')
    assert "no-store" in answer["Cache-Control"]


def test_another_format_is_not_there(page: Client, match: HashMatch) -> None:
    assert page.get(address(match.entry.hash_list, "export/xml/")).status_code == 404


@pytest.mark.parametrize("is_entry", [False, True])
def test_a_list_or_an_entry_is_switched_with_a_reason(page: Client, match: HashMatch, is_entry: bool) -> None:
    row = match.entry if is_entry else match.entry.hash_list
    where = row.get_absolute_url() + "switch/"
    assert page.post(where, {"action": "disable", "why": ""}).status_code == 422
    assert page.post(where, {"action": "explode", "why": "It is old."}).status_code == 422
    told = page.post(where, {"action": "disable", "why": "It is old."}, follow=True).content.decode()
    assert "routes nothing now. Uploads that it has routed keep their routes." in told
    assert "It is old." in told
    page.post(where, {"action": "enable", "why": "It is needed."})
    page.post(where, {"action": "expire", "expires_at": "2027-01-31T18:00", "why": "It ends."})
    row.refresh_from_db()
    assert (row.enabled, f"{row.expires_at:%Y-%m-%d %H:%M}") == (True, "2027-01-31 18:00")
    match.upload.refresh_from_db()
    assert match.upload.status == "rejected"


def test_a_wrong_time_shows_at_its_field(page: Client, match: HashMatch) -> None:
    answer = page.post(address(match.entry.hash_list, "switch/"), {"action": "expire", "expires_at": "x", "why": "So."})
    assert answer.status_code == 422
    assert "Write a date and time" in answer.content.decode()


def test_entries_are_found_by_how_their_hash_begins(page: Client) -> None:
    hash_list = make_hash_list()
    wanted = make_entry(hash_list, PDQ, is_picture=True)
    make_entry(hash_list, b"another")
    assert list(page.get(address(hash_list, "?q=F0F0")).context["entries"]) == [wanted]
    assert "No hash on the list begins with these digits." in page.get(address(hash_list, "?q=f1")).content.decode()
    assert "Write up to 64 hexadecimal digits." in page.get(address(hash_list, "?q=x")).content.decode()


def judge(page: Client, match: HashMatch, said: str, *, why: str = "", htmx: bool = False, origin: str = "list"):
    body = {"state": said, "why": why, "from": origin}
    return page.post(f"/hash-lists/matches/{match.pk}/judge/", body, headers=HTMX if htmx else {})


def test_a_match_is_confirmed_without_a_reason(page: Client, match: HashMatch) -> None:
    answer = judge(page, match, "confirmed", htmx=True)
    assert "The entry is confirmed. It goes on routing." in answer.content.decode()
    assert answer["Vary"].count("HX-Request") == 1
    assert EntryReview.objects.values_list("state", "by__username", "match").get() == ("confirmed", "lea", match.pk)


def test_a_contest_needs_a_reason_at_its_field(page: Client, match: HashMatch) -> None:
    for htmx in (False, True):
        answer = judge(page, match, "contested", htmx=htmx)
        assert answer.status_code == 422
        assert "Say why you contest it" in answer.content.decode()
    assert not EntryReview.objects.exists()


@pytest.mark.parametrize(("origin", "leads_to"), [("list", "/hash-lists/"), ("upload", "/uploads/")])
def test_a_contested_match_is_withdrawn(page: Client, match: HashMatch, origin: str, leads_to: str) -> None:
    answer = judge(page, match, "contested", why="A red square.", origin=origin)
    assert (answer.status_code, answer["Location"].startswith(leads_to)) == (303, True)
    assert Upload.objects.get().status == "pending"
    told = page.get(match.entry.get_absolute_url()).content.decode()
    assert "A red square." in told
    assert "withdrawn" in told


def test_a_second_contest_is_refused_with_a_message(page: Client, match: HashMatch) -> None:
    judge(page, match, "contested", why="A red square.")
    answer = judge(page, match, "contested", why="Again.", htmx=True)
    assert answer.status_code == 409
    assert "Somebody contested this entry already" in answer.content.decode()


def test_an_entry_is_contested_and_confirmed_by_itself(page: Client, match: HashMatch) -> None:
    where = match.entry.get_absolute_url() + "judge/"
    assert page.post(where, {"state": "contested"}).status_code == 422
    for said in ("contested", "contested", "confirmed"):
        page.post(where, {"state": said, "why": "So."})
    assert EntryReview.objects.count() == 2
    assert "Confirmed" in page.get(match.entry.get_absolute_url()).content.decode()


def test_the_uploads_page_says_which_list(page: Client, match: HashMatch) -> None:
    told = page.get(f"/uploads/{match.upload_id}/").content.decode()
    assert told.count("Known-bad by list ours (sha256: the same bytes)") == 2
    assert "Because of a hash list." in told
    assert f"/hash-lists/matches/{match.pk}/judge/" in told
    assert "hash list" in page.get("/uploads/?route=reject").content.decode()


def test_people_who_may_not_keep_lists_see_the_match_without_links(match: HashMatch) -> None:
    client = Client()
    client.force_login(make_user("audrey", group="auditor"))
    told = client.get(f"/uploads/{match.upload_id}/").content.decode()
    assert "Known-bad by list ours" in told
    assert "/hash-lists/" not in told


def test_a_contest_shows_in_the_history_of_the_upload(page: Client, match: HashMatch) -> None:
    judge(page, match, "contested", why="A red square.")
    told = page.get(f"/uploads/{match.upload_id}/").content.decode()
    assert "The list&#x27;s entry contested" in told
    assert "Withdrawn later." in told
    assert f"/hash-lists/matches/{match.pk}/judge/" not in told


def test_a_match_is_hidden_while_the_same_bytes_wait_for_a_verdict(page: Client, match: HashMatch) -> None:
    make_task(make_upload(content=red(0.1)), score=0.5)
    assert not page.get(match.entry.hash_list.get_absolute_url()).context["matches"].rows
    assert "Known-bad by list" not in page.get(f"/uploads/{match.upload_id}/").content.decode()


def test_no_image_is_shown(page: Client, match: HashMatch) -> None:
    for path in (match.entry.hash_list.get_absolute_url(), match.entry.get_absolute_url()):
        told = page.get(path).content.decode()
        assert "No image is shown" in told
        assert "<img" not in told


def test_the_pages_take_a_constant_number_of_queries(page: Client, django_assert_max_num_queries) -> None:
    hash_list = make_hash_list()
    for number in range(30):
        match = make_match(make_entry(hash_list, bytes([number])))
        make_hash_list()
    with django_assert_max_num_queries(12):
        page.get("/hash-lists/")
    with django_assert_max_num_queries(17):
        page.get(address(hash_list))
    with django_assert_max_num_queries(15):
        page.get(match.entry.get_absolute_url())


def test_lists_and_matches_have_pages(page: Client) -> None:
    hash_list = make_hash_list()
    for number in range(26):
        make_match(make_entry(hash_list, bytes([number])))
    told = page.get(address(hash_list, "?page=2&matches=2"))
    assert [len(told.context[name]) for name in ("entries", "matches")] == [1, 1]
    assert told.content.decode().count("Page 2") == 2
