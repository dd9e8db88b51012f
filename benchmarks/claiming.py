"""Measure the time to claim one chunk among 10,000 and among 1,000,000 pending uploads: medians, and their ratio.

SQL writes the pending uploads into a throw-away database, mixed with an equal number of screened ones. Chunks are then
claimed at the beginning, in the middle and near the end of the walk, and given back. The newest uploads are fresh and
all others are backlog. The searches for the first fresh upload, and for one after none is left, are measured as well.

python -m benchmarks.claiming [--sizes 10000 1000000] [--folder FOLDER]
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record import copy, execute, set_up, timed
from localpg import Cluster

if TYPE_CHECKING:
    from moderation.screening.walk import Walk

CHUNKS = 15
PLACES = {"at the beginning": 0.0, "in the middle": 0.5, "near the end": 0.8}
FRESH = 1_000


def main() -> None:
    options = parse()
    with Cluster.throwaway(options.folder) as cluster, tempfile.TemporaryDirectory(dir=options.folder) as data:
        set_up(cluster.url(), data=data)
        found = {size: measured(size) for size in options.sizes}
    report(found)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="the folder of the database")
    return parser.parse_args()


def measured(pending: int) -> dict[str, float]:
    """Return the milliseconds for one chunk, by the position of the walk."""
    fill(pending)
    walk = pending_walk()
    found = {place: claiming(walk, first=int(share * 2 * pending)) for place, share in PLACES.items()}
    return found | finding_fresh(walk)


def fill(pending: int) -> None:
    """Write twice ``pending`` uploads; every other thousand of them is screened already."""
    execute("TRUNCATE moderation_screening, moderation_upload, moderation_storedfile CASCADE")
    series = f"generate_series(1, {2 * pending}) i"
    status = "CASE WHEN i / 1000 % 2 = 0 THEN 'approved' ELSE 'pending' END"
    at = f"now() - CASE WHEN i > {2 * pending - FRESH} THEN interval '1 hour' ELSE interval '3 days' END"
    copy("storedfile", series, id="i", sha256="md5(i::text) || md5('again' || i)", created_at=at)
    copy("upload", series, id="i", file_id="i", external_id="'picture-' || i", status=status, received_at=at)
    screened = "moderation_upload u WHERE u.status = 'approved'"
    copy("screening", screened, id="u.id", upload_id="u.id", superseded="false")
    execute("VACUUM ANALYZE")


def pending_walk() -> "Walk":
    """Return the walk of an ordinary run, with the policies in force."""
    from moderation.models import ScreeningRun  # noqa: PLC0415 (Django is set up by now)
    from moderation.screening.modes import make_walk  # noqa: PLC0415
    from moderation.screening.runs import RunRules  # noqa: PLC0415

    rulebook = RunRules.in_force(policy=None, mode="pending").rulebook()
    return make_walk("pending", rulebook=rulebook, run=ScreeningRun.objects.get())  # the template's run


def claiming(walk: "Walk", *, first: int) -> float:
    """Return the median milliseconds over consecutive chunks."""
    from moderation.screening.supervisor import CHUNK  # noqa: PLC0415

    times = []
    for _ in range(CHUNKS):
        seconds, first = one_chunk(walk, first=first, size=CHUNK)
        times.append(seconds)
    return 1000 * statistics.median(times)


def finding_fresh(walk: "Walk") -> dict[str, float]:
    """Return the median milliseconds to find the first fresh upload, and to find that none is left."""
    from django.db import transaction  # noqa: PLC0415

    from moderation.screening.chunk import lock_files  # noqa: PLC0415
    from moderation.screening.newest_first import first_fresh_file  # noqa: PLC0415
    from moderation.screening.supervisor import CHUNK  # noqa: PLC0415

    since = walk.fresh_since
    assert since is not None

    def nothing_left() -> None:
        # The walk's first stretches hold the fresh files; the stretch after them is the backlog.
        for stretch in walk.fresh_files(since):
            with transaction.atomic():
                assert not lock_files(stretch, wanted=walk.wanted(), size=CHUNK)

    execute("UPDATE moderation_upload SET status = 'approved' WHERE received_at > now() - interval '1 day'")
    left = statistics.median(timed(nothing_left) for _ in range(CHUNKS))
    execute("UPDATE moderation_upload SET status = 'pending' WHERE received_at > now() - interval '1 day'")
    first = statistics.median(timed(lambda: first_fresh_file(since)) for _ in range(CHUNKS))
    return {"finding the first fresh upload": 1000 * first, "finding that none is left": 1000 * left}


def one_chunk(walk: "Walk", *, first: int, size: int) -> tuple[float, int]:
    """Claim one chunk; return the seconds it took, and the file after which the next chunk begins."""
    from django.db import transaction  # noqa: PLC0415

    from moderation.models import StoredFile  # noqa: PLC0415
    from moderation.screening.chunk import UploadSlice, lock_files  # noqa: PLC0415
    from moderation.screening.supervisor import MOST_UPLOADS  # noqa: PLC0415
    from moderation.screening.walk import Stretch  # noqa: PLC0415

    claimed: list[StoredFile] = []

    def claim() -> None:
        stretch = Stretch(StoredFile.objects.all(), max(first + 1, walk.first_file()))
        claimed.extend(lock_files(stretch, wanted=walk.wanted(), size=size))
        UploadSlice.of(claimed, wanted=walk.wanted(), most=MOST_UPLOADS)

    with transaction.atomic():
        seconds = timed(claim)
    assert len(claimed) == size, f"{len(claimed)} files were claimed, not {size}"
    return seconds, claimed[-1].pk


def report(found: dict[int, dict[str, float]]) -> None:
    from moderation.screening.supervisor import CHUNK  # noqa: PLC0415

    sizes = list(found)
    print(f"| one chunk of {CHUNK} | " + " | ".join(f"among {size:,}" for size in sizes) + " | ratio |")
    print("|---" * (len(sizes) + 2) + "|")
    for place, first in found[sizes[0]].items():
        cells = [f"{found[size][place]:.1f} ms" for size in sizes]
        print(f"| {place} | " + " | ".join(cells) + f" | {found[sizes[-1]][place] / first:.2f} |")


if __name__ == "__main__":
    main()
