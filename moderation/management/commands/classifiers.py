import json
import sys
from pathlib import Path
from typing import Any

import pghistory
from django.core.management.base import CommandError, CommandParser

from moderation.classifiers.activation import Terms, activate, retire, undo_activation
from moderation.classifiers.checking import CheckOptions, check_classifier
from moderation.classifiers.conversion import PublisherFacts
from moderation.classifiers.dry_run import DryRunResult, dry_run, find_classifier
from moderation.classifiers.eight_bit import quantize_classifier
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.importing import import_classifier
from moderation.classifiers.report import write_report
from moderation.classifiers.shadow_comparison import ShadowComparison, stated_pair
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.formatting import counted
from moderation.inference.tensors import ModelOutputError
from moderation.management.arguments import add_by, comma_separated, read_text, user_named
from moderation.management.product_command import ProductCommand
from moderation.management.subcommands import classifier_text, shadow_mode
from moderation.models import Classifier
from moderation.storage import StorageFull


class Command(ProductCommand):
    help = "Try, adopt and retire classifiers. docs/classifiers.md describes a trial of half an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="show the registered classifiers and the policies that use each")
        listing.add_argument("--json", action="store_true", help="print a JSON array")
        add_score(actions)
        add_import(actions)
        add_activate(actions)
        add_deactivate(actions)
        shadow_mode.add_shadow(actions)
        add_check(actions)
        add_quantize(actions)
        retiring = actions.add_parser("retire", help="take a classifier out of use; refused while a policy uses it")
        retiring.add_argument("name", metavar="NAME")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            with pghistory.context(process=f"classifiers {action}"):
                getattr(self, f"do_{action}")(**options)
        except (AdoptionRefused, StorageFull, SandboxUnavailable, ModelOutputError) as error:
            raise CommandError(str(error)) from error

    def do_list(self, *, json: bool, **_: Any) -> None:
        rows = [classifier_text.classifier_json(row) for row in Classifier.objects.order_by("pk")]
        self.stdout.write(as_json(rows) if json else "\n".join(map(classifier_text.classifier_line, rows)))

    def do_score(self, *, name: str, files: list[Path], json: bool, **_: Any) -> None:
        for path in files:
            if not path.exists():
                raise CommandError(f"{path} does not exist. Nothing was scored. Give files and folders that exist.")
        unread = 0
        for result in dry_run(find_classifier(name), paths=files):
            unread += result.scores is None
            self.write_result(result, json=json)
        if unread:
            self.stderr.write(f"{counted(unread, 'file')} could not be read.")
            sys.exit(1)

    def do_import(self, *, path: Path, name: str, samples: Path | None, json: bool, **options: Any) -> None:
        source = {key: options[key] for key in ("publisher", "url", "revision", "claims") if options[key]}
        stated = PublisherFacts(licence=options["licence"], positive=options["positive"], source=source)
        row, converted = import_classifier(path, name=name, stated=stated)
        if json:
            details = {"samples": converted.samples, "noticed": converted.misreadings}
            self.stdout.write(as_json({**classifier_text.classifier_json(row), **details}))
        else:
            self.stdout.write(classifier_text.import_text(converted))
        for result in dry_run(find_classifier(name), paths=[samples]) if samples else ():
            self.write_result(result, json=json)

    def do_check(self, *, name: str, output: Path, json: bool, **values: Any) -> None:
        options = CheckOptions(**{key: values[key] for key in ("labelled", "prevalence", "claimed_accuracy")})
        answers = check_classifier(find_classifier(name), options=options)
        data, page = write_report(answers, folder=output)
        self.stdout.write(
            as_json(answers) if json else f"{classifier_text.check_text(answers)}\nWritten: {data}, {page}"
        )

    def do_quantize(self, *, source: str, name: str, calibrate: Path, method: Any, json: bool, **_: Any) -> None:
        if not calibrate.is_dir():
            raise CommandError(f"--calibrate {calibrate} is not a folder. Give a folder of images like your uploads.")
        drift = quantize_classifier(find_classifier(source), calibrate=calibrate, name=name, method=method)
        self.stdout.write(
            as_json(drift.as_json()) if json else classifier_text.drift_text(drift, name=name, source=source)
        )

    def do_activate(self, *, name: str, policy: str, by: str, text: Path | None, **options: Any) -> None:
        terms = Terms(
            low=options["low"],
            high=options["high"],
            why=options["why"],
            labels=options["labels"],
            combination=options["combination"],
            by=user_named(by),
            text=read_text(text, option="--text") if text else "",
        )
        self.stdout.write(classifier_text.activation_line(activate(name, policy=policy, terms=terms)))

    def do_deactivate(self, *, policy: str, why: str, by: str, **_: Any) -> None:
        self.stdout.write(classifier_text.activation_line(undo_activation(policy, why=why, by=user_named(by))))

    def do_shadow(self, *, name: str, policy: str, by: str, json: bool, **options: Any) -> None:
        person = user_named(by)
        if options["end"]:
            self.stdout.write(shadow_mode.end(name, policy=policy, why=options["why"], by=person))
            return
        stated_pair(options["low"], options["high"])  # refused before shadow mode starts
        shadow = shadow_mode.find_or_start(name, policy=policy, by=person, options=options)
        comparison = ShadowComparison.of(shadow, low=options["low"], high=options["high"])
        proof, flips = shadow_mode.prove(comparison, since=options["since"]), options["flips"]
        if json:
            self.stdout.write(as_json(comparison.as_json(flips=flips) | {"proof": proof.as_json()}))
            return
        self.stdout.write(shadow_mode.comparison_text(comparison, flips=flips))
        shadow_mode.write_proof(self.stdout, proof)

    def do_retire(self, *, name: str, **_: Any) -> None:
        retire(name)
        self.stdout.write(f"Retired {name}. Its scores stay in the record.")

    def write_result(self, result: DryRunResult, *, json: bool) -> None:
        self.stdout.write(as_json(result.as_json()) if json else classifier_text.result_line(result))


