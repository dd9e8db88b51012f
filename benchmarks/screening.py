"""The pre-screen beside the least that it could cost, and beside the way it is usually written. Ratios, not times.

bound   decode (draft), preprocess, session with one thread, in one process a core; nothing else
naive   full decode, session with its default threads, one image after the other
ours    `manage.py prescreen`: PostgreSQL, sandboxed decoding, routing, tasks, renditions, audit trail

Run it with ``make bench`` or ``make bench IMAGES=folder``; ``python -m benchmarks.screening --help`` has more.
"""

import argparse
import io
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

from moderation.cluster import Cluster
from moderation.inference import decoder, embedded
from moderation.inference.classifier import BATCH, Classifier
from moderation.inference.images import Limits
from moderation.inference.preprocessing import Preprocessing, prepare
from moderation.inference.tensors import to_tensor

CORES = len(os.sched_getaffinity(0))


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="second-look-bench-") as folder:
        paths = make_files(options.images, Path(folder) / "files", count=options.count, megapixels=options.megapixels)
        sizes = sum(path.stat().st_size for path in paths)
        print(
            f"{len(paths)} files, {sizes / len(paths) / 1000:.0f} kB each, {CORES} processes, {options.rounds} rounds"
        )
        rounds = [one_round(paths, Path(folder) / f"data-{number}") for number in range(options.rounds)]
    report(rounds)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=Path("demo"), help="a folder of photos (default: demo)")
    parser.add_argument("--count", type=int, default=800, help="files to screen; photos are repeated with other bytes")
    parser.add_argument("--megapixels", type=float, help="scale the photos up first")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def make_files(images: Path, target: Path, *, count: int, megapixels: float | None) -> list[Path]:
    """``count`` files with bytes of their own; what is added after a JPEG's end changes no pixel."""
    target.mkdir()
    photos = sorted(path for path in images.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not photos:
        sys.exit(f"{images} holds no .jpg files. Give a folder of photos: --images FOLDER")
    contents = [scaled(photo, megapixels) if megapixels else photo.read_bytes() for photo in photos]
    paths = [target / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(contents[number % len(contents)] + number.to_bytes(4, "big"))
    return paths


def scaled(photo: Path, megapixels: float) -> bytes:
    out = io.BytesIO()
    with Image.open(photo) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
        factor = (megapixels * 1e6 / (upright.width * upright.height)) ** 0.5
        size = round(upright.width * factor), round(upright.height * factor)
        upright.resize(size, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def one_round(paths: Sequence[Path], data: Path) -> dict[str, float]:
    """Images per second of each; in turn, so that a machine that slows down slows all of them."""
    return {"bound": bound(paths), "ours": ours(paths[0].parent, data), "naive": naive(paths[: len(paths) // 2])}


def bound(paths: Sequence[Path]) -> float:
    shares = [list(paths[core::CORES]) for core in range(CORES)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(CORES, initializer=load) as pool:
        pool.map(noop, range(CORES))  # processes are up, the network is loaded
        started = time.perf_counter()
        pool.map(bare_loop, shares, chunksize=1)
        return len(paths) / (time.perf_counter() - started)


NETWORK: list[Classifier] = []


def load() -> None:
    manifest, path = embedded.open_nsfw()
    NETWORK.append(Classifier.load(path, manifest))


def noop(_: int) -> None:
    time.sleep(0.5)


def bare_loop(paths: Sequence[Path]) -> None:
    """The very decode and session that the pre-screen uses, in one process and nothing around it."""
    network = NETWORK[0]
    preprocessing = network.manifest.preprocessing
    for start in range(0, len(paths), BATCH):
        views = [view(path, preprocessing) for path in paths[start : start + BATCH]]
        network.predict(np.concatenate(views))


def view(path: Path, preprocessing: Preprocessing) -> np.ndarray:
    request = {"verb": "decode", "path": str(path)}
    _, (blob,) = decoder.answer(request, limits=Limits(), preprocessings=[preprocessing])
    width, height = preprocessing.size
    return np.frombuffer(blob, dtype=np.uint8).reshape(-1, height, width, 3)


def naive(paths: Sequence[Path]) -> float:
    """What a first script does: open, convert, predict, one by one, with everything at its default."""
    manifest, model = embedded.open_nsfw()
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    started = time.perf_counter()
    for path in paths:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        prepared = np.asarray(prepare(upright, preprocessing=manifest.preprocessing))[None]
        session.run([manifest.output], {manifest.input: to_tensor(prepared, manifest=manifest)})
    return len(paths) / (time.perf_counter() - started)


def ours(folder: Path, data: Path) -> float:
    """Images per second as the command reports them, from its start to the last commit."""
    data.mkdir()
    environment = {**os.environ, "DATA_DIR": str(data), "SECRET_KEY": "benchmark"}
    environment.pop("DATABASE_URL", None)
    cluster = Cluster(data)
    try:
        for arguments in (["migrate", "--verbosity", "0"], ["ingest", str(folder), "--json"]):
            manage(arguments, environment)
        found = json.loads(manage(["prescreen", "--json"], environment).splitlines()[-1])
        assert found["uploads"] == sum(1 for _ in folder.iterdir()), found
        return float(found["per_second"])
    finally:
        cluster.destroy()


def manage(arguments: Sequence[str], environment: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def report(rounds: Sequence[dict[str, float]]) -> None:
    median = {name: float(np.median([each[name] for each in rounds])) for name in rounds[0]}
    for name in ("bound", "ours", "naive"):
        found = ", ".join(f"{each[name]:.1f}" for each in rounds)
        print(f"{name:>6}: {median[name]:6.1f} images/s (rounds: {found})")
    for beside in ("bound", "naive"):
        ratios = [each["ours"] / each[beside] for each in rounds]
        print(f"ours / {beside}: {np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
