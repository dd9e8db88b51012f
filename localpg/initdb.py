"""Make a cluster's files: the data, the settings, the roles and their passwords."""

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from localpg.cluster_folders import PORT, ClusterFolders, make_own_folder, write_durably
from localpg.errors import error_from_output
from localpg.fsync import sync_folder
from localpg.programs import Programs
from localpg.runner import Runner

NAME = "second_look"  # of the database
OWNER = "second_look"  # owns the database and its tables: migrations
SERVING = "second_look_serving"  # has the rights that the owner grants: everything else
PASSWORD_FILES = {OWNER: "password", SERVING: "serving_password"}

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

# One statement per line, for the server's single-user mode.
MAKE_ROLES = f"""\
CREATE ROLE {OWNER} LOGIN CREATEDB;
CREATE ROLE {SERVING} LOGIN NOINHERIT;
CREATE DATABASE {NAME} OWNER {OWNER};
"""
# For throw-away clusters only: a test can become the owner within a transaction, to break what is protected.
MAY_BECOME_OWNER = f"GRANT {OWNER} TO {SERVING};\n"
# A cluster of an earlier version has the owner alone.
MAKE_SERVING_ROLE = (
    f"DO $$ BEGIN IF to_regrole('{SERVING}') IS NULL THEN CREATE ROLE {SERVING} LOGIN NOINHERIT; END IF; END $$;\n"
)
SET_PASSWORD = "ALTER ROLE {role} PASSWORD '{password}';\n"  # noqa: S105  (a template)


def make_cluster(folders: ClusterFolders, *, runner: Runner, passwords: Mapping[str, str], durable: bool) -> None:
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
    roles = MAKE_ROLES + ("" if durable else MAY_BECOME_OWNER)
    _run_sql(roles + _set_passwords_sql(passwords), cluster=staged, runner=runner)
    staged.rename(folders.cluster)
    sync_folder(folders.folder)


def set_passwords(folders: ClusterFolders, *, runner: Runner, passwords: Mapping[str, str]) -> None:
    """Give each role its password. The server must be stopped."""
    _run_sql(MAKE_SERVING_ROLE + _set_passwords_sql(passwords), cluster=folders.cluster, runner=runner)


def _set_passwords_sql(passwords: Mapping[str, str]) -> str:
    return "".join(SET_PASSWORD.format(role=role, password=password) for role, password in passwords.items())


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
        raise error_from_output(done.stdout, doing="setting up the roles", folder=cluster)


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


def save_passwords(home: Path, passwords: Mapping[str, str]) -> None:
    for role, password in passwords.items():
        write_durably(home / PASSWORD_FILES[role], password + "\n", mode=0o600)


def read_password(home: Path, *, role: str) -> str:
    """Return the role's password, or '' if there is none yet."""
    with contextlib.suppress(FileNotFoundError):
        return (home / PASSWORD_FILES[role]).read_text().strip()
    return ""


def read_passwords(home: Path) -> dict[str, str]:
    """Return the password of each role; '' for a role that has none yet."""
    return {role: read_password(home, role=role) for role in PASSWORD_FILES}
