"""Decode uploads in child processes that may run out of memory, hang or be killed without harm.

One child works for one caller at a time; threads and overlapping calls get children of their own.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from moderation.decoding.fingerprints import PdqHash
from moderation.decoding.images import DecodeLimits, Header, ImageRefused, Reason
from moderation.decoding.plan import WHOLE_PICTURES, ViewPlan
from moderation.decoding.preprocessing import Preprocessing
from moderation.decoding.process import ChildLost, DecoderChild, SandboxUnavailable
from moderation.decoding.protocol import Message
from moderation.decoding.views import WHOLE, Appearance, Box, Picture, appearance_of

__all__ = ["DecodedFile", "Looked", "RefusedFile", "Rendition", "Sandbox", "SandboxUnavailable", "UInt8Array"]

UInt8Array = NDArray[np.uint8]

#: Requests that a child holds: it decodes the next files while its caller works on the former ones. What it
#: has decoded waits in its pipe, so memory stays bounded.
_AHEAD = 4
#: Children that are kept warm when nobody uses them: starting one takes as long as decoding forty photos.
_MOST_IDLE = 4


@dataclass(frozen=True, slots=True)
class Looked:
    """What one preprocessing saw of a file.

    Attributes:
        pictures: what was looked at as a whole; ``views`` shows them, uint8 (pictures, height, width, 3), RGB.
        measured: signals of the first picture (``signals``).
        unseen: whether some frame is unlike all of ``pictures``.
    """

    pictures: tuple[Picture, ...]
    views: UInt8Array
    measured: Mapping[str, float]
    unseen: bool


@dataclass(frozen=True, slots=True)
class DecodedFile:
    """One readable file, as each preprocessing of the sandbox saw it."""

    path: Path
    header: Header
    looked: tuple[Looked, ...]
    fingerprint: PdqHash | None = None

    @property
    def views(self) -> tuple[UInt8Array, ...]:
        return tuple(each.views for each in self.looked)

    @property
    def frames(self) -> tuple[int, ...]:
        """Which frame of the file each picture of the first preprocessing shows, counted from 0."""
        return tuple(picture.frame for picture in self.looked[0].pictures) if self.looked else ()


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """One file that could not be read safely, as an outcome."""

    path: Path
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """What people see of a frame: ``clear`` is ``width`` x ``height`` pixels, ``blurred`` has its aspect."""

    clear: bytes
    blurred: bytes
    width: int
    height: int
    media_type: str


class Sandbox:
    """Reads files for several preprocessings at once. Starts nothing before the first call."""

    def __init__(
        self,
        *,
        limits: DecodeLimits | None = None,
        preprocessings: Sequence[Preprocessing] = (),
        plan: ViewPlan = WHOLE_PICTURES,
    ) -> None:
        self.limits = limits or DecodeLimits()
        self.plan = plan
        self.preprocessings = tuple(preprocessings)
        self._idle: list[DecoderChild] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the idle children; a later call starts new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def probe(self, path: Path) -> Header:
        """Read the header of a file only, within ``limits.probe_seconds``.

        Raises:
            ImageRefused: it is not an image that may be read.
            SandboxUnavailable: no decode process can be started.
        """
        seconds = min(self.limits.probe_seconds, self.limits.seconds)
        header, _ = self._ask(_request("probe", path), seconds=seconds)
        return Header(**header["header"])

    def parts(self, path: Path, *, preprocessing: int, wanted: Sequence[tuple[int, int, Sequence[Box]]]) -> UInt8Array:
        """Parts of pictures as one preprocessing sees them, for each (frame, appearance, boxes) in turn.

        Returns:
            uint8 of shape (parts, height, width, 3), RGB.

        Raises:
            ImageRefused: what could be decoded as a whole can't be so again.
            SandboxUnavailable: no decode process can be started.
        """
        request = _request("parts", path, preprocessing=preprocessing, wanted=wanted)
        _, (blob,) = self._ask(request, seconds=self.limits.seconds)
        count = sum(len(boxes) for _, _, boxes in wanted)
        return _views(blob, count=count, preprocessing=self.preprocessings[preprocessing])

    def render(self, path: Path, *, frame: int = 0, view: int = WHOLE, max_side: int = 1600) -> Rendition:
        """Make what people see of one frame, in the appearance of ``view``, no side longer than ``max_side`` pixels.

        Raises:
            ImageRefused: it is not an image that may be read.
            SandboxUnavailable: no decode process can be started.
        """
        (rendition,) = self.render_all(path, wanted=[(frame, appearance_of(view))], max_side=max_side)
        return rendition

    def render_all(
        self, path: Path, *, wanted: Sequence[tuple[int, Appearance]], max_side: int = 1600
    ) -> list[Rendition]:
        """The same for several (frame, appearance) of one file, in one walk through it; in the order of ``wanted``.

        Raises:
            ImageRefused: it is not an image that may be read.
            SandboxUnavailable: no decode process can be started.
        """
        request = _request("render", path, wanted=sorted(wanted), max_side=max_side)
        facts, blobs = self._ask(request, seconds=self.limits.seconds)
        pairs = zip(blobs[::2], blobs[1::2], facts["sizes"], strict=True)
        made = [
            Rendition(bytes(clear), bytes(blurred), width, height, facts["media_type"])
            for clear, blurred, (width, height) in pairs
        ]
        return [made[sorted(wanted).index(each)] for each in wanted]

    def decode(self, paths: Sequence[Path]) -> Iterator[DecodedFile | RefusedFile]:
        """Yield one outcome for each path, in order, while the next ones are being decoded.

        Raises:
            SandboxUnavailable: no decode process can be started.
        """
        waiting, asked = deque(paths), deque[Path]()
        child: DecoderChild | None = None
        try:
            while waiting or asked:
                child = child or self._take()
                _fill(child, waiting=waiting, asked=asked)
                path = asked.popleft()
                try:
                    reply = child.receive()
                except ChildLost as lost:
                    child = None
                    waiting.extendleft(reversed(asked))  # those behind it are not to blame
                    asked.clear()
                    yield self._decode_again(path, lost=lost)
                else:
                    yield self._outcome(path, reply)
        finally:
            if child is not None:
                self._give_back(child, busy=bool(asked))

    def _decode_again(self, path: Path, *, lost: ChildLost) -> DecodedFile | RefusedFile:
        try:
            return self._outcome(
                path, self._ask_again(_request("decode", path), lost=lost, seconds=self.limits.seconds)
            )
        except ImageRefused as refusal:
            return RefusedFile(path, refusal.reason, refusal.detail)

    def _outcome(self, path: Path, reply: Message) -> DecodedFile | RefusedFile:
        facts, blobs = reply
        if "refused" in facts:
            refusal = _refusal(facts)
            return RefusedFile(path, refusal.reason, refusal.detail)
        triples = zip(facts["looks"], blobs, self.preprocessings, strict=True)
        looked = tuple(_looked(look, blob, preprocessing=each) for look, blob, each in triples)
        hashed = facts["fingerprint"]
        return DecodedFile(path, Header(**facts["header"]), looked, hashed and PdqHash.from_json(hashed))

    def _ask(self, request: Mapping[str, Any], *, seconds: float) -> Message:
        """Ask a warm child; a file that costs its life gets one fresh child, alone."""
        child = self._take()
        child.send(request)
        try:
            reply = child.receive(seconds=seconds)
        except ChildLost as lost:
            reply = self._ask_again(request, lost=lost, seconds=seconds)
        else:
            self._give_back(child, busy=False)
        return _unless_refused(reply)

    def _ask_again(self, request: Mapping[str, Any], *, lost: ChildLost, seconds: float) -> Message:
        """Ask a fresh child, alone: the death of the first may have had another cause than this file."""
        if lost.reason is Reason.TIMED_OUT:
            # A child answers in order, so the whole wait was for this file: a second one would end as late.
            raise ImageRefused(lost.reason, lost.detail) from lost
        child = self._start()
        child.send(request)
        try:
            reply = child.receive(seconds=seconds)
        except ChildLost as again:
            raise ImageRefused(again.reason, _both(lost, again)) from again
        self._give_back(child, busy=False)
        return reply

    def _start(self) -> DecoderChild:
        return DecoderChild(limits=self.limits, preprocessings=self.preprocessings, plan=self.plan)

    def _take(self) -> DecoderChild:
        with self._lock:
            # After a fork the parent still uses these; two readers of one pipe would mix their answers.
            self._idle = [child for child in self._idle if child.owner == os.getpid()]
            if self._idle:
                return self._idle.pop()
        return self._start()

    def _give_back(self, child: DecoderChild, *, busy: bool) -> None:
        """Keep a child for the next call, unless answers are still under way to nobody."""
        with self._lock:
            if not busy and len(self._idle) < _MOST_IDLE:
                self._idle.append(child)
                return
        child.end()


def _request(verb: str, path: Path, **more: object) -> dict[str, Any]:
    return {"verb": verb, "path": str(path.absolute()), **more}


def _both(first: ChildLost, second: ChildLost) -> str:
    if first.detail == second.detail:
        return f"twice: {second.detail}"
    return f"first: {first.detail}; then, alone: {second.detail}"


def _fill(child: DecoderChild, *, waiting: deque[Path], asked: deque[Path]) -> None:
    while waiting and len(asked) < _AHEAD:
        asked.append(waiting.popleft())
        child.send(_request("decode", asked[-1]))


def _unless_refused(reply: Message) -> Message:
    facts, _ = reply
    if "refused" in facts:
        raise _refusal(facts)
    return reply


def _refusal(facts: Mapping[str, Any]) -> ImageRefused:
    return ImageRefused(Reason(facts["refused"]), facts["detail"])


def _looked(look: Mapping[str, Any], blob: bytearray, *, preprocessing: Preprocessing) -> Looked:
    pictures = tuple(_picture(**each) for each in look["pictures"])
    return Looked(
        pictures,
        _views(blob, count=len(pictures), preprocessing=preprocessing),
        look["measured"],
        look["unseen"],
    )


def _picture(*, appearance: int, content: Sequence[float] | None, **facts: int) -> Picture:
    box = None if content is None else (content[0], content[1], content[2], content[3])
    return Picture(**facts, appearance=Appearance(appearance), content=box)


def _views(blob: bytearray, *, count: int, preprocessing: Preprocessing) -> UInt8Array:
    width, height = preprocessing.size
    return np.frombuffer(blob, dtype=np.uint8).reshape(count, height, width, 3)
