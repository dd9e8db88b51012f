import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction

from moderation.decoding.fingerprints import RADIUS
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.hashlists import exporting, importing
from moderation.hashlists.file_check import FileCheck, ask
from moderation.hashlists.rows import ListNotAccepted, expiry
from moderation.management.arguments import policy_in_force, user_named, whole_number
from moderation.models import HashEntry, HashList, User
from moderation.models.hash_lists import TOO_WIDE


class Command(BaseCommand):
    help = "Lists of known-bad and known-good hashes, which route uploads without the classifier (docs/hash-lists.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="show the lists, and whether they are in use")
        listing.add_argument("--json", action="store_true", help="print a JSON array")
        add_create(actions)
        add_import(actions)
        add_export(actions)
        for name, what in (("enable", "let a list, or entries of it, route"), ("disable", "let them route nothing")):
            add_change(actions, name, what=what)
        expire = add_change(actions, "expire", what="say from when on they route nothing")
        expire.add_argument("--at", required=True, metavar="WHEN", help="such as 2027-01-31T18:00:00Z, or never")
        check = actions.add_parser("check", help="say which lists in use know files, and store nothing")
        check.add_argument("files", nargs="+", type=Path, metavar="FILE")
        check.add_argument("--json", action="store_true", help="print one JSON object a line for each file")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{action}")(options)
        except ListNotAccepted as refusal:
            raise CommandError(f"{refusal}. Nothing was changed.") from refusal
        except (OSError, SandboxUnavailable) as error:
            raise CommandError(str(error)) from error

    def do_list(self, options: dict[str, Any]) -> None:
        found = [described(each) for each in HashList.objects.select_related("policy", "by").order_by("policy", "name")]
        self.stdout.write(json.dumps(found) if options["json"] else "\n".join(map(in_words, found)))

    def do_create(self, options: dict[str, Any]) -> None:
        if options["radius"] > RADIUS:
            raise CommandError(f"--radius {options['radius']}: {TOO_WIDE}")
        content = {"kind": options["kind"].replace("-", "_"), "radius": options["radius"], "source": options["source"]}
        by, policy = author(options), policy_in_force(options["policy"])
        try:
            with transaction.atomic():
                made = HashList.objects.create(
                    policy=policy, name=options["name"], done="created", by=by, why=options["why"], **content
                )
        except IntegrityError as error:
            raise CommandError(f"{policy} has a list {options['name']!r} already. Give another name.") from error
        self.stdout.write(f"Made list {made} ({made.get_kind_display()}) of {policy}. It is in use, and empty.")

    def do_import(self, options: dict[str, Any]) -> None:
        hash_list, by, path = list_named(options), author(options), options["file"]
        with path.open("rb") as file:
            rows = importing.read(file, format=options["format"] or importing.format_of(path.name), kind=hash_list.kind)
            found = importing.import_rows(hash_list, rows, by=by, why=options["why"], dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps({"list": hash_list.name, "dry_run": options["dry_run"], **found.as_json()}))
        else:
            self.stdout.write(f"{found}." + (" Nothing was written: a dry run." if options["dry_run"] else ""))

    def do_export(self, options: dict[str, Any]) -> None:
        pieces = exporting.export(list_named(options), format=options["format"])
        if options["output"] is None:
            self.stdout.writelines(pieces)
            return
        with options["output"].open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)

    def do_enable(self, options: dict[str, Any]) -> None:
        for each in chosen(options):
            each.enable(by=author(options), why=options["why"])
            self.stdout.write(f"{each}: enabled, from the next chunk of a pre-screen on.")

    def do_disable(self, options: dict[str, Any]) -> None:
        for each in chosen(options):
            each.disable(by=author(options), why=options["why"])
            self.stdout.write(f"{each}: disabled. What it has routed stays as it is.")

    def do_expire(self, options: dict[str, Any]) -> None:
        at = expiry("" if options["at"] == "never" else options["at"])
        for each in chosen(options):
            each.expire(at, by=author(options), why=options["why"])
            self.stdout.write(f"{each}: expires {until(at)}. What it has routed stays as it is.")

    def do_check(self, options: dict[str, Any]) -> None:
        unread = 0
        for answer in ask(options["files"]):
            unread += bool(answer.unread)
            self.stdout.write(json.dumps(answer.as_json()) if options["json"] else answer_in_words(answer))
        if unread:
            self.stderr.write(f"{unread} could not be decoded: compared by their bytes alone.")
            sys.exit(1)


