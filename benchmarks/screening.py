"""Compare the speed of the pre-screen with its upper bound and with a naive script, as ratios.

bound   decodes and scores the same views in one process per core, with one thread each, and nothing else
naive   decodes fully and scores one image after the other, with the session's default threads
ours    `manage.py prescreen`: PostgreSQL, sandboxed decoding, routing, tasks, renditions, audit trail

``make bench`` and ``make bench IMAGES=folder`` run it; ``python -m benchmarks.screening --help`` lists all options.
With --eight-bit, bound and ours use a quantized variant of the network, calibrated on the same photos. Naive does not.
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
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

from localpg import Cluster
from moderation.decoding import plan
from moderation.decoding.child import __main__
from moderation.decoding.preprocessing import prepare
from moderation.decoding.protocol import Message
from moderation.decoding.sandbox import DecodedFile, Sandbox
from moderation.inference import embedded
from moderation.inference.classifier import ClassifierSession
from moderation.inference.manifest import Manifest
from moderation.inference.scorer import Scored, Scorer
from moderation.inference.tensors import to_tensor
from tests.hostile.watching import MemoryWatch

CORES = len(os.sched_getaffinity(0))
CALIBRATED_ON = 100
#: Processes whose memory is reported, by the module that they run.
KINDS = {"moderation.screening.worker_main": "worker", "moderation.decoding.child": "decode process"}
EIGHT_BIT = "eight-bit"
#: The pause between two samples of the memory. The kernel keeps each process's peak, so few samples are enough, and
#: each one takes time from the measured processes.
SAMPLE_SECONDS = 2.0


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="second-look-bench-") as folder:
        paths = make_files(options.images, Path(folder) / "files", count=options.count, megapixels=options.megapixels)
        sizes = sum(path.stat().st_size for path in paths)
        print(
            f"{len(paths)} files, {sizes / len(paths) / 1000:.0f} kB each, {CORES} processes, {options.rounds} rounds"
        )
        model = eight_bit(paths[:CALIBRATED_ON], Path(folder) / EIGHT_BIT) if options.eight_bit else None
        rounds = [one_round(paths, Path(folder) / f"data-{number}", model=model) for number in range(options.rounds)]
    report(rounds)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, default=Path("demo"), help="a folder of photos (default: demo)")
    parser.add_argument("--count", type=int, default=3200, help="number of files; photos are turned, then repeated")
    parser.add_argument("--megapixels", type=float, help="scale the photos up first")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--eight-bit", action="store_true", help="use a quantized variant of the network")
    return parser.parse_args()


def make_files(images: Path, target: Path, *, count: int, megapixels: float | None) -> list[Path]:
    """Write ``count`` files: every photo unchanged, then turned and mirrored in seven ways, then all of these again.

    A number after the end of each JPEG makes its bytes different and changes no pixel.
    """
    target.mkdir()
    photos = sorted(path for path in images.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not photos:
        sys.exit(f"{images} holds no .jpg files. Give a folder of photos: --images FOLDER")
    paths = [target / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        times, photo = divmod(number, len(photos))
        position = POSITIONS[times % len(POSITIONS)]
        path.write_bytes(rearranged(photos[photo], position, megapixels=megapixels) + number.to_bytes(4, "big"))
    return paths


#: A photo in one of these positions is a near-duplicate only of its mirror image.
POSITIONS = (None, *Image.Transpose)


def rearranged(photo: Path, position: Image.Transpose | None, *, megapixels: float | None) -> bytes:
    """Scale and turn a photo, and compress it with the quantization tables of its file."""
    if position is None and megapixels is None:
        return photo.read_bytes()
    out = io.BytesIO()
    with Image.open(photo, formats=["JPEG"]) as image:
        picture, tables = ImageOps.exif_transpose(image).convert("RGB"), image.quantization
    if megapixels is not None:
        factor = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
        picture = picture.resize(
            (round(picture.width * factor), round(picture.height * factor)), Image.Resampling.BICUBIC
        )
    if position is not None:
        picture = picture.transpose(position)
    picture.save(out, "JPEG", qtables=tables, subsampling="4:2:0")
    return out.getvalue()


def eight_bit(paths: Sequence[Path], folder: Path) -> Path:
    """Write a quantized variant of the embedded network with its manifest, as `classifiers quantize` does."""
    from moderation.classifiers.conversion import PublishedClassifier  # noqa: PLC0415 (these three import onnx)
    from moderation.classifiers.conversion.golden import add_golden_outputs  # noqa: PLC0415
    from moderation.classifiers.conversion.quantizing import quantize  # noqa: PLC0415

    folder.mkdir()
    manifest, model = embedded.open_nsfw()
    decoded = InProcessSandbox(preprocessings=[manifest.preprocessing]).decode(paths)
    views = np.concatenate([each.views[0][:1] for each in decoded if isinstance(each, DecodedFile)])
    small = quantize(model.read_bytes(), manifest=manifest, method="static", views=views, folder=folder)
    facts = {name: value for name, value in json.loads(manifest.to_json()).items() if name not in OF_THE_FILE}
    published = PublishedClassifier(small, facts)
    converted = add_golden_outputs(published, name=EIGHT_BIT, narrowest=0.01, widest=0.02, batch_tolerance=0.01)
    (folder / f"{EIGHT_BIT}.json").write_text(converted.manifest.to_json())
    target = folder / f"{EIGHT_BIT}.onnx"
    target.write_bytes(small)
    return target


OF_THE_FILE = ("name", "file", "sha256", "golden")


def one_round(paths: Sequence[Path], data: Path, *, model: Path | None) -> dict[str, float]:
    """Return the images per second of each, measured in turn so that a slower machine slows all of them."""
    memory: dict[str, float] = {}
    found = {
        "bound": bound(paths, model=model),
        "ours": ours(paths[0].parent, data, model=model, memory=memory),
        "naive": naive(paths[: len(paths) // 2]),
    }
    return found | memory


def bound(paths: Sequence[Path], *, model: Path | None) -> float:
    shares = [list(paths[core::CORES]) for core in range(CORES)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(CORES, initializer=load, initargs=(model,)) as pool:
        pool.map(noop, range(CORES))  # until every process has loaded the network
        started = time.perf_counter()
        pool.map(bare_loop, shares, chunksize=1)
        return len(paths) / (time.perf_counter() - started)


SCORER: list[Scorer] = []


def load(model: Path | None) -> None:
    manifest, path = embedded.open_nsfw()
    if model is not None:
        manifest, path = Manifest.from_json(model.with_suffix(".json").read_text()), model
    SCORER.append(Scorer([ClassifierSession.load(path, manifest)], plan=plan.IN_FORCE))
    SCORER[0].sandbox = InProcessSandbox(preprocessings=[manifest.preprocessing], plan=plan.IN_FORCE)


def noop(_: int) -> None:
    time.sleep(0.5)


def bare_loop(paths: Sequence[Path]) -> None:
    """Decode and score as the pre-screen does, in one process and with nothing else."""
    for outcome in SCORER[0].score(paths):
        assert isinstance(outcome, Scored), outcome


class InProcessSandbox(Sandbox):
    """Decodes in this process: no child, no pipe, no limits."""

    def _start(self) -> "InProcessDecoder":  # type: ignore[override]
        return InProcessDecoder(self)


class InProcessDecoder:
    """Replaces a decode process; decodes each request when its answer is received."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.owner, self.sandbox, self.requests = os.getpid(), sandbox, deque[Mapping[str, Any]]()

    def send(self, request: Mapping[str, Any]) -> None:
        self.requests.append(request)

    def receive(self, *, seconds: float | None = None) -> Message:  # noqa: ARG002
        request, rules = self.requests.popleft(), list(self.sandbox.preprocessings)
        facts, blobs = __main__.answer(
            request, limits=self.sandbox.limits, preprocessings=rules, plan=self.sandbox.plan
        )
        return dict(facts), [bytearray(blob) for blob in blobs]

    def end(self) -> None:
        self.requests.clear()


