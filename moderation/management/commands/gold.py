import json
from typing import Any

import pghistory
from django.core.management.base import CommandError, CommandParser

from moderation.decoding.sandbox import SandboxUnavailable
from moderation.formatting import counted, percent
from moderation.management.arguments import add_by, policy_in_force, user_named, whole_number
from moderation.management.product_command import ProductCommand
from moderation.models import GoldItem, Policy, Upload, Verdict
from moderation.review import gold
from moderation.review.objection_checks import ObjectionRefused, PolicyUnclear
from moderation.storage import StorageFull


class Command(ProductCommand):
    help = "Manage gold items: uploads whose right verdict is known, which measure how much moderators miss."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--policy", metavar="SLUG", help="default: the first in force")
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        mark = actions.add_parser("mark", help="use decided uploads as gold items")
        mark.add_argument("uploads", type=whole_number, nargs="+", metavar="UPLOAD", help="an upload's number")
        mark.add_argument("--truth", required=True, choices=["violating", "benign"], help="the right verdict")
        mark.add_argument("--why", required=True, help="how the right verdict is known")
        add_by(mark)
        retire = actions.add_parser("retire", help="retire gold items: they are not served again")
        retire.add_argument("uploads", type=whole_number, nargs="+", metavar="UPLOAD")
        retire.add_argument("--why", required=True, help="the reason, kept in the record")
        add_by(retire)
        rate = actions.add_parser("rate", help="set the share of claimed tasks that are gold items")
        rate.add_argument("rate", type=float, metavar="R", help="a probability from 0 to 0.5")
        add_by(rate)
        results = actions.add_parser(
            "results", help="show the share of violations that moderators miss, all moderators together"
        )
        results.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, action: str, **options: Any) -> None:
        policy, by = policy_in_force(options["policy"]), user_named(options.get("by", ""))
        try:
            with pghistory.context(process=f"gold {action}", **({"user": by.pk} if by else {})):
                getattr(self, action)(policy, options | {"by": by})
        except (gold.NotGold, ObjectionRefused, PolicyUnclear, StorageFull, SandboxUnavailable, ValueError) as refusal:
            raise CommandError(str(refusal)) from refusal

    def mark(self, policy: Policy, options: dict[str, Any]) -> None:
        for number in options["uploads"]:
            upload = Upload.objects.filter(pk=number).first()
            if upload is None:
                raise CommandError(
                    f"There is no upload {number}. The uploads before it were marked. Correct the number and run the "
                    "command for the rest."
                )
            truth = Verdict(options["truth"])
            item = gold.mark(upload, truth=truth, why=options["why"], by=options["by"], policy=policy.slug)
            self.stdout.write(f"Upload {number} is a gold item now: {item.truth}.")

    def retire(self, policy: Policy, options: dict[str, Any]) -> None:
        for number in options["uploads"]:
            item = GoldItem.objects.filter(policy=policy, screening__upload=number, retired_at=None).first()
            if item is None:
                raise CommandError(f"Upload {number} is not an active gold item of {policy}. It was not changed.")
            gold.retire(item, why=options["why"])
            self.stdout.write(f"Gold item {number} was retired. It will not be served again.")

    def rate(self, policy: Policy, options: dict[str, Any]) -> None:
        gold.set_rate(policy, rate=options["rate"])
        self.stdout.write(f"{percent(options['rate'])} of the tasks that people claim under {policy} are gold items.")

    def results(self, policy: Policy, options: dict[str, Any]) -> None:
        found = gold.gold_results(policy)
        if options["json"]:
            items = GoldItem.objects.filter(policy=policy).active().count()
            self.stdout.write(json.dumps({"policy": policy.slug, "items": items, **found.as_json()}))
            return
        self._write_share("of violations that are missed", found.miss_share, found.miss_limits, n=found.violating)
        self._write_share(
            "of benign uploads that are judged violating", found.alarm_share, found.alarm_limits, n=found.benign
        )

    def _write_share(self, words: str, share: float | None, limits: tuple[float, float] | None, *, n: int) -> None:
        if share is None or limits is None:
            self.stdout.write(f"There are no verdicts yet to estimate the share {words}.")
            return
        low, high = map(percent, limits)
        self.stdout.write(
            f"Share {words}: {percent(share)}, between {low} and {high} at 95 %, by {counted(n, 'verdict')}."
        )
