"""The decode process: reads requests from stdin, answers on stdout, dies with its parent.

Started by ``sandbox`` as ``python -m moderation.inference.decoder LIFELINE``; never imported by it.
"""

import fcntl
import math
import os
import resource
import select
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageFile

from moderation.inference import pixels, renditions
from moderation.inference.images import ImageRefused, Limits, Reason
from moderation.inference.preprocessing import Preprocessing, prepare
from moderation.inference.wire import read_message, write_message

Reply = tuple[dict[str, Any], list[bytes]]

#: Descriptors: three standard ones, the lifeline, the answers, the image, and what a lazy import opens.
_MAX_OPEN_FILES = 16
#: Bytes that must be left to decode into.
_LEAST_ROOM = 32_000_000
#: Beyond the parent's clock, which ends a late process; this one holds even when the parent hangs.
_CPU_GRACE_SECONDS = 5


class ParentGone(EOFError):
    """The pipe from the parent is closed."""


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    answers = _claim_stdout()
    setup, _ = read_message(_read_exactly)
    limits = Limits(**{**setup["limits"], "formats": tuple(setup["limits"]["formats"])})
    preprocessings = [Preprocessing.from_json(value) for value in setup["preprocessings"]]
    confine(limits)
    write_message(answers, {"ready": True})
    while True:
        request, _ = read_message(_read_exactly)
        _allow_cpu(limits.seconds)
        reply, blobs = answer(request, limits=limits, preprocessings=preprocessings)
        write_message(answers, reply, blobs=blobs)


def die_with_parent(lifeline: int) -> None:
    """Let the kernel end this process when the parent closes the other end, however it ends.

    Not PR_SET_PDEATHSIG: that one fires when the *thread* that started us ends, as web threads do.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    # Ctrl-C and a stopping service signal the whole group: the parent decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if _has_ended(lifeline):
        raise ParentGone


def confine(limits: Limits) -> None:
    """Give up, for good, what decoding does not need."""
    for kind, most in (
        (resource.RLIMIT_AS, limits.address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        resource.setrlimit(kind, (most, most))
    bytearray(_LEAST_ROOM)  # a limit that leaves no room is an error of the settings, not of every file


def answer(request: Mapping[str, Any], *, limits: Limits, preprocessings: list[Preprocessing]) -> Reply:
    """Do one request; a refused file is an answer too."""
    try:
        return _do(request, limits=limits, preprocessings=preprocessings)
    except ImageRefused as refusal:
        return {"refused": refusal.reason, "detail": refusal.detail}, []
    except MemoryError:
        return {
            "refused": Reason.OUT_OF_MEMORY,
            "detail": "preparing it takes more memory than is allowed",
        }, []


def _do(request: Mapping[str, Any], *, limits: Limits, preprocessings: list[Preprocessing]) -> Reply:
    path = Path(request["path"])
    if request["verb"] == "probe":
        return _probe(path, limits=limits)
    if request["verb"] == "render":
        return _render(path, frame=request["frame"], max_side=request["max_side"], limits=limits)
    return _decode(path, limits=limits, preprocessings=preprocessings)


def _probe(path: Path, *, limits: Limits) -> Reply:
    with pixels.open_image(path, limits=limits) as image:
        return {"header": asdict(pixels.read_header(image, limits=limits))}, []


def _render(path: Path, *, frame: int, max_side: int, limits: Limits) -> Reply:
    with pixels.open_image(path, limits=limits) as image:
        pixels.seek(image, frame=frame, limits=limits)
        picture = pixels.upright_rgb(image)
    clear, blurred, width, height = renditions.encode(picture, max_side=max_side)
    return {"width": width, "height": height, "media_type": renditions.MEDIA_TYPE}, [clear, blurred]


def _decode(path: Path, *, limits: Limits, preprocessings: list[Preprocessing]) -> Reply:
    """One blob for each preprocessing: uint8, frames x height x width x 3."""
    views = [bytearray() for _ in preprocessings]
    with pixels.open_image(path, limits=limits) as image:
        header = pixels.read_header(image, limits=limits)
        frames = sampled_frames(header.frames, most=limits.max_frames)
        for frame in frames:
            pixels.seek(image, frame=frame, limits=limits)
            for index, view in _views_of_frame(image, path, limits=limits, preprocessings=preprocessings):
                views[index] += view
    return {"header": asdict(header), "frames": frames}, [bytes(view) for view in views]


def _views_of_frame(
    image: ImageFile.ImageFile, path: Path, *, limits: Limits, preprocessings: list[Preprocessing]
) -> Iterator[tuple[int, bytes]]:
    """Decode once for each draft factor, so that a score never depends on which other classifiers run."""
    for factor, indexes in _by_draft_factor(image, preprocessings).items():
        if factor == 1:
            picture = pixels.upright_rgb(image)
        else:
            side = preprocessings[indexes[0]].draft_side
            picture = pixels.upright_rgb_draft(path, frame=image.tell(), side=side, limits=limits)
        for index in indexes:
            yield index, prepare(picture, preprocessing=preprocessings[index]).tobytes()


def _by_draft_factor(image: Image.Image, preprocessings: list[Preprocessing]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for index, preprocessing in enumerate(preprocessings):
        factor = preprocessing.draft_factor(image.size) if image.format in ("JPEG", "MPO") else 1
        groups.setdefault(factor, []).append(index)
    return groups


def sampled_frames(count: int, *, most: int) -> list[int]:
    """At most ``most`` frame indexes of ``count``, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [0]
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]


def _claim_stdout() -> BinaryIO:
    """Keep the pipe for answers alone: what a codec prints must not end up between them, nor block us."""
    os.set_blocking(2, False)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _read_exactly(count: int) -> bytearray:
    read = sys.stdin.buffer.read(count)
    if len(read) < count:
        raise ParentGone
    return bytearray(read)


def _has_ended(lifeline: int) -> bool:
    poll = select.poll()
    poll.register(lifeline, select.POLLHUP)
    return bool(poll.poll(0))


def _allow_cpu(seconds: float) -> None:
    """Let the kernel end the process when one request burns far more time than the parent would wait."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    most = math.ceil(used + seconds + _CPU_GRACE_SECONDS)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


if __name__ == "__main__":
    try:
        main()
    except (ParentGone, BrokenPipeError):
        os._exit(0)  # nobody is left to read what buffers hold
