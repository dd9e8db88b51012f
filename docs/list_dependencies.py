"""Write the tables of docs/dependencies.md: each package's version, its licence and the reason for it.

Versions come from the locked files, reasons from the .in files, licences from what the packages that are installed
state. Run it as ``make licences``; ``make check`` runs it with ``--check``, which writes nothing and fails where the
tables are out of date.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "dependencies.md"
MARKER = "<!-- Everything below this line is written by `make licences`. -->\n"

#: A line of an .in file: the package, its extras and range of versions, the reason.
REQUIRED = re.compile(r"^(?P<name>[\w.-]+)[^#\n]*?(?: +# *(?P<reason>.+))?$", re.MULTILINE)
#: An entry of a locked file, up to the comment that names where it comes from.
LOCKED = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[.*?\])?==(?P<version>[^ \n]+).*?# via (?P<via>.*?)$", re.MULTILINE | re.DOTALL
)

#: SPDX names of licences that older packages state in other words.
SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    **{name: name for name in ("Apache-2.0", "BSD-3-Clause", "MIT")},
}
#: Packages that state none, or one too vague; read in the licence file that each brings.
READ_IN_THE_LICENCE_FILE = {
    "axe-playwright-python": "MIT",
    "cronsim": "BSD-3-Clause",
    "django-csp": "BSD-3-Clause",
    "pytest-django": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "sqlparse": "BSD-3-Clause",
}


@dataclass(frozen=True)
class Package:
    """An entry of a locked file."""

    name: str
    version: str
    required_by: tuple[str, ...]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--check", action="store_true", help="write nothing; fail where the tables are out of date")
    check = options.parse_args().check
    before = PAGE.read_text()
    after = before.partition(MARKER)[0] + MARKER + tables()
    if check and after != before:
        sys.exit("The tables of docs/dependencies.md are out of date. Run 'make licences' and commit the file.")
    if not check:
        PAGE.write_text(after)


def tables() -> str:
    run, dev = locked("requirements.txt"), locked("requirements-dev.txt")
    run_reasons, dev_reasons = reasons("requirements.in"), reasons("requirements-dev.in")
    only_dev = {name: package for name, package in dev.items() if name not in run}
    return (
        table("Direct run-time dependencies", direct(run, run_reasons), "what for", run_reasons)
        + table("Indirect run-time dependencies", indirect(run, run_reasons), "required by")
        + table("Direct dependencies of checks and tests", direct(only_dev, dev_reasons), "what for", dev_reasons)
        + table("Indirect dependencies of checks and tests", indirect(only_dev, dev_reasons), "required by")
    )


def locked(file: str) -> dict[str, Package]:
    """Return the packages of a locked file by name."""
    found = LOCKED.finditer((ROOT / file).read_text())
    packages = (Package(entry["name"], entry["version"], tuple(requiring(entry["via"]))) for entry in found)
    return {package.name: package for package in packages}


def requiring(via: str) -> Iterable[str]:
    """Name the packages of a "via" comment, without the files in it (``-r requirements.in``)."""
    return (name for name in via.split(", ") if not name.startswith("-"))


def reasons(file: str) -> dict[str, str]:
    """Return why each package of an .in file is there; every package must say it."""
    found = {normal(line["name"]): line["reason"] for line in REQUIRED.finditer((ROOT / file).read_text())}
    if silent := [name for name, reason in found.items() if not reason]:
        sys.exit(f"{file} gives no reason for {', '.join(silent)}. Write one behind each: name  # reason")
    return found


def direct(packages: Mapping[str, Package], wanted: Iterable[str]) -> list[Package]:
    """The packages that an .in file names, in its order."""
    if missing := [name for name in wanted if name not in packages]:
        sys.exit(f"The locked files lack {', '.join(missing)}. Run 'make lock'.")
    return [packages[name] for name in wanted]


def indirect(packages: Mapping[str, Package], wanted: Iterable[str]) -> list[Package]:
    return [package for name, package in packages.items() if name not in set(wanted)]


def table(title: str, packages: Iterable[Package], last: str, reasons: Mapping[str, str] | None = None) -> str:
    rows = (
        f"| {installed(package).metadata['Name']} | {package.version} | {licence(installed(package))} |"
        f" {reasons[package.name] if reasons else ', '.join(package.required_by)} |\n"
        for package in packages
    )
    return f"\n## {title}\n\n| package | version | licence | {last} |\n|---|---|---|---|\n{''.join(rows)}"


def installed(package: Package) -> Distribution:
    """Return an installed package; exit unless it has the locked version, as licences may differ between versions."""
    try:
        found = distribution(package.name)
    except PackageNotFoundError:
        sys.exit(f"{package.name} is not installed. Run 'make install-dev'.")
    if found.version != package.version:
        sys.exit(f"{package.name} {found.version} is installed, not {package.version}. Run 'make install-dev'.")
    return found


def licence(package: Distribution) -> str:
    """Return the SPDX expression of a package's licence."""
    name, metadata = normal(package.metadata["Name"]), package.metadata
    if expression := metadata.get("License-Expression") or READ_IN_THE_LICENCE_FILE.get(name):
        return expression
    trove = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if "License ::" in line]
    stated = [metadata.get("License", "").partition("\n")[0], *trove]
    if recognised := [SPDX[words] for words in stated if words in SPDX]:
        return recognised[0]
    sys.exit(f"{name} states its licence as {stated}. Read its licence file and add it to docs/list_dependencies.py.")


def normal(name: str) -> str:
    """Spell a name as the locked files do."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
