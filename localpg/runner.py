"""Run PostgreSQL's programs, under the server's account and holding the lock."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localpg.accounts import Account
from localpg.programs import Programs


@dataclass(frozen=True)
class Runner:
    programs: Programs
    account: Account | None
    lock: int

    def path(self, name: str) -> str:
        return str(self.programs.folder / name)

    def run(
        self,
        command: Sequence[str],
        *,
        text: str | None = None,
        folder: Path = Path("/"),
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program and return its exit status and output.

        The program inherits the lock, so that no other process begins before it has ended, even if this process is
        killed. The lock is its standard input, unless that is `text`.
        """
        return subprocess.run(
            command,
            input=text,
            stdin=self.lock if text is None else None,
            pass_fds=() if text is None else (self.lock,),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            cwd=folder,
            env=_clean_environment() | dict(environment or {}),
            umask=0o077,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )


def _clean_environment() -> dict[str, str]:
    """Return the environment without variables that would point PostgreSQL to another server or language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
