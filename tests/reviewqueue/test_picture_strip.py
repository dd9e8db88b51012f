"""The strip of a file with several pictures: who sees which picture, and outlines of parts."""

import re

import pytest
from django.test import Client

from moderation.decoding.plan import UntrustedReason
from moderation.models import ReviewTask, Screening, StoredFile, User
from moderation.review import claiming, deciding
from moderation.review.claims import Claim
from reviewqueue.review.context import rendition_path_or_404
from reviewqueue.score_text import score_place
from tests import factories

pytestmark = pytest.mark.django_db

FRAMES = [{"frame": 211}, {"frame": 4}, {"frame": 0, "view": 100}]
PART = {"view": 8, "size": [200, 1600], "box": [0, 0.9, 1, 1]}
WHOLE = {"size": [200, 1600]}


@pytest.fixture
def mo() -> User:
    return factories.make_user("mo")


@pytest.fixture
def page(client: Client, mo: User) -> Client:
    client.force_login(mo)
    return client


@pytest.fixture
def task(mo: User) -> ReviewTask:
    return held(mo, *FRAMES)


def held(mo: User, *views: dict[str, object], score: float = 0.5, **changes: object) -> ReviewTask:
    task = factories.make_task(score=score)
    StoredFile.objects.update(frames=300)
    factories.make_views(task, *views, **changes)
    factories.make_renditions(task)
    claiming.claim_for(task, moderator=mo)
    return task


def url(task: ReviewTask, variant: str, number: int = 1) -> str:
    return f"/claims/{task.claim_token}/images/{number}/{variant}/"


def shown(page: Client, address: str = "/") -> str:
    return " ".join(page.get(address).content.decode().split())


def content(page: Client, address: str) -> bytes:
    return b"".join(page.get(address).streaming_content)


def stored(task: ReviewTask, variant: str, number: int) -> bytes:
    return rendition_path_or_404(task, variant=variant, number=number).read_bytes()


def reveal(page: Client, task: ReviewTask, **more: str) -> str:
    return page.post(f"/claims/{task.claim_token}/reveal/", more)["Location"]