def add_create(actions: Any) -> None:
    create = actions.add_parser("create", help="make an empty list")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--policy", required=True, metavar="SLUG", help="the policy that goes by it")
    create.add_argument("--kind", required=True, choices=["known-bad", "known-good"], help="rejects, or approves")
    create.add_argument("--source", default="", help="where its hashes come from")
    create.add_argument(
        "--radius",
        type=whole_number,
        default=RADIUS,
        metavar="BITS",
        help=f"how far a picture may be; at most {RADIUS}",
    )
    add_author(create)


def add_import(actions: Any) -> None:
    taking = actions.add_parser("import", help="add a file's entries to a list: all of them, or none")
    taking.add_argument("file", type=Path, metavar="FILE")
    add_list(taking, name="--list")
    taking.add_argument("--format", choices=importing.FORMATS, help="default: by the file's name")
    taking.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    taking.add_argument("--json", action="store_true", help="print one JSON object")
    add_author(taking)


def add_export(actions: Any) -> None:
    giving = actions.add_parser("export", help="write a list's entries as a file that 'import' takes")
    add_list(giving)
    giving.add_argument("--format", choices=importing.FORMATS, default="csv")
    giving.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")


def add_change(actions: Any, name: str, *, what: str) -> CommandParser:
    change: CommandParser = actions.add_parser(name, help=what)
    add_list(change)
    change.add_argument("--hash", action="append", default=[], metavar="HEX", help="only this entry; repeatable")
    add_author(change)
    return change


def add_list(parser: Any, *, name: str = "list") -> None:
    required = {"required": True} if name.startswith("-") else {}
    parser.add_argument(name, metavar="LIST", help="a list's name", **required)
    parser.add_argument("--policy", metavar="SLUG", help="needed where two policies have a list of this name")


def add_author(parser: Any) -> None:
    parser.add_argument("--by", required=True, metavar="USERNAME", help="in whose name")
    parser.add_argument("--why", required=True, help="kept in the record")


def author(options: dict[str, Any]) -> User | None:
    if not options["why"].strip():
        raise CommandError("--why is empty. Say why, in a sentence: it is kept in the record.")
    return user_named(options["by"])


def list_named(options: dict[str, Any]) -> HashList:
    lists = HashList.objects.filter(name=options["list"]).select_related("policy")
    if options["policy"]:
        lists = lists.filter(policy__slug=options["policy"])
    if not lists:
        known = ", ".join(HashList.objects.order_by("name").values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no list {options['list']!r} there. Known: {known}.")
    if len(lists) > 1:
        raise CommandError(f"{len(lists)} policies have a list {options['list']!r}. Name one with --policy.")
    return lists[0]


def chosen(options: dict[str, Any]) -> list[HashList] | list[HashEntry]:
    """The list, or those of its entries that were named by their hashes."""
    hash_list = list_named(options)
    if not options["hash"]:
        return [hash_list]
    return [entry_of(hash_list, text.strip().lower()) for text in options["hash"]]


def entry_of(hash_list: HashList, text: str) -> HashEntry:
    is_hash = len(text) == 64 and set(text) <= set("0123456789abcdef")
    entry = HashEntry.objects.filter(hash_list=hash_list).with_hash(text).first() if is_hash else None
    if entry is None:
        raise CommandError(f"{hash_list} has no entry of that hash. Write all of its 64 hexadecimal digits.")
    return entry


def described(hash_list: HashList) -> dict[str, Any]:
    expires = hash_list.expires_at
    return {
        "policy": hash_list.policy.slug,
        "name": hash_list.name,
        "kind": hash_list.kind,
        "entries": hash_list.entries.count(),
        "enabled": hash_list.enabled,
        "expires_at": expires and expires.isoformat(),
        "radius": hash_list.radius,
        "source": hash_list.source,
        "last_change": {"done": hash_list.done, "by": str(hash_list.by or ""), "why": hash_list.why},
    }


def in_words(found: dict[str, Any]) -> str:
    use = "enabled" if found["enabled"] else "disabled"
    expires = f", expires {found['expires_at']}" if found["expires_at"] else ""
    change = found["last_change"]
    return (
        f"{found['name']} ({found['kind'].replace('_', '-')}, {found['policy']}): {found['entries']:,} entries, {use}"
        f"{expires}; last {change['done']} by {change['by'] or 'nobody'}: {change['why']}"
    )


def until(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "never"


def answer_in_words(answer: FileCheck) -> str:
    said = [f"{match.entry.hash_list.policy}: {match.told}" for match in answer.known]
    said += [f"its picture could not be compared ({answer.unread})"] if answer.unread else []
    return f"{answer.path}: {'; '.join(said) or 'on no list in use'}"
