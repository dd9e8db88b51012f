"""Find the licence of a published classifier, and say whether the common licences permit commercial use."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.classifiers.conversion.publisher_facts import FormNotAccepted

_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "COPYING")
#: Front matter of a model card: `---`, lines of `key: value`, `---`.
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)
_LICENCE_LINE = re.compile(r"^license:\s*[\"']?([^\"'\n#]+?)[\"']?\s*$", re.MULTILINE)
_MOST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class CommercialUse:
    """Whether a licence permits commercial use: True, False, or None where a person has to read the licence."""

    permitted: bool | None
    why: str


#: Beginnings of licence names. The first match counts, so longer beginnings come first.
_KNOWN = (
    ("cc-by-nc", CommercialUse(permitted=False, why="Creative Commons NonCommercial: no commercial use.")),
    ("apache-2.0", CommercialUse(permitted=True, why="Apache-2.0 permits it. Keep the notices.")),
    ("mit", CommercialUse(permitted=True, why="MIT permits it. Keep the notice.")),
    ("bsd-", CommercialUse(permitted=True, why="The BSD licences permit it. Keep the notice.")),
    ("isc", CommercialUse(permitted=True, why="ISC permits it. Keep the notice.")),
    ("cc0", CommercialUse(permitted=True, why="CC0 permits it without conditions.")),
    ("unlicense", CommercialUse(permitted=True, why="The Unlicense permits it without conditions.")),
    ("cc-by-sa", CommercialUse(permitted=True, why="CC BY-SA permits it. Name the authors and share changes alike.")),
    ("cc-by", CommercialUse(permitted=True, why="CC BY permits it. Name the authors.")),
    ("mpl-2.0", CommercialUse(permitted=True, why="MPL-2.0 permits it. Publish changes to its files.")),
    (
        "agpl",
        CommercialUse(
            permitted=True, why="AGPL permits it. Anyone who serves it over a network must offer the source."
        ),
    ),
    ("gpl", CommercialUse(permitted=True, why="GPL permits it. Anyone who distributes it must offer the source.")),
    (
        "openrail",
        CommercialUse(permitted=True, why="OpenRAIL permits it except for the uses that it forbids. Read its list."),
    ),
    (
        "creativeml-openrail",
        CommercialUse(permitted=True, why="OpenRAIL permits it except for the uses that it forbids."),
    ),
)


def find_licence(folder: Path, *, stated: str, config: Mapping[str, Any]) -> str:
    """Return the licence's name: as stated, from the configuration, or from the model card's front matter.

    Raises:
        FormNotAccepted: none of them names a licence.
    """
    found = stated or str(config.get("license") or config.get("licence") or "") or _in_card(folder)
    if not found.strip():
        raise FormNotAccepted(
            f"licence of {folder}",
            found="none in config.json or in README.md's front matter",
            accepted="its SPDX name, such as apache-2.0, given with --licence once you have read it",
        )
    return found.strip()


def licence_text(folder: Path) -> str:
    """Return the text of the licence file beside the classifier, or "" where there is none."""
    paths = [folder / name for name in _FILES if (folder / name).is_file()]
    return paths[0].read_text(encoding="utf-8", errors="replace")[:_MOST_TEXT] if paths else ""


def commercial_use(licence: str) -> CommercialUse:
    """Return whether the licence of that name permits commercial use. Only an aid: the licence's text decides."""
    name = licence.strip().casefold()
    for beginning, known in _KNOWN:
        if name.startswith(beginning):
            return known
    return CommercialUse(permitted=None, why="This licence is not in our list. Read it before you rely on it.")


def _in_card(folder: Path) -> str:
    card = folder / "README.md"
    front = _FRONT_MATTER.search(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else None
    line = _LICENCE_LINE.search(front[1]) if front else None
    return line[1] if line else ""
