"""The command, from importing a publisher's folder to activating, undoing and retiring the classifier."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from moderation import storage
from moderation.models import Classifier, Community, Epoch, PolicyVersion, Screening
from moderation.tuning.versions import ClassifierRetired, put_in_force
from moderation.verification import verify
from tests.factories import (
    image_bytes,
    make_upload,
    make_user,
    put_community_in_force,
    use_red_classifier,
    version_in_force,
)
from tests.moderation.classifiers.publishing import publish_timm
from tests.moderation.inference.tiny_onnx import write_colour_classifier, write_red_classifier

db = pytest.mark.django_db


def classifiers(*arguments: object) -> str:
    out = io.StringIO()
    call_command("classifiers", *map(str, arguments), stdout=out)
    return out.getvalue()


def lines(*arguments: object) -> list[Any]:
    return [json.loads(line) for line in classifiers(*arguments).splitlines()]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(image_bytes((51, 102, 153)))
    return path


def test_the_embedded_classifier_is_tried_without_a_database(picture: Path) -> None:
    """No fixture opens the database here: a query would fail."""
    (found,) = lines("score", "open_nsfw", picture, "--json")
    assert found["file"] == str(picture)
    assert sum(found["scores"].values()) == pytest.approx(1, abs=1e-4)
    assert set(found["scores"]) == {"sfw", "nsfw"}


def test_a_file_that_cannot_be_read_is_reported_on_its_own_line(picture: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "b.png").write_bytes(b"no picture")
    out = io.StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("classifiers", "score", "open_nsfw", str(tmp_path), "--json", stdout=out)
    first, second = map(json.loads, out.getvalue().splitlines())
    assert caught.value.code == 1
    assert "scores" in first
    assert second["refused"].startswith("format_not_allowed: This is a plain text file.")


def test_a_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nothing\.png does not exist"):
        classifiers("score", "open_nsfw", tmp_path / "nothing.png")


@db
def test_import_score_list(tmp_path: Path, picture: Path) -> None:
    output = classifiers("import", publish_timm(tmp_path / "timm"), "--name", "tiny", "--samples", picture)
    row = Classifier.objects.get(name="tiny")
    assert "Its positive label is 'NSFW' among NSFW, SFW" in output
    assert "warm ellipses" in output
    assert f"{picture}: " in output
    assert row.path.name == f"{row.sha256}.onnx"
    (found,) = lines("score", "tiny", picture, "--json")
    assert set(found["scores"]) == {"NSFW", "SFW"}
    assert [each["name"] for each in json.loads(classifiers("list", "--json"))] == ["open_nsfw", "tiny"]
    assert "in force for adult-content" in classifiers("list").splitlines()[0]


@db
@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("tiny", {"architecture": "resnet50"}, "found resnet50; accepted is .* Nothing was imported"),
        ("tiny", {"pretrained_cfg": {"std": [1, 0, 1]}}, "'std'.*other than 0"),
        ("a b", {}, "--name 'a b' is not accepted. Give 1 to 100 letters"),
        ("open_nsfw", {}, "A classifier named 'open_nsfw' already exists"),
    ],
)
def test_a_refused_import_leaves_nothing(name: str, changes: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=message):
        classifiers("import", publish_timm(tmp_path / "timm", **changes), "--name", name)
    assert Classifier.objects.count() == 1
    assert not storage.classifiers_folder().exists()


@db
def test_a_full_disk_leaves_no_row(tmp_path: Path) -> None:
    storage.classifiers_folder().write_text("a file where the folder should be")
    _, path = write_red_classifier(tmp_path)
    with pytest.raises(CommandError, match="could not be written"):
        classifiers("import", path, "--name", "mine")
    assert Classifier.objects.count() == 1


@db
def test_the_same_classifier_is_registered_once(tmp_path: Path) -> None:
    _, path = write_red_classifier(tmp_path)
    classifiers("import", path, "--name", "mine")
    with pytest.raises(CommandError, match="The same classifier is already registered as 'mine'"):
        classifiers("import", path, "--name", "yours")


@db
def test_a_swapped_label_is_noticed_at_import(tmp_path: Path) -> None:
    manifest, path = write_red_classifier(tmp_path)
    facts = {**json.loads(manifest.to_json()), "labels": ["red", "other"]}
    path.with_suffix(".json").write_text(json.dumps(facts))
    with pytest.raises(CommandError, match=r"golden input 0 gives .* Check labels, colour order"):
        classifiers("import", path, "--name", "mine")


@db
def test_activate_opens_an_epoch_with_thresholds_of_its_own(tmp_path: Path) -> None:
    make_user("ada", group="admin")
    _, path = write_red_classifier(tmp_path)
    classifiers("import", path, "--name", "mine")
    before = version_in_force()
    terms = ("--policy", "adult-content", "--low", 0.29, "--high", 0.57, "--why", "It is better.", "--by", "ada")
    output = classifiers("activate", "mine", *terms)
    version = version_in_force()
    assert "changed." in output
    assert (version.classifier.name, version.low, version.high) == ("mine", 0.29, 0.57)
    assert (version.labels, version.why, str(version.published_by)) == (["red"], "It is better.", "ada")
    assert version.text == before.text
    assert version.epoch != before.epoch
    assert Epoch.objects.get(pk=before.epoch_id).closed_at is not None


@db
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--low": 0.905}, "--low 0.905 is not accepted. Give a multiple of 0.01"),
        ({"--high": 1.2}, "--high 1.2 is not accepted. Give a multiple"),
        ({"--low": 0.9, "--high": 0.1}, "--low 0.9 is above --high 0.1"),
        ({"--why": " "}, "--why is empty"),
        ({"--labels": "blue"}, "open_nsfw has no label blue; it has sfw, nsfw"),
        ({"--combination": "mean"}, "--combination 'mean' is not accepted. Give one of max, sum"),
        ({"--policy": "violence"}, "No policy is called 'violence'. There are adult-content"),
        ({"--by": "nobody"}, "--by nobody: there is no such account"),
    ],
)
def test_terms_that_are_refused(changes: dict[str, Any], message: str) -> None:
    terms = {"--policy": "adult-content", "--low": 0.1, "--high": 0.9, "--why": "x", **changes}
    with pytest.raises(CommandError, match=message):
        classifiers("activate", "open_nsfw", *(word for pair in terms.items() for word in pair))
    assert PolicyVersion.objects.count() == 1


@db
def test_a_classifier_in_force_is_not_retired(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="open_nsfw is in force for adult-content"):
        classifiers("retire", "open_nsfw")
    use_red_classifier()
    classifiers("retire", "open_nsfw")
    assert "retired" in classifiers("list").splitlines()[0]
    with pytest.raises(CommandError, match="open_nsfw was retired on"):
        classifiers("activate", "open_nsfw", "--policy", "adult-content", "--low", 0, "--high", 1, "--why", "x")
    with pytest.raises(CommandError, match=r"No classifier is named 'nsfw'\. Registered and not retired are red"):
        classifiers("retire", "nsfw")


@pytest.mark.django_db(transaction=True)
def test_a_second_policy_with_several_labels_over_one_decode(tmp_path: Path) -> None:
    """The second policy forbids green and blue together; red is active for the first policy in the same pre-screen."""
    use_red_classifier(audit_rate_approve=0.0, audit_rate_reject=0.0)
    _, path = write_colour_classifier(
        tmp_path,
        labels=("red", "green", "blue"),
        positive="green",
        weights=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        bias=(0.0, 0.0, 0.0),
    )
    classifiers("import", path, "--name", "colours")
    text = tmp_path / "violence.txt"
    text.write_text("No violence.")
    classifiers(
        "activate", "colours", "--policy", "violence", "--text", text, "--labels", "green,blue", "--combination", "sum",
        "--low", 0.3, "--high", 0.9, "--why", "A second policy.",
    )  # fmt: skip
    upload = make_upload(content=image_bytes((51, 102, 51)))
    call_command("prescreen", "--processes", "1", stdout=io.StringIO())
    found = {each.policy.slug: each for each in Screening.objects.filter(upload=upload)}
    assert found["adult-content"].score == pytest.approx(0.2, abs=0.003)
    assert found["violence"].score == pytest.approx(0.6, abs=0.003)
    assert found["violence"].route == "review"
    assert verify().clean


@db
def test_undoing_an_activation_restores_the_previous_thresholds() -> None:
    before = version_in_force()
    use_red_classifier(low=0.3, high=0.4)
    output = classifiers("deactivate", "--policy", "adult-content", "--why", "It is worse.")
    now = version_in_force()
    assert "open_nsfw is the active classifier of" in output
    assert (now.classifier, now.low, now.high, now.why) == (before.classifier, 0.2, 0.8, "It is worse.")
    assert Epoch.objects.count() == 3, "evidence from another epoch does not count in this one"
    assert verify().clean


@db
def test_thresholds_of_communities_retire_and_return_with_their_classifier() -> None:
    art = Community.objects.create(slug="art", name="Art")
    put_community_in_force(art, low=0.6, high=0.9)
    use_red_classifier()
    assert not PolicyVersion.objects.in_force().filter(community=art).exists(), "thresholds do not transfer"
    classifiers("deactivate", "--policy", "adult-content", "--why", "It is worse.")
    assert PolicyVersion.objects.in_force().get(community=art).low == 0.6


@db
@pytest.mark.parametrize(
    ("policy", "why", "message"),
    [
        ("adult-content", "x", "No other classifier was active for adult-content before"),
        ("adult-content", " ", "--why is empty"),
        ("nope", "x", "No policy 'nope' is in force. In force: adult-content"),
    ],
)
def test_nothing_to_undo(policy: str, why: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        classifiers("deactivate", "--policy", policy, "--why", why)


@db
def test_neither_an_old_version_nor_a_draft_brings_a_retired_classifier_back() -> None:
    first = version_in_force()
    draft = first.copy_as_draft(by=None, low=0.1)
    use_red_classifier()
    classifiers("retire", "open_nsfw")
    with pytest.raises(ClassifierRetired, match=r"open_nsfw, the classifier of .* was retired on .* Nothing was publ"):
        put_in_force(draft, by=None, why="late")
    with pytest.raises(CommandError, match="open_nsfw, the classifier of"):
        classifiers("deactivate", "--policy", "adult-content", "--why", "x")
    assert version_in_force().classifier.name == "red"
