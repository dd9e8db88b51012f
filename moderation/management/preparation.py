"""The state that a command needs: a writable DATA_DIR, a running server, and a migrated, writable database."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import django
from django.conf import settings
from django.core.management import get_commands
from django.db import connection

from localpg import SERVING
from moderation import env, storage
from moderation.database_state import check_migrated, check_version, check_writable

# Commands, by their first words, that need neither DATA_DIR nor a database.
WITHOUT_DATABASE = {
    "", "help", "version", "--version", "check", "collectstatic", "makemigrations", "pg", "certificate verify",
}  # fmt: skip
# Commands of the product that only read, and so work on a standby as well.
ONLY_READING = {
    "tune", "verify", "prescreen report", "token list", "gold results",
    "classifiers list", "classifiers score", "hashlists list", "hashlists export", "hashlists check",
}  # fmt: skip
# Commands that change tables or empty them, which only the tables' owner may do.
BY_OWNER = {"migrate", "flush", "pgtrigger"}


class NotPrepared(Exception):
    """The command cannot start, and nothing was changed. The message says why, and what to do."""


def prepare(argv: Sequence[str]) -> None:
    """Bring about the state that the command needs, or refuse to start it.

    1. Read the settings.
    2. Check that DATA_DIR can be written.
    3. Start the private server, if there is no DATABASE_URL.
    4. Choose the role: commands that change tables run as their owner.
    5. Check that the database is of this version. For commands of the product: that it is migrated, and writable.

    Raises:
        NotPrepared, DatabaseUnusable, ImproperlyConfigured, localpg.ClusterError, django.db.Error
    """
    django.setup()  # a wrong value in the environment raises here
    if not needs_database(argv):
        return
    check_data_folder()
    start_private_server()
    if is_among(argv, BY_OWNER):
        connect_as_owner()
    try:
        check_database(argv)
    finally:
        connection.close()  # a command that starts processes must not share it with them


def needs_database(argv: Sequence[str]) -> bool:
    on_a_file = any(argument.partition("=")[0] == "--csv" for argument in argv)
    only_help = {"-h", "--help"} & set(argv)
    known = argv[1:] and argv[1] in get_commands()
    return bool(known) and not (on_a_file or only_help or is_among(argv, WITHOUT_DATABASE))


def is_product_command(name: str) -> bool:
    return get_commands().get(name) == "moderation"


def is_among(argv: Sequence[str], commands: set[str]) -> bool:
    """Whether `commands` has the command that `argv` names, or this command with this action."""
    return " ".join(argv[1:2]) in commands or " ".join(argv[1:3]) in commands


def check_data_folder() -> None:
    folder = Path(settings.DATA_DIR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        storage.probe()
    except OSError as error:
        raise NotPrepared(
            f"DATA_DIR {folder} cannot be written ({error.strerror}). Nothing was changed. Make the folder writable "
            "for this account, free some space, or set DATA_DIR to another folder."
        ) from error


def start_private_server() -> None:
    """Start the project's own server, which it uses if DATABASE_URL is not set."""
    if settings.CLUSTER is not None:
        settings.CLUSTER.start()
        settings.DATABASES["default"].update(settings.CLUSTER.connection(role=SERVING))


def connect_as_owner() -> None:
    """Connect as the role that owns the tables, where there are two roles."""
    owner = settings.CLUSTER.connection() if settings.CLUSTER else settings.DATABASE_OWNER
    if owner:
        database = settings.DATABASES["default"]
        database.update(owner)
        cast("dict[str, object]", database["OPTIONS"]).update(env.database_options("DATABASE_OWNER_URL"))


def check_database(argv: Sequence[str]) -> None:
    check_version()
    if is_product_command(argv[1]):
        check_migrated()
        if not is_among(argv, ONLY_READING):
            check_writable()
