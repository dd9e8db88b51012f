"""The report as text: the same words for the e-mail, the terminal and the page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from moderation.formatting import clock, counted, day, duration, file_size, fixed_percent, moment, spaced
from moderation.models import PolicyVersion, ScreeningRun
from moderation.reporting.backlog import Backlog
from moderation.reporting.disk import Disk, Used
from moderation.reporting.drift import NEVER_ALONE, ScoreDrift
from moderation.reporting.ledger_summary import LedgerSummary
from moderation.reporting.looks import VERY_FAST_SECONDS, LookCounts
from moderation.reporting.night import Night
from moderation.reporting.report import NightReport

WIDTH = 22
POOLED = "Of all reviewers together, in the last 24 hours."


@dataclass(frozen=True, kw_only=True)
class Section:
    """A titled table of (label, figure); `note` says how to read it."""

    title: str
    rows: list[tuple[str, str]]
    note: str = ""


def screening_section(night: Night) -> Section:
    return Section(title="Screening", rows=list(_screening(night)))


def versions_section(night: Night) -> Section:
    return Section(title="Policy versions", rows=[_version(version) for version in night.versions])


def drift_section(drift: Sequence[ScoreDrift]) -> Section:
    return Section(title="Score drift", rows=[_drift(each) for each in drift], note=NEVER_ALONE)


def current_sections(report: NightReport) -> list[Section]:
    """Return the sections on the current state, which do not depend on the night."""
    return [
        Section(title="Backlog", rows=list(_backlog(report.backlog))),
        Section(title="Ledger", rows=list(_ledger(report.ledger))),
        Section(title="Reviews", rows=list(_looks(report.looks)), note=POOLED),
        Section(title="Disk", rows=list(_disk(report.disk))),
    ]


def sections(report: NightReport) -> list[Section]:
    return [
        screening_section(report.night),
        drift_section(report.drift),
        versions_section(report.night),
        *current_sections(report),
    ]


def subject(report: NightReport) -> str:
    """Return the subject of the e-mail: the main figures, and whether the report needs attention."""
    counts = report.night.counts
    line = (
        f"{counts['uploads']:,} screened, {counts['review']:,} to review, "
        f"{sum(report.night.quarantined.values()):,} quarantined, {report.backlog.pending} pending"
    )
    return f"Second Look: {'ATTENTION: ' if report.attention else ''}{line}"


def as_text(report: NightReport) -> str:
    """Return the whole report, for a fixed-width font."""
    lines = [f"Second Look, {day(report.night.ended_at)}", ""]
    if report.attention:
        lines += ["Needs attention", *(f"  * {sentence}" for sentence in report.attention), ""]
    for section in sections(report):
        lines += [section.title, *(f"  {label:<{WIDTH}}{text}" for label, text in section.rows)]
        lines += [f"  {section.note}"] if section.note else []
        lines.append("")
    lines.append(f"Taken {moment(report.taken_at)}. The page /runs/ has more about each run.")
    return "\n".join(lines)


def _screening(night: Night) -> Iterator[tuple[str, str]]:
    counts = night.counts
    uploads = counts["uploads"]
    yield (
        "Screened",
        f"{counted(uploads, 'upload')} in {duration(night.seconds)}, {night.per_second:.1f} images a second",
    )
    for label, key in (("Approved", "approve"), ("To review", "review"), ("Rejected", "reject")):
        yield label, f"{counts[key]:,}{_share(counts[key], uploads)}"
    yield "Of these audited", f"{counts['audits']:,}"
    if counts["matched"]:
        yield "Routed by hash lists", f"{counts['matched']:,}{_share(counts['matched'], uploads)}"
    quarantined = night.quarantined
    reasons = ", ".join(f"{number:,} {spaced(reason)}" for reason, number in quarantined.items())
    yield "Quarantined", f"{sum(quarantined.values()):,}" + (f": {reasons}" if reasons else "")
    for run in night.runs:
        yield f"Run {run.pk}" if len(night.runs) > 1 else "When", run_as_line(run)


def run_as_line(run: ScreeningRun) -> str:
    until = clock(run.finished_at) if run.finished_at else "now"
    options = f", {options_as_typed(run)}" if options_as_typed(run) else ""
    uploads = counted(run.counts.get("uploads", 0), "upload")
    times = f"{day(run.started_at)}, {clock(run.started_at)} to {until}"
    return f"{run.get_state_display()}, {times}, {uploads}{options}"


def options_as_typed(run: ScreeningRun) -> str:
    """Return the options that the run was started with, as they are typed; "" for a plain run."""
    options = run.options
    modes = {"rescore": "--rescore", "shadows": "--shadows"}
    typed = [modes[run.mode]] if run.mode in modes else []
    typed += ["--dry-run"] if run.is_dry else []
    for name in ("policy", "since", "limit", "max_seconds"):
        if options.get(name) is not None:
            typed.append(f"--{name.replace('_', '-')} {options[name]:{'g' if name == 'max_seconds' else ''}}")
    return " ".join(typed)


def _backlog(backlog: Backlog) -> Iterator[tuple[str, str]]:
    yield "Pending", str(backlog.pending)
    if backlog.oldest:
        yield "Oldest since", moment(backlog.oldest)
    yield "Arriving", "not known yet" if backlog.arriving is None else f"{backlog.arriving:,.0f} uploads a day"
    yield "Forecast", forecast(backlog)


def forecast(backlog: Backlog) -> str:
    """Return how long the backlog will take, at the speed of the last night."""
    if not backlog.pending:
        return "nothing is pending"
    if backlog.seconds is None:
        return "not known: the last night screened nothing"
    alone = f"{duration(backlog.seconds)} of work at {backlog.per_second:.1f} images a second"
    if backlog.nights is None or backlog.window is None:
        return alone
    nights = "never done" if math.isinf(backlog.nights) else f"done in {counted(round(backlog.nights), 'night')}"
    return f"{alone}; {nights} of {duration(backlog.window)} each, with the uploads that arrive"


def _drift(drift: ScoreDrift) -> tuple[str, str]:
    if drift.psi is None or drift.ks is None:
        why = "nothing to compare with" if drift.night.any() else "the ledger has not counted this night"
        return drift.policy, f"{why} ({drift.night.sum():,.0f} uploads, {drift.reference.sum():,.0f} in 28 days before)"
    return (
        drift.policy,
        f"PSI {drift.psi:.3f}, KS distance {drift.ks:.3f}: {drift.night.sum():,.0f} uploads beside "
        f"{drift.reference.sum():,.0f} of the 28 days before",
    )


def _ledger(ledger: LedgerSummary) -> Iterator[tuple[str, str]]:
    rolled_up = ledger.rolled_up_at
    yield "Rolled up", moment(rolled_up) if rolled_up else "never"
    yield "Uncounted screenings", "yes" if ledger.uncounted else "none"
    yield "Days closed", f"{ledger.closed_days:,}"
    yield "Certificates", f"{ledger.valid:,} valid, {len(ledger.withdrawn):,} withdrawn by an alarm"


def _looks(looks: LookCounts) -> Iterator[tuple[str, str]]:
    yield "Verdicts", f"{looks.verdicts:,}"
    yield "Without a look", f"{looks.unseen:,}{_share(looks.unseen, looks.verdicts)}"
    fast = f"{looks.very_fast:,}{_share(looks.very_fast, looks.verdicts)}"
    yield "Very fast", f"{fast} within {VERY_FAST_SECONDS:g} s of the claim"
    yield "Skipped", f"{looks.skipped:,}{_share(looks.skipped, looks.asked)}"


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
