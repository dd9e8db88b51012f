"""Simulated nights through the real models: uploads, the coin, screenings, tasks, verdicts, roll-ups.

The driver knows the truth of each upload and keeps the verdicts itself, apart from the record. So `tally` gives the
counts that the vectorised simulations would feed to the statistics for the same uploads, without reading the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import connection

from moderation import routing
from moderation.models import (
    Epoch,
    PolicyVersion,
    Score,
    ScreeningRun,
    StoredFile,
    Upload,
    User,
)
from moderation.review import claiming
from moderation.review.claims import Claim
from moderation.screening.records import save_screenings, update_statuses
from moderation.screening.router import Router
from moderation.screening.rulebook import Rulebook
from moderation.statistics.risks import counts_for, verdicts
from moderation.tuning import threshold_report
from moderation.tuning.rollup import differences, roll_up
from moderation.tuning.versions import put_in_force
from tests.database_owner import tampering
from tests.factories import decide_claimed, default_policy, make_user, version_in_force
from tests.moderation.statistics.attacks import fed

# Returns "violating", "benign" or "cannot_tell" for (true verdict, person, upload id), or None to skip the task.
Says = Callable[[str, User, int], str | None]
FATES = ("benign", "violating", "missing")


def honest(truth: str, person: User, upload: int) -> str | None:
    return truth


@dataclass
class Known:
    """One upload as the test knows it; ``votes`` are its verdicts in order."""

    night: int
    epoch: int
    score: float
    truth: str
    pi: float
    drawn: bool
    votes: list[str] = field(default_factory=list)
    lost: bool = False

    @property
    def fate(self) -> str:
        return "missing" if self.lost else Counter(self.votes).most_common(1)[0][0]


@dataclass
class Nights:
    """A platform with three moderators; ``night`` counts from 0."""

    night: int = 0
    known: dict[int, Known] = field(default_factory=dict)
    people: list[User] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.people = [make_user(f"person-{number}", group="lead") for number in range(3)]

    def publish(self, **changes: object) -> PolicyVersion:
        version = version_in_force().copy_as_draft(by=None, **changes)
        put_in_force(version, by=None, why="An attack.")
        return version

    def upload(self, scores: Mapping[float, Sequence[str]], *, files: int | None = None) -> list[int]:
        """Screen one upload for each truth listed under its score; they share ``files`` files, by default none."""
        version = version_in_force()
        wanted = [(score, truth) for score, truths in scores.items() for truth in truths]
        uploads = self._uploads(len(wanted), files=files)
        found = {upload.pk: score for upload, (score, _) in zip(uploads, wanted, strict=True)}
        _screen(uploads, version=version, scores=found)
        for upload, (score, truth) in zip(uploads, wanted, strict=True):
            self._know(upload.pk, score=score, truth=truth, version=version)
        return [upload.pk for upload in uploads]

    def _uploads(self, count: int, *, files: int | None) -> list[Upload]:
        names = [f"{self.night:032x}{len(self.known) + number:032x}" for number in range(files or count)]
        stored = StoredFile.objects.bulk_create(StoredFile(sha256=name, size=1, format="PNG") for name in names)
        return Upload.objects.bulk_create(
            Upload(source="nights", external_id=f"{len(self.known) + number}", file=stored[number % len(stored)])
            for number in range(count)
        )

    def _know(self, upload: int, *, score: float, truth: str, version: PolicyVersion) -> None:
        epoch = Epoch.objects.get(policy=version.policy, closed_at=None)
        rates = version.audit_rate_approve, version.review_rate, version.audit_rate_reject
        pi = rates[_where(score, version.low, version.high)]
        u = routing.coin(bytes(epoch.secret), upload_id=upload, policy_id=version.policy_id)
        self.known[upload] = Known(night=self.night, epoch=epoch.pk, score=score, truth=truth, pi=pi, drawn=u < pi)

    def review(self, says: Says = honest, *, people: Sequence[User] | None = None) -> None:
        """Let everybody work through the ordinary queue in turn until it has no task left for anybody."""
        while sum(self._work(person, says) for person in people or self.people):
            pass

    def _work(self, person: User, says: Says) -> int:
        """Let ``person`` work until the queue has no task left for them, and return the number of their verdicts."""
        done = 0
        while task := claiming.claim_next(person):
            known = self.known[task.upload_id]
            # Nobody can judge an upload without its picture.
            verdict = None if task.upload.status == "erased" else says(known.truth, person, task.upload_id)
            if verdict is None:
                claiming.skip(task, claim=Claim.from_task(task))
                continue
            decide_claimed(task, verdict)
            known.votes.append(verdict)
            done += 1
        return done

    def sleep(self, days: int = 1) -> None:
        """Roll up, and let days pass by moving the whole record back in time."""
        roll_up()
        _set_back(days)
        self.night += days

    def close(self) -> None:
        """Let the last night close, and compare the ledger with a recount."""
        self.sleep(2)
        roll_up()
        assert differences() == []

    @property
    def days(self) -> list[threshold_report.ClosedDay]:
        """The days that the statistics may read: the closed ones up to the first open day."""
        return threshold_report.report_for(default_policy()).days

    def lose(self) -> None:
        """Mark uploads without a verdict as missing; the caller lets their deadline pass."""
        for known in self.known.values():
            known.lost = known.lost or not known.votes

    def tally(self, *, low: float, high: float, before: int | None = None) -> tuple[np.ndarray, list[float], list[int]]:
        """Return fates by class (3, classes), each class's pi, and whether it lies below, between or above.

        Counts the drawn uploads of the open epoch; only those of the nights before ``before``, if given.
        """
        epoch = Epoch.objects.get(policy=default_policy(), closed_at=None).pk
        drawn = [one for one in self.known.values() if one.drawn and one.epoch == epoch]
        classes = sorted({(one.pi, _where(one.score, low, high)) for one in drawn})
        drawn = [one for one in drawn if before is None or one.night < before]
        counts = Counter((one.pi, _where(one.score, low, high), one.fate) for one in drawn)
        table = np.array([[counts[pi, at, fate] for pi, at in classes] for fate in FATES])
        return table, [pi for pi, _ in classes], [at for _, at in classes]

    def assert_fed(self, *risks: str, low: float | None = None, high: float | None = None, before: int | None = None):
        """Assert that the statistics receive the tally's counts for ``risks``, and return the report."""
        report = threshold_report.report_for(default_policy(), low=low, high=high)
        table, pi, at = self.tally(low=report.low, high=report.high, before=before)
        for risk in risks:
            ours = fed(table, risk, at=at)
            counts = counts_for(report.total, risk, report.low, report.high)
            assert _by_pi(report.total.pi, *counts) == _by_pi(pi, ours.bad, ours.good), risk
            assert verdicts(report.total, risk, report.low, report.high) == (ours.labelled, ours.drawn), risk
        return report