def test_the_strip_holds_only_blurred_pictures_the_worst_first(page: Client, task: ReviewTask) -> None:
    html = shown(page)
    images = re.findall(r'<img [^>]*src="([^"]+)"', html)
    assert images == [url(task, "blurred", number) for number in (1, 1, 2, 3)]
    places = re.findall(r'data-picture="([^"]+)"', html)
    assert places == [
        "1 of 3: frame 212 of 300", "2 of 3: frame 5 of 300",
        "3 of 3: frame 1 of 300, on black where it is transparent",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_clear_picture_is_served_before_the_reveal_and_each_after_it(
    number: int, page: Client, task: ReviewTask
) -> None:
    for variant in ("clear", "full"):
        assert page.get(url(task, variant, number)).status_code == 403
    assert content(page, url(task, "blurred", number)) == stored(task, "blurred", number)
    reveal(page, task)
    assert content(page, url(task, "clear", number)) == stored(task, "clear", number)
    assert len({stored(task, "clear", each) for each in (1, 2, 3)}) == 3


@pytest.mark.parametrize("variant", ["clear", "blurred"])
@pytest.mark.parametrize("number", [2, 4])
def test_without_the_claim_no_picture_is_served(number: int, variant: str, page: Client, task: ReviewTask) -> None:
    reveal(page, task)
    page.force_login(factories.make_user("other"))
    assert page.get(url(task, variant, number)).status_code == 403


@pytest.mark.parametrize("number", [0, 4, 99])
def test_there_is_no_other_picture(number: int, page: Client, task: ReviewTask) -> None:
    assert page.get(url(task, "blurred", number)).status_code == 404


def test_without_javascript_links_lead_to_each_picture_and_a_reveal_stays_with_it(
    page: Client, task: ReviewTask
) -> None:
    html = shown(page, "/?picture=2")
    assert f'<img class="blurred" src="{url(task, "blurred", 2)}"' in html
    assert 'href="/?picture=1" data-step="-1"' in html
    assert 'href="/?picture=3" data-step="1"' in html
    assert 'name="picture" value="2"' in html
    assert reveal(page, task, picture="2") == "/?revealed&picture=2"
    html = shown(page, "/?revealed&picture=2")
    assert f'<img class="clear" src="{url(task, "clear", 2)}"' in html
    assert 'href="/?picture=2">Blur again' in html
    assert len(re.findall('src="[^"]*/clear/', html)) == 1


@pytest.mark.parametrize("text", ["0", "4", "-1", "x", "2//evil", "٣"])
def test_a_number_without_a_picture_chooses_the_first(text: str, page: Client, task: ReviewTask) -> None:
    assert f'<img class="blurred" src="{url(task, "blurred")}"' in shown(page, f"/?picture={text}")
    assert "evil" not in reveal(page, task, picture=text)


def test_one_picture_has_no_strip(page: Client, mo: User) -> None:
    held(mo)
    assert 'id="picture-strip"' not in shown(page)


def test_the_worst_part_is_outlined_in_its_place(page: Client, mo: User) -> None:
    held(mo, PART, WHOLE)
    html = shown(page)
    assert 'viewBox="0 0 200 1600"><rect x="0" y="1440" width="200" height="160"/>' in html
    assert "of the part to look at first" in html


def test_a_part_is_outlined_wherever_the_score_comes_from(page: Client, mo: User) -> None:
    """Otherwise the outline would reveal which of the two is worse."""
    held(mo, WHOLE, PART)
    assert 'y="1440"' in shown(page)


def test_a_part_scored_because_of_a_score_near_the_band_is_not_outlined(page: Client, mo: User) -> None:
    held(mo, {**PART, "near": True}, WHOLE, score=0.5)
    assert "<rect/>" in shown(page)


def test_score_and_quality_stay_hidden_until_the_grace_period_is_over(page: Client, mo: User, settings) -> None:
    task = factories.make_task(score=0.0512)
    factories.make_views(task, measured={"sharpness": 0.1, "quality": 12}, untrusted="")
    factories.make_renditions(task)
    claiming.claim_for(task, moderator=mo)
    before = shown(page)
    assert not re.search(r"0\.05|enlarged|compressed", before)
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    assert not re.search(r"0\.05|enlarged|compressed", shown(page))
    settings.GRACE_SECONDS = 0
    after = shown(page)
    assert "enlarged: little detail for its size; heavily compressed" in after


def test_an_untrusted_score_is_not_told_before_the_verdict(page: Client, mo: User) -> None:
    screening = factories.make_screening(score=0.01, untrusted=UntrustedReason.LOW_RESOLUTION)
    (task,) = ReviewTask.objects.open_for([screening])
    factories.make_renditions(task)
    claiming.claim_for(task, moderator=mo)
    assert not re.search(r"too few pixels|untrusted", shown(page))


def test_a_picture_that_is_not_in_storage_is_left_out(page: Client, task: ReviewTask) -> None:
    rendition_path_or_404(task, variant="clear", number=2).unlink()
    html = shown(page)
    assert re.findall(r'data-picture="(\d of \d)', html) == ["1 of 2", "2 of 2"]


def test_the_page_of_the_upload_explains_its_score(page: Client, mo: User, client: Client) -> None:
    task = held(mo, PART, WHOLE, measured={"quality": 12})
    deciding.decide(task, "violating", claim=Claim.from_task(task), reason="nudity")
    client.force_login(factories.make_user("auditor", group="auditor"))
    html = shown(client, f"/uploads/{task.upload_id}/")
    assert "<dt>Views scored</dt><dd>2</dd>" in html
    assert "heavily compressed" in html


@pytest.mark.parametrize(
    ("frame", "view", "box", "words"),
    [
        (0, 0, None, "frame 1, all of it"),
        (211, 0, None, "frame 212, all of it"),
        (0, 8, [0, 0.9, 1, 1], "frame 1, 0 to 100 % across, 90 to 100 % down"),
        (3, 199, [0.25, 0.25, 0.5, 0.75],
         "frame 4, on black where it is transparent, 25 to 50 % across, 25 to 75 % down"),
    ],
)  # fmt: skip
def test_where_a_score_comes_from(frame: int, view: int, box: list[float] | None, words: str) -> None:
    assert score_place(Screening(frame=frame, view=view, box=box)) == words