def add_score(actions: Any) -> None:
    score = actions.add_parser("score", help="print a classifier's scores of files, and store nothing")
    score.add_argument("name", metavar="NAME")
    score.add_argument(
        "files", metavar="FILE", nargs="+", type=Path, help="files and folders, with all files below them"
    )
    score.add_argument("--json", action="store_true", help="print one line with a JSON object for each file")


def add_import(actions: Any) -> None:
    adopt = actions.add_parser("import", help="register a classifier; no policy uses it until 'activate'")
    adopt.add_argument(
        "path",
        metavar="FOLDER-OR-FILE",
        type=Path,
        help="an ONNX file with a manifest or with Hugging Face's config.json and preprocessor_config.json, or a "
        "timm folder with model.safetensors and config.json",
    )
    adopt.add_argument("--name", required=True, help="the classifier's name in this installation")
    adopt.add_argument("--licence", default="", help="SPDX name, if the files do not state it")
    adopt.add_argument("--positive", default="", metavar="LABEL", help="the positive label")
    adopt.add_argument("--publisher", default="", help="provenance: its publisher")
    adopt.add_argument("--url", default="", help="provenance: its address")
    adopt.add_argument("--revision", default="", help="provenance: its revision")
    adopt.add_argument("--claims", default="", help="its publisher's claims, such as 'accuracy 98.56 %%'")
    adopt.add_argument(
        "--samples", type=Path, metavar="FOLDER", help="also score these, as a check that it makes sense"
    )
    adopt.add_argument("--json", action="store_true", help="print JSON")


def add_activate(actions: Any) -> None:
    activating = actions.add_parser(
        "activate", help="make a classifier the active one of a policy, with its own thresholds"
    )
    activating.add_argument("name", metavar="NAME")
    activating.add_argument("--policy", required=True, metavar="SLUG")
    activating.add_argument("--low", required=True, type=float, help="approve below it; a multiple of 0.01")
    activating.add_argument("--high", required=True, type=float, help="reject from it on; a multiple of 0.01")
    activating.add_argument("--why", required=True, help="the reason, kept in the record")
    activating.add_argument(
        "--labels",
        default=[],
        type=comma_separated,
        metavar="A,B",
        help="the labels that count (default: the positive one)",
    )
    activating.add_argument("--combination", default="max", help="max or sum of the labels (default: max)")
    activating.add_argument("--text", type=Path, metavar="FILE", help="the text of a policy that does not exist yet")
    add_by(activating)


def add_deactivate(actions: Any) -> None:
    deactivate = actions.add_parser(
        "deactivate", help="undo 'activate': the previous classifier becomes active with the thresholds that it had"
    )
    deactivate.add_argument("--policy", required=True, metavar="SLUG")
    deactivate.add_argument("--why", required=True, help="the reason, kept in the record")
    add_by(deactivate)


def add_check(actions: Any) -> None:
    check = actions.add_parser("check", help="write a report for deciding whether to adopt a classifier")
    check.add_argument("name", metavar="NAME")
    check.add_argument(
        "--labelled", type=Path, metavar="CSV", help="lines of path,label: images that you have labelled"
    )
    check.add_argument(
        "--prevalence", type=float, default=0.01, help="share of violating uploads on your platform (default: 0.01)"
    )
    check.add_argument("--claimed-accuracy", type=float, metavar="SHARE", help="its publisher's claim, such as 0.9856")
    check.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="folder for report.html and .json")
    check.add_argument("--json", action="store_true", help="print the report's content as one JSON object")


def add_quantize(actions: Any) -> None:
    quantize = actions.add_parser("quantize", help="register a faster eight-bit variant as another classifier")
    quantize.add_argument("source", metavar="NAME")
    quantize.add_argument("--calibrate", type=Path, required=True, metavar="FOLDER", help="images like your uploads")
    quantize.add_argument("--name", required=True, metavar="NEW", help="the variant's name")
    quantize.add_argument(
        "--method",
        choices=["static", "dynamic"],
        help="default: static for convolutional networks, dynamic for transformers",
    )
    quantize.add_argument("--json", action="store_true", help="print one JSON object")


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
