"""Measure the roll-up of one night, `tune`, the report and /metrics on top of 100,000 to 10,000,000 screenings.

SQL writes the record into a throw-away database: uploads, screenings, tasks and decisions of 90 days, all rolled up.
Then come five nights of 10,000 uploads with their verdicts, each rolled up and measured by itself.

python -m benchmarks.rollup [--sizes 100000 1000000 10000000] [--folder FOLDER]
"""

import argparse
import io
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import copy, execute, set_up, timed
from localpg import Cluster

NIGHT, NIGHTS, DAYS = 10_000, 5, 90
TABLES = (
    "decision", "reviewtask", "drawnupload", "firstopinion", "opinioncount", "ledgerrow", "ledgerday", "rollup",
    "screening", "upload", "storedfile",
)  # fmt: skip
# About 87 of 100 scores lie below the default low (0.2), and 2 of 100 from the default high (0.8) on.
SCORE = "random() ^ 12"
DRAWN = "sampling_reason <> 'none'"


def main() -> None:
    options = parse()
    with Cluster.throwaway(options.folder) as cluster, tempfile.TemporaryDirectory(dir=options.folder) as data:
        set_up(cluster.url(), data=data)
        found = {size: measured(size) for size in options.sizes}
    report(found)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="the folder of the database")
    return parser.parse_args()


def measured(size: int) -> dict[str, float]:
    """Return the seconds of each step on top of ``size`` screenings, as the median of the nights."""
    execute(f"TRUNCATE {', '.join(f'moderation_{table}' for table in TABLES)} CASCADE")
    print(f"{size:,} screenings: filled in {timed(lambda: fill(size)):.0f} s", flush=True)
    first = timed(lambda: run("rollup"))
    print(f"first roll-up of all in {first:.1f} s", flush=True)
    nights = [one_night(size + NIGHT * night, night=night) for night in range(NIGHTS)]
    found = {name: statistics.median(each[name] for each in nights) for name in nights[0]} | {"first roll-up": first}
    print(", ".join(f"{name}: {seconds:.2f} s" for name, seconds in found.items()), flush=True)
    return found


def one_night(after: int, *, night: int) -> dict[str, float]:
    append(NIGHT, after=after, since=f"{NIGHTS + 1 - night} days", lasting="12 hours")
    return {
        f"roll-up of {NIGHT:,} new": timed(lambda: run("rollup")),
        "roll-up of nothing": timed(lambda: run("rollup")),
        "tune": timed(lambda: run("tune", "--json")),
        "prescreen report": timed(lambda: run("prescreen", "report")),
        "/metrics": timed(scrape),
    }


def fill(size: int) -> None:
    """Write ``size`` screenings of 90 days, up to one day before the measured nights."""
    append(size, after=0, since=f"{NIGHTS + 2 + DAYS} days", lasting=f"{DAYS} days")
    execute("VACUUM ANALYZE")


def append(count: int, *, after: int, since: str, lasting: str) -> None:
    """Write uploads ``after`` + 1 to ``after`` + ``count``, evenly from midnight ``since`` ago over ``lasting``."""
    at = f"date_trunc('day', now(), 'UTC') - interval '{since}' + (i - {after}) * (interval '{lasting}' / {count + 1})"
    series = f"generate_series({after + 1}, {after + count}) i"
    with_verdict = f"moderation_screening s WHERE s.id > {after} AND {DRAWN}"
    copy("storedfile", series, id="i", sha256="md5(i::text) || md5('again' || i)")
    copy("upload", series, id="i", file_id="i", external_id="'picture-' || i", received_at=at, status="'approved'")
    copy("screening", screenings(series, at=at), **{name: f"one.{name}" for name in SCREENING})
    copy("reviewtask", with_verdict, id="s.id", upload_id="s.upload_id", screening_id="s.id", opened_at="s.created_at")
    verdict = "CASE WHEN s.score > 0.5 THEN 'violating' ELSE 'benign' END"
    copy("decision", with_verdict, id="s.id", upload_id="s.upload_id", task_id="s.id", screening_id="s.id",
         verdict=verdict, reason="'nudity'", decided_at="s.created_at + interval '1 hour'")  # fmt: skip


SCREENING = ("id", "upload_id", "score", "route", "u", "pi", "sampling_reason", "rate_class", "created_at")


def screenings(series: str, *, at: str) -> str:
    """Return SQL for the screenings that the pre-screen would write: the route by score, the coin by route."""
    from tests.factories import version_in_force  # noqa: PLC0415

    version = version_in_force()
    low, high = version.low, version.high
    approve, reject = version.audit_rate_approve, version.audit_rate_reject
    region = f"CASE WHEN score < {low} THEN 'approve' WHEN score >= {high} THEN 'reject' ELSE 'review' END"
    pi = f"CASE route WHEN 'approve' THEN {approve} WHEN 'reject' THEN {reject} ELSE 1 END::float8"
    reason = "CASE WHEN u >= pi THEN 'none' WHEN route = 'review' THEN 'review_band' ELSE 'audit_' || route END"
    return f"""(
        SELECT *, {reason} AS sampling_reason, route || ':' || pi AS rate_class FROM (
            SELECT *, {pi} AS pi FROM (
                SELECT *, {region} AS route FROM (
                    SELECT i AS id, i AS upload_id, {at} AS created_at, {SCORE} AS score, random() AS u FROM {series}
                ) scored
            ) routed
        ) drawn
    ) one"""


def scrape() -> None:
    from moderation.reporting.metrics import exposition  # noqa: PLC0415

    exposition()


def run(*command: str) -> None:
    from django.core.management import call_command  # noqa: PLC0415

    call_command(*command, stdout=io.StringIO())


def report(found: dict[int, dict[str, float]]) -> None:
    sizes: Sequence[int] = list(found)
    smallest = found[sizes[0]]
    print("\n| | " + " | ".join(f"{size:,}" for size in sizes) + " |")
    print("|---" * (len(sizes) + 1) + "|")
    for name in smallest:
        cells = [f"{found[size][name] / smallest[name]:.2f} ({found[size][name]:.2f} s)" for size in sizes]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
