"""No two classes of the product share a name, so that a name alone says which class is meant."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_no_two_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for package in ("localpg", "moderation", "reviewqueue"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(str(path.relative_to(ROOT)))
    # Django finds a command by its module, and requires the class name Command.
    assert len(places.pop("Command")) > 1
    assert {name: found for name, found in places.items() if len(found) > 1 and name != "Migration"} == {}
