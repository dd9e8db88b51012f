#!/usr/bin/env python
"""Second Look's command line."""

import os
import sys

# Commands that must work without a database.
WITHOUT_DATABASE = {"pg", "help", "check", "collectstatic", "makemigrations", "--help", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moderation.settings")
    # Nothing here multiplies matrices that are large: numpy's threads would only be started, and wait for work at full
    # speed. Whatever this process starts is spared them, too.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from django.core.management import execute_from_command_line

    if len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_DATABASE:
        start_private_cluster()
    execute_from_command_line(sys.argv)


def start_private_cluster() -> None:
    """Without DATABASE_URL the project has a server of its own, which every command may start."""
    import localpg
    from moderation import settings

    if settings.CLUSTER is None:
        return
    try:
        settings.CLUSTER.start()
    except localpg.ClusterError as error:
        sys.exit(f"The private PostgreSQL server could not be started: {error}")
    settings.DATABASES["default"].update(settings.CLUSTER.connection())


if __name__ == "__main__":
    main()
