"""Import a published classifier: register a row and write one file below DATA_DIR, or change nothing."""

import json
import re
from pathlib import Path

from django.db import IntegrityError, transaction

from moderation import storage
from moderation.classifiers.conversion import FormNotAccepted, PublisherFacts, read_published
from moderation.classifiers.conversion.golden import ConvertedClassifier, add_golden_outputs
from moderation.classifiers.errors import AdoptionRefused
from moderation.inference.manifest import ClassifierFileError, ManifestError
from moderation.models import Classifier

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def import_classifier(path: Path, *, name: str, stated: PublisherFacts) -> tuple[Classifier, ConvertedClassifier]:
    """Read, convert and register a classifier. No policy uses it until ``activate``.

    Raises:
        AdoptionRefused: the name or the classifier is already registered, or the files at ``path`` cannot be used.
        StorageFull: the file could not be written.
    """
    check_new_name(name)
    try:
        published = read_published(path, stated=stated)
        converted = add_golden_outputs(published, name=name)
    except ManifestError as error:
        raise AdoptionRefused(f"{path}: {error}. Nothing was imported.") from error
    except (FormNotAccepted, ClassifierFileError) as error:
        raise AdoptionRefused(f"{error}. Nothing was imported.") from error
    return register(converted, licence_text=published.licence_text), converted


def check_new_name(name: str) -> None:
    """Raise AdoptionRefused unless a new classifier may be called ``name``."""
    if not _NAME.fullmatch(name):
        raise AdoptionRefused(
            f"--name {name!r} is not accepted. Give 1 to 100 letters, digits, dots, dashes and underscores, starting "
            "with a letter or a digit."
        )
    if Classifier.objects.filter(name=name).exists():
        raise AdoptionRefused(f"A classifier named {name!r} already exists. Choose another name.")


@transaction.atomic
def register(converted: ConvertedClassifier, *, licence_text: str) -> Classifier:
    """Write the row and the file; the row is rolled back when the file cannot be written.

    Raises:
        AdoptionRefused: the same file with the same preprocessing is registered under another name.
        StorageFull: the file could not be written.
    """
    manifest = converted.manifest
    same = Classifier.objects.filter(sha256=manifest.sha256, preprocessing_version=manifest.preprocessing_version)
    if existing := same.first():
        raise AdoptionRefused(f"The same classifier is already registered as {existing.name!r}. Use it by that name.")
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
            f"Another process imported {manifest.name!r} at the same moment, so nothing was imported here. See "
            "'classifiers list'."
        ) from error
    # Written before the commit, because a row without its file is an error and a file without a row is not.
    storage.write(classifier.path, [converted.model])
    return classifier
