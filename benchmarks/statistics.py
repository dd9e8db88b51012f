"""Print simulations of the estimates and certificates, as the tables of docs/statistics.md.

python -m benchmarks.statistics [--runs 1000] [--figures docs/figures]
"""

import argparse
import time
from pathlib import Path

from benchmarks import figures
from tests.moderation.statistics import attacks, simulations
from tests.moderation.statistics.reading import dress_scores

PREVALENCES = (0.01, 0.02, 0.05)


def percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.3g} %"


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells: str) -> None:
    print()
    row(*cells)
    row(*("---" for _ in cells))


def print_estimates(runs: int) -> None:
    head("prevalence", "estimand", "truth", "mean estimate", "95 % intervals that hold the truth")
    for prevalence in PREVALENCES:
        for name, found in simulations.coverage(prevalence=prevalence, runs=runs).items():
            row(percent(prevalence), f"`{name}`", percent(found.truth), percent(found.mean), percent(found.share))


def print_early_nights(runs: int) -> None:
    head("nights at prevalence 1 %", "`leak_rate`, Wilson (default)", "exact", "`miss_rate`, Wilson (default)", "exact")
    for nights in (1, 2, 4, 8, 16):
        wilson, exact = (
            simulations.coverage(prevalence=0.01, nights=nights, runs=runs, exact=exact) for exact in (False, True)
        )
        shares = [found[name].share for name in ("leak_rate", "miss_rate") for found in (wilson, exact)]
        row(nights, *map(percent, shares))


def print_naive(runs: int) -> None:
    head("naive figure at prevalence 2 %", "value")
    for name, value in simulations.naive_figures(runs=runs).items():
        row(name, percent(value))


def print_certified(runs: int) -> None:
    head("claim, truth exactly at the target", "prevalence", "e-value", "nightly Clopper-Pearson")
    for risk in ("leak", "miss", "wrongful"):
        for prevalence in PREVALENCES:
            found = simulations.wrongly_certified(risk, prevalence=prevalence, runs=runs)
            row(risk, percent(prevalence), *map(percent, found))


def print_stress(runs: int) -> None:
    head("stress", "ever wrongly certified", "naive way", "ever wrongly certified")
    for first_false in (1, 2, 4):
        wrong = simulations.wrongly_certified_while_thresholds_move(first_false=first_false, runs=runs)
        row(f"thresholds moved every night, candidate {first_false + 1} false", percent(wrong), "-", "-")
    for prevalence in PREVALENCES:
        wrong = simulations.wrongly_certified_while_rates_change(prevalence=prevalence, runs=runs)
        row(f"audit rate follows the findings, prevalence {percent(prevalence)}", percent(wrong), "-", "-")
    for risk in ("leak", "wrongful"):
        for delay in (0, 1, 2, 5):
            found = simulations.wrongly_certified_with_delay(delay, risk=risk, prevalence=0.05, runs=runs)
            row(f"{risk}: confirmed after {delay} days, closed days", percent(found[0]), "open days", percent(found[1]))
    for size in (5, 20, 100):
        each, shared = simulations.wrongly_certified_with_clusters(size, runs=runs)
        row(f"clusters of {size}, a coin each", percent(each), "one coin a cluster", percent(shared))
    for missing in (0.05, 0.15):
        declared, silent = simulations.wrongly_certified_by_reviewers(missing, prevalence=0.05, runs=runs)
        row(f"reviewers miss {percent(missing)}, declared", percent(declared), "not declared", percent(silent))


RISKS = ("leak", "miss", "wrongful")


def print_attacks(runs: int) -> None:
    head("attack", "claim", "as built", "the naive way")
    for risk in RISKS:
        row("moderators miss 5 %", risk, *map(percent, attacks.by_poor_reviewers(risk, runs=runs)))
        for share in (0.3, 0.5):
            found = attacks.by_lost_verdicts(risk, share=share, runs=runs)
            row(f"{percent(share)} of the violating uploads without a verdict", risk, *map(percent, found))
        own, pooled, either = map(percent, attacks.by_another_policy_text(risk, runs=runs))
        row(f"another policy text (at the target before it as well: {either})", risk, own, pooled)
        row("a clock wrong by ten minutes", risk, *map(percent, attacks.by_a_wrong_clock(risk, runs=runs)))
    for risk in ("leak", "wrongful"):
        row("alarms 0 to 10 days late", risk, *map(percent, attacks.by_late_alarms(risk, runs=runs)))
    for first_false in (0, 1, 2, 4):
        found = attacks.by_moved_thresholds(first_false=first_false, runs=runs)
        row(f"thresholds moved anywhere, candidate {first_false + 1} false", "leak", *map(percent, found))
    row("an audit rate that falls in the worst nights", "leak", *map(percent, attacks.by_a_changed_rate(runs=runs)))
    row("a band over its capacity", "leak", *map(percent, attacks.by_a_full_band(runs=runs)))
    for size in (5, 20, 100):
        row(f"near-duplicates, clusters of {size}", "leak", *map(percent, attacks.by_duplicates(size, runs=runs)))


def print_power(runs: int) -> None:
    head("power", "value")
    night, share = simulations.first_certificate(runs=runs)
    row("first leak certificate at target 0.5 %, median night", f"{night:.0f} ({percent(share)} of runs)")
    confirmed, alone = simulations.certified_despite_false_alarms(runs=runs)
    row("certified though reviewers raise 0.5 % false alarms, with second opinions", percent(confirmed))
    row("the same without second opinions", percent(alone))
    row("alarm rings in 120 nights, risk at the target", percent(simulations.alarms(1, runs=runs)[0]))
    row("alarm rings at three times a target of 0.5 %, median night", f"{simulations.alarms(3, runs=runs)[1]:.0f}")


def print_real_scores() -> None:
    head(
        "3,781 real scores, 200 seeds",
        "truth",
        "mean estimate",
        "intervals that hold it",
        "mean naive",
        "naive / truth",
    )
    for name, (found, naive) in simulations.dress_coverage(*dress_scores()).items():
        row(f"`{name}`", *map(percent, (found.truth, found.mean, found.share, naive)), f"{naive / found.truth:.2f}")


TABLES = (
    print_estimates,
    print_early_nights,
    print_naive,
    print_certified,
    print_stress,
    print_attacks,
    print_power,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=simulations.RUNS)
    parser.add_argument(
        "--figures", type=Path, metavar="FOLDER", help="write the figures there instead of printing tables"
    )
    options = parser.parse_args()
    runs = options.runs
    if options.figures:
        for path in figures.write(options.figures, scores=dress_scores(), runs=runs):
            print(path)
        return
    started = time.perf_counter()
    for table in TABLES:
        table(runs)
    print_real_scores()
    print(f"\n{runs} runs of 90 nights each in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
