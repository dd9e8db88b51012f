"""How large a picture is shown: fitted, enlarged at most twice, and scrolled where it is long."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from moderation.decoding.sandbox import Sandbox
from moderation.renditions import write_renditions
from tests import factories
from tests.browser.conftest import Visit, look, shows, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visits = Callable[..., Visit]

SHOWN_WIDTH = "document.querySelector('#picture img.clear').naturalWidth"


def open_picture(visit: Visits, width: int, height: int) -> Page:
    task = factories.make_task()
    factories.make_views(task, {"frame": 0, "size": [width, height]})
    factories.make_renditions(task)
    page = visit(factories.make_user()).open()
    title(page, task)
    return page


def size_of(element: Locator) -> tuple[int, int]:
    box = element.bounding_box()
    assert box is not None
    return round(box["width"]), round(box["height"])


def test_a_small_picture_is_shown_at_most_twice_enlarged(visit: Visits) -> None:
    page = open_picture(visit, 96, 72)
    assert size_of(page.locator("#picture .canvas")) == (192, 144)


def test_an_enlarged_picture_shows_its_own_pixels_and_a_blurred_one_stays_soft(visit: Visits) -> None:
    page = open_picture(visit, 96, 72)
    look(page)
    expect(page.locator("#picture img.clear")).to_have_css("image-rendering", "pixelated")
    expect(page.locator("#picture img.blurred")).to_have_css("image-rendering", "auto")


def test_a_large_picture_fits_the_stage(visit: Visits) -> None:
    page = open_picture(visit, 4000, 3000)
    (width, height), stage = size_of(page.locator("#picture .canvas")), size_of(page.locator("#picture"))
    assert width <= stage[0]
    assert stage[1] - 2 <= height <= stage[1]


@pytest.mark.parametrize("state", ["blurred", "clear"])
@pytest.mark.parametrize(
    ("size", "side", "key", "moved"),
    [((1080, 8000), 0, "ArrowDown", "scrollTop"), ((8000, 1080), 1, "ArrowRight", "scrollLeft")],
    ids=["tall", "wide"],
)
def test_a_long_picture_fills_its_short_side_and_is_scrolled(
    visit: Visits, size: tuple[int, int], side: int, key: str, moved: str, state: str
) -> None:
    page = open_picture(visit, *size)
    if state == "clear":
        page.locator("#reveal button").click()
    shows(page, state)
    canvas, stage = size_of(page.locator("#picture .canvas")), size_of(page.locator("#picture"))
    assert stage[side] - 20 <= canvas[side] <= stage[side]
    page.keyboard.press(key)
    page.wait_for_function(f"() => document.querySelector('#picture .frame').{moved} > 0")


def test_the_wheel_and_the_mouse_move_a_long_picture(visit: Visits) -> None:
    page = open_picture(visit, 1080, 8000)
    page.hover("#picture")
    page.mouse.wheel(0, 300)
    page.wait_for_function("() => document.querySelector('#picture .frame').scrollTop >= 200")
    page.mouse.down()
    page.mouse.move(400, 100)
    page.wait_for_function("() => document.querySelector('#picture .frame').scrollTop > 300")
    page.mouse.up()


def test_zoom_shows_each_pixel_and_then_the_whole_again(visit: Visits) -> None:
    page = open_picture(visit, 4000, 3000)
    canvas = page.locator("#picture .canvas")
    fitted = size_of(canvas)
    page.keyboard.press("z")
    assert size_of(canvas) == (4000, 3000)
    page.get_by_role("button", name="Zoom").click()
    assert size_of(canvas) == fitted


def test_zoom_loads_the_pixels_that_the_page_lacks(visit: Visits) -> None:
    upload = factories.make_upload(content=factories.image_bytes(size=(3000, 2250)))
    task = factories.make_task(upload)
    factories.make_views(task, {"frame": 0, "size": [3000, 2250]})
    with Sandbox() as sandbox:
        write_renditions(upload.file, frames=task.ranked_frames, sandbox=sandbox)
    page = visit(factories.make_user()).open()
    page.locator("#reveal button").click()
    shows(page, "clear")
    assert page.evaluate(SHOWN_WIDTH) == 1600
    page.get_by_role("button", name="Zoom").click()
    page.wait_for_function(f"() => {SHOWN_WIDTH} === 3000")
    expect(page.locator("#picture img.clear")).to_have_count(1)


def test_a_blurred_picture_loads_nothing_more_when_it_is_enlarged(visit: Visits) -> None:
    page = open_picture(visit, 4000, 3000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("z")
    page.wait_for_timeout(200)
    assert not asked


def test_zoom_shows_the_whole_of_a_long_picture(visit: Visits) -> None:
    page = open_picture(visit, 1080, 8000)
    for _ in range(2):
        page.keyboard.press("z")
    assert size_of(page.locator("#picture .canvas"))[1] <= size_of(page.locator("#picture"))[1]
