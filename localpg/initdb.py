"""Make a cluster's files: the data, the settings, the role and its password."""

import contextlib
import shutil
from pathlib import Path

from localpg.cluster_folders import PORT, ClusterFolders, make_own_folder, write_durably
from localpg.errors import error_from_output
from localpg.fsync import sync_folder
from localpg.programs import Programs
from localpg.runner import Runner

NAME = "second_look"  # of the database and of the role that owns it

SETTINGS = """\
# Written at every start; changes to this file are lost.
listen_addresses = ''
port = {port}
unix_socket_directories = {sockets}
unix_socket_permissions = 0700
hba_file = {hba_file}
password_encryption = 'scram-sha-256'
cluster_name = 'second-look'
max_connections = 100
shared_buffers = '128MB'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
# One file for each weekday, emptied when that weekday begins again.
logging_collector = on
log_directory = {logs}
log_filename = 'server-%a.log'
log_rotation_age = '1d'
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%u@%d '
"""

# For throw-away clusters only: their data may be lost in a crash of the machine.
NOT_DURABLE = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"

ACCESS = "# Written at every start.\nlocal all all scram-sha-256\n"

MAKE_ROLE = f"""\
CREATE ROLE {NAME} LOGIN CREATEDB PASSWORD '{{password}}';
CREATE DATABASE {NAME} OWNER {NAME};
"""
SET_PASSWORD = f"ALTER ROLE {NAME} PASSWORD '{{password}}';\n"


def make_cluster(folders: ClusterFolders, *, runner: Runner, password: str, durable: bool) -> None:
    """Make the data under another name, then rename, so that an interrupted start leaves nothing half-made."""
    staged = folders.cluster.with_name("cluster.new")
    shutil.rmtree(staged, ignore_errors=True)
    make_own_folder(staged, mode=0o700, account=runner.account)
    command = [runner.path("initdb"), f"--pgdata={staged}", "--username=postgres", "--auth=trust"]
    quickly = [] if durable else ["--no-sync"]
    done = runner.run([*command, "--encoding=UTF8", *_locale(runner.programs), *quickly])
    if done.returncode:
        shutil.rmtree(staged, ignore_errors=True)
        raise error_from_output(done.stdout, doing="making a new database", folder=folders.folder)
    _run_sql(MAKE_ROLE.format(password=password), cluster=staged, runner=runner)
    staged.rename(folders.cluster)
    sync_folder(folders.folder)


def set_password(folders: ClusterFolders, *, runner: Runner, password: str) -> None:
    """Give the role this password. The server must be stopped."""
    _run_sql(SET_PASSWORD.format(password=password), cluster=folders.cluster, runner=runner)


def _locale(programs: Programs) -> list[str]:
    """Return options that give the same text rules on every machine: PostgreSQL's own Unicode rules from 17 on."""
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if programs.major >= 17 else []
    return ["--locale=C", *builtin]


def _run_sql(sql: str, *, cluster: Path, runner: Runner) -> None:
    """Run one statement per line as superuser, from standard input, so that no password is in argv or a log."""
    options = ["log_min_error_statement=panic", "log_statement=none", "exit_on_error=on"]
    settings = [part for option in options for part in ("-c", option)]
    done = runner.run([runner.path("postgres"), "--single", "-D", str(cluster), *settings, "postgres"], text=sql)
    if done.returncode:
        raise error_from_output(done.stdout, doing="setting up the role", folder=cluster)


def write_settings(folders: ClusterFolders, *, durable: bool) -> None:
    """Write the server's settings to a folder of the current account, never to one of the server's account."""
    access = folders.folder / "pg_hba.conf"
    settings = SETTINGS.format(
        port=PORT, sockets=_quoted(f'"{folders.sockets}"'), hba_file=_quoted(access), logs=_quoted(folders.logs)
    )
    write_durably(access, ACCESS, mode=0o644)
    write_durably(folders.folder / "postgresql.conf", settings + ("" if durable else NOT_DURABLE), mode=0o644)


def _quoted(value: Path | str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def save_password(home: Path, password: str) -> None:
    write_durably(home / "password", password + "\n", mode=0o600)


def read_password(home: Path) -> str:
    """Return the role's password, or '' if there is none yet."""
    with contextlib.suppress(FileNotFoundError):
        return (home / "password").read_text().strip()
    return ""
