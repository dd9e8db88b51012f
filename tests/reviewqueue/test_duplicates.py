"""The page of near-duplicates, and removing one of them."""

import pytest
from django.test import Client

from moderation.models import Decision, Exposure, ReviewTask, Screening, Upload, User
from moderation.review import claiming
from moderation.review.cluster_removal import NotInCluster, remove_from_cluster
from tests.factories import decide_claimed, make_renditions, make_screening, make_user
from tests.moderation.review.near_duplicates import Cluster
from tests.reviewqueue.blindness import readable

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings) -> None:
    settings.GRACE_SECONDS = 0


@pytest.fixture
def members() -> list[Screening]:
    """Three near-duplicates in the band; people review the first."""
    cluster = Cluster()
    return [cluster.add() for _ in range(3)]


@pytest.fixture
def splitter() -> User:
    return make_user("splitter")


@pytest.fixture
def client(splitter: User) -> Client:
    return signed_in(splitter)


@pytest.fixture
def decided(members: list[Screening], splitter: User) -> list[Screening]:
    """The same, after the splitter's verdict on the first."""
    decide(splitter)
    return members


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def address(members: list[Screening], rest: str = "") -> str:
    return f"/uploads/{members[0].upload_id}/duplicates/{rest}"


def decide(person: User) -> None:
    task = claiming.claim_next(person)
    assert task is not None
    decide_claimed(task, "benign")


def test_near_duplicates_are_listed(client: Client, decided: list[Screening]) -> None:
    shown = client.get(address(decided)).context["tasks"]
    assert [task.screening for task in shown] == decided[1:]


def test_the_list_takes_the_same_queries_however_long_it_is(
    client: Client, decided: list[Screening], django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(address(decided))


def test_a_decision_links_to_the_near_duplicates_that_took_it_over(client: Client, decided: list[Screening]) -> None:
    page = " ".join(client.get("/").content.decode().split())
    assert "2 near-duplicates took it over" in page
    assert address(decided) in page
    assert 'data-key="d"' in page


def test_who_gave_the_verdict_removes_a_near_duplicate_and_says_why(client: Client, decided: list[Screening]) -> None:
    page = client.get(address(decided)).content.decode()
    assert 'data-key="2"' in page
    removed = decided[2].upload_id
    answer = client.post(address(decided, f"{removed}/split/"), {"why": "Another dog."}, follow=True)
    assert f"Upload {removed} was removed from the near-duplicates." in answer.content.decode()
    assert Upload.objects.get(pk=removed).status == "in_review"
    undo = Decision.objects.get(kind="undo", reviewer__username="splitter")
    assert (undo.upload_id, undo.comment) == (removed, "Another dog.")
    auditor = signed_in(make_user("auditor", group="auditor"))
    assert "Another dog." in auditor.get(f"/uploads/{removed}/").content.decode()


def test_a_removal_without_a_reason_changes_nothing_and_says_so(client: Client, decided: list[Screening]) -> None:
    answer = client.post(address(decided, f"{decided[2].upload_id}/split/"), {"why": " "})
    assert answer.status_code == 422
    assert "Say why it is a different image." in answer.content.decode()
    assert not Decision.objects.filter(kind="undo").exists()


def test_removing_it_twice_changes_nothing(client: Client, decided: list[Screening]) -> None:
    codes = [client.post(address(decided, f"{decided[1].upload_id}/split/"), {"why": "No."}).status_code for _ in "12"]
    assert codes == [303, 404]
    assert Decision.objects.filter(kind="undo").count() == 1


def test_nobody_undoes_what_another_moderator_decided(decided: list[Screening]) -> None:
    other = make_user("other")
    Exposure.objects.reveal(decided[0].upload, person=other)
    page = signed_in(other).get(address(decided))
    assert page.context["removable"] == set()
    answer = signed_in(other).post(address(decided, f"{decided[1].upload_id}/split/"), {"why": "Mine."}, follow=True)
    assert "Nothing was changed. Ask a lead to remove it." in answer.content.decode()
    assert not Decision.objects.filter(kind="undo").exists()


def test_a_lead_removes_what_somebody_else_decided(decided: list[Screening]) -> None:
    lead = signed_in(make_user("lead", group="lead"))
    assert lead.post(address(decided, f"{decided[1].upload_id}/split/"), {"why": "A cat."}).status_code == 303
    assert Decision.objects.get(kind="undo").comment == "A cat."


def test_only_what_follows_the_upload_of_the_address_is_removed(decided: list[Screening]) -> None:
    lead = signed_in(make_user("lead", group="lead"))
    elsewhere = make_screening(score=0.05).upload_id
    for path in (
        f"/uploads/{elsewhere}/duplicates/{decided[1].upload_id}/split/",
        address(decided, f"{elsewhere}/split/"),
    ):
        assert lead.post(path, {"why": "A cat."}).status_code == 404
    assert not Decision.objects.filter(kind="undo").exists()


def test_the_follower_is_checked_again_in_the_transaction(decided: list[Screening]) -> None:
    lead = make_user("lead", group="lead")
    with pytest.raises(NotInCluster, match="does not follow"):
        remove_from_cluster(decided[1].upload, reviewed=decided[2].upload, by=lead, why="A cat.")


@pytest.mark.parametrize("rest", ["", "{member}/blurred/"])
def test_before_the_verdict_the_page_is_as_unknown_as_any_other(
    client: Client, splitter: User, members: list[Screening], rest: str
) -> None:
    """Neither the number nor the state of an upload is told: by the number alone nothing opens."""
    claiming.claim_next(splitter)
    rest = rest.format(member=members[1].upload_id)
    unknown = client.get(f"/uploads/999999/duplicates/{rest}")
    for pk in (members[0].upload_id, members[1].upload_id, make_screening(score=0.05).upload_id):
        answer = client.get(f"/uploads/{pk}/duplicates/{rest}")
        assert answer.status_code == unknown.status_code == 404
        assert readable(answer) == readable(unknown)


def test_only_near_duplicates_have_a_blurred_picture_here(client: Client, decided: list[Screening]) -> None:
    make_renditions(ReviewTask.objects.get(screening=decided[1]))
    assert client.get(address(decided, f"{decided[0].upload_id}/blurred/")).status_code == 404
    picture = client.get(address(decided, f"{decided[1].upload_id}/blurred/"))
    assert picture.getvalue().startswith(b"\xff\xd8")


@pytest.mark.parametrize("rest", ["", "{member}/blurred/"])
def test_only_reviewers_see_them(members: list[Screening], rest: str) -> None:
    client = Client()
    client.force_login(make_user("auditor", group="auditor"))
    assert client.get(address(members, rest.format(member=members[1].upload_id))).status_code == 403


def test_only_reviewers_remove_near_duplicates(members: list[Screening]) -> None:
    client = Client()
    client.force_login(make_user("auditor", group="auditor"))
    assert client.post(address(members, f"{members[1].upload_id}/split/")).status_code == 403


@pytest.mark.parametrize("number", [0, 2])
def test_the_page_of_each_upload_leads_to_its_near_duplicates(decided: list[Screening], number: int) -> None:
    client = Client()
    client.force_login(make_user("lead", group="lead"))
    told = client.get(f"/uploads/{decided[number].upload_id}/").content.decode()
    assert f'href="{address(decided)}"' in told


def test_an_upload_without_near_duplicates_leads_to_none() -> None:
    client = Client()
    client.force_login(make_user("lead", group="lead"))
    assert "/duplicates/" not in client.get(f"/uploads/{make_screening().upload_id}/").content.decode()
