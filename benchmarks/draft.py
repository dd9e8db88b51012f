"""Measure how much the draft decode changes the scores of enlarged photos.

``python -m benchmarks.draft --images FOLDER``; the default is the demo's photos.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.screening import rearranged
from moderation.inference import embedded
from moderation.inference.classifier import ClassifierSession
from moderation.inference.manifest import Manifest
from moderation.inference.scorer import Scored, Scorer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=Path("demo"))
    parser.add_argument("--megapixels", type=float, default=8.0, help="size that photos are enlarged to")
    parser.add_argument("--most", type=int, default=60, help="greatest number of photos")
    options = parser.parse_args()
    manifest, model = embedded.open_nsfw()
    without = manifest.model_copy(update={"draft": False, "golden": ()})
    with tempfile.TemporaryDirectory() as folder:
        paths = enlarged(sorted(options.images.rglob("*.jpg"))[: options.most], Path(folder), options.megapixels)
        moved = np.abs(scores(manifest, model, paths) - scores(without, model, paths))
    print(f"{len(moved)} photos at {options.megapixels} megapixels. The draft decode changes the score")
    print(f"by {moved.mean():.4f} on average, {np.median(moved):.4f} in the median,")
    print(f"by less than {np.quantile(moved, 0.95):.4f} for 95 % of them, by {moved.max():.4f} at most.")


def enlarged(photos: list[Path], folder: Path, megapixels: float) -> list[Path]:
    paths = []
    for number, photo in enumerate(photos):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(rearranged(photo, None, megapixels=megapixels))
    return paths


def scores(manifest: Manifest, model: Path, paths: list[Path]) -> np.ndarray:
    network = ClassifierSession.load(model, manifest)
    with Scorer([network]) as scorer:
        outcomes = list(scorer.score(paths))
    assert all(isinstance(outcome, Scored) for outcome in outcomes), outcomes
    return np.array([outcome.scores[manifest.key][manifest.positive_label].value for outcome in outcomes])


if __name__ == "__main__":
    main()
