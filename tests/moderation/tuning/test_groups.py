"""Error rates by community: shrunk towards the common rate, never certified."""

import pytest
from django.test import Client

from moderation.models import Community, LedgerDay, LedgerRow
from tests.factories import make_screening, make_user, put_community_in_force, version_in_force
from tests.moderation.tuning.test_tune_command import closed, report, run

pytestmark = pytest.mark.django_db


def of_group(day: LedgerDay, group: str, *, labelled: int, leaks: int, pi: float = 0.02, uploads: int = 9000) -> None:
    LedgerRow.objects.create(
        day=day, bin=5, region="approve", pi=pi, rate_class=f"approve:{pi:g}", uploads=uploads, labelled=labelled,
        violating=leaks, group=group,
    )  # fmt: skip


def by_name(capsys) -> dict[str, dict]:
    return {group["group"]: group for group in report(capsys)["groups"]}


def test_one_group_alone_is_not_shown_by_community(capsys) -> None:
    closed(0)
    assert report(capsys)["groups"] == []
    assert "By community" not in run(capsys, "tune")


def test_each_community_has_an_estimate_between_its_own_rate_and_the_common_one(capsys) -> None:
    day = closed(0)
    of_group(day, "art", labelled=400, leaks=40)
    of_group(day, "pets", labelled=10, leaks=0)
    found = by_name(capsys)
    assert set(found) == {"", "art", "pets"}
    assert 0.09 < found["art"]["leak_rate"]["value"] < 0.1
    assert 0 < found["pets"]["leak_rate"]["value"] < 40 / 610
    assert [found[name]["leak_rate"]["n"] for name in ("", "art", "pets")] == [200, 400, 10]
    for group in found.values():
        rate = group["leak_rate"]
        assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1


def test_unequal_audit_rates_are_weighted_by_what_each_label_stands_for(capsys) -> None:
    day = closed(0)
    of_group(day, "art", labelled=200, leaks=0, pi=0.02, uploads=9000)
    of_group(day, "art", labelled=1000, leaks=100, pi=1.0, uploads=1000)
    assert 0.004 < by_name(capsys)["art"]["leak_rate"]["value"] < 0.016, "100 of 1,200 would be 0.083"
    assert by_name(capsys)["art"]["leak_rate"]["n"] == 1200


def test_a_community_counts_by_its_own_thresholds_or_by_its_parents(capsys) -> None:
    art = Community.objects.create(slug="art", name="Art")
    Community.objects.create(slug="sketches", name="Sketches", parent=art)
    put_community_in_force(art, low=0.05, high=0.9, audit_rate_reject=0.1)
    day = closed(0)
    for name in ("art", "sketches", "pets"):
        of_group(day, name, labelled=100, leaks=1)
    found = by_name(capsys)
    assert [(found[name]["low"], found[name]["inherits"]) for name in ("art", "sketches", "pets")] == [
        (0.05, False), (0.05, True), (0.2, True),
    ]  # fmt: skip
    assert found["art"]["leak_rate"]["n"] == 0, "bin 5 is not below its own low"


def test_too_few_labels_in_all_show_no_rate(capsys) -> None:
    day = LedgerDay.objects.create(
        epoch=version_in_force().epoch, day="2026-01-05", closed_at="2026-01-07T00:00Z", decisions_until=0
    )
    of_group(day, "art", labelled=10, leaks=1)
    of_group(day, "pets", labelled=10, leaks=0)
    assert {group["leak_rate"] for group in report(capsys)["groups"]} == {None}
    assert "not enough audits" in run(capsys, "tune")


@pytest.mark.parametrize("leaks", [0, 400])
def test_no_violation_and_nothing_but_violations_are_shown_without_a_warning(capsys, leaks: int) -> None:
    day = closed(0)
    of_group(day, "art", labelled=400, leaks=leaks)
    rate = by_name(capsys)["art"]["leak_rate"]
    assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1


def test_the_command_and_the_page_say_that_these_are_estimates(capsys) -> None:
    day = closed(0)
    make_screening(score=0.5)
    of_group(day, "art", labelled=400, leaks=40)
    client = Client()
    client.force_login(make_user("ann", group="admin"))
    page = client.get("/thresholds/").content.decode()
    for text in (run(capsys, "tune"), page):
        flat = " ".join(text.split())
        assert "By community, estimates only" in flat
        assert "no community" in flat
        assert "0.20 / 0.80, inherited" in flat
