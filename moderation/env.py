"""Settings from environment variables; a wrong one is refused with a message that names it."""

import os
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from cronsim import CronSim, CronSimError
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

# Of what a PostgreSQL URL may say after "?", what concerns the operator alone: encryption, a name, a standby.
DATABASE_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "target_session_attrs")
SHORTEST_SECRET = 24
# How an e-mail is encrypted, by scheme and what stands after "?".
TLS_OF = {("smtp", ""): "starttls", ("smtps", ""): "always", ("smtp", "tls=none"): ""}


def text(name: str, *, default: str = "") -> str:
    return os.environ.get(name, default)


def flag(name: str, *, default: bool) -> bool:
    value = os.environ.get(name, str(default))
    if value not in {"True", "False"}:
        raise ImproperlyConfigured(f"{name}={value!r}: write 'True' or 'False'.")
    return value == "True"


def number(name: str, *, default: int, at_least: int = 0, at_most: int = 2**53) -> int:
    value = os.environ.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,20}", value) or not at_least <= int(value) <= at_most:
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number from {at_least} to {at_most}.")
    return int(value)


def choice(name: str, *, default: str, accepted: Collection[str]) -> str:
    """One of the ``accepted`` words, in capitals or not."""
    value = os.environ.get(name, default)
    if value.lower() not in accepted:
        raise ImproperlyConfigured(f"{name}={value!r}: write {' or '.join(accepted)}.")
    return value.lower()


def words(name: str, *, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def schedule(name: str, *, default: str) -> str:
    """A cron expression of five fields: minute, hour, day of month, month, weekday."""
    value = os.environ.get(name, default)
    try:
        if len(value.split()) != 5:
            raise CronSimError(f"{len(value.split())} fields found")
        CronSim(value, datetime(2026, 1, 1))  # noqa: DTZ001  (only parsed)
    except CronSimError as error:
        raise ImproperlyConfigured(
            f"{name}={value!r}: {error}. Write a cron expression of five fields, such as '0 2 * * *'."
        ) from error
    return value


def addresses(name: str) -> list[str]:
    """E-mail addresses, separated by commas."""
    found = words(name)
    for address in found:
        _check_address(name, address)
    return found


def address(name: str, *, default: str) -> str:
    """One e-mail address."""
    value = os.environ.get(name, default)
    _check_address(name, value)
    return value


def _check_address(name: str, address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise ImproperlyConfigured(f"{name}: {address!r} is no e-mail address. Write 'ops@example.org'.") from error


@dataclass(frozen=True)
class MailServer:
    """Where e-mails go; no ``host``: nowhere. ``tls``: "starttls", "always", or "" on a way that is trusted."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    tls: str = ""


def mail_server(name: str) -> MailServer:
    """The server that ``smtp://USER:PASSWORD@HOST:PORT`` describes.

    smtp:// begins with STARTTLS and goes no further without it; smtps:// is TLS from the first byte;
    smtp://HOST:25?tls=none trusts the way to a relay nearby.
    """
    value = os.environ.get(name, "")
    if not value:
        return MailServer()
    accepted = "write 'smtp://USER:PASSWORD@HOST:587', 'smtps://…:465', or 'smtp://HOST:25?tls=none' for a relay nearby"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} can't be read ({error}): {accepted}.") from error
    tls = TLS_OF.get((parts.scheme, parts.query))
    if tls is None or not parts.hostname or parts.path.strip("/"):
        # What may hold a password is not repeated.
        raise ImproperlyConfigured(f"{name} is no address of a mail server: {accepted}.")
    usual = {"always": 465, "starttls": 587, "": 25}[tls]
    return MailServer(parts.hostname, port or usual, unquote(parts.username or ""), unquote(parts.password or ""), tls)


def long_secret(name: str) -> str:
    """A secret that is too long to be guessed, or none."""
    value = os.environ.get(name, "")
    if value and (len(value) < SHORTEST_SECRET or not value.isprintable() or " " in value):
        raise ImproperlyConfigured(
            f"{name} has {len(value)} characters: write {SHORTEST_SECRET} or more without spaces, such as what "
            "'openssl rand -hex 32' prints."
        )
    return value


def kept_secret(path: Path) -> str:
    """The secret in ``path``, made at the first call; of several first calls at once all return the same."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_secret(path)
    return path.read_text()


def _make_secret(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, leaves the secret of whoever came first; and nobody sees it half-written.
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def database_url(name: str) -> dict[str, str | int] | None:
    """The connection that a ``postgresql://user:password@host:port/name`` URL describes; None when unset."""
    value = os.environ.get(name, "")
    if not value:
        return None
    accepted = "write 'postgresql://USER:PASSWORD@HOST:PORT/NAME'"
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} can't be read ({error}): {accepted}.") from error
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"{name} starts with {parts.scheme or value[:12]!r}, but only PostgreSQL is supported: {accepted}."
        )
    if not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{name} names no database: {accepted}.")
    try:
        port = parts.port or 5432
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} has a bad port ({error}): {accepted}.") from error
    return {
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # A socket's folder is written percent-encoded, as libpq wants it: postgresql://user@%2Fvar%2Frun/name
        "HOST": _host(parts.netloc),
        "PORT": port,
    }


def database_options(name: str) -> dict[str, str]:
    """What the URL says after "?", for the connection: ``?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem``."""
    said = dict(parse_qsl(urlsplit(os.environ.get(name, "")).query, keep_blank_values=True))
    if unknown := [option for option in said if option not in DATABASE_OPTIONS]:
        accepted = ", ".join(DATABASE_OPTIONS)
        raise ImproperlyConfigured(f"{name} says {', '.join(unknown)} after '?', but accepted are {accepted}.")
    return said


def _host(netloc: str) -> str:
    """The host of ``user:password@host:port``. urlsplit gives it in lower case, which a socket's folder is not."""
    address = netloc.rpartition("@")[2]
    return unquote(re.sub(r":\d*$", "", address).strip("[]"))
