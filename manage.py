#!/usr/bin/env python
"""Second Look's command line."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moderation.settings")
    # No matrix here is large enough for numpy's threads, which would wait for work at full speed. Child processes
    # inherit the setting.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from moderation.management.command_line import run

    sys.exit(run(sys.argv))


if __name__ == "__main__":
    main()
