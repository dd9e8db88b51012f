"""A report in plain words: the same for the e-mail, the terminal and the page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from moderation.formatting import clock, day, duration, file_size, fixed_percent, spaced
from moderation.models import PolicyVersion, ScreeningRun
from moderation.reporting.backlog import Backlog
from moderation.reporting.disk import Disk, Used
from moderation.reporting.drift import NEVER_ALONE, ScoreDrift
from moderation.reporting.ledger_summary import LedgerSummary
from moderation.reporting.night import Night
from moderation.reporting.report import NightReport

WIDTH = 22


@dataclass(frozen=True, kw_only=True)
class Section:
    """``rows``: what a figure is, and the figure. ``note`` says how to read them."""

    title: str
    rows: list[tuple[str, str]]
    note: str = ""


def done(night: Night) -> Section:
    return Section(title="What was done", rows=list(_done(night)))


def by_rules(night: Night) -> Section:
    return Section(title="By these rules", rows=[_version(version) for version in night.versions])


def drifted(drift: Sequence[ScoreDrift]) -> Section:
    return Section(title="Score drift", rows=[_drift(each) for each in drift], note=NEVER_ALONE)


def standing(report: NightReport) -> list[Section]:
    """How things are now, whichever night it was."""
    return [
        Section(title="What waits", rows=list(_waits(report.backlog))),
        Section(title="The ledger", rows=list(_standing(report.standing))),
        Section(title="Disk", rows=list(_disk(report.disk))),
    ]


def sections(report: NightReport) -> list[Section]:
    return [done(report.night), drifted(report.drift), by_rules(report.night), *standing(report)]


def subject(report: NightReport) -> str:
    """One line for a list of e-mails: the figures, and whether to open it at once."""
    counts = report.night.counts
    line = (
        f"{counts['uploads']:,} screened, {counts['review']:,} to review, "
        f"{sum(report.night.quarantined.values()):,} quarantined, {report.backlog.pending} pending"
    )
    return f"Second Look: {'LOOK: ' if report.attention else ''}{line}"


def as_text(report: NightReport) -> str:
    """The whole report, for a fixed-width font."""
    lines = [f"Second Look, {day(report.night.ended_at)}", ""]
    if report.attention:
        lines += ["To look at", *(f"  * {sentence}" for sentence in report.attention), ""]
    for section in sections(report):
        lines += [section.title, *(f"  {label:<{WIDTH}}{text}" for label, text in section.rows)]
        lines += [f"  {section.note}"] if section.note else []
        lines.append("")
    lines.append(f"Taken {day(report.taken_at)}, {clock(report.taken_at)}. More on the page of each run, below /runs/.")
    return "\n".join(lines)


def _done(night: Night) -> Iterator[tuple[str, str]]:
    counts = night.counts
    uploads = counts["uploads"]
    yield "Screened", f"{uploads:,} uploads in {duration(night.seconds)}, {night.per_second:.1f} images a second"
    for label, key in (("Approved", "approve"), ("To review", "review"), ("Rejected", "reject")):
        yield label, f"{counts[key]:,}{_share(counts[key], uploads)}"
    yield "Audits among them", f"{counts['audits']:,}"
    if counts["matched"]:
        yield "Routed by hash lists", f"{counts['matched']:,}{_share(counts['matched'], uploads)}"
    quarantined = night.quarantined
    reasons = ", ".join(f"{number:,} {spaced(reason)}" for reason, number in quarantined.items())
    yield "Quarantined", f"{sum(quarantined.values()):,}" + (f": {reasons}" if reasons else "")
    for run in night.runs:
        yield f"Run {run.pk}" if len(night.runs) > 1 else "When", in_a_line(run)


def in_a_line(run: ScreeningRun) -> str:
    until = clock(run.finished_at) if run.finished_at else "now"
    asked = f", {asked_for(run)}" if asked_for(run) else ""
    done = run.counts.get("uploads", 0)
    return (
        f"{run.get_state_display()}, {day(run.started_at)}, {clock(run.started_at)} to {until}, {done:,} uploads{asked}"
    )


def asked_for(run: ScreeningRun) -> str:
    """What the run was asked beyond "screen what is pending", as it was typed."""
    options = run.options
    modes = {"rescore": "--rescore", "shadows": "--shadows"}
    said = [modes[run.mode]] if run.mode in modes else []
    said += ["--dry-run"] if run.is_dry else []
    for name in ("policy", "since", "limit", "max_seconds"):
        if options.get(name) is not None:
            said.append(f"--{name.replace('_', '-')} {options[name]:{'g' if name == 'max_seconds' else ''}}")
    return " ".join(said)


def _waits(backlog: Backlog) -> Iterator[tuple[str, str]]:
    yield "Pending", str(backlog.pending)
    if backlog.oldest:
        yield "Oldest since", f"{day(backlog.oldest)}, {clock(backlog.oldest)}"
    yield "Arriving", "not known yet" if backlog.arriving is None else f"{backlog.arriving:,.0f} uploads a day"
    yield "Forecast", forecast(backlog)


def forecast(backlog: Backlog) -> str:
    """How long the backlog will take, at the speed of the last night."""
    if not backlog.pending:
        return "nothing waits"
    if backlog.seconds is None:
        return "not known: the last night screened nothing"
    alone = f"{duration(backlog.seconds)} of work at {backlog.per_second:.1f} images a second"
    if backlog.nights is None or backlog.window is None:
        return alone
    nights = "never done" if math.isinf(backlog.nights) else f"done in {backlog.nights:.0f} night(s)"
    return f"{alone}; {nights} of {duration(backlog.window)} each, with what arrives"


def _drift(drift: ScoreDrift) -> tuple[str, str]:
    if drift.psi is None or drift.ks is None:
        why = "nothing to compare with" if drift.night.any() else "the ledger has not counted this night"
        return drift.policy, f"{why} ({drift.night.sum():,.0f} uploads, {drift.reference.sum():,.0f} in 28 days before)"
    return (
        drift.policy,
        f"PSI {drift.psi:.3f}, KS distance {drift.ks:.3f}: {drift.night.sum():,.0f} uploads beside "
        f"{drift.reference.sum():,.0f} of the 28 days before",
    )


def _standing(standing: LedgerSummary) -> Iterator[tuple[str, str]]:
    rolled_up = standing.rolled_up_at
    yield "Rolled up", f"{day(rolled_up)}, {clock(rolled_up)}" if rolled_up else "never"
    yield "Uncounted screenings", "yes" if standing.uncounted else "none"
    yield "Days closed", f"{standing.closed_days:,}"
    yield "Certificates", f"{standing.valid:,} valid, {len(standing.withdrawn):,} withdrawn by an alarm"


def _version(version: PolicyVersion) -> tuple[str, str]:
    classifier = version.classifier
    named = classifier and f", {classifier.name} (sha256 {classifier.sha256[:12]}, {classifier.preprocessing_version})"
    whose = f" for {version.community}" if version.community else ""
    return (
        version.policy.name,
        f"version {version.number}{whose}, {version.low:.2f} to {version.high:.2f}{named or ''}",
    )


def _disk(disk: Disk) -> Iterator[tuple[str, str]]:
    yield "Uploads", _used(disk.uploads)
    yield "Renditions", _used(disk.renditions)
    yield "Database", file_size(disk.database)
    yield "Free", f"{file_size(disk.free)} of {file_size(disk.total)}"


def _used(used: Used) -> str:
    return file_size(used.bytes) if used.exact else f"about {file_size(used.bytes)}"


def _share(part: int, whole: int) -> str:
    return f" ({fixed_percent(part / whole)})" if whole else ""
