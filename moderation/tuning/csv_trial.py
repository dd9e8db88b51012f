"""A trial of the statistics on labelled rows: draw a sample, hide the other labels, compare with the truth."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from moderation.models.policies import DEFAULT_TARGETS
from moderation.statistics.estimates import Estimates, estimate, naive
from moderation.statistics.guarantee import Risk
from moderation.statistics.ledger import Ledger
from moderation.tuning.evidence import RISKS, ClaimEvidence, all_shown, edges_of, weigh_evidence

COLUMNS = ("id", "label", "score")


class UnreadableTable(Exception):
    """The file is not a table of id, label and score; ``problems`` has one message for each wrong line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class LabelledRows:
    """Rows with known truth: ``violating`` (1 or 0) and ``scores`` in [0, 1], both of shape (rows,)."""

    violating: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


def read_rows(path: Path) -> LabelledRows:
    """Read a CSV file with the columns id, label (1 violating, 0 benign) and score; other columns are ignored.

    Raises:
        UnreadableTable: the file cannot be read, or rows are wrong. The message names each wrong row by its line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(_readable(_rows(reader, name=path.name), reader=reader, name=path.name))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableTable([f"{path} cannot be read as a CSV file in UTF-8: {reason}."]) from error
    if wrong := [row for row in rows if isinstance(row, str)]:
        raise UnreadableTable(wrong)
    if not rows:
        raise UnreadableTable([f"{path.name}: there is no row below the header. Write one row for each upload."])
    labels, scores = zip(*rows, strict=True)
    return LabelledRows(violating=np.array(labels, dtype=np.int64), scores=np.array(scores, dtype=np.float64))


# The label and score of a row, or the message about it.
ParsedRow = tuple[int, float] | str


def _readable(rows: Iterator[ParsedRow], *, reader: "csv.DictReader[str]", name: str) -> Iterator[ParsedRow]:
    try:
        yield from rows
    except csv.Error as error:
        raise UnreadableTable([f"{name}, line {reader.reader.line_num}: not readable as CSV: {error}."]) from error


def _rows(reader: "csv.DictReader[str]", *, name: str) -> Iterator[ParsedRow]:
    """Yield each row as (label, score), or a message if it is wrong."""
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
class TrialPlan:
    """The thresholds of a trial, the sampling probabilities on both sides, and the seed of the coin."""

    low: float
    high: float
    pi_approve: float
    pi_reject: float
    seed: int = 0
    bins: int = 100

    def pi(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the sampling probability of each score, shape (rows,); it is 1 in the band."""
        return np.where(scores < self.low, self.pi_approve, np.where(scores >= self.high, self.pi_reject, 1.0))

    @property
    def pi_floor(self) -> dict[Risk, float]:
        """The smallest sampling probability of the uploads that can be bad, by risk."""
        approve = self.pi_approve
        return {"leak": approve, "miss": approve, "escapes": approve, "wrongful": self.pi_reject}


@dataclass(frozen=True, kw_only=True)
class CsvTrial:
    """The estimates from the drawn labels, beside the truth from all labels and naive, unweighted figures."""

    plan: TrialPlan
    rows: int
    n_labelled: int
    estimates: Estimates
    truth: Estimates
    naive: Mapping[str, float | None]
    evidence: list[ClaimEvidence]

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
        """The rates that all labels give, by name."""
        return {name: getattr(self.truth, name).value for name in self.truth.__dataclass_fields__}


def run_trial(rows: LabelledRows, plan: TrialPlan, *, targets: Mapping[str, float] | None = None) -> CsvTrial:
    """Draw a sample of ``rows``, and estimate the error rates from its labels only.

    ``targets`` are those to weigh evidence for, by risk; by default those of a new policy.

    Raises:
        ValueError: thresholds that are not bin edges, or are out of order.
    """
    targets = DEFAULT_TARGETS if targets is None else targets
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
            weigh_evidence(ledger, risk, low=low, high=high, target=targets.get(risk), pi_floor=plan.pi_floor[risk])
            for risk in RISKS
        ],
    )
