import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from moderation.management.product_command import ProductCommand
from moderation.models import ApiToken


class Command(ProductCommand):
    help = "Issue, list and revoke the tokens of programs that send uploads or read the metrics."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        issue = actions.add_parser("issue", help="create a token and print its secret, once")
        issue.add_argument("name", metavar="NAME", help="the person or program that will use it")
        purpose = issue.add_mutually_exclusive_group(required=True)
        purpose.add_argument("--source", help="the source of its uploads")
        purpose.add_argument("--metrics", action="store_true", help="the token reads /metrics and nothing else")
        listing = actions.add_parser("list", help="show all tokens, without their secrets")
        listing.add_argument("--json", action="store_true", help="print a JSON array")
        revoke = actions.add_parser("revoke", help="end a token for good")
        revoke.add_argument("name", metavar="NAME")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "issue":
            self.issue(options["name"], source=options["source"])
        elif action == "list":
            self.show(as_json=options["json"])
        else:
            self.revoke(options["name"])

    def issue(self, name: str, *, source: str | None) -> None:
        """Create a token for uploads of `source`, or one that reads the metrics."""
        refuse_wrong_text("NAME", name)
        if source is not None:
            refuse_wrong_text("--source", source)
        try:
            with transaction.atomic():
                _, secret = ApiToken.objects.issue(
                    name=name, source=source or "", scope="metrics" if source is None else "uploads"
                )
        except IntegrityError as error:
            raise CommandError(
                f"A token named {name!r} exists or was revoked, and names are not reused. Nothing was created. Choose "
                "another name."
            ) from error
        # Only the secret is written to standard output, so that a script can read it.
        self.stdout.write(secret)
        self.stderr.write("Store this secret now. Only its sha256 is kept, so it cannot be shown again.")

    def show(self, *, as_json: bool) -> None:
        tokens = [described(token) for token in ApiToken.objects.order_by("name")]
        if as_json:
            self.stdout.write(json.dumps(tokens))
        elif not tokens:
            self.stdout.write("There are no tokens. Create one with 'manage.py token issue NAME --source SOURCE'.")
        for token in () if as_json else tokens:
            state = f"revoked {token['revoked_at']}" if token["revoked_at"] else "usable"
            used = token["last_used_at"] or "never"
            purpose = f"source {token['source']}" if token["source"] else "reads /metrics"
            self.stdout.write(f"{token['name']} ({token['prefix']}…)  {purpose}, {state}, last used {used}")

    def revoke(self, name: str) -> None:
        if ApiToken.objects.usable().filter(name=name).update(revoked_at=Now()):
            self.stdout.write(f"Revoked {name}.")
        elif ApiToken.objects.filter(name=name).exists():
            self.stdout.write(f"{name} was already revoked. Nothing was changed.")
        else:
            raise CommandError(
                f"There is no token named {name!r}. Nothing was changed. 'manage.py token list' shows all."
            )


def refuse_wrong_text(option: str, value: str) -> None:
    if not 0 < len(value) <= 100 or not value.isprintable():
        raise CommandError(f"{option} is {value!r}; 1 to 100 printable characters are accepted. Nothing was created.")


def described(token: ApiToken) -> dict[str, str | None]:
    times = {name: getattr(token, name) for name in ("created_at", "last_used_at", "revoked_at")}
    return {
        "name": token.name,
        "scope": token.scope,
        "source": token.source,
        "prefix": token.prefix,
        **{name: time and time.isoformat(timespec="seconds") for name, time in times.items()},
    }
