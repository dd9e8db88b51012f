"""Simulated nights through the real models: uploads, the coin, screenings, tasks, verdicts, roll-ups.

The driver knows the truth of each upload and notes what people say, beside the record: `tally` is what the vectorised
simulations would feed to the statistics for the same uploads, without a look at the ledger.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pgtrigger
from django.db import connection

from moderation import routing
from moderation.models import (
    Epoch,
    PolicyVersion,
    ReviewTask,
    Score,
    ScreeningRun,
    StoredFile,
    Upload,
    User,
)
from moderation.models.queue import ReviewTaskQuerySet
from moderation.screening.engine import Rulebook
from moderation.screening.records import Router, save_screenings, settle_all
from moderation.statistics.risks import counts_for, verdicts
from moderation.tuning import threshold_report
from moderation.tuning.rollup import differences, roll_up
from tests.factories import default_policy, make_user, version_in_force
from tests.moderation.statistics.attacks import fed

# Says "violating", "benign" or "cannot_tell" for (true verdict, person, upload id); None leaves the task to others.
Says = Callable[[str, User, int], str | None]
FATES = ("benign", "violating", "missing")


def honest(truth: str, person: User, upload: int) -> str | None:
    return truth


@dataclass
class Known:
    """One upload as the test knows it; ``votes`` are what people said of it, in order."""

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
    """A platform at work; ``night`` counts from 0."""

    night: int = 0
    known: dict[int, Known] = field(default_factory=dict)
    people: list[User] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.people = [make_user(f"person-{number}", group="lead") for number in range(3)]

    def publish(self, **changes: object) -> PolicyVersion:
        version = version_in_force().copy_as_draft(by=None, **changes)
        version.publish(by=None, why="An attack.")
        return version

    def upload(self, scores: Mapping[float, Sequence[str]], *, files: int | None = None) -> list[int]:
        """Screen one upload for each truth below its score; ``files`` of them share their bytes."""
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
        """Everybody in turn works through the ordinary queue until it has nothing more for anybody."""
        queue = ReviewTask.objects.exclude(upload__status="erased")
        while sum(self._work(person, says, queue) for person in people or self.people):
            pass

    def _work(self, person: User, says: Says, queue: ReviewTaskQuerySet) -> int:
        """How many verdicts ``person`` gives until the queue has nothing more for them."""
        done = 0
        while task := queue.claim_next(person):
            known = self.known[task.upload_id]
            verdict = says(known.truth, person, task.upload_id)
            if verdict is None:
                task.skip(claim=task.claim)
                continue
            task.decide(verdict, claim=task.claim, reason="nudity" if verdict == "violating" else "")
            known.votes.append(verdict)
            done += 1
        return done

    def sleep(self, days: int = 1) -> None:
        """Roll up, and let days pass: all that was recorded lies so much further back."""
        roll_up()
        _set_back(days)
        self.night += days

    def close(self) -> None:
        """Let the last night close, and check the ledger against a recount."""
        self.sleep(2)
        roll_up()
        assert differences() == []

    @property
    def days(self) -> list[threshold_report.ClosedDay]:
        """What the statistics may read: the closed days up to the first open one."""
        return threshold_report.report_for(default_policy()).days

    def lose(self) -> None:
        """What is drawn and not final by now will be missing: it passes its deadline."""
        for known in self.known.values():
            known.lost = known.lost or not known.votes

    def tally(self, *, low: float, high: float, before: int | None = None) -> tuple[np.ndarray, list[float], list[int]]:
        """Of the open epoch: fates by class (3, classes), each class's pi and whether it lies below, between or above.

        ``before``: only of the nights before it.
        """
        epoch = Epoch.objects.get(policy=default_policy(), closed_at=None).pk
        drawn = [one for one in self.known.values() if one.drawn and one.epoch == epoch]
        classes = sorted({(one.pi, _where(one.score, low, high)) for one in drawn})
        drawn = [one for one in drawn if before is None or one.night < before]
        counts = Counter((one.pi, _where(one.score, low, high), one.fate) for one in drawn)
        table = np.array([[counts[pi, at, fate] for pi, at in classes] for fate in FATES])
        return table, [pi for pi, _ in classes], [at for _, at in classes]

    def assert_fed(self, *risks: str, low: float | None = None, high: float | None = None, before: int | None = None):
        """The counts that reach the statistics for ``risks`` are those of the tally. Returns what was found."""
        finding = threshold_report.report_for(default_policy(), low=low, high=high)
        table, pi, at = self.tally(low=finding.low, high=finding.high, before=before)
        for risk in risks:
            ours = fed(table, risk, at=at)
            counts = counts_for(finding.total, risk, finding.low, finding.high)
            assert _by_pi(finding.total.pi, *counts) == _by_pi(pi, ours.bad, ours.good), risk
            assert verdicts(finding.total, risk, finding.low, finding.high) == (ours.labelled, ours.drawn), risk
        return finding


def _where(score: float, low: float, high: float) -> int:
    return int(score >= low) + int(score >= high)


def _by_pi(pis: Sequence[float], bad: Sequence[float], good: Sequence[float]) -> dict[float, tuple[float, float]]:
    found: dict[float, list[float]] = defaultdict(lambda: [0, 0])
    for pi, *counts in zip(pis, bad, good, strict=True):
        found[float(pi)] = [total + count for total, count in zip(found[float(pi)], counts, strict=True)]
    return {pi: tuple(counts) for pi, counts in found.items() if any(counts)}


def _screen(uploads: Sequence[Upload], *, version: PolicyVersion, scores: Mapping[int, float]) -> None:
    """As the pre-screen does with one chunk, but for the classifier: each upload is a file of its own here."""
    epoch = Epoch.objects.get(policy=version.policy, closed_at=None)
    router = Router(Rulebook.of(versions=[version.pk], epochs=[epoch.pk]), ScreeningRun.objects.create())
    for score in set(scores.values()):
        alike = [upload for upload in uploads if scores[upload.pk] == score]
        of_label = {label: Score(value=score) for label in version.labels}
        by_file = {upload.file_id: {version.classifier_id: of_label} for upload in alike}
        save_screenings(router.screenings(alike, scores=by_file, done=set()))
    settle_all(uploads)


# Far enough for no day to meet another one on its way.
FAR = 10_000


def _set_back(days: int) -> None:
    with pgtrigger.ignore(), connection.cursor() as cursor:
        for table, column in (("screening", "created_at"), ("decision", "decided_at")):
            cursor.execute(f"UPDATE moderation_{table} SET {column} = {column} - %s * interval '1 day'", [days])
        for step in (FAR, -FAR - days):
            cursor.execute("UPDATE moderation_ledgerday SET day = day + %s", [step])
