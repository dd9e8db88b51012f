"""Screen a night of 20,000 uploads in two process groups through four kill -9, then repeat the night.

Code varies the uploads from a folder of photos; one in 200 is cut short. Two groups of processes screen them. Like two
machines, the groups share only the database and the folder. At four points of progress, SIGKILL ends a part of the
first group: its command, a worker, a decode process, the whole group. The command is restarted when it has ended, as
systemd would do. Then `verify` checks the whole record, and the same folder is ingested and screened again, which must
change no row.

The resident memory of every process is sampled once a second.

python -m benchmarks.night [--images FOLDER] [--count 20000] [--report FILE]
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import psycopg

from benchmarks.night_report import Kill, MeasuredNight, NightResult
from benchmarks.processes import Group, processes_of
from localpg import Cluster
from moderation.demo.pictures import read_photos
from moderation.demo.variants import variants

# The share of the uploads after which a part of the first group is killed, and that part.
KILLS = ((0.15, "command"), (0.35, "worker"), (0.55, "decoder"), (0.75, "group"))
CUT_SHORT_EVERY = 200
# Tables that record each run and when it took place. A second night may change no row of any other table.
OF_EACH_NIGHT = {"moderation_screeningrun", "moderation_screeningrun_policy_versions", "moderation_rollup"}


def main() -> None:
    options = parse()
    with (
        tempfile.TemporaryDirectory(prefix="second-look-night-", dir=options.folder) as folder,
        opened(folder) as place,
    ):
        make_uploads(options.images, place.uploads, count=options.count)
        print(f"{options.count:,} uploads made", flush=True)
        found = measured(place, count=options.count)
    print(found.in_words())
    if options.report:
        options.report.write_text(found.in_words())
    sys.exit(0 if found.good else 1)


def measured(place: "Place", *, count: int) -> NightResult:
    place.manage("migrate", "--verbosity", "0")
    ingested = place.ingest()
    first = one_night(place, count=count, kills=KILLS)
    verified = json.loads(place.manage("verify", "--json"))
    before, report = place.fingerprint(), place.manage("prescreen", "report")
    place.ingest()
    again = one_night(place, count=count, kills=())
    return NightResult(
        count=count,
        first=first,
        again=again,
        ingested=ingested,
        verified=verified,
        report=report,
        screened=place.screened_once(),
        changed=[name for name, found in place.fingerprint().items() if found != before[name]],
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=Path("demo"), help="a folder of photos (default: demo)")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--report", type=Path, help="also write the report to this file, as Markdown")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="for 6 GB of files and database",
    )
    return parser.parse_args()


def make_uploads(images: Path, target: Path, *, count: int) -> None:
    """Write ``count`` files with different bytes, each another crop, border or tint of a photo."""
    made = islice(variants(read_photos(images), random=Random(7)), count)
    for number, (name, content) in enumerate(made):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two crops may be equal, so a number follows the end of each JPEG, where it changes no pixel.
        path.write_bytes(content[: len(content) // 2] if number % CUT_SHORT_EVERY == 0 else content)
        with path.open("ab") as file:
            file.write(number.to_bytes(4, "big"))


@dataclass
class Place:
    """The database, the DATA_DIR and the folder of uploads of this benchmark."""

    url: str
    data: Path
    uploads: Path

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "DATABASE_URL": self.url,
            "DATA_DIR": str(self.data),
            "SECRET_KEY": "a night " * 8,
            "LOG_LEVEL": "ERROR",
        }
        return {**os.environ, **given}

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        ended = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=False)
        if ended.returncode and arguments[0] != "verify":
            sys.exit(f"manage.py {' '.join(arguments)} ended with {ended.returncode}")
        return ended.stdout

    def ingest(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.manage("ingest", str(self.uploads), "--json").splitlines()[-1])
        return found

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql).fetchall()

    def done(self) -> int:
        """Return the number of uploads that are no longer pending."""
        ((count,),) = self.query("SELECT count(*) FROM moderation_upload WHERE status <> 'pending'")
        return int(str(count))

    def fingerprint(self) -> dict[str, object]:
        """Return a hash of all rows for each table, including the history tables."""
        named = self.query(r"SELECT tablename FROM pg_tables WHERE tablename LIKE 'moderation\_%' ORDER BY 1")
        tables = {str(name) for (name,) in named} - OF_EACH_NIGHT
        sql = "SELECT md5(string_agg(md5(t::text), '' ORDER BY t::text)) FROM \"{}\" t"
        return {table: self.query(sql.format(table))[0][0] for table in sorted(tables)}

    def screened_once(self) -> dict[str, int]:
        """Return the number of readable uploads by the number of their live screenings."""
        sql = """
            SELECT live, count(*) FROM (
                SELECT count(s.id) AS live FROM moderation_upload u
                LEFT JOIN moderation_screening s ON s.upload_id = u.id AND NOT s.superseded
                WHERE u.status <> 'quarantined' GROUP BY u.id
            ) each GROUP BY live ORDER BY live
        """
        return {str(live): int(str(count)) for live, count in self.query(sql)}


@contextlib.contextmanager
def opened(folder: str) -> Iterator[Place]:
    cluster = Cluster(Path(folder) / "data")
    try:
        cluster.start()
        yield Place(url=cluster.url(), data=Path(folder) / "data", uploads=Path(folder) / "uploads")
    finally:
        cluster.destroy()


def one_night(place: Place, *, count: int, kills: Sequence[tuple[float, str]]) -> MeasuredNight:
    """Screen all pending uploads with two groups; start the first one again when its command has ended."""
    night, started, reported = MeasuredNight(), time.monotonic(), 0
    due = [Kill(at=round(count * share), part=part) for share, part in kills]
    first, second = (Group(place.environment, "prescreen", "--processes", "1") for _ in range(2))
    while not (first.succeeded and second.succeeded):
        done = place.done()
        now = time.monotonic() - started
        night.samples += [process.sample(now, done) for group in (first, second) for process in processes_of(group)]
        if due and done >= due[0].at and kill(due[0], first):
            due[0].after = done
            night.kills.append(due.pop(0))
            print(f"{now:5.0f} s: {done:,} done, killed the {night.kills[-1].part}", flush=True)
        if first.ended and not first.succeeded:
            first.start()
            night.restarts += 1
        if len(night.samples) // 1000 > reported:
            reported = len(night.samples) // 1000
            print(f"{now:5.0f} s: {done:,} done", flush=True)
        time.sleep(1)
    night.seconds = time.monotonic() - started
    if due:
        sys.exit(f"The night ended before a {due[0].part} could be killed. Use more uploads: --count {2 * count}")
    # The next run screens the files that a killed command's workers were processing, each on its own.
    place.manage("prescreen", "--processes", "1")
    return night


def kill(wanted: Kill, group: Group) -> bool:
    """Kill the wanted part of the group; return False if it is not running."""
    found = [process.pid for process in processes_of(group) if process.role == wanted.part]
    if group.ended or not (found or wanted.part == "group"):
        return False
    with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
        if wanted.part == "group":
            os.killpg(group.pid, signal.SIGKILL)
        else:
            os.kill(found[0], signal.SIGKILL)
    return True


if __name__ == "__main__":
    main()
