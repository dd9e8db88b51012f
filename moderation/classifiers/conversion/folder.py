"""Recognise the published form of a classifier by its files, and read it."""

from collections.abc import Sequence
from pathlib import Path

from moderation.classifiers.conversion.hugging_face import read_hugging_face
from moderation.classifiers.conversion.onnx_files import read_onnx
from moderation.classifiers.conversion.publisher_facts import (
    FormNotAccepted,
    PublishedClassifier,
    PublisherFacts,
    read_object,
)
from moderation.classifiers.conversion.timm_folder import is_timm, read_timm
from moderation.classifiers.conversion.with_manifest import is_manifest, read_with_manifest

# The most files that a message names.
_NAMED = 5
_ACCEPTED = (
    "an ONNX file with a manifest beside it (NAME.json or manifest.json); an ONNX file with config.json and "
    "preprocessor_config.json; a folder with model.safetensors and timm's config.json"
)


def read_published(path: Path, *, stated: PublisherFacts) -> PublishedClassifier:
    """Read a classifier from an ONNX file or from a folder.

    Raises:
        FormNotAccepted: ``path`` holds none of the accepted forms, or a file of the form is not accepted.
    """
    if path.suffix == ".safetensors":
        path = path.parent
    if not path.exists():
        raise FormNotAccepted(str(path), found="nothing there", accepted=_ACCEPTED)
    onnx = path if path.is_file() else _only_onnx(path)
    if onnx is None:
        return _read_tensors(path, stated=stated)
    for manifest in (onnx.with_suffix(".json"), onnx.with_name("manifest.json")):
        if is_manifest(manifest):
            return read_with_manifest(read_onnx(onnx), path=manifest, stated=stated)
    # Hugging Face's folders keep the ONNX files one level below their configuration.
    for folder in (onnx.parent, onnx.parent.parent):
        if all((folder / name).is_file() for name in ("config.json", "preprocessor_config.json")):
            return read_hugging_face(read_onnx(onnx), folder=folder, stated=stated)
    raise FormNotAccepted(str(path), found=f"{onnx.name} without a file that describes it", accepted=_ACCEPTED)


def _only_onnx(folder: Path) -> Path | None:
    """The ONNX file of a folder: its only one, or model.onnx among several."""
    for place in (folder, folder / "onnx"):
        found = sorted(place.glob("*.onnx"))
        if len(found) == 1:
            return found[0]
        if found and (chosen := place / "model.onnx") in found:
            return chosen
        if found:
            names = [each.name for each in found]
            raise FormNotAccepted(
                str(place), found=_listed(names), accepted="one ONNX file: give the path of the file that you want"
            )
    return None


def _listed(names: Sequence[str]) -> str:
    """Return the first names, and the number of the others: a folder of photos may have thousands."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _read_tensors(folder: Path, *, stated: PublisherFacts) -> PublishedClassifier:
    names = sorted(each.name for each in folder.iterdir())
    if not {"model.safetensors", "config.json"} <= set(names):
        raise FormNotAccepted(str(folder), found=_listed(names) or "an empty folder", accepted=_ACCEPTED)
    if not is_timm(read_object(folder / "config.json")):
        found = "tensors with a configuration that names no timm architecture"
        raise FormNotAccepted(str(folder), found=found, accepted=_ACCEPTED)
    return read_timm(folder, stated=stated)
