"""One private PostgreSQL server for one data folder."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from localpg.accounts import server_account
from localpg.cluster_folders import PORT, ClusterFolders, folders_of, make_own_folder
from localpg.errors import ClusterError, named_errors
from localpg.file_locks import locked
from localpg.initdb import (
    NAME,
    OWNER,
    make_cluster,
    read_password,
    read_passwords,
    save_passwords,
    set_passwords,
    write_settings,
)
from localpg.programs import programs_for, programs_within_reach
from localpg.runner import Runner
from localpg.server import find_server
from localpg.start_stop import end, launch
from localpg.throwaway import abandoned_folders, make_leased_folder

# Longer than a start and a stop may take, so that the second of two starters finds the first one's server.
LOCK_SECONDS = 150.0


@dataclass(frozen=True)
class ClusterStatus:
    running: bool
    state: str  # stopped, starting, ready, stopping
    pid: int | None
    version: str | None  # the major version of the data; None before the first start
    data_folder: Path
    socket_folder: Path
    log_folder: Path


class Cluster:
    """The server of `data_dir`. Creating this object changes nothing on the disk."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.home = data_dir.resolve() / "postgres"
        self.durable = durable

    def start(self) -> None:
        """Start the server unless it runs, and return when it accepts connections.

        Any number of processes may call this at once.

        Raises:
            ClusterError: a subclass for each cause, with the cause and the next step as its message.
        """
        with named_errors(self.home), self._locked() as lock:
            folders = folders_of(self.home)
            if not self._is_ready(folders):
                self._start(folders, lock=lock)

    def stop(self) -> None:
        """Stop the server and wait until it has ended. Does nothing if it is stopped."""
        self._end(gently=True)

    def status(self) -> ClusterStatus:
        with named_errors(self.home):
            folders = folders_of(self.home)
            server = find_server(folders.cluster)
            return ClusterStatus(
                running=server is not None,
                state=server.state if server else "stopped",
                pid=server.pid if server else None,
                version=_data_version(folders.cluster),
                data_folder=folders.cluster,
                socket_folder=folders.sockets,
                log_folder=folders.logs,
            )

    def connection(self, *, role: str = OWNER) -> dict[str, str | int]:
        """Return Django's connection settings, at little cost. Before the first start the password is ''."""
        with named_errors(self.home):
            return {
                "NAME": NAME,
                "USER": role,
                "PASSWORD": read_password(self.home, role=role),
                "HOST": str(folders_of(self.home).sockets),
                "PORT": PORT,
            }

    def url(self, *, role: str = OWNER) -> str:
        """Return the connection as a libpq URL, with the socket's folder as the host."""
        found = self.connection(role=role)
        password, host = (quote(str(found[key]), safe="") for key in ("PASSWORD", "HOST"))
        return f"postgresql://{found['USER']}:{password}@{host}:{found['PORT']}/{found['NAME']}"

    def destroy(self) -> None:
        """Stop the server at once and delete its data, settings and logs."""
        self._end(gently=False)
        folders_of(self.home).remove()

    @staticmethod
    def throwaway(parent: Path) -> "ThrowawayCluster":
        """Start a fast server below `parent`, whose data a crash of the machine may destroy.

        The server and its folder are removed when it is stopped or the `with` block ends. Servers of killed
        processes are removed by the next call for the same parent.
        """
        for folder in abandoned_folders(parent):
            Cluster(folder).destroy()
        return ThrowawayCluster(*make_leased_folder(parent))

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        make_own_folder(self.home, mode=0o700 if os.geteuid() else 0o755)
        with locked(self.home / "lock", seconds=LOCK_SECONDS) as lock:
            yield lock

    def _is_ready(self, folders: ClusterFolders) -> bool:
        server = find_server(folders.cluster)
        return server is not None and server.state == "ready" and all(read_passwords(self.home).values())

    def _start(self, folders: ClusterFolders, *, lock: int) -> None:
        folders.check_owner()
        self._set_aside_if_orphaned(folders)
        account = server_account(folders.cluster)
        version = _data_version(folders.cluster)
        programs = programs_within_reach(programs_for(version, cluster=folders.cluster), account)
        runner = Runner(programs, account, lock)
        folders.make_folders(account)
        folders.record()
        write_settings(folders, durable=self.durable)
        self._make_or_repair(folders, runner=runner, is_new=version is None)
        launch(folders, runner=runner)

    def _make_or_repair(self, folders: ClusterFolders, *, runner: Runner, is_new: bool) -> None:
        """Make the data, or give the roles new passwords if a file of one was lost.

        The password files are written last. If the process is killed before, the next start finds one missing and
        repairs.
        """
        saved = read_passwords(self.home)
        passwords = {role: password or secrets.token_urlsafe(32) for role, password in saved.items()}
        if is_new:
            make_cluster(folders, runner=runner, passwords=passwords, durable=self.durable)
        elif passwords != saved:
            end(folders, gently=True)
            set_passwords(folders, runner=runner, passwords=passwords)
        if passwords != saved:
            save_passwords(self.home, passwords)

    def _set_aside_if_orphaned(self, folders: ClusterFolders) -> None:
        """Rename data that a deleted DATA_DIR left elsewhere: they are not part of the new one, and are kept unused."""
        forgotten = not any(read_passwords(self.home).values()) and not (self.home / "place.json").exists()
        if folders.is_private and forgotten and folders.cluster.exists():
            end(folders, gently=True)
            folders.cluster.rename(folders.cluster.with_name(f"cluster-of-deleted-folder-{time.time_ns()}"))

    def _end(self, *, gently: bool) -> None:
        with named_errors(self.home):
            if self.home.exists():
                with self._locked():
                    end(folders_of(self.home), gently=gently)
            else:  # deleted under a server that lives elsewhere
                end(folders_of(self.home), gently=gently)


class ThrowawayCluster(Cluster):
    """A started server that is removed, with its folder, when it is stopped or its process ends."""

    def __init__(self, folder: Path, lease: int) -> None:
        super().__init__(folder, durable=False)
        self._lease = lease
        try:
            self.start()
        except ClusterError:
            self.stop()
            raise

    def stop(self) -> None:
        self.destroy()
        shutil.rmtree(self.home.parent, ignore_errors=True)
        if self._lease >= 0:
            os.close(self._lease)
            self._lease = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _data_version(cluster: Path) -> str | None:
    """Return the content of PG_VERSION, or None if there is no cluster."""
    if not cluster.exists():
        return None
    try:
        return (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return ""