def naive(paths: Sequence[Path]) -> float:
    """Return the images per second of a simple script: open, convert and predict one by one, all defaults."""
    manifest, model = embedded.open_nsfw()
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    started = time.perf_counter()
    for path in paths:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        prepared = np.asarray(prepare(upright, preprocessing=manifest.preprocessing))[None]
        session.run([manifest.output], {manifest.input: to_tensor(prepared, manifest=manifest)})
    return len(paths) / (time.perf_counter() - started)


def ours(folder: Path, data: Path, *, model: Path | None, memory: dict[str, float]) -> float:
    """Return the images per second that the command reports, from its start to its last commit."""
    data.mkdir()
    environment = {**os.environ, "DATA_DIR": str(data), "SECRET_KEY": "benchmark"}
    environment.pop("DATABASE_URL", None)
    cluster = Cluster(data)
    try:
        manage(["migrate", "--verbosity", "0"], environment)
        if model is not None:
            manage(["classifiers", "import", str(model), "--name", EIGHT_BIT], environment)
            manage(["classifiers", "activate", EIGHT_BIT, *AS_BEFORE], environment)
        manage(["ingest", str(folder), "--json"], environment)
        found = json.loads(manage(["prescreen", "--json"], environment, memory=memory).splitlines()[-1])
        assert found["uploads"] == sum(1 for _ in folder.iterdir()), found
        return float(found["per_second"])
    finally:
        cluster.destroy()


AS_BEFORE = ("--policy", "adult-content", "--low", "0.2", "--high", "0.8", "--why", "A benchmark.")


def manage(arguments: Sequence[str], environment: dict[str, str], *, memory: dict[str, float] | None = None) -> str:
    command = [sys.executable, "manage.py", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        with MemoryWatch(pause=SAMPLE_SECONDS) as watch:
            printed, _ = process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    if memory is not None:
        memory.update({KINDS[name]: peak / 1e6 for name, peak in watch.peaks.items() if name in KINDS})
    return printed


def report(rounds: Sequence[dict[str, float]]) -> None:
    median = {name: float(np.median([each[name] for each in rounds])) for name in ("bound", "ours", "naive")}
    for name in ("bound", "ours", "naive"):
        found = ", ".join(f"{each[name]:.1f}" for each in rounds)
        print(f"{name:>6}: {median[name]:6.1f} images/s (rounds: {found})")
    for beside in ("bound", "naive"):
        ratios = [each["ours"] / each[beside] for each in rounds]
        print(f"ours / {beside}: {np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    for kind in KINDS.values():
        print(f"greatest resident memory of a {kind}: {max(each.get(kind, 0.0) for each in rounds):.0f} MB")


if __name__ == "__main__":
    main()
