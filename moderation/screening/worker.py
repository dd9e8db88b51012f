"""A worker process of the pre-screen: does one chunk after the other, as its command tells it over stdin.

Started as ``python -m moderation.screening.worker``; the first line that it reads sets it up. It answers each line
with one line. When its command goes away it ends, after the chunk that it is busy with.
"""

import json
import os
import signal
import sys
from typing import Any

# Chunks last seconds, files that hang a few times DECODE_SECONDS; a page's limits would end them.
WORKER_TIMEOUTS = "-c statement_timeout=60000 -c lock_timeout=30000 -c idle_in_transaction_session_timeout=1200000"


def main() -> None:
    # Signals of the terminal and of the operator are the command's to handle: it lets a chunk finish.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    setup = json.loads(sys.stdin.readline())
    _set_up_django(setup)
    _serve(setup)


def _set_up_django(setup: dict[str, Any]) -> None:
    """The settings of the command that started us, over those of the environment."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
    import django
    from django.conf import settings

    database = settings.DATABASES["default"]
    database.update(setup["database"])
    database["OPTIONS"] = {"connect_timeout": 5, "options": WORKER_TIMEOUTS}
    for name, value in setup["settings"].items():
        setattr(settings, name, value)
    django.setup()


def _serve(setup: dict[str, Any]) -> None:
    from moderation.inference.classifier import ClassifierFileError
    from moderation.models import ScreeningRun
    from moderation.screening.attempts import Attempts
    from moderation.screening.chunk import Screener
    from moderation.screening.engine import Engine, Rulebook

    run = ScreeningRun.objects.get(pk=setup["run"])
    try:
        engine = Engine(Rulebook.of(setup["versions"]))
    except ClassifierFileError as error:
        _answer({"error": str(error)})
        return
    attempts = Attempts(run=run, worker=setup["worker"])
    with engine:
        _answer({"ready": True})
        screener = Screener(engine, run=run, attempts=attempts, dry_run=setup["dry_run"])
        for line in sys.stdin:
            size = json.loads(line)["size"]
            chunk = screener.next_chunk(size) if size else screener.next_suspect()
            _answer({"counts": dict(chunk.counts)})


def _answer(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
