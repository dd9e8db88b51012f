import json
import os
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from localpg import Cluster, ClusterError, ClusterStatus
from moderation.management.product_command import ProductCommand


class Command(ProductCommand):
    help = "Start, stop or show the private PostgreSQL server of DATA_DIR."
    requires_system_checks = []  # must work without a database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])
        parser.add_argument("--json", action="store_true", help="print the server's status as one JSON object")

    def handle(self, *, action: str, json: bool, **_: Any) -> None:
        if os.environ.get("DATABASE_URL"):
            self.report_database_url(action, as_json=json)
            return
        cluster = Cluster(settings.DATA_DIR)
        try:
            if action == "start":
                cluster.start()
            elif action == "stop":
                cluster.stop()
            status = cluster.status()
        except ClusterError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(as_json_text(status) if json else as_sentences(status))

    def report_database_url(self, action: str, *, as_json: bool) -> None:
        text = "DATABASE_URL is set, so that database is used and the private server is not touched."
        if action != "status":
            raise CommandError(f"{text} Unset DATABASE_URL to {action} the private server.")
        self.stdout.write(json.dumps({"database_url": True, "running": None}) if as_json else text)


def as_json_text(status: ClusterStatus) -> str:
    return json.dumps(asdict(status), default=str)


def as_sentences(status: ClusterStatus) -> str:
    version = f"PostgreSQL {status.version}" if status.version else "No database yet"
    state = f"{status.state}, process {status.pid}" if status.running else "stopped"
    return (
        f"{version}: {state}\n"
        f"  data    {status.data_folder}\n"
        f"  socket  {status.socket_folder}\n"
        f"  log     {status.log_folder}"
    )
