"""A verdict on a picture that was not revealed asks whether it is meant."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Decision, Policy, User
from tests import factories
from tests.browser.conftest import Visit, look, make_tasks, named, settleable, shows, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visits = Callable[..., Visit]


@pytest.fixture
def page(visit: Visits) -> Page:
    task, _ = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, task)
    return page


def asks(page: Page, text: str) -> None:
    """Wait until the question is there, and can be answered."""
    expect(page.locator("#question")).to_contain_text(f"You have not looked at this upload. {text}")
    assert not Decision.objects.exists()
    settleable(page, place="question")


@pytest.mark.parametrize(
    ("keys", "answer", "text", "verdict"),
    [
        ("a", "a", "Press A again to approve it unseen.", "benign"),
        ("n", "n", "Press N again to pass it on unseen.", "cannot_tell"),
        ("r1", "r", "Press R again to reject it unseen.", "violating"),
    ],
)
def test_the_second_press_settles_it(page: Page, keys: str, answer: str, text: str, verdict: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    asks(page, text)
    expect(page.locator("#reasons")).to_be_hidden()
    page.keyboard.press(answer)
    expect(page.locator("#toast")).to_be_visible()
    expect(page.locator("#question")).to_be_hidden()
    assert Decision.objects.get().verdict == verdict


def test_the_reason_and_its_comment_are_kept(page: Page) -> None:
    page.keyboard.press("r")
    page.keyboard.press("5")
    page.keyboard.type("odd")
    page.keyboard.press("Enter")
    asks(page, "Press R again to reject it unseen.")
    page.get_by_role("button", name="Reject unseen").click()
    expect(page.locator("#question")).to_be_hidden()
    assert Decision.objects.get().comment == "odd"


@pytest.mark.parametrize("key", ["v", " ", "r", "Escape"])
def test_any_other_key_takes_the_question_back(page: Page, key: str) -> None:
    page.keyboard.press("a")
    asks(page, "Press A again")
    page.keyboard.press(key)
    expect(page.locator("#question")).to_be_hidden()
    assert not Decision.objects.exists()


def test_a_click_beside_it_takes_the_question_back(page: Page) -> None:
    page.keyboard.press("a")
    asks(page, "Press A again")
    page.locator("#stage-title").click()
    expect(page.locator("#question")).to_be_hidden()


def test_the_stage_stays_while_it_is_asked(page: Page) -> None:
    page.evaluate("stage.dataset.mark = 'same'")
    page.keyboard.press("a")
    asks(page, "Press A again")
    expect(page.locator("#stage")).to_have_attribute("data-mark", "same")


def test_nothing_is_asked_after_a_look(page: Page) -> None:
    look(page)
    page.keyboard.press("a")
    expect(page.locator("#toast")).to_contain_text("Approved")
    assert Decision.objects.count() == 1


def test_without_keys_a_button_confirms(visit: Visits) -> None:
    (task,) = make_tasks(1)
    person = factories.make_user()
    User.objects.filter(pk=person.pk).update(single_key_shortcuts=False)
    page = visit(person).open()
    title(page, task)
    page.get_by_role("button", name="Approve").click()
    asks(page, "Reveal it first, or approve it unseen.")
    page.get_by_role("button", name="Approve unseen").click()
    expect(page.locator("#empty")).to_be_visible()
    assert Decision.objects.get().verdict == "benign"


def test_a_policy_that_requires_a_look_offers_no_second_press(visit: Visits) -> None:
    (task,) = make_tasks(1)
    Policy.objects.update(requires_look=True)
    page = visit(factories.make_user()).open()
    for _ in range(2):
        title(page, task)
        with page.expect_response("**/decide/"):
            page.keyboard.press("a")
        expect(page.locator("#notice")).to_contain_text("This policy asks for a look before a verdict.")
    assert not Decision.objects.exists()
    title(page, task)
    look(page)
    page.keyboard.press("a")
    expect(page.locator("#empty")).to_be_visible()
    assert Decision.objects.count() == 1


def test_without_javascript_the_page_asks(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user(), java_script_enabled=False).open()
    page.get_by_role("button", name="Start reviewing").click()
    named(page, task)
    page.get_by_role("button", name="Cannot tell").click()
    named(page, task)
    shows(page, "blurred")
    page.get_by_role("button", name="Pass on unseen").click()
    expect(page.locator("#empty")).to_be_visible()
    assert Decision.objects.get().verdict == "cannot_tell"
