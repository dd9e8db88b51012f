"""Which licence a classifier comes under, where publishers write it, and what is known of the usual ones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.classifiers.conversion.publisher_facts import FormNotAccepted

_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "COPYING")
#: The model card's front matter: `---`, lines of `key: value`, `---`.
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)
_LICENCE_LINE = re.compile(r"^license:\s*[\"']?([^\"'\n#]+?)[\"']?\s*$", re.MULTILINE)
_MOST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Commercial:
    """Whether a licence permits commercial use: True, False, or None where a person has to read it."""

    permitted: bool | None
    why: str


#: Beginnings of licence names; the first that fits counts, so the narrower ones come first.
_KNOWN = (
    ("cc-by-nc", Commercial(permitted=False, why="Creative Commons NonCommercial: no commercial use.")),
    ("apache-2.0", Commercial(permitted=True, why="Apache-2.0 permits it; keep the notices.")),
    ("mit", Commercial(permitted=True, why="MIT permits it; keep the notice.")),
    ("bsd-", Commercial(permitted=True, why="The BSD licences permit it; keep the notice.")),
    ("isc", Commercial(permitted=True, why="ISC permits it; keep the notice.")),
    ("cc0", Commercial(permitted=True, why="CC0 asks for nothing.")),
    ("unlicense", Commercial(permitted=True, why="The Unlicense asks for nothing.")),
    ("cc-by-sa", Commercial(permitted=True, why="CC BY-SA permits it; name the authors, share changes alike.")),
    ("cc-by", Commercial(permitted=True, why="CC BY permits it; name the authors.")),
    ("mpl-2.0", Commercial(permitted=True, why="MPL-2.0 permits it; publish changes of its files.")),
    ("agpl", Commercial(permitted=True, why="AGPL permits it, but who serves it over a network owes the source.")),
    ("gpl", Commercial(permitted=True, why="GPL permits it, but who passes it on owes the source.")),
    ("openrail", Commercial(permitted=True, why="OpenRAIL permits it within its list of forbidden uses: read that.")),
    ("creativeml-openrail", Commercial(permitted=True, why="OpenRAIL permits it within its list of forbidden uses.")),
)


def find_licence(folder: Path, *, told: str, config: Mapping[str, Any]) -> str:
    """The licence as told, as the configuration says, or as the model card's front matter says.

    Raises:
        NotAccepted: nobody says which.
    """
    found = told or str(config.get("license") or config.get("licence") or "") or _in_card(folder)
    if not found.strip():
        raise FormNotAccepted(
            f"licence of {folder}",
            found="none in config.json or in README.md's front matter",
            accepted="its SPDX name, such as apache-2.0, given with --licence once you have read it",
        )
    return found.strip()


def licence_text(folder: Path) -> str:
    """The words of a licence file beside the classifier; empty where there is none."""
    paths = [folder / name for name in _FILES if (folder / name).is_file()]
    return paths[0].read_text(encoding="utf-8", errors="replace")[:_MOST_TEXT] if paths else ""


def commercial_use(licence: str) -> Commercial:
    """What is known of a licence by its name. Only an aid: the licence's own text decides."""
    name = licence.strip().casefold()
    for beginning, known in _KNOWN:
        if name.startswith(beginning):
            return known
    return Commercial(permitted=None, why="Not a licence that is known here: read it before you rely on it.")


def _in_card(folder: Path) -> str:
    card = folder / "README.md"
    front = _FRONT_MATTER.search(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else None
    line = _LICENCE_LINE.search(front[1]) if front else None
    return line[1] if line else ""
