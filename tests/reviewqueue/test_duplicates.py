"""The page of near-duplicates, and removing one of them."""

import pytest
from django.test import Client

from moderation.models import Decision, ReviewTask, Screening, Upload
from tests.factories import make_renditions, make_screening, make_user
from tests.moderation.review.near_duplicates import Cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def members() -> list[Screening]:
    """Three near-duplicates in the band; people review the first."""
    cluster = Cluster()
    return [cluster.add() for _ in range(3)]


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user("splitter"))
    return client


def address(members: list[Screening], rest: str = "") -> str:
    return f"/uploads/{members[0].upload_id}/duplicates/{rest}"


def decide(client: Client) -> None:
    client.post("/claim/")
    task = ReviewTask.objects.exclude(claim_token=None).get()
    client.post(f"/claims/{task.claim_token}/decide/", {"verdict": "benign"})


def test_near_duplicates_are_listed(client: Client, members: list[Screening]) -> None:
    shown = client.get(address(members)).context["tasks"]
    assert [task.screening for task in shown] == members[1:]


def test_the_list_takes_the_same_queries_however_long_it_is(
    client: Client, members: list[Screening], django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(address(members))


def test_a_decision_links_to_the_near_duplicates_that_took_it_over(client: Client, members: list[Screening]) -> None:
    decide(client)
    page = " ".join(client.get("/").content.decode().split())
    assert "2 near-duplicates took it over" in page
    assert address(members) in page
    assert 'data-key="d"' in page


def test_a_digit_removes_a_near_duplicate(client: Client, members: list[Screening]) -> None:
    decide(client)
    page = client.get(address(members)).content.decode()
    assert 'data-key="2"' in page
    answer = client.post(address(members, f"{members[2].upload_id}/split/"), follow=True)
    assert f"Upload {members[2].upload_id} was removed from the near-duplicates." in answer.content.decode()
    assert Upload.objects.get(pk=members[2].upload_id).status == "in_review"
    assert Decision.objects.filter(kind="undo", reviewer__username="splitter").count() == 1


def test_removing_it_twice_changes_nothing(client: Client, members: list[Screening]) -> None:
    for _ in range(2):
        answer = client.post(address(members, f"{members[1].upload_id}/split/"), follow=True)
    assert "is in a cluster of its own already" in answer.content.decode()


def test_only_near_duplicates_have_a_blurred_picture_here(client: Client, members: list[Screening]) -> None:
    make_renditions(ReviewTask.objects.get(screening=members[1]))
    assert client.get(address(members, f"{members[0].upload_id}/blurred/")).status_code == 404
    picture = client.get(address(members, f"{members[1].upload_id}/blurred/"))
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
def test_the_page_of_each_upload_leads_to_its_near_duplicates(members: list[Screening], number: int) -> None:
    client = Client()
    client.force_login(make_user("lead", group="lead"))
    told = client.get(f"/uploads/{members[number].upload_id}/").content.decode()
    assert f'href="{address(members)}"' in told


def test_an_upload_without_near_duplicates_leads_to_none() -> None:
    client = Client()
    client.force_login(make_user("lead", group="lead"))
    assert "/duplicates/" not in client.get(f"/uploads/{make_screening().upload_id}/").content.decode()
