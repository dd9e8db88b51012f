import ctypes
import os
import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command

from moderation.management.product_command import ProductCommand

# <sys/prctl.h>: the signal that this process gets when its parent dies.
PR_SET_PDEATHSIG = 1


class Command(ProductCommand):
    help = "Run background jobs: the scheduled pre-screen, and pre-screens requested on the pages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--with-parent", type=int, metavar="PID", help="end when this parent ends (Linux)")

    def handle(self, *_args: Any, with_parent: int | None, **_options: Any) -> None:
        if with_parent and sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != with_parent:
                return  # the parent died before prctl() took effect
        call_command("procrastinate", "worker", "--concurrency", "2", "--shutdown-graceful-timeout", "30")
