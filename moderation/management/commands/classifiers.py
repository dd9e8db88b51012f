import json
import sys
from pathlib import Path
from typing import Any

import pghistory
from django.core.management.base import BaseCommand, CommandError, CommandParser

from moderation.classifiers import adoption
from moderation.classifiers.conversion import PublisherFacts
from moderation.classifiers.conversion.golden import Proven
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.inference.tensors import ModelOutputError
from moderation.management.arguments import comma_separated, read_text, user_named
from moderation.management.subcommands import shadow_mode
from moderation.models import Classifier, PolicyVersion
from moderation.storage import StorageFull


class Command(BaseCommand):
    help = "Try, adopt and retire classifiers. docs/classifiers.md leads through a trial of half an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="show the registered classifiers and what each is in force for")
        listing.add_argument("--json", action="store_true", help="print a JSON array")
        add_score(actions)
        add_import(actions)
        add_activate(actions)
        add_deactivate(actions)
        shadow_mode.add_shadow(actions)
        add_check(actions)
        add_quantize(actions)
        retire = actions.add_parser("retire", help="take a classifier out of use; refused while it is in force")
        retire.add_argument("name", metavar="NAME")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            with pghistory.context(process=f"classifiers {action}"):
                getattr(self, f"do_{action}")(**options)
        except (adoption.AdoptionRefused, StorageFull, SandboxUnavailable, ModelOutputError) as error:
            raise CommandError(str(error)) from error

    def do_list(self, *, json: bool, **_: Any) -> None:
        rows = [described(row) for row in Classifier.objects.order_by("pk")]
        self.stdout.write(as_json(rows) if json else "\n".join(map(in_words, rows)))

    def do_score(self, *, name: str, files: list[Path], json: bool, **_: Any) -> None:
        for path in files:
            if not path.exists():
                raise CommandError(f"{path} does not exist. Give files and folders that do.")
        unread = 0
        for trial in adoption.try_on(adoption.find(name), paths=files):
            unread += trial.scores is None
            self.stdout.write(as_json(trial.as_json()) if json else trial_in_words(trial))
        if unread:
            self.stderr.write(f"{unread} could not be read.")
            sys.exit(1)

    def do_import(self, *, path: Path, name: str, samples: Path | None, json: bool, **options: Any) -> None:
        source = {key: options[key] for key in ("publisher", "url", "revision", "claims") if options[key]}
        told = PublisherFacts(licence=options["licence"], positive=options["positive"], source=source)
        classifier, proven = adoption.import_classifier(path, name=name, told=told)
        if json:
            self.stdout.write(as_json({**described(classifier), "samples": proven.samples, "noticed": proven.noticed}))
        else:
            self.stdout.write(proof_in_words(proven))
        for trial in adoption.try_on(adoption.find(name), paths=[samples]) if samples else ():
            self.stdout.write(as_json(trial.as_json()) if json else trial_in_words(trial))

    def do_check(self, *, name: str, output: Path, json: bool, **options: Any) -> None:
        question = adoption.Question(**{key: options[key] for key in ("labelled", "prevalence", "claimed_accuracy")})
        answers = adoption.check(adoption.find(name), question=question)
        data, page = adoption.write_report(answers, folder=output)
        self.stdout.write(as_json(answers) if json else f"{check_in_words(answers)}\nWritten: {data}, {page}")

    def do_quantize(self, *, source: str, name: str, calibrate: Path, method: Any, json: bool, **_: Any) -> None:
        if not calibrate.is_dir():
            raise CommandError(f"--calibrate {calibrate} is no folder. Give one with images such as you get.")
        drift = adoption.quantize_classifier(adoption.find(source), calibrate=calibrate, name=name, method=method)
        self.stdout.write(as_json(drift.as_json()) if json else drift_in_words(drift, name=name, source=source))

    def do_activate(self, *, name: str, policy: str, by: str, text: Path | None, **options: Any) -> None:
        terms = adoption.Terms(
            low=options["low"],
            high=options["high"],
            why=options["why"],
            labels=options["labels"],
            combination=options["combination"],
            by=user_named(by),
            text=read_text(text, option="--text") if text else "",
        )
        self.stdout.write(ruling_in_words(adoption.activate(name, policy=policy, terms=terms)))

    def do_deactivate(self, *, policy: str, why: str, by: str, **_: Any) -> None:
        self.stdout.write(ruling_in_words(adoption.undo_activation(policy, why=why, by=user_named(by))))

    def do_shadow(self, *, name: str, policy: str, by: str, json: bool, **options: Any) -> None:
        person = user_named(by)
        if options["end"]:
            self.stdout.write(shadow_mode.end(name, policy=policy, why=options["why"], by=person))
            return
        adoption.stated_pair(options["low"], options["high"])
        shadow = shadow_mode.open_shadow(name, policy=policy, by=person, options=options)
        found = adoption.ShadowComparison.of(shadow, low=options["low"], high=options["high"])
        proof, flips = shadow_mode.proof_of(found, since=options["since"]), options["flips"]
        if json:
            self.stdout.write(as_json(found.as_json(flips=flips) | {"proof": proof.as_json()}))
            return
        self.stdout.write(shadow_mode.in_words(found, flips=flips))
        shadow_mode.write_proof(self.stdout, proof)

    def do_retire(self, *, name: str, **_: Any) -> None:
        adoption.retire(name)
        self.stdout.write(f"Retired {name}. Its scores stay in the record.")


