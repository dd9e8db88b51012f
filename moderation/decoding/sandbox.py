"""Decode uploads in child processes, which may run out of memory, hang or be killed without harm.

A child serves one caller at a time; threads and overlapping calls use different children.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from moderation.decoding.fingerprints import HashedPicture, PdqHash
from moderation.decoding.images import DecodeLimits, Header, ImageRefused, Reason
from moderation.decoding.plan import WHOLE_PICTURES, ViewPlan
from moderation.decoding.preprocessing import Preprocessing
from moderation.decoding.process import ChildLost, DecoderChild, SandboxUnavailable
from moderation.decoding.protocol import Message
from moderation.decoding.rendition_sizes import ORDINARY, RenditionSize
from moderation.decoding.views import Appearance, Box, Picture

__all__ = ["ClassifierInput", "DecodedFile", "RefusedFile", "Rendition", "Sandbox", "SandboxUnavailable", "UInt8Array"]

UInt8Array = NDArray[np.uint8]

#: Requests sent to a child in advance, so that it decodes the next files while its caller works on earlier ones.
#: Decoded files wait in the pipe, so memory stays bounded.
_AHEAD = 4
#: Idle children that are kept running. Starting one takes as long as decoding forty photos.
_MOST_IDLE = 4


@dataclass(frozen=True, slots=True)
class ClassifierInput:
    """One file as one preprocessing prepared it for its classifier.

    Attributes:
        pictures: the pictures that are scored as a whole.
        views: their pixels, uint8 of shape (pictures, height, width, 3), RGB.
        measured: signals of the first picture (``signals``).
        unseen: whether some frame is unlike all of ``pictures``.
    """

    pictures: tuple[Picture, ...]
    views: UInt8Array
    measured: Mapping[str, float]
    unseen: bool


@dataclass(frozen=True, slots=True)
class DecodedFile:
    """One readable file.

    Attributes:
        inputs: one for each preprocessing of the sandbox.
        fingerprint: only of a file with a single picture in a single appearance.
        hashes: of each of the ``pictures``, in each reading, to look for in hash lists.
    """

    path: Path
    header: Header
    inputs: tuple[ClassifierInput, ...]
    fingerprint: PdqHash | None = None
    hashes: tuple[HashedPicture, ...] = ()

    @property
    def views(self) -> tuple[UInt8Array, ...]:
        return tuple(each.views for each in self.inputs)

    @property
    def frames(self) -> tuple[int, ...]:
        """The frame of each picture of the first preprocessing, counted from 0."""
        return tuple(picture.frame for picture in self.inputs[0].pictures) if self.inputs else ()


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """The outcome for a file that could not be read safely."""

    path: Path
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """One frame, encoded anew for people: ``clear`` has ``width`` x ``height`` pixels, ``blurred`` the same aspect."""

    clear: bytes
    blurred: bytes
    width: int
    height: int
    media_type: str


class Sandbox:
    """Decodes files for several preprocessings at once. Starts no child before the first call."""

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
        """Read only the header of a file, within ``limits.probe_seconds``.

        Raises:
            ImageRefused: the file cannot be read safely.
            SandboxUnavailable: no decode process can be started.
        """
        seconds = min(self.limits.probe_seconds, self.limits.seconds)
        header, _ = self._request(_message("probe", path), seconds=seconds)
        return Header(**header["header"])

    def parts(self, path: Path, *, preprocessing: int, wanted: Sequence[tuple[int, int, Sequence[Box]]]) -> UInt8Array:
        """Prepare parts of pictures for one preprocessing, for each (frame, appearance, boxes) in turn.

        Returns:
            uint8 of shape (parts, height, width, 3), RGB.

        Raises:
            ImageRefused: the file cannot be decoded a second time.
            SandboxUnavailable: no decode process can be started.
        """
        message = _message("parts", path, preprocessing=preprocessing, wanted=wanted)
        _, (blob,) = self._request(message, seconds=self.limits.seconds)
        count = sum(len(boxes) for _, _, boxes in wanted)
        return _views(blob, count=count, preprocessing=self.preprocessings[preprocessing])

    def render_all(
        self, path: Path, *, wanted: Sequence[tuple[int, Appearance]], size: RenditionSize = ORDINARY
    ) -> list[Rendition]:
        """Make the rendition of each (frame, appearance), in the order of ``wanted``, in one pass through the file.

        Raises:
            ImageRefused: the file cannot be read safely.
            SandboxUnavailable: no decode process can be started.
        """
        message = _message("render", path, wanted=sorted(wanted), size=asdict(size))
        facts, blobs = self._request(message, seconds=self.limits.seconds)
        pairs = zip(blobs[::2], blobs[1::2], facts["sizes"], strict=True)
        made = [
            Rendition(bytes(clear), bytes(blurred), width, height, facts["media_type"])
            for clear, blurred, (width, height) in pairs
        ]
        return [made[sorted(wanted).index(each)] for each in wanted]

    def decode(self, paths: Sequence[Path]) -> Iterator[DecodedFile | RefusedFile]:
        """Yield one outcome for each path, in order, while the child decodes the next files.

        Raises:
            SandboxUnavailable: no decode process can be started.
        """
        waiting, sent = deque(paths), deque[Path]()
        child: DecoderChild | None = None
        try:
            while waiting or sent:
                child = child or self._take()
                _send_ahead(child, waiting=waiting, sent=sent)
                path = sent.popleft()
                try:
                    reply = child.receive()
                except ChildLost as lost:
                    child = None
                    waiting.extendleft(reversed(sent))  # the files behind it did not cause the loss
                    sent.clear()
                    yield self._decode_again(path, lost=lost)
                else:
                    yield self._outcome(path, reply)
        finally:
            if child is not None:
                self._give_back(child, busy=bool(sent))

    def _decode_again(self, path: Path, *, lost: ChildLost) -> DecodedFile | RefusedFile:
        try:
            reply = self._request_again(_message("decode", path), lost=lost, seconds=self.limits.seconds)
            return self._outcome(path, reply)
        except ImageRefused as refusal:
            return RefusedFile(path, refusal.reason, refusal.detail)

    def _outcome(self, path: Path, reply: Message) -> DecodedFile | RefusedFile:
        facts, blobs = reply
        if "refused" in facts:
            refusal = _refusal(facts)
            return RefusedFile(path, refusal.reason, refusal.detail)
        triples = zip(facts["inputs"], blobs, self.preprocessings, strict=True)
        inputs = tuple(_classifier_input(each, blob, preprocessing=by) for each, blob, by in triples)
        hashed = facts["fingerprint"]
        fingerprint, hashes = hashed and PdqHash.from_json(hashed), map(HashedPicture.from_json, facts["hashes"])
        return DecodedFile(path, Header(**facts["header"]), inputs, fingerprint, tuple(hashes))

    def _request(self, message: Mapping[str, Any], *, seconds: float) -> Message:
        """Send the request to an idle child. A file that ends the child is tried once more in a new one, alone."""
        child = self._take()
        child.send(message)
        try:
            reply = child.receive(seconds=seconds)
        except ChildLost as lost:
            reply = self._request_again(message, lost=lost, seconds=seconds)
        else:
            self._give_back(child, busy=False)
        return _unless_refused(reply)

    def _request_again(self, message: Mapping[str, Any], *, lost: ChildLost, seconds: float) -> Message:
        """Send the request to a new child, alone: the first may have died from another cause than this file."""
        if lost.reason is Reason.TIMED_OUT:
            # A child answers in order, so the whole wait was for this file. A second child would be as late.
            raise ImageRefused(lost.reason, lost.detail) from lost
        child = self._start()
        child.send(message)
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
            # After a fork the parent process still uses its children; two readers of one pipe would mix answers.
            self._idle = [child for child in self._idle if child.owner == os.getpid()]
            if self._idle:
                return self._idle.pop()
        return self._start()

    def _give_back(self, child: DecoderChild, *, busy: bool) -> None:
        """Keep a child for the next call, unless it still has answers to send that nobody will read."""
        with self._lock:
            if not busy and len(self._idle) < _MOST_IDLE:
                self._idle.append(child)
                return
        child.end()


def _message(verb: str, path: Path, **more: object) -> dict[str, Any]:
    return {"verb": verb, "path": str(path.absolute()), **more}


def _both(first: ChildLost, second: ChildLost) -> str:
    if first.detail == second.detail:
        return f"twice: {second.detail}"
    return f"first: {first.detail}; then, alone: {second.detail}"


def _send_ahead(child: DecoderChild, *, waiting: deque[Path], sent: deque[Path]) -> None:
    while waiting and len(sent) < _AHEAD:
        sent.append(waiting.popleft())
        child.send(_message("decode", sent[-1]))


def _unless_refused(reply: Message) -> Message:
    facts, _ = reply
    if "refused" in facts:
        raise _refusal(facts)
    return reply


def _refusal(facts: Mapping[str, Any]) -> ImageRefused:
    return ImageRefused(Reason(facts["refused"]), facts["detail"])


def _classifier_input(facts: Mapping[str, Any], blob: bytearray, *, preprocessing: Preprocessing) -> ClassifierInput:
    pictures = tuple(_picture(**each) for each in facts["pictures"])
    views = _views(blob, count=len(pictures), preprocessing=preprocessing)
    return ClassifierInput(pictures, views, facts["measured"], facts["unseen"])


def _picture(*, appearance: int, content: Sequence[float] | None, **facts: int) -> Picture:
    box = None if content is None else (content[0], content[1], content[2], content[3])
    return Picture(**facts, appearance=Appearance(appearance), content=box)


def _views(blob: bytearray, *, count: int, preprocessing: Preprocessing) -> UInt8Array:
    width, height = preprocessing.size
    return np.frombuffer(blob, dtype=np.uint8).reshape(count, height, width, 3)
