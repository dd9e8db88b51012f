"""Decode any files in the sandbox: ``python -m tests.hostile FOLDER...`` prints the outcome of each.

Prints a table of outcomes by reason, then the slowest files, the largest in memory, and those that ended a decode
process. The exit status is 1 if a file ended one.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

from moderation.decoding.images import DecodeLimits, Reason
from tests.hostile.measuring import Cost, MeasuredSandbox

LISTED = 10


def files_below(roots: Sequence[Path]) -> Iterator[Path]:
    for root in roots:
        yield from (path for path in sorted(root.rglob("*")) if path.is_file()) if root.is_dir() else [root]


def line(cost: Cost) -> str:
    figures = f"{cost.seconds:8.3f} s {cost.resident / 1e6:7.0f} MB {cost.outcome:18}"
    return f"{figures} {cost.path!s:.100}  {cost.detail:.160}".encode("ascii", "backslashreplace").decode()


def table(costs: Sequence[Cost]) -> Iterator[str]:
    counts = Counter(cost.outcome for cost in costs)
    yield f"{len(costs)} files in {sum(cost.seconds for cost in costs):.1f} s"
    yield from (f"{number:8} {outcome}" for outcome, number in counts.most_common())
    for title, key in (("Slowest", "seconds"), ("Largest in memory", "resident")):
        yield f"{title}:"
        yield from map(line, sorted(costs, key=attrgetter(key), reverse=True)[:LISTED])
    yield "Files that ended a decode process:"
    yield from map(line, died(costs))


def died(costs: Sequence[Cost]) -> list[Cost]:
    return [cost for cost in costs if cost.outcome == Reason.DECODER_DIED]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("paths", metavar="FOLDER", nargs="*", type=Path, default=[Path("demo")])
    parser.add_argument("--all", action="store_true", help="print a line for each file")
    arguments = parser.parse_args()
    costs = []
    with MeasuredSandbox(limits=DecodeLimits()) as sandbox:
        for cost in sandbox.measure(files_below(arguments.paths)):
            costs.append(cost)
            if arguments.all:
                print(line(cost), flush=True)  # noqa: T201
    print("\n".join(table(costs)))  # noqa: T201
    return 1 if died(costs) else 0


if __name__ == "__main__":
    sys.exit(main())
