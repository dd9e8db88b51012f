"""`manage.py classifiers shadow`: its arguments, its steps and its output."""

from datetime import date
from typing import Any

from django.core.management.base import OutputWrapper

from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.shadow_comparison import ShadowComparison
from moderation.classifiers.shadow_mode import end_shadow_mode, find_shadow, start_shadow_mode
from moderation.formatting import counted, day
from moderation.management.arguments import add_by, comma_separated, iso_date
from moderation.management.output import write_table
from moderation.models import Shadow, User
from moderation.routing import Route
from moderation.tuning import shadow_report, text

SHOWN = 20


def add_shadow(actions: Any) -> None:
    shadow = actions.add_parser(
        "shadow",
        help="let a classifier score in shadow mode and compare it with the active one; its scores decide nothing",
        description="Starts shadow mode under the policy, unless it is on already, and reports which routes would "
        "change.",
    )
    shadow.add_argument("name", metavar="NAME")
    shadow.add_argument("--policy", required=True, metavar="SLUG")
    shadow.add_argument("--report", action="store_true", help="report without starting shadow mode, also after its end")
    shadow.add_argument("--end", action="store_true", help="end shadow mode; the scores stay in the record")
    shadow.add_argument("--why", default="", help="with --end: the reason, kept in the record")
    shadow.add_argument(
        "--labels",
        default=[],
        type=comma_separated,
        metavar="A,B",
        help="the labels that count (default: the positive one)",
    )
    shadow.add_argument("--combination", default="max", choices=["max", "sum"], help="of the labels (default: max)")
    shadow.add_argument("--low", type=float, help="candidate threshold (default: the pair that keeps the shares)")
    shadow.add_argument("--high", type=float, help="the same for the upper threshold")
    shadow.add_argument(
        "--since",
        type=iso_date,
        metavar="YYYY-MM-DD",
        help="count only verdicts on uploads screened from this day on (default: the day after shadow mode started)",
    )
    shadow.add_argument("--flips", type=int, default=SHOWN, metavar="N", help="list the N worst (default: 20)")
    add_by(shadow)
    shadow.add_argument("--json", action="store_true", help="print one JSON object")


def end(name: str, *, policy: str, why: str, by: User | None) -> str:
    shadow = end_shadow_mode(name, policy=policy, why=why, by=by)
    return f"{name} is no longer in shadow mode under {policy}: {shadow.why_ended} Its scores stay in the record."


def find_or_start(name: str, *, policy: str, by: User | None, options: dict[str, Any]) -> Shadow:
    """Return the shadow to report on; start shadow mode if it is off and `--report` is not given."""
    if options["report"] or Shadow.objects.current().filter(classifier__name=name, policy__slug=policy).exists():
        return find_shadow(name, policy=policy)
    return start_shadow_mode(name, policy=policy, labels=options["labels"], combination=options["combination"], by=by)


def prove(comparison: ShadowComparison, *, since: date | None) -> shadow_report.ShadowReport:
    """Return the estimates from audits at the candidate thresholds.

    Raises:
        AdoptionRefused: ``since`` lies before the day after shadow mode started.
    """
    try:
        return shadow_report.report_on_shadow(comparison.shadow, low=comparison.low, high=comparison.high, since=since)
    except shadow_report.TooEarly as refused:
        raise AdoptionRefused(str(refused)) from refused


def comparison_text(comparison: ShadowComparison, *, flips: int) -> str:
    shadow, active = comparison.shadow.classifier.name, comparison.version.classifier
    assert active is not None
    verb = f"was until {day(comparison.shadow.ended_at)}" if comparison.shadow.ended_at else "is"
    lines = [f"{shadow} {verb} in shadow mode under {comparison.version.policy.slug}, where {active.name} is active."]
    if comparison.unscored:
        lines.append(
            f"Without its score, of the last 28 days: {counted(comparison.unscored, 'upload')}. 'prescreen --shadows' "
            "adds the scores."
        )
    if not comparison.histogram.total:
        return "\n".join([*lines, "There is nothing to compare yet. Every pre-screen scores with it from now on."])
    how = "as given" if comparison.stated else "which keep the shares in force and are no recommendation"
    lines += [
        f"{counted(comparison.histogram.total, 'upload')} compared. In force are {comparison.version.low:.2f} and "
        f"{comparison.version.high:.2f}, candidates {comparison.low:.2f} and {comparison.high:.2f}, {how}.",
        *(_share_line(comparison, route) for route in Route),
        f"{comparison.flipped} would take another route" + (", the worst:" if comparison.flipped and flips else "."),
    ]
    for flip in comparison.described(list(comparison.flips()[:flips])):
        upload, scores = flip.screening.upload, f"{flip.screening.score:.3f} -> {flip.shadow:.3f}"
        lines.append(f"  {upload}, {upload.external_id}: {flip.now} -> {flip.then} ({scores})")
    return "\n".join(lines)


def _share_line(comparison: ShadowComparison, route: Route) -> str:
    now, then = comparison.share(route, then=False), comparison.share(route, then=True)
    return f"  {route:<8} {now:7.2%} -> {then:7.2%} ({then - now:+.2%})"


def without_closed_days(proof: shadow_report.ShadowReport) -> str:
    """Explain why there are no estimates from audits yet."""
    if proof.is_ahead:
        return f"Estimates from audits count uploads from {day(proof.since)} on, so there are none yet."
    return f"No day since {day(proof.since)} is closed yet, so there are no estimates from audits."


def write_proof(out: OutputWrapper, proof: shadow_report.ShadowReport) -> None:
    """Write the estimates from audits as sentences and tables."""
    if not proof.days:
        out.write(without_closed_days(proof))
        return
    out.write(
        f"Estimates from audits of {counted(len(proof.days), 'closed day')} since {day(proof.since)}, by its scores, "
        f"at {proof.low:.2f} and {proof.high:.2f}:"
    )
    for sentence in text.sentences(proof.estimates, proof.evidence):
        out.write(sentence)
    write_table(out, ["", "estimate", "95 % interval", "n"], text.estimate_rows(proof.estimates))
    write_table(out, text.CLAIM_COLUMNS, text.evidence_rows(proof.evidence))
    if proof.erased:
        out.write(f"Left out, as they were erased before it could score them: {counted(proof.erased, 'upload')}.")
    out.write("This holds for a pair that was chosen without these verdicts. Each further pair is another claim.")