def add_score(actions: Any) -> None:
    score = actions.add_parser("score", help="print what a classifier says of files, and store nothing")
    score.add_argument("name", metavar="NAME")
    score.add_argument("files", metavar="FILE", nargs="+", type=Path, help="files, and folders with all below them")
    score.add_argument("--json", action="store_true", help="print one JSON object a line for each file")


def add_import(actions: Any) -> None:
    adopt = actions.add_parser("import", help="register a classifier; it rules nothing until 'activate'")
    adopt.add_argument(
        "path",
        metavar="FOLDER-OR-FILE",
        type=Path,
        help="an ONNX file with a manifest or with Hugging Face's config.json and preprocessor_config.json, or a "
        "timm folder with model.safetensors and config.json",
    )
    adopt.add_argument("--name", required=True, help="what it will be called here")
    adopt.add_argument("--licence", default="", help="its SPDX name, where the files do not say it")
    adopt.add_argument("--positive", default="", metavar="LABEL", help="the label that is looked for")
    adopt.add_argument("--publisher", default="", help="provenance: who published it")
    adopt.add_argument("--url", default="", help="provenance: where")
    adopt.add_argument("--revision", default="", help="provenance: which revision")
    adopt.add_argument("--claims", default="", help="what its publisher claims, such as 'accuracy 98.56 %%'")
    adopt.add_argument("--samples", type=Path, metavar="FOLDER", help="score these as well, to see that it makes sense")
    adopt.add_argument("--json", action="store_true", help="print JSON")


def add_activate(actions: Any) -> None:
    activate = actions.add_parser("activate", help="let a classifier rule a policy, with thresholds of its own")
    activate.add_argument("name", metavar="NAME")
    activate.add_argument("--policy", required=True, metavar="SLUG")
    activate.add_argument("--low", required=True, type=float, help="approved below it; a multiple of 0.01")
    activate.add_argument("--high", required=True, type=float, help="rejected from it on; a multiple of 0.01")
    activate.add_argument("--why", required=True, help="kept in the record")
    activate.add_argument(
        "--labels",
        default=[],
        type=comma_separated,
        metavar="A,B",
        help="the labels that count (default: the positive one)",
    )
    activate.add_argument("--combination", default="max", help="max or sum of the labels (default: max)")
    activate.add_argument("--text", type=Path, metavar="FILE", help="the text of a policy that does not exist yet")
    activate.add_argument("--by", default="", metavar="USERNAME", help="in whose name (default: nobody's)")


def add_deactivate(actions: Any) -> None:
    deactivate = actions.add_parser(
        "deactivate", help="undo 'activate': the classifier before rules again, with the thresholds that it had"
    )
    deactivate.add_argument("--policy", required=True, metavar="SLUG")
    deactivate.add_argument("--why", required=True, help="kept in the record")
    deactivate.add_argument("--by", default="", metavar="USERNAME", help="in whose name (default: nobody's)")


def add_check(actions: Any) -> None:
    check = actions.add_parser("check", help="write a report on what one must ask before adopting a classifier")
    check.add_argument("name", metavar="NAME")
    check.add_argument("--labelled", type=Path, metavar="CSV", help="lines of path,label: images whose truth you know")
    check.add_argument(
        "--prevalence", type=float, default=0.01, help="share of uploads that violate on your platform (default: 0.01)"
    )
    check.add_argument("--claimed-accuracy", type=float, metavar="SHARE", help="what its publisher claims, as 0.9856")
    check.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where report.html and .json go")
    check.add_argument("--json", action="store_true", help="print the report's content as one JSON object")