def _where(score: float, low: float, high: float) -> int:
    return int(score >= low) + int(score >= high)


def _by_pi(pis: Sequence[float], bad: Sequence[float], good: Sequence[float]) -> dict[float, tuple[float, float]]:
    found: dict[float, list[float]] = defaultdict(lambda: [0, 0])
    for pi, *counts in zip(pis, bad, good, strict=True):
        found[float(pi)] = [total + count for total, count in zip(found[float(pi)], counts, strict=True)]
    return {pi: tuple(counts) for pi, counts in found.items() if any(counts)}


def _screen(uploads: Sequence[Upload], *, version: PolicyVersion, scores: Mapping[int, float]) -> None:
    """Screen as the pre-screen does with one chunk, with given scores instead of a classifier."""
    epoch = Epoch.objects.get(policy=version.policy, closed_at=None)
    router = Router(Rulebook.of(versions=[version.pk], epochs=[epoch.pk]), ScreeningRun.objects.create())
    for score in set(scores.values()):
        alike = [upload for upload in uploads if scores[upload.pk] == score]
        of_label = {label: Score(value=score) for label in version.labels}
        by_file = {upload.file_id: {version.classifier_id: of_label} for upload in alike}
        save_screenings(router.screenings(alike, scores=by_file, skipped=set()))
    update_statuses(uploads)


# So far that no day meets another one while all are moved, because days are unique.
FAR = 10_000


def _set_back(days: int) -> None:
    with tampering(), connection.cursor() as cursor:
        for table, column in (("screening", "created_at"), ("decision", "decided_at")):
            cursor.execute(f"UPDATE moderation_{table} SET {column} = {column} - %s * interval '1 day'", [days])
        for step in (FAR, -FAR - days):
            cursor.execute("UPDATE moderation_ledgerday SET day = day + %s", [step])
