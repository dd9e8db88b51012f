"""The report of a check: the classifier's facts and its scores on labelled images."""

import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from moderation.classifiers.checking import compare_claim
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.labelled_csv import read_labelled
from moderation.classifiers.report import write_report
from tests.factories import image_bytes
from tests.moderation.inference.tiny_onnx import write_red_classifier

LABELS = ("other", "red")


def write_csv(folder: Path, *lines: str) -> Path:
    for name, value in (("a", 250), ("b", 200), ("c", 20), ("d", 140)):
        (folder / f"{name}.png").write_bytes(image_bytes((value, 0, 0)))
    (folder / "broken.png").write_bytes(b"no picture")
    path = folder / "labelled.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_accepted_way_of_writing_a_label(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "Path, Label", "a.png,red", "", "b.png, violating", "c.png,0", f"{tmp_path}/d.png,other")
    rows = read_labelled(path, labels=LABELS, positive="red")
    assert [(row.path.name, row.violating) for row in rows] == [
        ("a.png", True), ("b.png", True), ("c.png", False), ("d.png", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.png,red"], r"line 1: found 'a.png,red'; the first line must be path,label"),
        (["path,label", "a.png,red", "x.png,red"], r"line 3: there is no file .*x.png. Relative paths start at"),
        (["path,label", "a.png,blue"], r"line 2: found label 'blue'; accepted are other, red, violating, 1, benign, 0"),
        (["path,label", "a.png"], r"line 2: found 1 columns; two are accepted"),
        (["path,label", "a.png,red", "a.png,0"], r"line 3: a.png is already on line 2"),
        (["path,label", '"a.png,red'], r"line 2: unexpected end of data"),
        (["path,label", "a.png,red", "b.png,1"], r"2 violating of 2. Give violating and benign"),
        (["path,label"], r"0 violating of 0"),
    ],
)
def test_a_bad_line_is_named_by_its_number(lines: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(AdoptionRefused, match=message):
        read_labelled(write_csv(tmp_path, *lines), labels=LABELS, positive="red")


@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [(0.99, "reproduced within 1 point"), (0.98, "reproduced within 1 point"), (0.97, "reproduced within 2 points"),
     (1.0, "reproduced within 1 point"), (0.96, "not reproduced within 2 points")],
)  # fmt: skip
def test_a_claim_is_compared_with_the_measured_accuracy(claimed: float, verdict: str) -> None:
    found = compare_claim(claimed, measured={"accuracy": {"value": 0.99}})
    assert found is not None
    assert found["verdict"] == verdict


def check(name: str, *arguments: object) -> dict[str, Any]:
    out = io.StringIO()
    call_command("classifiers", "check", name, "--json", *map(str, arguments), stdout=out)
    answers: dict[str, Any] = json.loads(out.getvalue())
    return answers


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(AdoptionRefused, match="report cannot be written to: File exists"):
        write_report({}, folder=tmp_path / "report")


class Tags(HTMLParser):
    """Every tag of a page, and the addresses that it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]


@pytest.mark.django_db
def test_the_report_answers_and_stands_alone(tmp_path: Path) -> None:
    """The score is the mean of red. At 0.5, a, b and d are rejected; d is benign, so one of four is wrong."""
    (tmp_path / "LICENSE").write_text("The licence's own <text>.")
    _, onnx = write_red_classifier(tmp_path)
    call_command(
        "classifiers", "import", str(onnx), "--name", "mine", "--url", "https://x.example", stdout=io.StringIO()
    )
    csv = write_csv(tmp_path, "path,label", "a.png,1", "b.png,1", "c.png,0", "d.png,0", "broken.png,0")
    out = tmp_path / "report"
    found = check("mine", "--labelled", csv, "--claimed-accuracy", 0.7501, "--prevalence", 0.02, "--output", out)

    assert found == json.loads((out / "report.json").read_text())
    assert found["licence"]["commercial_use"] is True
    assert found["provenance"] == {"publisher": "the tests", "url": "https://x.example"}
    assert (found["graph"]["opsets"], found["graph"]["batch"]) == ({"": 13}, "dynamic")
    assert found["golden"]["largest_difference"] < 1e-4
    noticed = {each["reading"]: each["noticed"] for each in found["golden"]["wrong_readings"]}
    assert noticed == {
        "labels in another order": True,
        "colour order swapped": True,
        "no normalisation": True,
        "another resize": False,  # its golden inputs are of one colour each
    }
    assert {each["batch"] for each in found["speeds"]} == set(range(1, 9))
    assert (found["labelled"]["unread"], found["labelled"]["accuracy"]["value"]) == (1, 0.75)
    assert found["labelled"]["auc"]["value"] == 1.0
    assert found["claim"]["verdict"] == "reproduced within 1 point"
    half = next(each for each in found["labelled"]["points"] if each["threshold"] == 0.5)
    assert half["precision"]["value"] == pytest.approx(2 / 3)
    assert half["precision_at"]["value"] == pytest.approx(0.02 / (0.02 + 0.5 * 0.98))

    page = (out / "report.html").read_text()
    tags = Tags(page)
    assert "The licence&#x27;s own &lt;text&gt;." in page
    assert page.count("<svg") == 3
    assert "script" not in tags.found
    assert tags.fetched == []


@pytest.mark.django_db
def test_without_labels_the_report_says_that_accuracy_was_not_checked(tmp_path: Path) -> None:
    _, onnx = write_red_classifier(tmp_path)
    call_command("classifiers", "import", str(onnx), "--name", "mine", stdout=io.StringIO())
    found = check("mine", "--claimed-accuracy", 0.9856, "--output", tmp_path / "report")
    assert found["labelled"] is None
    assert found["claim"]["verdict"].startswith("not checked")
    assert "Not checked." in (tmp_path / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("option", "value"), [("--prevalence", 0), ("--prevalence", 1.5), ("--claimed-accuracy", 98.56)]
)
def test_shares_are_shares(option: str, value: float, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=rf"{option} {value:g} is not accepted. Give a share between 0 and 1"):
        check("open_nsfw", option, value, "--output", tmp_path)
