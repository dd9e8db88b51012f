#!/usr/bin/env python
"""Second Look's command line."""

import os
import sys

# Commands that must work without a database.
WITHOUT_DATABASE = {"pg", "help", "check", "collectstatic", "makemigrations", "--help", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moderation.settings")
    # No matrix here is large enough for numpy's threads, which would wait for work at full speed. Child processes
    # inherit the setting.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from django.core.management import execute_from_command_line

    if len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_DATABASE:
        start_private_cluster()
        refuse_database_of_another_version()
    execute_from_command_line(sys.argv)


def start_private_cluster() -> None:
    """Start the project's own server, which it uses if DATABASE_URL is not set."""
    import localpg
    from moderation import settings

    if settings.CLUSTER is None:
        return
    try:
        settings.CLUSTER.start()
    except localpg.ClusterError as error:
        sys.exit(f"The private PostgreSQL server could not be started: {error}")
    settings.DATABASES["default"].update(settings.CLUSTER.connection())


def refuse_database_of_another_version() -> None:
    import django
    from django.db import connection

    django.setup()
    from moderation.migration_history import OtherVersionsDatabase, check_migration_history

    try:
        check_migration_history()
    except OtherVersionsDatabase as refusal:
        sys.exit(str(refusal))
    finally:
        connection.close()  # a command that starts processes must not share it with them


if __name__ == "__main__":
    main()
