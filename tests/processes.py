"""Start commands as separate processes on the test's database and DATA_DIR."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

# Much longer than any wait on an idle machine, so that a busy machine causes no failure.
PATIENCE = 300.0


def command_environment() -> dict[str, str]:
    """Return the environment with the test's database and DATA_DIR."""
    urls = {"DATABASE_URL": url_of(connection.settings_dict)}
    if owner := settings.DATABASE_OWNER:
        urls["DATABASE_OWNER_URL"] = url_of({**owner, "NAME": connection.settings_dict["NAME"]})
    return {**os.environ, **urls, "DATA_DIR": str(settings.DATA_DIR)}


def url_of(database: Mapping[str, Any]) -> str:
    user, password, host = (quote(str(database[key]), safe="") for key in ("USER", "PASSWORD", "HOST"))
    return f"postgresql://{user}:{password}@{host}:{database['PORT'] or 5432}/{database['NAME']}"


def start_command(
    *arguments: str, quiet: bool = False, group: bool = False, also: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start ``manage.py`` with these arguments.

    Args:
        quiet: discard the output; otherwise ``communicate()`` returns it.
        group: start it in a session of its own. As on another machine, it shares only the database and DATA_DIR with
            other groups; ``os.killpg`` ends it together with all processes that it started.
        also: additional environment variables.
    """
    where = subprocess.DEVNULL if quiet else subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**command_environment(), **(also or {})},
        stdout=where,
        stderr=where,
        text=True,
        start_new_session=group,
    )


def wait_for(condition: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "The condition was not met in time."
        time.sleep(0.01)
