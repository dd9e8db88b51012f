"""Readers of environment variables. A wrong value raises ImproperlyConfigured with the variable's name."""

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

# The options after "?" in a PostgreSQL URL that operators may set: encryption, a name, a standby.
DATABASE_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "target_session_attrs")
SHORTEST_SECRET = 24
# How the connection to a mail server is encrypted, by the URL's scheme and query.
TLS_OF = {("smtp", ""): "starttls", ("smtps", ""): "always", ("smtp", "tls=none"): ""}


def text(name: str, *, default: str = "") -> str:
    return os.environ.get(name, default)


def folder(name: str, *, default: Path) -> Path:
    """Return the absolute path of a folder. An empty variable has the default, never the working directory."""
    value = os.environ.get(name, "").strip()
    return Path(value).expanduser().resolve() if value else default


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
    """Return one of the `accepted` words, in lower case; the case of the value does not matter."""
    value = os.environ.get(name, default)
    if value.lower() not in accepted:
        raise ImproperlyConfigured(f"{name}={value!r}: write {' or '.join(accepted)}.")
    return value.lower()


def words(name: str, *, default: str = "") -> list[str]:
    """Return the words of a list separated by commas."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def schedule(name: str, *, default: str) -> str:
    """Return a cron expression of five fields: minute, hour, day of month, month, weekday."""
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
    """Return e-mail addresses, which are separated by commas."""
    found = words(name)
    for address in found:
        _check_address(name, address)
    return found


def address(name: str, *, default: str) -> str:
    """Return one e-mail address."""
    value = os.environ.get(name, default)
    _check_address(name, value)
    return value


def _check_address(name: str, address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise ImproperlyConfigured(f"{name}: {address!r} is not an e-mail address. Write 'ops@example.org'.") from error


@dataclass(frozen=True)
class MailServer:
    """A mail server. Without `host`, no e-mail is sent. `tls` is "starttls", "always", or "" in a trusted network."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    tls: str = ""


def mail_server(name: str) -> MailServer:
    """Return the server that `smtp://USER:PASSWORD@HOST:PORT` describes.

    smtp:// requires STARTTLS; smtps:// uses TLS from the first byte; smtp://HOST:25?tls=none sends without
    encryption, to a relay in a trusted network.
    """
    value = os.environ.get(name, "")
    if not value:
        return MailServer()
    accepted = (
        "write 'smtp://USER:PASSWORD@HOST:587', 'smtps://…:465', or 'smtp://HOST:25?tls=none' for a trusted relay"
    )
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read ({error}): {accepted}.") from error
    tls = TLS_OF.get((parts.scheme, parts.query))
    if tls is None or not parts.hostname or parts.path.strip("/"):
        # The value may contain a password, so the message does not repeat it.
        raise ImproperlyConfigured(f"{name} is not the address of a mail server: {accepted}.")
    usual = {"always": 465, "starttls": 587, "": 25}[tls]
    return MailServer(parts.hostname, port or usual, unquote(parts.username or ""), unquote(parts.password or ""), tls)


def long_secret(name: str) -> str:
    """Return a secret that is too long to be guessed, or "" if it is not set."""
    value = os.environ.get(name, "")
    if value and (len(value) < SHORTEST_SECRET or not value.isprintable() or " " in value):
        raise ImproperlyConfigured(
            f"{name} has {len(value)} characters: write {SHORTEST_SECRET} or more without spaces. "
            "'openssl rand -hex 32' prints a good one."
        )
    return value


def kept_secret(path: Path) -> str:
    """Return the secret in `path`, which the first call makes. Several first calls at once return the same secret."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_secret(path)
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR {path.parent} cannot be used: {path.name} could not be read or written ({error.strerror}). "
            "Nothing was changed. Give DATA_DIR a folder that this account may write to, with some free space."
        ) from error


def _make_secret(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link keeps the secret of the first caller; and no reader sees a half-written one.
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def database_url(name: str) -> dict[str, str | int] | None:
    """Return the connection that `postgresql://user:password@host:port/name` describes; None if it is not set."""
    value = os.environ.get(name, "")
    if not value:
        return None
    accepted = "write 'postgresql://USER:PASSWORD@HOST:PORT/NAME'"
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read ({error}): {accepted}.") from error
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
        # A socket's folder is percent-encoded, as libpq expects: postgresql://user@%2Fvar%2Frun/name
        "HOST": _host(parts.netloc),
        "PORT": port,
    }


def database_options(name: str) -> dict[str, str]:
    """Return the connection options after "?" in the URL: `?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem`."""
    options = dict(parse_qsl(urlsplit(os.environ.get(name, "")).query, keep_blank_values=True))
    if unknown := [option for option in options if option not in DATABASE_OPTIONS]:
        accepted = ", ".join(DATABASE_OPTIONS)
        raise ImproperlyConfigured(f"{name} has {', '.join(unknown)} after '?'; accepted are {accepted}.")
    return options


def _host(netloc: str) -> str:
    """Return the host of `user:password@host:port`. urlsplit would return a socket's folder in lower case."""
    address = netloc.rpartition("@")[2]
    return unquote(re.sub(r":\d*$", "", address).strip("[]"))
