import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError, transaction

from moderation.decoding.fingerprints import RADIUS
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.formatting import counted, moment
from moderation.hashlists import exporting, importing
from moderation.hashlists.file_check import FileCheck, check_files
from moderation.hashlists.rows import ListNotAccepted, expiry
from moderation.management.arguments import add_by, policy_in_force, user_named, whole_number
from moderation.management.product_command import ProductCommand
from moderation.models import HashEntry, HashList, User
from moderation.models.hash_lists import TOO_WIDE


class Command(ProductCommand):
    help = "Manage lists of known-bad and known-good hashes, which route uploads without a classifier."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="show the lists, and whether they are in use")
        listing.add_argument("--json", action="store_true", help="print a JSON array")
        add_create(actions)
        add_import(actions)
        add_export(actions)
        add_change(actions, "enable", text="let a list, or entries of it, route uploads")
        add_change(actions, "disable", text="stop a list, or entries of it, from routing uploads")
        expire = add_change(actions, "expire", text="set the time from which a list, or entries of it, route nothing")
        expire.add_argument("--at", required=True, metavar="WHEN", help="such as 2027-01-31T18:00:00Z, or never")
        check = actions.add_parser("check", help="show which lists in use match files, and store nothing")
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
        lists = HashList.objects.select_related("policy", "by").order_by("policy", "name")
        if options["json"]:
            self.stdout.write(json.dumps([as_json(each) for each in lists]))
        elif not lists:
            self.stdout.write("There are no hash lists. 'manage.py hashlists create' makes one.")
        for each in () if options["json"] else lists:
            self.stdout.write(as_line(each))

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
            raise CommandError(
                f"{policy} already has a list {options['name']!r}. Nothing was created. Give another name."
            ) from error
        self.stdout.write(
            f"Created list {made} ({made.get_kind_display()}) of {policy}. It is in use and has no entries yet."
        )

    def do_import(self, options: dict[str, Any]) -> None:
        hash_list, by, path = list_named(options), author(options), options["file"]
        with path.open("rb") as file:
            chosen_format = options["format"] or importing.format_of(path.name)
            reader = importing.read(
                file, format=chosen_format, kind=hash_list.kind, algorithm=options["algorithm"] or ""
            )
            found = importing.import_rows(hash_list, reader, by=by, why=options["why"], dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps({"list": hash_list.name, "dry_run": options["dry_run"], **found.as_json()}))
        else:
            self.stdout.write(f"{found}." + (" Nothing was written: this was a dry run." if options["dry_run"] else ""))
            if found.left_out:
                self.stdout.write(found.left_out_text)

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
            self.stdout.write(f"{each}: disabled. Uploads that it has routed keep their route.")

    def do_expire(self, options: dict[str, Any]) -> None:
        at = expiry("" if options["at"] == "never" else options["at"])
        for each in chosen(options):
            each.expire(at, by=author(options), why=options["why"])
            self.stdout.write(f"{each}: expires {until(at)}. Uploads that it has routed keep their route.")

    def do_check(self, options: dict[str, Any]) -> None:
        unread = 0
        for found in check_files(options["files"]):
            unread += bool(found.unread)
            self.stdout.write(json.dumps(found.as_json()) if options["json"] else check_as_line(found))
        if unread:
            self.stderr.write(f"{counted(unread, 'file')} could not be decoded: only the bytes were compared.")
            sys.exit(1)


def add_create(actions: Any) -> None:
    create = actions.add_parser("create", help="create an empty list")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--policy", required=True, metavar="SLUG", help="the policy under which the list routes")
    create.add_argument("--kind", required=True, choices=["known-bad", "known-good"], help="rejects, or approves")
    create.add_argument("--source", default="", help="where its hashes come from")
    create.add_argument(
        "--radius",
        type=whole_number,
        default=RADIUS,
        metavar="BITS",
        help=f"the most bits by which a picture's hash may differ; at most {RADIUS}",
    )
    add_author(create)


