"""The decode process: reads requests from stdin, writes answers to stdout, ends with its parent.

``moderation.decoding.process`` starts it as ``python -m moderation.decoding.child LIFELINE`` and never imports it.
"""

import fcntl
import math
import os
import resource
import select
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from moderation.decoding.child import pixels, renderings, renditions
from moderation.decoding.child.frame_selection import FrameReader, FrameSet, prepare_parts
from moderation.decoding.fingerprints import HashedPicture
from moderation.decoding.images import DecodeLimits, ImageRefused, Reason
from moderation.decoding.plan import WHOLE_PICTURES, ViewPlan
from moderation.decoding.preprocessing import Preprocessing
from moderation.decoding.protocol import read_message, write_message
from moderation.decoding.rendition_sizes import RenditionSize
from moderation.decoding.views import Appearance

Reply = tuple[dict[str, Any], list[bytes]]

#: Three standard descriptors, the lifeline, the answers, the image, and the files of lazy imports.
_MAX_OPEN_FILES = 16
#: Bytes that must be free for decoding.
_LEAST_ROOM = 32_000_000
#: CPU time after the parent's limit. The parent ends a late process; this limit works even if the parent hangs.
_CPU_GRACE_SECONDS = 5


class ParentGone(EOFError):
    """The pipe from the parent is closed."""


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    answers = _claim_stdout()
    setup, _ = read_message(_read_exactly)
    limits = DecodeLimits(**{**setup["limits"], "formats": tuple(setup["limits"]["formats"])})
    preprocessings = [Preprocessing.from_json(value) for value in setup["preprocessings"]]
    plan = ViewPlan.from_json(setup["plan"])
    confine(limits)
    write_message(answers, {"ready": True})
    while True:
        request, _ = read_message(_read_exactly)
        _allow_cpu(limits.seconds)
        reply, blobs = answer(request, limits=limits, preprocessings=preprocessings, plan=plan)
        write_message(answers, reply, blobs=blobs)


