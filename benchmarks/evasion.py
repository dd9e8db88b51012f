"""Measure evasion: each composed attack with and without the view plan, the plan's cost, and the quality flags.

``python -m benchmarks.evasion [--images FOLDER]`` prints the tables of docs/evasion.md; the default folder is demo/.
"""

import argparse
import io
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from moderation.decoding.plan import IN_FORCE, WHOLE_PICTURES, ViewPlan
from moderation.decoding.views import WHOLE
from moderation.inference import embedded
from moderation.inference.classifier import ClassifierSession
from moderation.inference.quality_flags import quality_flags
from moderation.inference.scorer import ClassifierScores, Scored, Scorer
from tests.moderation.decoding.attacks import ATTACKS
from tests.moderation.inference.patch_onnx import CENTRE_CROP, patch_classifier

#: JPEG qualities and enlargement factors for which the quality flags are counted.
QUALITIES = (10, 20, 30, 40, 60, 80)
FACTORS = (1.5, 2, 3, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=Path("demo"), help="photos for measuring cost and false alarms")
    options = parser.parse_args()
    photos = [path for path in sorted(options.images.rglob("*")) if path.suffix.lower() in {".jpg", ".jpeg", ".png"}]
    with tempfile.TemporaryDirectory() as folder:
        attacks(Path(folder))
        cost(photos)
        count_flags(photos, Path(folder))


def attacks(folder: Path) -> None:
    print("| attack | first picture | with the plan | views | ms | outcome |\n|---|---|---|---|---|---|")
    squeezing = Scorer([patch_classifier(made(folder, "patch"))], plan=IN_FORCE)
    cropping = Scorer([patch_classifier(made(folder, "crop"), **CENTRE_CROP)], plan=IN_FORCE)
    with squeezing, cropping:
        for number, attack in enumerate(ATTACKS):
            path = attack.make(made(folder, f"attack-{number}"))
            found, seconds = timed(cropping if attack.cropped else squeezing, path)
            score = found.labels["patch"]
            cells = f"{first_picture(found):.2f} | {score.value:.2f} | {found.views_scored} | {1000 * seconds:.0f}"
            print(f"| {attack.name} | {cells} | {outcome(found)} |")


def first_picture(found: ClassifierScores) -> float:
    """Return the score of the first picture as a whole, as decoded: the score without any plan."""
    views = found.labels["patch"].views
    return next((each.value for each in views if each.frame == 0 and each.view == WHOLE), 0.0)


def outcome(found: ClassifierScores) -> str:
    if found.untrusted:
        return f"to a person: {found.untrusted.replace('_', ' ')}"
    return "found" if found.labels["patch"].value >= 0.5 else "**not found**"


def cost(photos: Sequence[Path]) -> None:
    """Print the views per photo, and the plan's time relative to whole pictures, with the embedded classifier."""
    manifest, model = embedded.open_nsfw()
    network = ClassifierSession.load(model, manifest)
    seconds = Counter[str]()
    views = Counter[int]()
    untrusted = Counter[str]()
    moved = 0
    plans = {"whole pictures": WHOLE_PICTURES, "the plan": IN_FORCE}
    with Scorer([network], plan=IN_FORCE) as warm:
        list(warm.score(photos[:8]))
    for name, plan in [*plans.items(), *reversed(plans.items())]:
        with Scorer([network], plan=plan) as scorer:
            list(scorer.score(photos[:2]))
            began = time.perf_counter()
            list(scorer.score(photos))
            seconds[name] += time.perf_counter() - began
    for each in outcomes_by(network, IN_FORCE, photos):
        views[each.views_scored] += 1
        untrusted[each.untrusted or "trusted"] += 1
        label = each.labels[manifest.positive_label]
        moved += label.value > label.whole
    total = sum(views.values())
    several = sum(count for number, count in views.items() if number > 1)
    print(f"\n{total} photos, {sum(number * count for number, count in views.items()) / total:.3f} views each:")
    print(
        f"{several} of them in more than one view ({several / total:.1%}), "
        f"{moved} with a part that scored higher than the whole; "
        f"{dict(untrusted)}."
    )
    print(f"Time with the plan relative to whole pictures: {seconds['the plan'] / seconds['whole pictures']:.3f}.")


def count_flags(photos: Sequence[Path], folder: Path) -> None:
    """Print how often photos are flagged as enlarged or compressed, unchanged and after each change."""
    manifest, model = embedded.open_nsfw()
    network = ClassifierSession.load(model, manifest)
    chosen = photos[:: max(1, len(photos) // 100)]
    print(f"\n| {len(chosen)} photos | enlarged | compressed |\n|---|---|---|")
    for name, change in changes():
        paths = [written(folder / f"{number}.jpg", change(photo)) for number, photo in enumerate(chosen)]
        found = Counter(flag for each in outcomes_by(network, IN_FORCE, paths) for flag in quality_flags(each.measured))
        print(f"| {name} | {found['enlarged'] / len(chosen):.0%} | {found['compressed'] / len(chosen):.0%} |")


def changes() -> Iterator[tuple[str, Callable[[Path], bytes]]]:
    yield "unchanged", Path.read_bytes
    for quality in QUALITIES:
        yield f"saved as JPEG at quality {quality}", lambda path, quality=quality: jpeg(opened(path), quality=quality)
        if quality <= 20:
            yield (
                "then again at 90, which hides the first table",
                lambda path, quality=quality: jpeg(reopened(jpeg(opened(path), quality=quality)), quality=90),
            )
    for factor in FACTORS:
        yield f"enlarged {factor:g} times", lambda path, factor=factor: jpeg(enlarged(opened(path), factor), quality=90)


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def reopened(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")


def enlarged(image: Image.Image, factor: float) -> Image.Image:
    """Shrink the picture by ``factor`` along each side and enlarge it to its former size."""
    small = image.resize((round(image.width / factor), round(image.height / factor)), Image.Resampling.LANCZOS)
    return small.resize(image.size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, *, quality: int) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return content.getvalue()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def made(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def timed(scorer: Scorer, path: Path) -> tuple[ClassifierScores, float]:
    list(scorer.score([path]))
    began = time.perf_counter()
    (found,) = scores(scorer.score([path]))
    return found, time.perf_counter() - began


def outcomes_by(network: ClassifierSession, plan: ViewPlan, paths: Sequence[Path]) -> list[ClassifierScores]:
    with Scorer([network], plan=plan) as scorer:
        return list(scores(scorer.score(paths)))


def scores(outcomes: Iterator[object]) -> Iterator[ClassifierScores]:
    for outcome in outcomes:
        assert isinstance(outcome, Scored), outcome
        yield from outcome.by_classifier.values()


if __name__ == "__main__":
    main()