def add_import(actions: Any) -> None:
    parser = actions.add_parser("import", help="add a file's entries to a list: all of them, or none")
    parser.add_argument("file", type=Path, metavar="FILE")
    add_list(parser, name="--list")
    parser.add_argument("--format", choices=importing.FORMATS, help="default: by the file's name")
    parser.add_argument(
        "--algorithm", choices=HashEntry.Algorithm.values, help="of all hashes, if a CSV file does not name it"
    )
    parser.add_argument("--dry-run", action="store_true", help="report the changes without writing them")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_author(parser)


def add_export(actions: Any) -> None:
    parser = actions.add_parser("export", help="write a list's entries as a file that 'import' accepts")
    add_list(parser)
    parser.add_argument("--format", choices=importing.FORMATS, default="csv")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")


def add_change(actions: Any, name: str, *, text: str) -> CommandParser:
    parser: CommandParser = actions.add_parser(name, help=text)
    add_list(parser)
    parser.add_argument("--hash", action="append", default=[], metavar="HEX", help="only this entry; repeatable")
    add_author(parser)
    return parser


def add_list(parser: Any, *, name: str = "list") -> None:
    required = {"required": True} if name.startswith("-") else {}
    parser.add_argument(name, metavar="LIST", help="a list's name", **required)
    parser.add_argument("--policy", metavar="SLUG", help="required if two policies have a list with this name")


def add_author(parser: Any) -> None:
    add_by(parser)
    parser.add_argument("--why", required=True, help="the reason to record")


def author(options: dict[str, Any]) -> User | None:
    if not options["why"].strip():
        raise CommandError("--why is empty. Nothing was changed. Give the reason in a sentence; it is recorded.")
    return user_named(options["by"])


def list_named(options: dict[str, Any]) -> HashList:
    lists = HashList.objects.filter(name=options["list"]).select_related("policy")
    if options["policy"]:
        lists = lists.filter(policy__slug=options["policy"])
    if not lists:
        names = ", ".join(HashList.objects.order_by("name").values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no list {options['list']!r}. Nothing was changed. Lists: {names}.")
    if len(lists) > 1:
        raise CommandError(f"{len(lists)} policies have a list {options['list']!r}. Choose one with --policy.")
    return lists[0]


def chosen(options: dict[str, Any]) -> list[HashList] | list[HashEntry]:
    """Return the list, or those of its entries that --hash names."""
    hash_list = list_named(options)
    if not options["hash"]:
        return [hash_list]
    return [entry_of(hash_list, text.strip().lower()) for text in options["hash"]]


def entry_of(hash_list: HashList, text: str) -> HashEntry:
    is_hash = len(text) in HashEntry.DIGITS.values() and set(text) <= set("0123456789abcdef")
    found = HashEntry.objects.filter(hash_list=hash_list).with_hash(text) if is_hash else []
    entry = next((each for each in found if each.hash == text), None)
    if entry is None:
        raise CommandError(
            f"{hash_list} has no entry with that hash. Nothing was changed. Write all of its hexadecimal digits: 64 "
            "for pdq and sha256, 32 for md5, 40 for sha1."
        )
    return entry


def as_json(hash_list: HashList) -> dict[str, Any]:
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


def as_line(hash_list: HashList) -> str:
    entries = counted(hash_list.entries.count(), "entry", plural="entries")
    state = "enabled" if hash_list.enabled else "disabled"
    expires = f", expires {until(hash_list.expires_at)}" if hash_list.expires_at else ""
    return (
        f"{hash_list} ({hash_list.get_kind_display().lower()}, {hash_list.policy.slug}): {entries}, {state}{expires}; "
        f"last {hash_list.done} by {hash_list.by or 'a command'}: {hash_list.why}"
    )


def until(at: datetime | None) -> str:
    return moment(at) if at else "never"


def check_as_line(found: FileCheck) -> str:
    parts = [f"{match.entry.hash_list.policy}: {match.summary}" for match in found.matches]
    lines = [f"{found.path}: {'; '.join(parts) or 'on no list in use'}", f"  Compared: {found.compared}."]
    return "\n".join([*lines, f"  Not compared: {found.not_compared}."] if found.not_compared else lines)
