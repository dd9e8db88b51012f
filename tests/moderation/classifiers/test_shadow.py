"""Shadow mode: every pre-screen scores with the classifier over the same decode, and its scores decide nothing."""

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
# Scores of one image: (red, the active classifier; green, the classifier in shadow mode).
COLOURS = [(0.1, 0.1), (0.1, 0.9), (0.5, 0.1), (0.9, 0.95), (0.9, 0.6)]


def classifiers(*arguments: object) -> str:
    out = io.StringIO()
    call_command("classifiers", *map(str, arguments), stdout=out)
    return out.getvalue()


def report(*arguments: object) -> dict[str, Any]:
    return json.loads(classifiers("shadow", "green", *POLICY, "--json", *arguments))


@pytest.fixture
def green(tmp_path: Path, transactional_db: None) -> Classifier:
    """Register green, whose score is the mean of the green channel; red is active."""
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
    """Return the rows that must be the same with and without shadow mode."""
    columns = ("upload__external_id", "policy", "route", "score", "pi", "sampling_reason", "classifier__name")
    tables = (Upload.objects.values_list("status"), ReviewTask.objects.values_list("upload__external_id"),
              Effect.objects.values_list("outcome"), Screening.objects.values_list(*columns))  # fmt: skip
    return [sorted(table) for table in tables]


def test_shadow_mode_adds_scores_and_changes_nothing_else(green: Classifier) -> None:
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
    output = classifiers("shadow", "green", *POLICY, "--low", 0.2, "--high", 0.8)
    assert "5 uploads compared" in output
    assert "approve -> reject" in output


def test_without_thresholds_the_shares_are_kept(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    make_coloured_uploads()
    prescreen()
    found = report("--flips", 0)
    assert not found["candidate"]["stated"]
    assert all(abs(share["change"]) < 0.01 for share in found["shares"].values())
    assert found["flips"] == []


def test_a_damaged_classifier_is_left_out_and_the_run_goes_on(green: Classifier) -> None:
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


def test_activation_ends_shadow_mode_and_an_active_classifier_cannot_start_it(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    classifiers("activate", "green", *POLICY, "--low", 0.3, "--high", 0.7, "--why", "It proved itself.")
    shadow = Shadow.objects.get()
    assert shadow.ended_at is not None
    assert shadow.why_ended == "Active since version 3."
    with pytest.raises(CommandError, match="green is already the active classifier of adult-content"):
        classifiers("shadow", "green", *POLICY)


def test_a_report_is_available_after_the_end(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    assert "no longer in shadow mode under adult-content: It is worse." in classifiers(
        "shadow", "green", *POLICY, "--end", "--why", "It is worse."
    )
    make_coloured_uploads()
    prescreen()
    assert set(Score.objects.values_list("classifier__name", flat=True)) == {"red"}
    assert report("--report")["ended"]
    with pytest.raises(CommandError, match="is no longer in shadow mode under adult-content"):
        classifiers("shadow", "green", *POLICY, "--end")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("green", "--policy", "nope"), "No policy 'nope' is in force"),
        (("blue", *POLICY), "No classifier is named 'blue'"),
        (("green", *POLICY, "--labels", "pink"), "green has no label pink"),
        (("green", *POLICY, "--low", 0.5), "Give both --low and --high"),
        (("green", *POLICY, "--low", 0.5, "--high", 0.2), "--low 0.5 is above --high 0.2"),
        (("green", *POLICY, "--end"), "green was never in shadow mode under adult-content"),
        (("green", *POLICY, "--report"), "green was never in shadow mode under adult-content"),
    ],
)
def test_refused_arguments(green: Classifier, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        classifiers("shadow", *arguments)
    assert not Shadow.objects.exists()


def test_a_classifier_in_shadow_mode_is_not_retired(green: Classifier) -> None:
    classifiers("shadow", "green", *POLICY)
    with pytest.raises(CommandError, match="green is in shadow mode under adult-content"):
        classifiers("retire", "green")
    classifiers("shadow", "green", *POLICY, "--end")
    classifiers("retire", "green")
    assert PolicyVersion.objects.in_force().get().classifier.name == "red"
