"""Count the changed copies that are recognised, the different photos that are merged, and the reviews saved.

Code changes each photo in each of the ways below. A copy is recognised if it lies within the radius of the original, as
it is or mirrored. A wrong merge is a copy within the radius of another photo. Then `prescreen` screens a night of
uploads, three in ten of them changed copies, under a policy that sends every upload to review, and the reviews that
remain are counted.

python -m benchmarks.near_duplicates [--images demo] [--folder FOLDER]
"""

import argparse
import io
import os
import random
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from benchmarks.duplicates import photos_in, set_up
from localpg import Cluster
from moderation.decoding.child.pdq import scaled_pdq_hash
from moderation.decoding.fingerprints import RADIUS, PdqHash, distance

Change = Callable[[Image.Image], Image.Image]
SHARE_OF_COPIES = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=Path("demo"))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="the folder of the database")
    options = parser.parse_args()
    pictures = {path.name: opened(path) for path in photos_in(options.images)}
    originals = {name: scaled_pdq_hash(picture) for name, picture in pictures.items()}
    report_originals(originals)
    report_changes(pictures, originals)
    report_night(pictures, folder=options.folder)


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def encoded(picture: Image.Image, *, quality: int = 90) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def recompressed(quality: int) -> Change:
    return lambda picture: Image.open(io.BytesIO(encoded(picture, quality=quality))).convert("RGB")


def scaled(share: float) -> Change:
    return lambda picture: picture.resize(
        (max(8, round(picture.width * share)), max(8, round(picture.height * share))), Image.Resampling.LANCZOS
    )


def cropped(left: float, right: float) -> Change:
    """Cut these shares of the width off left and right, and of the height off top and bottom."""
    return lambda picture: picture.crop(
        (
            round(picture.width * left),
            round(picture.height * left),
            round(picture.width * (1 - right)),
            round(picture.height * (1 - right)),
        )
    )


def with_caption(picture: Image.Image) -> Image.Image:
    picture, height = picture.copy(), picture.height // 24
    ImageDraw.Draw(picture).text(
        (height, picture.height - 2 * height), "someone.example", fill="white", font_size=max(8, height)
    )
    return picture


def framed(share: float, colour: str) -> Change:
    return lambda picture: ImageOps.expand(picture, round(share * min(picture.size)), colour)


CHANGES: Mapping[str, Change] = {
    "recompressed, quality 90": recompressed(90),
    "recompressed, quality 50": recompressed(50),
    "recompressed, quality 20": recompressed(20),
    "half the size": scaled(0.5),
    "a quarter of the size": scaled(0.25),
    "twice the size": scaled(2),
    "half the size, quality 50": lambda picture: recompressed(50)(scaled(0.5)(picture)),
    "small text in a corner": with_caption,
    "cropped by 2 %, evenly": cropped(0.01, 0.01),
    "cropped by 5 %, evenly": cropped(0.025, 0.025),
    "cropped by 5 %, two sides": cropped(0.0, 0.05),
    "black border of 2 %": framed(0.02, "black"),
    "white border of 5 %": framed(0.05, "white"),
    "mirrored": ImageOps.mirror,
}
COPIES = ("recompressed, quality 50", "half the size", "half the size, quality 50", "mirrored")


def bits_between(one: PdqHash, other: PdqHash) -> int:
    return min(distance(one.pdq, other.pdq), distance(one.mirrored, other.pdq))


def report_originals(originals: Mapping[str, PdqHash]) -> None:
    names = [name for name, found in originals.items() if found.is_distinctive]
    between = [
        bits_between(originals[one], originals[other]) for place, one in enumerate(names) for other in names[:place]
    ]
    wrong = sum(bits <= RADIUS for bits in between)
    print(f"{len(originals)} photos, {len(originals) - len(names)} too flat to compare")
    print(f"of {len(between):,} pairs {wrong} lie within {RADIUS} bits; the nearest two are {min(between)} bits apart")


def report_changes(pictures: Mapping[str, Image.Image], originals: Mapping[str, PdqHash]) -> None:
    print("| change | recognised | median distance | wrong merges |\n|---|---|---|---|")
    distinctive = {name: found for name, found in originals.items() if found.is_distinctive}
    for words, change in CHANGES.items():
        copies = {name: scaled_pdq_hash(change(pictures[name])) for name in distinctive}
        own = [bits_between(copies[name], distinctive[name]) for name in distinctive]
        wrong = sum(
            bits_between(copy, other) <= RADIUS
            for name, copy in copies.items()
            for another, other in distinctive.items()
            if another != name
        )
        recall = np.mean([bits <= RADIUS for bits in own])
        print(f"| {words} | {recall:.1%} | {np.median(own):.0f} | {wrong} |", flush=True)


def report_night(pictures: Mapping[str, Image.Image], *, folder: Path) -> None:
    with Cluster.throwaway(folder) as cluster, tempfile.TemporaryDirectory(dir=folder) as data:
        set_up(cluster.url(), data=data)
        contents = list(a_night(pictures))
        undecided, reviews = screened(contents)
    print(f"a night of {len(contents)} uploads, {SHARE_OF_COPIES:.0%} of them changed copies: ", end="")
    print(f"{undecided} to decide in {reviews} reviews: {1 - reviews / undecided:.1%} saved")


def a_night(pictures: Mapping[str, Image.Image]) -> Iterable[bytes]:
    """Return the photos and changed copies of them, shuffled."""
    chance = random.Random(1)
    copies = round(len(pictures) * SHARE_OF_COPIES / (1 - SHARE_OF_COPIES))
    uploads = [encoded(picture) for picture in pictures.values()]
    uploads += [
        encoded(CHANGES[chance.choice(COPIES)](pictures[name]), quality=chance.randint(60, 85))
        for name in chance.choices(list(pictures), k=copies)
    ]
    chance.shuffle(uploads)
    return uploads


def screened(contents: Iterable[bytes]) -> tuple[int, int]:
    """Pre-screen the uploads; return how many tasks need a verdict, and how many reviews give all of these verdicts."""
    from django.core.management import call_command  # noqa: PLC0415

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    call_command("migrate", verbosity=0)
    from moderation.models import PolicyVersion, ReviewTask  # noqa: PLC0415
    from moderation.tuning.versions import put_in_force  # noqa: PLC0415
    from tests.factories import make_uploads  # noqa: PLC0415

    in_force = PolicyVersion.objects.in_force().root().get()
    put_in_force(in_force.copy_as_draft(by=None, low=0.0, high=1.0), by=None, why="Every upload goes to review.")
    make_uploads(set(contents))
    call_command("prescreen", "--processes", "2", "--json")
    return ReviewTask.objects.undecided().count(), ReviewTask.objects.reviewable().count()


if __name__ == "__main__":
    main()
