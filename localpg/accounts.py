"""The account that runs the server: the current one, or an existing ordinary account if that is root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from localpg.errors import AccountNotFoundError

NAMES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def can_search(self, folder: Path) -> bool:
        """Whether this account may enter `folder` and all existing folders above it."""
        return all(self._may_enter(step) for step in [folder, *folder.parents] if step.exists())

    def _may_enter(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & 0o100)
        return bool(found.st_mode & (0o010 if found.st_gid == self.gid else 0o001))


def server_account(cluster: Path) -> Account | None:
    """Return the account to switch to, or None to keep the current one.

    The owner of an existing cluster runs it: PostgreSQL accepts no other account.

    Raises:
        AccountNotFoundError: the current account is root, and the machine has no account to switch to.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    return _ordinary_account()


def _ordinary_account() -> Account:
    for name in NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise AccountNotFoundError(
        "PostgreSQL refuses to run as root and there is no account named 'postgres' or 'nobody' to run it. "
        "Run this as an ordinary user, create one of these accounts, or set DATABASE_URL."
    )
