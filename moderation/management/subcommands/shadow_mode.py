"""`manage.py classifiers shadow`: what it takes, does and says."""

from datetime import date
from typing import Any

from django.core.management.base import OutputWrapper

from moderation.classifiers import adoption
from moderation.management.arguments import comma_separated, iso_date
from moderation.management.output import write_table
from moderation.models import Shadow, User
from moderation.routing import Route
from moderation.tuning import shadow_report, text

SHOWN = 20


def add_shadow(actions: Any) -> None:
    shadow = actions.add_parser(
        "shadow",
        help="let a classifier score along under a policy and compare; nothing but the record changes",
        description="Puts the classifier in the policy's shadow, unless it is there, and reports what it would change.",
    )
    shadow.add_argument("name", metavar="NAME")
    shadow.add_argument("--policy", required=True, metavar="SLUG")
    shadow.add_argument("--report", action="store_true", help="report only, of a shadow that ended too")
    shadow.add_argument("--end", action="store_true", help="ask it no more; what it said stays in the record")
    shadow.add_argument("--why", default="", help="with --end: kept in the record")
    shadow.add_argument(
        "--labels",
        default=[],
        type=comma_separated,
        metavar="A,B",
        help="the labels that count (default: the positive one)",
    )
    shadow.add_argument("--combination", default="max", choices=["max", "sum"], help="of the labels (default: max)")
    shadow.add_argument("--low", type=float, help="candidate thresholds (default: those that keep the shares)")
    shadow.add_argument("--high", type=float)
    shadow.add_argument(
        "--since",
        type=iso_date,
        metavar="YYYY-MM-DD",
        help="weigh only verdicts on uploads screened from this day on (default: the day after the shadow began)",
    )
    shadow.add_argument("--flips", type=int, default=SHOWN, metavar="N", help="list the N worst (default: 20)")
    shadow.add_argument("--by", default="", metavar="USERNAME", help="in whose name (default: nobody's)")
    shadow.add_argument("--json", action="store_true", help="print one JSON object")


def end(name: str, *, policy: str, why: str, by: User | None) -> str:
    shadow = adoption.end_shadow(name, policy=policy, why=why, by=by)
    return f"{name} is out of the shadow of {policy}: {shadow.why_ended} Its scores stay in the record."


def open_shadow(name: str, *, policy: str, by: User | None, options: dict[str, Any]) -> Shadow:
    """The shadow to report on, begun where it is not there yet."""
    if options["report"] or Shadow.objects.open().filter(classifier__name=name, policy__slug=policy).exists():
        return adoption.find_shadow(name, policy=policy)
    return adoption.put_in_shadow(
        name, policy=policy, labels=options["labels"], combination=options["combination"], by=by
    )


def proof_of(found: adoption.ShadowComparison, *, since: date | None) -> shadow_report.Proof:
    """What the audits say of it at the candidate thresholds.

    Raises:
        AdoptionRefused: a day on which it was not in the shadow yet.
    """
    try:
        return shadow_report.prove(found.shadow, low=found.low, high=found.high, since=since)
    except shadow_report.TooEarly as refused:
        raise adoption.AdoptionRefused(str(refused)) from refused


def in_words(found: adoption.ShadowComparison, *, flips: int) -> str:
    shadow, ruling = found.shadow.classifier.name, found.version.classifier
    assert ruling is not None
    ended = f" until {found.shadow.ended_at:%d %B %Y}" if found.shadow.ended_at else ""
    lines = [f"{shadow} is in the shadow of {found.version.policy.slug}, where {ruling.name} rules{ended}."]
    if found.unscored:
        lines.append(f"{found.unscored} uploads of the last 28 days lack its score: 'prescreen --shadows' adds them.")
    if not found.beside.total:
        return "\n".join([*lines, "Nothing to compare yet: every pre-screen asks it from now on."])
    how = "as stated" if found.stated else "which keep the shares; they are no recommendation"
    lines += [
        f"{found.beside.total} uploads compared. In force are {found.version.low:.2f} and {found.version.high:.2f}, "
        f"candidates {found.low:.2f} and {found.high:.2f}, {how}.",
        *(_share(found, route) for route in Route),
        f"{found.flipped} would take another route" + (", the worst:" if found.flipped and flips else "."),
    ]
    for flip in found.described(list(found.flips()[:flips])):
        scores = f"{flip.screening.score:.3f} -> {flip.shadow:.3f}"
        lines.append(
            f"  {flip.screening.upload}, {flip.screening.upload.external_id}: {flip.now} -> {flip.then} ({scores})"
        )
    return "\n".join(lines)


def _share(found: adoption.ShadowComparison, route: Route) -> str:
    now, then = found.share(route, then=False), found.share(route, then=True)
    return f"  {route:<8} {now:7.2%} -> {then:7.2%} ({then - now:+.2%})"


def write_proof(out: OutputWrapper, proof: shadow_report.Proof) -> None:
    """What the audits say of it, in sentences and tables."""
    if not proof.days:
        out.write(f"No day since {proof.since} is closed yet: the audits say nothing of it so far.")
        return
    out.write(
        f"By {len(proof.days)} closed days since {proof.since}, binned by its scores, at {proof.low:.2f} and "
        f"{proof.high:.2f}:"
    )
    for sentence in text.sentences(proof.estimates, proof.evidence):
        out.write(sentence)
    write_table(out, ["", "estimate", "95 % interval", "n"], text.estimate_rows(proof.estimates))
    write_table(out, text.CLAIM_COLUMNS, text.evidence_rows(proof.evidence))
    if proof.erased:
        out.write(f"{proof.erased:,} uploads were erased before it could score them, and are left out.")
    out.write("This holds for a pair that was chosen without these verdicts; each further pair is another claim.")
