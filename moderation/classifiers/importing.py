"""From what a publisher gives to a row and one file below DATA_DIR, or to nothing at all."""

import json
import re
from pathlib import Path

from django.db import IntegrityError, transaction

from moderation import storage
from moderation.classifiers.conversion import FormNotAccepted, PublisherFacts, read
from moderation.classifiers.conversion.golden import Proven, prove
from moderation.classifiers.errors import AdoptionRefused
from moderation.inference.manifest import ClassifierFileError, ManifestError
from moderation.models import Classifier

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def import_classifier(path: Path, *, name: str, told: PublisherFacts) -> tuple[Classifier, Proven]:
    """Read, prove and register a classifier. It rules nothing until ``activate``.

    Raises:
        AdoptionRefused: the name or the classifier is registered already, or what lies at ``path`` cannot be used.
        StorageFull: the file could not be written.
    """
    refuse_name(name)
    try:
        published = read(path, told=told)
        proven = prove(published, name=name)
    except (FormNotAccepted, ManifestError, ClassifierFileError) as error:
        raise AdoptionRefused(f"{error}. Nothing was imported.") from error
    return register(proven, licence_text=published.licence_text), proven


def refuse_name(name: str) -> None:
    """Raise AdoptionRefused unless a new classifier may be called ``name``."""
    if not _NAME.fullmatch(name):
        raise AdoptionRefused(
            f"--name {name!r}: 1 to 100 letters, digits, dots, dashes and underscores are accepted, a letter or a "
            "digit first."
        )
    if Classifier.objects.filter(name=name).exists():
        raise AdoptionRefused(f"A classifier named {name!r} exists. Names are not used twice: choose another.")


@transaction.atomic
def register(proven: Proven, *, licence_text: str) -> Classifier:
    """Write the row and the file; a row whose file cannot be written is not kept.

    Raises:
        AdoptionRefused: the same file with the same preprocessing is registered under another name.
        StorageFull: the file could not be written.
    """
    manifest = proven.manifest
    same = Classifier.objects.filter(sha256=manifest.sha256, preprocessing_version=manifest.preprocessing_version)
    if known := same.first():
        raise AdoptionRefused(f"This very classifier is registered as {known.name!r}. Use it under that name.")
    if len(manifest.licence) > 200:
        raise AdoptionRefused("The licence's name is longer than 200 characters. Give its SPDX name with --licence.")
    try:
        with transaction.atomic():
            classifier = Classifier.objects.create(
                name=manifest.name,
                sha256=manifest.sha256,
                preprocessing_version=manifest.preprocessing_version,
                manifest=json.loads(manifest.to_json()),
                positive_label=manifest.positive_label,
                licence=manifest.licence,
                provenance={**manifest.source, **({"licence_text": licence_text} if licence_text else {})},
                file_name=manifest.file,
            )
    except IntegrityError as error:
        raise AdoptionRefused(
            f"Somebody imported {manifest.name!r} at the same moment. See 'classifiers list'."
        ) from error
    # Written before the commit: a row without its file would be an error, a file without a row is not.
    storage.write(classifier.path, [proven.model])
    return classifier
