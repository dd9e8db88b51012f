"""What bringing a list of a million hashes in and out takes: seconds, and memory beyond what the program takes anyhow.

Half of the entries are PDQ hashes, half sha256; read as CSV, imported, imported again, written out in both formats.

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
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the database may lie")
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


def timed(what: str, do: Callable[[], object]) -> None:
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    do()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    print(f"{what}: {time.monotonic() - started:.0f} s, {grown:.0f} MB more at the most", flush=True)


if __name__ == "__main__":
    main()