def die_with_parent(lifeline: int) -> None:
    """Let the kernel end this process when the other end of the lifeline is closed, however the parent ends.

    PR_SET_PDEATHSIG does not serve: it fires when the *thread* that started this process ends, and web threads end.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    # Ctrl-C and a stopping service signal the whole group, but the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if _has_ended(lifeline):
        raise ParentGone


def confine(limits: DecodeLimits) -> None:
    """Set resource limits that this process cannot raise again."""
    for kind, most in (
        (resource.RLIMIT_AS, limits.address_space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        resource.setrlimit(kind, (most, most))
    bytearray(_LEAST_ROOM)  # fail now if the limit leaves no room, instead of refusing every file


def answer(
    request: Mapping[str, Any],
    *,
    limits: DecodeLimits,
    preprocessings: list[Preprocessing],
    plan: ViewPlan = WHOLE_PICTURES,
) -> Reply:
    """Carry out one request. The answer may be a refusal."""
    try:
        return _do(request, limits=limits, preprocessings=preprocessings, plan=plan)
    except ImageRefused as refusal:
        return {"refused": refusal.reason, "detail": refusal.detail}, []
    except MemoryError:
        return {
            "refused": Reason.OUT_OF_MEMORY,
            "detail": "preparing the image takes more memory than is allowed",
        }, []


def _do(
    request: Mapping[str, Any], *, limits: DecodeLimits, preprocessings: list[Preprocessing], plan: ViewPlan
) -> Reply:
    path = Path(request["path"])
    if request["verb"] == "probe":
        return _probe(path, limits=limits)
    if request["verb"] == "render":
        return _render(path, request, limits=limits)
    if request["verb"] == "parts":
        return _parts(path, request, limits=limits, preprocessing=preprocessings[request["preprocessing"]])
    return _decode(path, limits=limits, preprocessings=preprocessings, plan=plan)


def _probe(path: Path, *, limits: DecodeLimits) -> Reply:
    with pixels.open_image(path, limits=limits) as image:
        return {"header": asdict(pixels.read_header(image, limits=limits))}, []


def _render(path: Path, request: Mapping[str, Any], *, limits: DecodeLimits) -> Reply:
    """Answer with two blobs for each (frame, appearance), in order: the clear picture and the blurred one."""
    sizes, blobs, size = list[tuple[int, int]](), list[bytes](), RenditionSize(**request["size"])
    alone = len({frame for frame, _ in request["wanted"]}) == 1
    with pixels.open_image(path, limits=limits) as image:
        for frame, wanted in groupby(request["wanted"], key=itemgetter(0)):
            pixels.seek(image, frame=frame, limits=limits)
            if alone:  # MPO would keep the scale for its next picture
                image.draft(None, size.fitted(image.size))  # only JPEG has drafts
            plain = pixels.upright_rgb(image)
            for _, appearance in wanted:
                picture = renderings.rendering(image, plain, appearance=Appearance(appearance)) or plain
                clear, blurred, width, height = renditions.encode(picture, size=size)
                sizes.append((width, height))
                blobs += clear, blurred
    return {"sizes": sizes, "media_type": renditions.MEDIA_TYPE}, blobs


def _decode(path: Path, *, limits: DecodeLimits, preprocessings: list[Preprocessing], plan: ViewPlan) -> Reply:
    """Answer with one blob for each preprocessing: uint8, pictures x height x width x 3."""
    inputs: list[dict[str, Any]] = [{} for _ in preprocessings]
    blobs = [b""] * len(preprocessings)
    hashed, hashes = None, list[HashedPicture]()
    with pixels.open_image(path, limits=limits) as image:
        header = pixels.read_header(image, limits=limits)
        for side, indexes in _by_draft_side(image, preprocessings).items():
            pixels.seek(image, frame=0, limits=limits)
            reader = FrameReader([preprocessings[index] for index in indexes], side, limits, plan)
            frame_set = reader.read(image, path, count=header.frames)
            hashed, hashes = hashed or frame_set.fingerprint, hashes or frame_set.hashes
            for place, index in enumerate(indexes):
                inputs[index] = _input_facts(frame_set, place)
                blobs[index] = b"".join(views[place] for _, views, _ in frame_set.pictures)
    facts = {"fingerprint": hashed and hashed.as_json(), "hashes": [each.as_json() for each in hashes]}
    return {"header": asdict(header), "inputs": inputs, **facts}, blobs


def _input_facts(frame_set: FrameSet, place: int) -> dict[str, Any]:
    pictures = [asdict(picture) for picture, _, _ in frame_set.pictures]
    return {"pictures": pictures, "measured": frame_set.measured[place], "unseen": frame_set.unseen}


def _parts(path: Path, request: Mapping[str, Any], *, limits: DecodeLimits, preprocessing: Preprocessing) -> Reply:
    """Answer with one blob: uint8, parts x height x width x 3."""
    with pixels.open_image(path, limits=limits) as image:
        views = prepare_parts(image, path, wanted=request["wanted"], preprocessing=preprocessing, limits=limits)
        return {}, [b"".join(views)]


def _by_draft_side(image: Image.Image, preprocessings: list[Preprocessing]) -> dict[int, list[int]]:
    """Group the preprocessings that share a decode, so that a score never depends on the other classifiers."""
    groups: dict[int, list[int]] = {}
    for index, preprocessing in enumerate(preprocessings):
        factor = preprocessing.draft_factor(image.size) if image.format in ("JPEG", "MPO") else 1
        groups.setdefault(preprocessing.draft_side if factor > 1 else 0, []).append(index)
    return groups


def _claim_stdout() -> BinaryIO:
    """Reserve the pipe for answers: the output of codecs goes to stderr, which must not block."""
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
    """Let the kernel end the process when one request uses far more CPU time than the parent would wait."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    most = math.ceil(used + seconds + _CPU_GRACE_SECONDS)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


if __name__ == "__main__":
    try:
        main()
    except (ParentGone, BrokenPipeError):
        os._exit(0)  # do not flush buffers: nobody reads them
