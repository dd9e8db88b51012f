import os
import socket
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from moderation.demo.loading import accounts_file
from moderation.management.arguments import positive_int
from moderation.management.product_command import ProductCommand
from moderation.static_files import are_collected

AS_ROOT = (
    "This runs as root, and so do the processes that decode uploaded files: a fault in a decoder would have the whole "
    "machine. Run it as an account of its own; docs/deploy/systemd has the units."
)


class Command(ProductCommand):
    help = "Serve the pages with gunicorn. In production, run it behind a proxy that ends TLS (docs/operations.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=positive_int, default=8000)
        parser.add_argument("--workers", type=positive_int, default=2, help="processes")
        parser.add_argument(
            "--no-worker",
            action="store_true",
            help="do not start the background worker: run 'manage.py worker' elsewhere, or use cron",
        )
        parser.add_argument(
            "--threads", type=positive_int, default=8, help="threads, and database connections, per process"
        )

    def handle(self, *_args: Any, host: str, port: int, workers: int, threads: int, **options: Any) -> None:
        refuse_uncollected_static_files()
        refuse_taken_port(host, port)
        if os.geteuid() == 0:
            self.stderr.write(self.style.WARNING(AS_ROOT))
        self.stdout.write(f"\nSecond Look: http://{'localhost' if host == '127.0.0.1' else host}:{port}/")
        if accounts_file().exists():
            self.stdout.write(f"Sign in as moderator, lead or admin; the passwords are in {accounts_file()}")
        self.stdout.write("Ctrl-C stops serving; 'make stop' stops the database as well.\n")
        self.stdout.flush()
        environment = os.environ | {"DATABASE_POOL_SIZE": str(threads)}
        arguments = [
            "--bind", f"{host}:{port}", "--workers", str(workers), "--threads", str(threads),
            "--worker-class", "gthread", "--worker-tmp-dir", memory_folder(), "--log-level", "warning",
            "--max-requests", "20000", "--max-requests-jitter", "2000", "--no-control-socket",
        ]  # fmt: skip
        os.chdir(settings.BASE_DIR)
        if not options["no_worker"]:
            # The worker ends when this process ends, however that happens.
            subprocess.Popen([sys.executable, "manage.py", "worker", "--with-parent", str(os.getpid())])
        os.execve(sys.executable, [sys.executable, "-m", "gunicorn", *arguments, "moderation.wsgi"], environment)  # noqa: S606


def refuse_uncollected_static_files() -> None:
    if not are_collected():
        raise CommandError(
            "The styles and scripts of the pages have not been collected, so no page would work. Nothing was started. "
            "Run 'manage.py collectstatic --noinput' first."
        )


def refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"{host}:{port} cannot be used ({error.strerror}). Nothing was started. Choose another port: "
                f"make run PORT={port + 1}"
            ) from error


def memory_folder() -> str:
    """Return the folder for the workers' heartbeats: in memory, as a disk may be slow."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(settings.DATA_DIR)  # noqa: S108
