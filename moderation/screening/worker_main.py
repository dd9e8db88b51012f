"""A worker process of the pre-screen: does chunks as its command tells it over stdin.

Started as ``python -m moderation.screening.worker_main``; the first line that it reads sets it up. It answers each line
with one line. When its command goes away it ends, after the chunks that it is busy with.
"""

import gc
import json
import os
import signal
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from moderation.screening.chunk import Screener
    from moderation.screening.engine import Engine

# Chunks last seconds, files that hang a few times DECODE_SECONDS; a page's limits would end them.
WORKER_OPTIONS = (
    "-c jit=off -c statement_timeout=60000 -c lock_timeout=30000 -c idle_in_transaction_session_timeout=1200000"
)

# What has tables that screening reads or writes; the pages' apps take half a second more to load.
APPS = [
    "moderation.apps.ModerationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "pgtrigger",
    "pghistory",
]


def main() -> None:
    # Signals of the terminal and of the operator are the command's to handle: it lets a chunk finish.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    answers = _own_stdout()
    gc.disable()  # nothing that is imported goes away: looking for it takes a tenth of the start
    setup = json.loads(sys.stdin.readline())
    _set_up_django(setup)
    _serve(setup, answers=answers)


def _set_up_django(setup: dict[str, Any]) -> None:
    """The settings of the command that started us, over those of the environment."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
    import django
    from django.conf import settings

    database: dict[str, Any] = settings.DATABASES["default"]
    options = {name: value for name, value in database["OPTIONS"].items() if name != "pool"}
    database.update(setup["database"])
    settings.INSTALLED_APPS = APPS
    # One connection of its own, outside the pool; what concerns TLS stays.
    database["OPTIONS"] = {**options, "options": WORKER_OPTIONS}
    for name, value in setup["settings"].items():
        setattr(settings, name, value)
    settings.FILE_UPLOAD_TEMP_DIR = Path(settings.DATA_DIR) / "incoming"  # it moves along
    django.setup()


def _serve(setup: dict[str, Any], *, answers: TextIO) -> None:
    """Answer each line of the command with one of our own; an error that no file is to blame for ends the run."""
    from django.db import DatabaseError

    from moderation.decoding.sandbox import SandboxUnavailable
    from moderation.inference.classifier import ClassifierFileError
    from moderation.inference.tensors import ModelOutputError
    from moderation.screening.chunk_threads import ChunkThreads
    from moderation.storage import StorageFull

    def answer(content: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # our command is gone: what is committed stays, and stdin ends as well
            answers.write(json.dumps(content) + "\n")  # one write: lanes answer from threads of their own
            answers.flush()

    try:
        with _engine(setup) as engine:
            gc.freeze()  # nor need any later collection look at it again
            gc.enable()
            answer({"ready": True})
            ChunkThreads(_screener(setup, engine=engine), count=setup["lanes"], answer=answer).work(sys.stdin)
    except (ClassifierFileError, DatabaseError, ModelOutputError, SandboxUnavailable, StorageFull) as error:
        answer({"error": f"{type(error).__name__}: {error}"})


def _engine(setup: dict[str, Any]) -> "Engine":
    from moderation.screening.engine import Engine, Rulebook

    return Engine(Rulebook.of(**{name: setup[name] for name in ("versions", "epochs", "shadows")}))


def _screener(setup: dict[str, Any], *, engine: "Engine") -> "Screener":
    from moderation.models import ScreeningRun
    from moderation.screening.attempts import Attempts
    from moderation.screening.rescreening import SCREENERS

    run = ScreeningRun.objects.get(pk=setup["run"])
    screener = SCREENERS[setup["mode"]]
    since = datetime.fromisoformat(setup["since"]) if setup["since"] else None
    attempts = Attempts(run=run, worker=setup["worker"])
    return screener(engine, run=run, attempts=attempts, dry_run=setup["dry_run"], since=since)


def _own_stdout() -> TextIO:
    """Keep standard output for answers; whatever a library prints goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    main()
