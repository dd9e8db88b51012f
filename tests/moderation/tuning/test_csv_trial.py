"""`manage.py tune --csv`: the statistics on labelled rows from a file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from moderation.tuning import csv_rows, csv_trial
from tests.moderation.statistics.reading import TABLES

DRESS = TABLES / "scores_dress.csv"
PAIR = {"low": 0.2, "high": 0.9, "pi_approve": 0.1, "pi_reject": 0.3}
SHOWN = ("prevalence", "leak_rate", "miss_rate", "wrongful_rate", "escapes_10k", "wrongful_10k", "review_share")


def tune(capsys: pytest.CaptureFixture[str], path: Path, *flags: str, **pair: float) -> str:
    chosen = PAIR | pair
    named = [text for name, value in chosen.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    call_command("tune", "--csv", str(path), *named, *flags)
    return capsys.readouterr().out


def report(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(tune(capsys, DRESS, "--json", *flags))
    return answer


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_report_has_every_estimand_beside_truth_and_naive(capsys) -> None:
    found = report(capsys)
    assert set(found["estimates"]) == set(found["truth"]) == set(found["naive"]) == set(SHOWN)
    assert found["truth"]["prevalence"] == pytest.approx(0.180, abs=0.001)
    assert (
        found["estimates"]["miss_rate"]["low"] < found["truth"]["miss_rate"] < found["estimates"]["miss_rate"]["high"]
    )
    assert found["naive"]["miss_rate"] < 0.05 < found["truth"]["miss_rate"]


def test_certificates_name_their_claim_and_what_is_missing(capsys) -> None:
    claims = {claim["risk"]: claim for claim in report(capsys)["certificates"]}
    assert set(claims) == {"leak", "miss", "wrongful", "escapes"}
    assert claims["leak"]["certified"] is False
    assert claims["leak"]["clean_checks_needed"] > 0
    assert claims["leak"]["pi_floor"] == 0.1


def test_the_same_seed_draws_the_same_and_another_one_does_not(capsys) -> None:
    one, again, other = (report(capsys, "--seed", seed) for seed in ("7", "7", "8"))
    assert one == again
    assert one["estimates"] != other["estimates"]


def test_labels_that_were_not_drawn_are_not_read() -> None:
    rows, plan = csv_rows.read_rows(DRESS), csv_trial.TrialPlan(**PAIR)
    drawn = np.random.default_rng(0).random(rows.scores.size) < plan.pi(rows.scores)
    other = csv_rows.LabelledRows(violating=np.where(drawn, rows.violating, 1 - rows.violating), scores=rows.scores)
    assert csv_trial.run_trial(rows, plan).estimates == csv_trial.run_trial(other, plan).estimates
    assert csv_trial.run_trial(rows, plan).truth != csv_trial.run_trial(other, plan).truth


def test_intervals_that_are_shown_hold_the_truth_in_93_of_100_seeds_and_naive_ones_are_off() -> None:
    rows = csv_rows.read_rows(DRESS)
    runs = [csv_trial.run_trial(rows, csv_trial.TrialPlan(**PAIR, seed=seed)) for seed in range(200)]
    for name in SHOWN:
        shown = [(getattr(run.estimates, name), run.true_rates[name]) for run in runs]
        inside = [found.low <= truth <= found.high for found, truth in shown if found.shown]
        assert sum(inside) >= 0.93 * len(inside), name
    for name, documented in (("miss_rate", 0.13), ("prevalence", 2.43), ("escapes_10k", 0.32), ("review_share", 3.23)):
        factors = [run.naive[name] / run.true_rates[name] for run in runs]
        assert np.mean(factors) == pytest.approx(documented, abs=0.01), name


def test_a_score_of_exactly_one_is_rejected_from_high_one_on(tmp_path, capsys) -> None:
    path = written(tmp_path, "id,label,score\na,1,1\nb,0,0.5\nc,0,0.99\n")
    found = json.loads(tune(capsys, path, "--json", high=1.0, low=0.0))
    assert found["truth"]["review_share"] == pytest.approx(2 / 3)


def test_all_audited_gives_the_truth(capsys) -> None:
    found = json.loads(tune(capsys, DRESS, "--json", pi_approve=1, pi_reject=1))
    for name in SHOWN:
        assert found["estimates"][name]["value"] == pytest.approx(found["truth"][name])


def test_what_has_no_support_has_no_number(tmp_path, capsys) -> None:
    path = written(tmp_path, "id,label,score\n" + "".join(f"{n},0,0.05\n" for n in range(40)))
    found = json.loads(tune(capsys, path, "--json"))
    few = found["estimates"]["leak_rate"]
    assert 0 < few["n"] < 30
    assert (few["value"], few["low"], few["high"], few["shown"]) == (None, None, None, False)
    assert found["estimates"]["miss_rate"]["value"] is None


def test_people_read_plain_words_and_a_table(capsys) -> None:
    text = tune(capsys, DRESS)
    assert "Of 10,000 uploads about" in text
    assert "certified below" in text
    assert "truth" in text
    assert "never to be relied on" in text
    assert "more clean checks" in text


def test_a_leak_target_above_half_the_prevalence_is_warned_of(tmp_path, capsys) -> None:
    rows = "".join(f"{n},{int(n % 200 == 0)},{0.5 if n % 200 == 0 else 0.05}\n" for n in range(4000))
    assert "above half the prevalence" in tune(capsys, written(tmp_path, "id,label,score\n" + rows))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,score\n1,0.5\n", ["line 1: no column label", "Found: id, score"]),
        ("", ["line 1: no column id and no column label"]),
        ("id,label,score\n", ["no row below the header"]),
        ("id,label,score\n1,2,0.5\n2,0,0.5\n3,yes,0.5\n", ["line 2: label is '2'", "line 4: label is 'yes'"]),
        ("id,label,score\n1,1,1.5\n2,0,-0.1\n", ["line 2: score is '1.5'", "line 3: score is '-0.1'"]),
        ("id,label,score\n1,1,nan\n2,0,much\n", ["line 2: score is 'nan'", "line 3: score is 'much'"]),
        ("id,label,score\n1,,\n2,0\n", ["line 2: label is ''", "score is ''", "line 3: score is missing"]),
        ("id,label,score,score\n1,1,0.5,0.9\n", ["line 1: 2 columns are called score", "Rename or remove the others."]),
        ("id,label,score, Label\n1,1,0.5,0\n", ["line 1: 2 columns are called label"]),
        ('id,label,score\n1,1,"0.5', ["line 2: not readable as CSV"]),
    ],
)
def test_wrong_rows_are_named_by_line_and_nothing_is_computed(tmp_path, capsys, text: str, says: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        tune(capsys, written(tmp_path, text), "--json")
    for part in [*says, "Nothing was computed."]:
        assert part in str(refused.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text",
    [
        "id,label,score\na,True,0.9\nb,False,0.1\n",
        "id,label,score\na,TRUE,0.9\nb,false,0.1\n",
        "id, label, score\na, 1, 0.9\nb,0 ,\t0.1\n",
        " ID ,Label,SCORE\na,1.0,0.9\nb,0.0,0.1\n",
        "score,id,label,note\n0.9,a,violating,x\n\n0.1,b,Benign,y\n",
    ],
)
def test_labels_and_headings_are_read_as_other_programs_write_them(tmp_path, text: str) -> None:
    rows = csv_rows.read_rows(written(tmp_path, text))
    assert rows.violating.tolist() == [1, 0]
    assert rows.scores.tolist() == [0.9, 0.1]


def test_at_most_twenty_wrong_rows_are_named_and_then_their_number(tmp_path, capsys) -> None:
    path = written(tmp_path, "id,label,score\n" + "a,maybe,0.5\n" * 12_345)
    with pytest.raises(CommandError) as refused:
        tune(capsys, path)
    lines = str(refused.value).splitlines()
    assert lines[19] == "rows.csv, line 21: label is 'maybe'; write 1 (violating) or 0 (benign)."
    assert lines[20:] == ["And 12,325 more wrong rows.", "Nothing was computed."]


def test_a_missing_file_and_a_binary_file_are_refused(tmp_path, capsys) -> None:
    with pytest.raises(CommandError, match="No such file"):
        tune(capsys, tmp_path / "nowhere.csv")
    (tmp_path / "binary.csv").write_bytes(b"id,label,score\n\xff\xfe")
    with pytest.raises(CommandError, match="UTF-8"):
        tune(capsys, tmp_path / "binary.csv")


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ({"low": 0.205}, "low=0.205: give a bin edge"),
        ({"low": 0.95}, "at most high=0.9"),
        ({"low": 1.5}, "from 0 to 1"),
        ({"pi_approve": 0}, "above 0"),
        ({"pi_reject": "much"}, "above 0"),
    ],
)
def test_wrong_numbers_are_refused_with_what_is_accepted(capsys, pair, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        tune(capsys, DRESS, **pair)


def test_all_four_numbers_are_needed() -> None:
    with pytest.raises(CommandError, match="--pi-reject"):
        call_command("tune", "--csv", str(DRESS), "--low", "0.2", "--high", "0.9", "--pi-approve", "0.1")
