"""The same statistics on anybody's labelled rows: draw the coin, hide what it did not draw, compare with the truth."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moderation.models.policies import DEFAULT_TARGETS
from moderation.statistics.guarantee import Risk
from moderation.statistics.ledger import Estimates, Ledger, estimate, naive
from moderation.tuning.evidence import RISKS, Evidence, all_shown, edges_of, evidence

COLUMNS = ("id", "label", "score")


class UnreadableTable(Exception):
    """The file is no table of id, label and score. ``problems`` says what is wrong, line by line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class LabelledRows:
    """Rows whose truth is known: ``violating`` (1 or 0) and ``scores`` in [0, 1], both of shape (rows,)."""

    violating: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


def read_rows(path: Path) -> LabelledRows:
    """Read a CSV with the columns id, label (1 violating, 0 benign) and score; others are ignored.

    Raises:
        UnreadableTable: the file can't be read, or a row is wrong. Each wrong row is named by its line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(_readable(_rows(reader, name=path.name), reader=reader, name=path.name))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableTable([f"{path}: cannot be read as a CSV file in UTF-8: {reason}."]) from error
    if wrong := [row for row in rows if isinstance(row, str)]:
        raise UnreadableTable(wrong)
    if not rows:
        raise UnreadableTable([f"{path.name}: no row below the heading. Give one row for each upload."])
    labels, scores = zip(*rows, strict=True)
    return LabelledRows(violating=np.array(labels, dtype=np.int64), scores=np.array(scores, dtype=np.float64))


Row = tuple[int, float] | str


def _readable(rows: Iterator[Row], *, reader: "csv.DictReader[str]", name: str) -> Iterator[Row]:
    try:
        yield from rows
    except csv.Error as error:
        raise UnreadableTable([f"{name}, line {reader.reader.line_num}: not readable as CSV: {error}."]) from error


def _rows(reader: "csv.DictReader[str]", *, name: str) -> Iterator[Row]:
    """Each row as (label, score), or what is wrong with it."""
    found = reader.fieldnames or []
    if lacking := " and no column ".join(column for column in COLUMNS if column not in found):
        heading = ", ".join(found) or "nothing"
        raise UnreadableTable([f"{name}, line 1: no column {lacking}. Found: {heading}. Needed: id, label, score."])
    for row in reader:
        label, score = _number(row["label"]), _number(row["score"])
        problems = []
        if label not in {0, 1}:
            problems.append(f"label is {_quoted(row['label'])}; write 1 (violating) or 0 (benign)")
        if score is None or not 0 <= score <= 1:
            problems.append(f"score is {_quoted(row['score'])}; write a number from 0 to 1")
        if problems or label is None or score is None:
            yield f"{name}, line {reader.line_num}: {', and '.join(problems)}."
        else:
            yield int(label), score


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _quoted(text: str | None) -> str:
    return "missing" if text is None else repr(text[:40])


@dataclass(frozen=True, kw_only=True)
class AuditPlan:
    """Thresholds, the coin's probability on both sides, and what the coin starts from."""

    low: float
    high: float
    pi_approve: float
    pi_reject: float
    seed: int = 0
    bins: int = 100

    def pi(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The probability of a verdict for each score; in the band everybody is looked at."""
        return np.where(scores < self.low, self.pi_approve, np.where(scores >= self.high, self.pi_reject, 1.0))

    @property
    def pi_floor(self) -> dict[Risk, float]:
        approve = self.pi_approve
        return {"leak": approve, "miss": approve, "escapes": approve, "wrongful": self.pi_reject}


@dataclass(frozen=True, kw_only=True)
class CsvTrial:
    """What the drawn labels say, beside what all labels say and what unweighted counting would."""

    plan: AuditPlan
    rows: int
    n_labelled: int
    estimates: Estimates
    truth: Estimates
    naive: Mapping[str, float | None]
    evidence: list[Evidence]

    def as_json(self) -> dict[str, object]:
        return {
            "estimates": all_shown(self.estimates),
            "naive": dict(self.naive),
            "truth": self.true_rates,
            "certificates": [claim.as_json() for claim in self.evidence],
            "n_labelled": self.n_labelled,
            "n": self.rows,
            "seed": self.plan.seed,
        }

    @property
    def true_rates(self) -> dict[str, float | None]:
        return {name: getattr(self.truth, name).value for name in self.truth.__dataclass_fields__}


def try_out(rows: LabelledRows, plan: AuditPlan, *, targets: Mapping[str, float] | None = None) -> CsvTrial:
    """Label only what the coin draws, and say what follows.

    Raises:
        ValueError: thresholds that are not on the bins' edges, or out of order.
    """
    asked: Mapping[str, float] = DEFAULT_TARGETS if targets is None else targets
    edges, pi = edges_of(plan.bins), plan.pi(rows.scores)
    drawn = np.random.default_rng(plan.seed).random(rows.scores.size) < pi
    ledger = Ledger.from_rows(rows.scores, np.where(drawn, rows.violating, -1), drawn, pi, edges)
    everything = Ledger.from_rows(rows.scores, rows.violating, np.ones_like(drawn), 1.0, edges)
    low, high = plan.low, plan.high
    return CsvTrial(
        plan=plan,
        rows=rows.scores.size,
        n_labelled=int(drawn.sum()),
        estimates=estimate(ledger, low, high),
        truth=estimate(everything, low, high),
        naive=naive(ledger, low, high),
        evidence=[
            evidence(ledger, risk, low=low, high=high, target=asked.get(risk), pi_floor=plan.pi_floor[risk])
            for risk in RISKS
        ],
    )
