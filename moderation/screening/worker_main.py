"""A worker process of the pre-screen: runs the chunks that its command requests over stdin.

Started as ``python -m moderation.screening.worker_main``. The first line that it reads sets it up; it answers each
further line with one line. When its command goes away, the worker ends after the chunks that it is busy with.
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
    from moderation.screening.chunk import ChunkRunner
    from moderation.screening.engine import Engine

# A chunk lasts seconds, and a few times DECODE_SECONDS if files hang: the time limits of pages would end it.
WORKER_OPTIONS = (
    "-c jit=off -c statement_timeout=60000 -c lock_timeout=30000 -c idle_in_transaction_session_timeout=1200000"
)

# The apps with tables that screening reads or writes; loading the pages' apps would take half a second more.
APPS = [
    "moderation.apps.ModerationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "pgtrigger",
    "pghistory",
]


def main() -> None:
    # The command handles the signals of the terminal and of the operator: it lets a chunk finish.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    answers = _own_stdout()
    gc.disable()  # imports create no garbage, and looking for it takes a tenth of the start
    setup = json.loads(sys.stdin.readline())
    _set_up_django(setup)
    _serve(setup, answers=answers)


def _set_up_django(setup: dict[str, Any]) -> None:
    """Set up Django with the settings of the command, which override those of the environment."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
    import django
    from django.conf import settings

    database: dict[str, Any] = settings.DATABASES["default"]
    options = {name: value for name, value in database["OPTIONS"].items() if name != "pool"}
    database.update(setup["database"])
    settings.INSTALLED_APPS = APPS
    # Connections outside the pool; the options about TLS stay.
    database["OPTIONS"] = {**options, "options": WORKER_OPTIONS}
    for name, value in setup["settings"].items():
        setattr(settings, name, value)
    settings.FILE_UPLOAD_TEMP_DIR = Path(settings.DATA_DIR) / "incoming"  # it lies below DATA_DIR
    django.setup()


def _serve(setup: dict[str, Any], *, answers: TextIO) -> None:
    """Answer each line of the command. An error that no file causes is reported and ends the run."""
    from django.db import DatabaseError

    from moderation.decoding.sandbox import SandboxUnavailable
    from moderation.inference.classifier import ClassifierFileError
    from moderation.inference.tensors import ModelOutputError
    from moderation.screening.chunk_threads import ChunkThreads
    from moderation.storage import StorageFull

    def answer(content: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # the command is gone: committed chunks stay, and stdin ends too
            answers.write(json.dumps(content) + "\n")  # one write, because several threads answer
            answers.flush()

    try:
        with _engine(setup) as engine:
            gc.freeze()  # later collections need not look at the imports either
            gc.enable()
            answer({"ready": True})
            ChunkThreads(_runner(setup, engine=engine), count=setup["threads"], answer=answer).work(sys.stdin)
    except (ClassifierFileError, DatabaseError, ModelOutputError, SandboxUnavailable, StorageFull) as error:
        answer({"error": f"{type(error).__name__}: {error}"})


def _engine(setup: dict[str, Any]) -> "Engine":
    from moderation.screening.engine import Engine
    from moderation.screening.rulebook import Rulebook

    return Engine(Rulebook.of(**{name: setup[name] for name in ("versions", "epochs", "shadows")}))


def _runner(setup: dict[str, Any], *, engine: "Engine") -> "ChunkRunner":
    from moderation.models import ScreeningRun
    from moderation.screening.attempts import Attempts
    from moderation.screening.chunk import ChunkRunner
    from moderation.screening.modes import make_strategy, make_walk

    mode, dry_run = setup["mode"], setup["dry_run"]
    run = ScreeningRun.objects.get(pk=setup["run"])
    since = datetime.fromisoformat(setup["since"]) if setup["since"] else None
    return ChunkRunner(
        make_walk(mode, rulebook=engine.rulebook, run=run, dry_run=dry_run, since=since),
        make_strategy(mode, engine=engine, run=run, most_uploads=setup["most_uploads"], dry_run=dry_run),
        run=run,
        attempts=Attempts(run=run, worker=setup["worker"]),
        dry_run=dry_run,
    )


def _own_stdout() -> TextIO:
    """Keep standard output for answers; output of libraries goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    main()
