"""Measure the import and export of a list of a million hashes: seconds, and additional memory.

Half of the entries are PDQ hashes and half are sha256. The list is imported from CSV, imported again, and exported in
both formats.

python -m benchmarks.hash_lists [--count 1000000] [--folder FOLDER]
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.record import start_django
from localpg import Cluster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="the folder of the database")
    options = parser.parse_args()
    with Cluster.throwaway(options.folder) as cluster, tempfile.TemporaryDirectory(dir=options.folder) as data:
        start_django(cluster.url(), data=data)
        measure(write(Path(data) / "list.csv", count=options.count))


def write(path: Path, *, count: int) -> Path:
    chance = random.Random(1)
    with path.open("w") as file:
        file.write("algorithm,hash,label\n")
        for number in range(count):
            file.write(f"{('pdq', 'sha256')[number % 2]},{chance.randbytes(32).hex()},benchmark\n")
    return path


def measure(path: Path) -> None:
    from django.core.management import call_command  # noqa: PLC0415

    from moderation.models import User  # noqa: PLC0415

    User.objects.create_user("ada")
    signed = ["--by", "ada", "--why", "A benchmark."]
    call_command("hashlists", "create", "many", "--policy", "adult-content", "--kind", "known-bad", *signed)
    timed("import", lambda: call_command("hashlists", "import", str(path), "--list", "many", *signed))
    timed("import again", lambda: call_command("hashlists", "import", str(path), "--list", "many", *signed))
    for written_as in ("csv", "threatexchange"):
        output = str(path.with_suffix(f".{written_as}"))
        timed(
            f"export {written_as}",
            partial(call_command, "hashlists", "export", "many", "--format", written_as, "--output", output),
        )


def timed(name: str, action: Callable[[], object]) -> None:
    """Run ``action``, then print its seconds and how far it raised the peak of resident memory."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    action()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    print(f"{name}: {time.monotonic() - started:.0f} s, at most {grown:.0f} MB more memory", flush=True)


if __name__ == "__main__":
    main()
