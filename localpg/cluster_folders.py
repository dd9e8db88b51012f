"""The folders of a data folder's server, and the files that record where they are."""

import contextlib
import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from localpg.accounts import Account, server_account
from localpg.errors import FolderNotWritableError, FolderTakenError

# Used by root, if the account that runs the server cannot enter the data folder.
PRIVATE_ROOT = Path("/var/lib/second-look")
PORT = 5432
# sun_path holds 108 bytes on Linux and 104 on macOS, the final zero included.
LONGEST_SOCKET_PATH = 103
# libpq reads a comma in a host as a list, and PostgreSQL one in unix_socket_directories.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


@dataclass(frozen=True)
class ClusterFolders:
    """The folders of one cluster. `home` is below the data folder; the others may be elsewhere."""

    home: Path
    folder: Path
    sockets: Path

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def is_private(self) -> bool:
        return self.folder != self.home

    def record(self) -> None:
        """Record folders that another run could not derive, in both of them."""
        if self.is_private:
            write_durably(self.folder / "data_folder", f"{self.home.parent}\n", mode=0o644)
        if self != ClusterFolders(self.home, self.home, self.home / "socket"):
            folder = str(self.folder) if self.is_private else None
            text = json.dumps({"folder": folder, "sockets": str(self.sockets)})
            write_durably(self.home / "place.json", text + "\n", mode=0o644)

    def check_owner(self) -> None:
        """Refuse a private folder that serves another data folder, for example after DATA_DIR was copied.

        Raises:
            FolderTakenError: the folder serves another one. Nothing was changed.
        """
        served = served_by(self.folder)
        if self.is_private and served and served != self.home.parent and served.exists():
            raise FolderTakenError(
                f"{self.folder} is recorded in {self.home / 'place.json'}, but has the database of {served}. "
                f"One data folder has one database. If {self.home.parent} is a copy, remove its folder "
                "'postgres' and start again; it then begins with an empty database."
            )

    def make_folders(self, account: Account | None) -> None:
        """Make missing folders. The account owns only the folders that it writes to."""
        for folder in (self.folder, self.sockets.parent):
            make_own_folder(folder, mode=0o755 if account else 0o700)
        for folder in (self.sockets, self.logs):
            make_own_folder(folder, mode=0o700, account=account)

    def remove(self) -> None:
        for folder in (self.folder, self.sockets, self.home):
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: it has more than the sockets
            self.sockets.parent.rmdir()


def folders_of(home: Path) -> ClusterFolders:
    """Return the folders of the cluster of `home`, which may not exist yet. Only reads."""
    try:
        recorded = json.loads((home / "place.json").read_text())
    except FileNotFoundError:
        return _choose_folders(home)
    return ClusterFolders(home, Path(recorded["folder"] or home), Path(recorded["sockets"]))


def served_by(folder: Path) -> Path | None:
    """Return the data folder that a private folder was made for; None if it is not recorded."""
    try:
        return Path((folder / "data_folder").read_text().removesuffix("\n"))
    except FileNotFoundError:
        return None


def _choose_folders(home: Path) -> ClusterFolders:
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:10]
    private = PRIVATE_ROOT / name
    account = server_account(home / "cluster")
    folder = private if account and _is_private(home, private, account) else home
    sockets = folder / "socket"
    if not _fits(sockets):
        # Not tempfile.gettempdir(): cron and a terminal must find the same folder.
        sockets = private / "socket" if account else Path(f"/tmp/second-look-{os.geteuid()}-{name}/socket")  # noqa: S108
    return ClusterFolders(home, folder, sockets)


def _is_private(home: Path, private: Path, account: Account) -> bool:
    if (home / "cluster").exists():
        return False
    return served_by(private) == home.parent or not account.can_search(home.parent)


def _fits(sockets: Path) -> bool:
    path = os.fsencode(sockets / f".s.PGSQL.{PORT}")
    return len(path) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(sockets)) is not None


def make_own_folder(folder: Path, *, mode: int, account: Account | None = None) -> None:
    """Make a folder with this mode, whatever the umask. An existing one must belong to the current account."""
    if not folder.parent.exists():
        make_own_folder(folder.parent, mode=mode)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        _check_not_planted(folder)
        return
    if account:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(mode)


def _check_not_planted(folder: Path) -> None:
    """Refuse a folder of another account: anybody may make folders in /tmp, so it may be a trap."""
    if not folder.is_dir() or folder.is_symlink() or (os.geteuid() and folder.stat().st_uid != os.geteuid()):
        raise FolderNotWritableError(
            f"{folder} exists and does not belong to this user. The database needs a folder of its own "
            "there. Remove it, or run as the user who made it."
        )


def write_durably(path: Path, text: str, *, mode: int) -> None:
    """Write a small file so that a crash or a full disk leaves either the old file or the new one."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
