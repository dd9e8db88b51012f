"""A classifier in the shadow: asked by every pre-screen over one decode, and nothing follows from what it says."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from moderation.models import Classifier, Effect, PolicyVersion, ReviewTask, Score, Screening, Shadow, Upload
from moderation.verification import verify
from tests.factories import image_bytes, make_upload, use_red_classifier
from tests.moderation.inference.tiny_onnx import write_colour_classifier

POLICY = ("--policy", "adult-content")
# (red, green): what rules and what stands in its shadow say of the same picture.
COLOURS = [(0.1, 0.1), (0.1, 0.9), (0.5, 0.1), (0.9, 0.95), (0.9, 0.6)]


def classifiers(*arguments: object) -> str:
    out = io.StringIO()
    call_command("classifiers", *map(str, arguments), stdout=out)
    return out.getvalue()


def report(*arguments: object) -> dict[str, Any]:
    return json.loads(classifiers("shadow", "green", *POLICY, "--json", *arguments))


@pytest.fixture
def green(tmp_path: Path, transactional_db: None) -> Classifier:
    """Red rules; green, whose score is the mean of green, is registered."""
    use_red_classifier(audit_rate_approve=0.0, audit_rate_reject=0.0)
    weights, bias = ((0.0, 0.0), (-1.0, 1.0), (0.0, 0.0)), (1.0, 0.0)
    _, path = write_colour_classifier(tmp_path, labels=("other", "green"), positive="green", weights=weights, bias=bias)
    classifiers("import", path, "--name", "green")
    return Classifier.objects.get(name="green")


def make_coloured_uploads() -> list[Upload]:
    return [make_upload(content=image_bytes((round(r * 255), round(g * 255), 9), size=(64, 64))) for r, g in COLOURS]


def prescreen(*arguments: str) -> None:
    call_command("prescreen", "--processes", "1", *arguments, stdout=io.StringIO())


def outcome() -> list[Any]:
    """All that must be the same with and without a shadow."""
    columns = ("upload__external_id", "policy", "route", "score", "pi", "sampling_reason", "classifier__name")
    tables = (Upload.objects.values_list("status"), ReviewTask.objects.values_list("upload__external_id"),
              Effect.objects.values_list("outcome"), Screening.objects.values_list(*columns))  # fmt: skip
    return [sorted(table) for table in tables]


def test_a_shadow_changes_nothing_but_the_record(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    make_coloured_uploads()
    prescreen()
    statuses, tasks, effects, screenings = outcome()
    assert statuses == [("approved",), ("approved",), ("in_review",), ("rejected",), ("rejected",)]
    assert (len(tasks), effects) == (1, [("approve",), ("approve",), ("reject",), ("reject",)])
    assert {classifier for *_, classifier in screenings} == {"red"}
    assert sorted(Score.objects.values_list("classifier__name", flat=True)) == ["green"] * 5 + ["red"] * 5
    assert verify().problems == []


def test_the_report_compares_at_the_stated_thresholds(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    uploads = make_coloured_uploads()
    prescreen()
    found = report("--low", 0.2, "--high", 0.8)
    assert (found["uploads"], found["unscored"], found["flipped"]) == (5, 0, 3)
    assert [(each["upload"], each["from"], each["to"]) for each in found["flips"]] == [
        (uploads[1].pk, "approve", "reject"), (uploads[2].pk, "review", "approve"), (uploads[4].pk, "reject", "review"),
    ]  # fmt: skip
    assert found["shares"]["approve"] == {"now": 0.4, "then": 0.4, "change": 0.0}
    assert found["shares"]["reject"] == {"now": 0.4, "then": 0.4, "change": 0.0}
    assert found["candidate"] == {"low": 0.2, "high": 0.8, "stated": True}
    said = classifiers("shadow", "green", *POLICY, "--low", 0.2, "--high", 0.8)
    assert "5 uploads compared" in said
    assert "approve -> reject" in said


def test_without_thresholds_those_that_keep_the_shares(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    make_coloured_uploads()
    prescreen()
    found = report("--flips", 0)
    assert not found["candidate"]["stated"]
    assert all(abs(share["change"]) < 0.01 for share in found["shares"].values())
    assert found["flips"] == []


def test_one_that_cannot_be_used_is_left_out_and_the_run_goes_on(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    green.path.write_bytes(b"damaged")
    make_coloured_uploads()
    prescreen()
    assert set(Score.objects.values_list("classifier__name", flat=True)) == {"red"}
    assert not Upload.objects.pending().exists()
    assert report()["unscored"] == 5


def test_one_file_with_two_preprocessings_keeps_both_scores(green: Classifier) -> None:
    facts = {
        **green.manifest,
        "preprocessing_version": "tiny-2",
        "resize": {**green.manifest["resize"], "filter": "bicubic"},
    }
    Classifier.objects.create(
        name="green-2", sha256=green.sha256, preprocessing_version="tiny-2", manifest=facts, positive_label="green",
        licence="Apache-2.0", file_name=green.file_name,
    )  # fmt: skip
    for name in ("green", "green-2"):
        classifiers("shadow", name, *POLICY)
    halves = image_bytes((0, 255, 0), size=(64, 64))
    make_upload(content=halves)
    prescreen()
    found = Score.objects.values_list("classifier__name", "classifier__preprocessing_version")
    assert set(found) == {
        ("red", "tiny-1"), ("green", "tiny-1"), ("green-2", "tiny-2"),
    }  # fmt: skip


def test_what_rules_ends_as_a_shadow_and_comes_back_as_none(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    classifiers("activate", "green", *POLICY, "--low", 0.3, "--high", 0.7, "--why", "It proved itself.")
    shadow = Shadow.objects.get()
    assert shadow.ended_at is not None
    assert shadow.why_ended == "Version 3 rules by it."
    with pytest.raises(CommandError, match="green rules adult-content already"):
        classifiers("shadow", "green", *POLICY)


def test_ended_and_reported_on_afterwards(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    assert "out of the shadow of adult-content: It is worse." in classifiers(
        "shadow", "green", *POLICY, "--end", "--why", "It is worse."
    )
    make_coloured_uploads()
    prescreen()
    assert set(Score.objects.values_list("classifier__name", flat=True)) == {"red"}
    assert report("--report")["ended"]
    with pytest.raises(CommandError, match="is not in the shadow of adult-content any more"):
        classifiers("shadow", "green", *POLICY, "--end")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("green", "--policy", "nope"), "No policy 'nope' is in force"),
        (("blue", *POLICY), "No classifier is named 'blue'"),
        (("green", *POLICY, "--labels", "pink"), "green has no label pink"),
        (("green", *POLICY, "--low", 0.5), "Give both --low and --high"),
        (("green", *POLICY, "--low", 0.5, "--high", 0.2), "--low 0.5 is above --high 0.2"),
        (("green", *POLICY, "--end"), "green was never in the shadow of adult-content"),
        (("green", *POLICY, "--report"), "green was never in the shadow of adult-content"),
    ],
)
def test_what_is_refused(green: Classifier, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        classifiers("shadow", *arguments)
    assert not Shadow.objects.exists()


def test_retiring_waits_for_the_end_of_the_shadow(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    with pytest.raises(CommandError, match="green is in the shadow of adult-content"):
        classifiers("retire", "green")
    classifiers("shadow", "green", *POLICY, "--end")
    classifiers("retire", "green")
    assert PolicyVersion.objects.in_force().get().classifier.name == "red"
