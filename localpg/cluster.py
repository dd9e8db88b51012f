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
from localpg.errors import ClusterError, named_errors
from localpg.file_locks import locked
from localpg.initdb import NAME, make_cluster, read_password, save_password, set_password, write_settings
from localpg.launching import end, launch
from localpg.places import PORT, Place, make_own_folder, place_of
from localpg.programs import programs_for, programs_within_reach
from localpg.running import Runner
from localpg.server import find_server
from localpg.throwaway import abandoned_folders, make_leased_folder

# Longer than a start and a stop may take, so that of two starters the second finds what the first made.
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
    """The server whose data belong to ``data_dir``. Making this object touches nothing."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.home = data_dir.resolve() / "postgres"
        self.durable = durable

    def start(self) -> None:
        """Start the server unless it runs, and return when it takes connections.

        Any number of processes may call this at once.

        Raises:
            ClusterError: one of its kinds, saying what was found and what to do.
        """
        with named_errors(self.home), self._locked() as lock:
            place = place_of(self.home)
            if not self._is_ready(place):
                self._start(place, lock=lock)

    def stop(self) -> None:
        """Stop the server and wait until it has gone. Stopping a stopped one does nothing."""
        self._end(gently=True)

    def status(self) -> ClusterStatus:
        with named_errors(self.home):
            place = place_of(self.home)
            server = find_server(place.cluster)
            return ClusterStatus(
                running=server is not None,
                state=server.state if server else "stopped",
                pid=server.pid if server else None,
                version=_data_version(place.cluster),
                data_folder=place.cluster,
                socket_folder=place.sockets,
                log_folder=place.logs,
            )

    def connection(self) -> dict[str, str | int]:
        """Return Django's connection settings. Cheap; before the first start the password is ''."""
        with named_errors(self.home):
            return {
                "NAME": NAME,
                "USER": NAME,
                "PASSWORD": read_password(self.home),
                "HOST": str(place_of(self.home).sockets),
                "PORT": PORT,
            }

    def url(self) -> str:
        """Return the connection as libpq's URL, the socket's folder in the place of the host."""
        found = self.connection()
        password, host = (quote(str(found[key]), safe="") for key in ("PASSWORD", "HOST"))
        return f"postgresql://{found['USER']}:{password}@{host}:{found['PORT']}/{found['NAME']}"

    def destroy(self) -> None:
        """Stop the server without ceremony and delete its data, settings and logs."""
        self._end(gently=False)
        place_of(self.home).remove()

    @staticmethod
    def throwaway(parent: Path) -> "ThrowawayCluster":
        """Start a fast server below ``parent`` that a crash of the machine may destroy.

        It and its folder go when it is stopped or the ``with`` block ends. What a killed process left
        goes at the next call for the same parent.
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

    def _is_ready(self, place: Place) -> bool:
        server = find_server(place.cluster)
        return server is not None and server.state == "ready" and read_password(self.home) != ""

    def _start(self, place: Place, *, lock: int) -> None:
        place.check_owner()
        self._set_aside_if_orphaned(place)
        account = server_account(place.cluster)
        version = _data_version(place.cluster)
        programs = programs_within_reach(programs_for(version, cluster=place.cluster), account)
        runner = Runner(programs, account, lock)
        place.make_folders(account)
        place.note()
        write_settings(place, durable=self.durable)
        self._make_or_repair(place, runner=runner, is_new=version is None)
        launch(place, runner=runner)

    def _make_or_repair(self, place: Place, *, runner: Runner, is_new: bool) -> None:
        """Make the data, or give the role a new password when its file was lost.

        The file comes last: killed before, the next start finds it missing and repairs.
        """
        known = read_password(self.home)
        password = known or secrets.token_urlsafe(32)
        if is_new:
            make_cluster(place, runner=runner, password=password, durable=self.durable)
        elif not known:
            end(place, gently=True)
            set_password(place, runner=runner, password=password)
        if not known:
            save_password(self.home, password)

    def _set_aside_if_orphaned(self, place: Place) -> None:
        """When DATA_DIR was deleted, what it had elsewhere is no part of the new one; it is kept, unused."""
        forgotten = not read_password(self.home) and not (self.home / "place.json").exists()
        if place.is_private and forgotten and place.cluster.exists():
            end(place, gently=True)
            place.cluster.rename(place.cluster.with_name(f"cluster-of-deleted-folder-{time.time_ns()}"))

    def _end(self, *, gently: bool) -> None:
        with named_errors(self.home):
            if self.home.exists():
                with self._locked():
                    end(place_of(self.home), gently=gently)
            else:  # deleted under a server that lives elsewhere
                end(place_of(self.home), gently=gently)


class ThrowawayCluster(Cluster):
    """A started server that goes, with its folder, when it is stopped or its process ends."""

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
    """Return what PG_VERSION says, or None where there is no cluster."""
    if not cluster.exists():
        return None
    try:
        return (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return ""
