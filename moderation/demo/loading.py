"""Load the demo, or a folder of the user's own: pictures, thresholds that show every route, and accounts."""

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pghistory
from django.conf import settings
from django.contrib.auth.models import Group

from moderation import intake, storage
from moderation.demo.pictures import make_images
from moderation.models import Policy, PolicyVersion, User
from moderation.tuning.versions import put_in_force

DEMO_SOURCE = "demo"
FOLDER_SOURCE = "folder"
# On these harmless photos every route occurs: about 75 % approved, 20 % in the band, 4 % rejected.
DEMO_LOW, DEMO_HIGH, DEMO_AUDIT_RATE = 0.33, 0.70, 0.30
DEMO_WHY = "Demo: harmless photos with demo thresholds, so that every route and an audit occur."
ACCOUNTS = {"moderator": "moderator", "lead": "lead", "admin": "admin"}


@dataclass(frozen=True)
class DemoAccount:
    """An account of the demo. `password` is None if the account existed before."""

    username: str
    password: str | None


def accounts_file() -> Path:
    return Path(settings.DATA_DIR) / "accounts.txt"


def load(images: Path | None) -> Iterator[intake.IngestedFile]:
    """Ingest the demo's pictures, or those of `images`; yield the result for each file."""
    if images is not None:
        yield from intake.ingest(images, source=FOLDER_SOURCE)
        return
    made = Path(settings.DATA_DIR) / "demo"
    if not made.exists():
        # Renamed when complete, so that an interrupted demo is made again.
        unfinished = made.with_name(f"demo-{secrets.token_hex(4)}.part")
        storage.make_folder(unfinished)
        make_images(settings.BASE_DIR / "demo", unfinished)
        unfinished.rename(made)
    yield from intake.ingest(made, source=DEMO_SOURCE)


def publish_demo_thresholds() -> bool:
    """Put the demo's thresholds in force; return False if somebody has published thresholds already."""
    policy = Policy.objects.get(slug="adult-content")
    now = PolicyVersion.objects.root().in_force().get(policy=policy)
    if now.number != 1:
        return False
    with pghistory.context(process="demo"):
        put_in_force(
            now.copy_as_draft(
                by=None,
                low=DEMO_LOW,
                high=DEMO_HIGH,
                audit_rate_approve=DEMO_AUDIT_RATE,
                audit_rate_reject=DEMO_AUDIT_RATE,
            ),
            by=None,
            why=DEMO_WHY,
        )
    return True


def ensure_accounts() -> list[DemoAccount]:
    """Return the demo's accounts, which the first call creates with random passwords.

    The passwords are stored in DATA_DIR, readable by its owner only.
    """
    accounts = [_ensure_account(username, group=group) for username, group in ACCOUNTS.items()]
    made = [account for account in accounts if account.password]
    if made:
        _store_passwords(made)
    return accounts


def tally(outcomes: Iterator[intake.IngestedFile]) -> Counter[intake.IngestResult]:
    return Counter(outcome.result for outcome in outcomes)


def _ensure_account(username: str, *, group: str) -> DemoAccount:
    user, created = User.objects.get_or_create(
        username=username, defaults={"is_staff": group == "admin", "is_superuser": group == "admin"}
    )
    if not created:
        return DemoAccount(username, None)
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    user.groups.add(Group.objects.get(name=group))
    return DemoAccount(username, password)


def _store_passwords(accounts: list[DemoAccount]) -> None:
    descriptor = os.open(accounts_file(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{account.username} {account.password}\n" for account in accounts)