def add_quantize(actions: Any) -> None:
    quantize = actions.add_parser("quantize", help="make a faster eight-bit variant as a classifier of its own")
    quantize.add_argument("source", metavar="NAME")
    quantize.add_argument("--calibrate", type=Path, required=True, metavar="FOLDER", help="images such as you get")
    quantize.add_argument("--name", required=True, metavar="NEW", help="what the variant will be called")
    quantize.add_argument(
        "--method",
        choices=["static", "dynamic"],
        help="default: static for convolutional networks, dynamic for transformers",
    )
    quantize.add_argument("--json", action="store_true", help="print one JSON object")


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def described(row: Classifier) -> dict[str, Any]:
    ruled = PolicyVersion.objects.in_force().filter(classifier=row).values_list("policy__slug", flat=True)
    return {
        "name": row.name,
        "sha256": row.sha256,
        "labels": row.manifest["labels"],
        "positive_label": row.positive_label,
        "licence": row.licence,
        "preprocessing_version": row.preprocessing_version,
        "in_force_for": list(ruled),
        "retired": row.retired_at is not None,
    }


def in_words(row: dict[str, Any]) -> str:
    state = "retired" if row["retired"] else f"in force for {', '.join(row['in_force_for']) or 'nothing'}"
    labels = ", ".join(row["labels"])
    looks = f"looks for {row['positive_label']} among {labels}"
    return f"{row['name']}  {row['sha256'][:12]}, {looks}; {row['licence']}; {state}"


def ruling_in_words(version: PolicyVersion) -> str:
    assert version.epoch is not None
    assert version.classifier is not None
    return (
        f"{version.classifier.name} rules {version} from the next pre-screen on, low {version.low:.2f}, high "
        f"{version.high:.2f}, {version.combination} of {', '.join(version.labels)}; "
        f"{version.epoch}: {version.epoch.why_opened}"
    )


def trial_in_words(trial: adoption.DryRun) -> str:
    if trial.scores is None:
        return f"{trial.path}: {trial.refused}"
    return f"{trial.path}: {probabilities(trial.scores)}"


def probabilities(scores: Any) -> str:
    """Every label with its probability, the likeliest first."""
    return ", ".join(f"{label} {p:.4f}" for label, p in sorted(scores.items(), key=lambda pair: -pair[1]))


def proof_in_words(proven: Proven) -> str:
    manifest = proven.manifest
    width = max(map(len, proven.samples))
    lines = [
        f"Imported {manifest.name}: sha256 {manifest.sha256}, {manifest.licence}.",
        f"It looks for {manifest.positive_label!r} among {', '.join(manifest.labels)}; "
        f"{manifest.size[0]} x {manifest.size[1]} pixels, {manifest.colour_order}, {manifest.preprocessing_version}.",
        "What it says of composed pictures, all harmless. Does it make sense?",
        *(f"  {name:<{width}}  {probabilities(says)}" for name, says in proven.samples.items()),
        "What its golden outputs would notice, by how far they would move:",
        *(f"  {name}: {moved:.4f}" for name, moved in proven.noticed.items()),
        *(f"  NOT NOTICED: {name}. Compare scores with its publisher's." for name in proven.unnoticed),
        f"Try it on files of your own: manage.py classifiers score {manifest.name} FILE...",
    ]
    return "\n".join(lines)


def check_in_words(answers: dict[str, Any]) -> str:
    graph, one = answers["graph"], answers["speeds"][0]
    lines = [
        f"{answers['name']}: {answers['licence']['name']}. {answers['licence']['why']}",
        f"{graph['parameters'] / 1e6:.1f} million parameters, {graph['gflop']:.2f} GFLOP and "
        f"{one['milliseconds']:.1f} ms an image on one thread, {answers['memory_mb']:.0f} MB.",
        *(f"NOT NOTICED by its golden inputs: {each['reading']}." for each in answers["golden"]["wrong_readings"]
          if not each["noticed"]),
    ]  # fmt: skip
    if found := answers["labelled"]:
        lines.append(f"Accuracy {found['accuracy']['value']:.4f}, AUC {found['auc']['value']:.4f} on your images.")
    if claim := answers["claim"]:
        lines.append(f"Claimed accuracy {claim['accuracy']:.4f}: {claim['verdict']}.")
    return "\n".join(lines)


def drift_in_words(drift: adoption.EightBitDrift, *, name: str, source: str) -> str:
    lines = [
        f"Registered {name}, {drift.method}. It replaces nothing: {source} rules on where it does.",
        f"On {drift.images} images its scores differ by {drift.mean:.4f} in the mean, {drift.largest:.4f} at most.",
        f"At the thresholds in force for {source}, {len(drift.flips)} would take another route:",
        *(f"  {flip.file}: {flip.policy} {flip.routes[0]} ({flip.before:.3f}) -> {flip.routes[1]} ({flip.after:.3f})"
          for flip in drift.flips),
        f"Thresholds do not transfer: see 'classifiers check {name}' and activate it with its own.",
    ]  # fmt: skip
    return "\n".join(lines)
