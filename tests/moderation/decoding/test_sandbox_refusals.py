"""Files that cannot be read safely: each is refused with its reason and affects no other file."""

import os
import random
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from moderation.decoding.images import DecodeLimits, ImageRefused, Reason
from moderation.decoding.preprocessing import Preprocessing, Resize
from moderation.decoding.process import DecoderChild
from moderation.decoding.sandbox import DecodedFile, RefusedFile, Sandbox, SandboxUnavailable
from moderation.inference.scorer import Scored, Scorer
from tests.moderation.decoding.pictures import FORMATS, bomb_png, plain, render, write, write_frames

SMALL = Preprocessing("small", Resize("exact", (8, 8), "bilinear"), None, False, False)


def refusal(sandbox: Sandbox, path: Path) -> RefusedFile:
    (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, RefusedFile), outcome
    return outcome


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.FORMAT_NOT_ALLOWED),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', Reason.FORMAT_NOT_ALLOWED),
        (random.Random(1).randbytes(5000), Reason.FORMAT_NOT_ALLOWED),
        (b"\xff\xd8\xff" + random.Random(2).randbytes(5000), Reason.UNREADABLE),
        (b"\x89PNG\r\n\x1a\n" + random.Random(3).randbytes(5000), Reason.UNREADABLE),
        (b"GIF89a" + random.Random(4).randbytes(5), Reason.UNREADABLE),
        (b"RIFF\x20\0\0\0WEBPVP8L" + random.Random(5).randbytes(40), Reason.UNREADABLE),
        (b"\0\0\0\x1cftypavif\0\0\0\0miafavif" + random.Random(6).randbytes(900), Reason.UNREADABLE),
        (b"II*\0" + random.Random(7).randbytes(900), Reason.UNREADABLE),
    ],
)
def test_bytes_that_are_not_an_image(content: bytes, reason: Reason, sandbox: Sandbox, folder: Path) -> None:
    path = folder / "a"
    path.write_bytes(content)
    assert refusal(sandbox, path).reason == reason


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("tenths", [3, 6, 9])
def test_a_file_that_ends_too_early(suffix: str, tenths: int, sandbox: Sandbox, folder: Path) -> None:
    path = write(folder / f"a.{suffix}", noisy())
    path.write_bytes(path.read_bytes()[: path.stat().st_size * tenths // 10])
    assert refusal(sandbox, path).reason in (Reason.TRUNCATED, Reason.UNREADABLE)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp"])
def test_a_file_without_its_second_half_is_called_truncated(suffix: str, sandbox: Sandbox, folder: Path) -> None:
    path = write(folder / f"a.{suffix}", noisy())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(sandbox, path).reason == Reason.TRUNCATED


def noisy() -> Image.Image:
    return Image.frombytes("RGB", (64, 48), random.Random(8).randbytes(64 * 48 * 3))


def test_a_missing_file(sandbox: Sandbox, folder: Path) -> None:
    assert refusal(sandbox, folder / "gone.jpg").reason == Reason.FILE_MISSING


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_path_that_is_not_a_regular_file_does_not_block(make: object, sandbox: Sandbox, folder: Path) -> None:
    make(folder / "odd")  # type: ignore[operator]
    assert refusal(sandbox, folder / "odd").reason == Reason.UNREADABLE


def test_a_bomb_is_refused_by_its_header(sandbox: Sandbox, folder: Path) -> None:
    found = refusal(sandbox, bomb_png(folder / "a.png", width=60_000, height=60_000))
    assert found.reason == Reason.TOO_MANY_PIXELS


def test_the_pixel_limit_is_exact(folder: Path) -> None:
    write(folder / "a.png", plain(size=(101, 100)))
    for limit, refused in ((10_099, True), (10_100, False)):
        with Sandbox(limits=DecodeLimits(max_pixels=limit), preprocessings=[SMALL]) as sandbox:
            (outcome,) = sandbox.decode([folder / "a.png"])
        assert isinstance(outcome, RefusedFile) is refused


def test_a_later_page_may_not_be_larger_than_the_first(folder: Path) -> None:
    path = write_frames(folder / "a.tiff", [plain(), plain(size=(200, 200))])
    with Sandbox(limits=DecodeLimits(max_pixels=10_000), preprocessings=[SMALL]) as sandbox:
        assert refusal(sandbox, path).reason == Reason.TOO_MANY_PIXELS


def test_a_webp_canvas_is_measured_before_it_is_allocated(sandbox: Sandbox, folder: Path) -> None:
    vp8x = struct.pack("<B3x", 2) + (16_382).to_bytes(3, "little") * 2
    chunk = b"WEBPVP8X" + struct.pack("<I", len(vp8x)) + vp8x
    (folder / "a.webp").write_bytes(b"RIFF" + struct.pack("<I", len(chunk)) + chunk)
    assert refusal(sandbox, folder / "a.webp").reason == Reason.TOO_MANY_PIXELS


def test_a_refusal_says_what_was_found_and_what_is_accepted(folder: Path) -> None:
    path = write(folder / "a.png")
    with Sandbox(limits=DecodeLimits(max_bytes=50), preprocessings=[SMALL]) as sandbox:
        found = refusal(sandbox, path)
    assert found == RefusedFile(path, Reason.TOO_LARGE, f"found {path.stat().st_size} bytes; at most 50 are accepted")


@pytest.mark.parametrize(("formats", "suffix"), [(("PNG",), "jpg"), (("JPEG",), "mpo")])
def test_formats_can_be_narrowed(formats: tuple[str, ...], suffix: str, folder: Path) -> None:
    with Sandbox(limits=DecodeLimits(formats=formats), preprocessings=[SMALL]) as sandbox:
        assert refusal(sandbox, write(folder / f"a.{suffix}")).reason == Reason.FORMAT_NOT_ALLOWED


def test_too_little_memory_is_a_refusal_and_the_child_keeps_running(folder: Path) -> None:
    large = write(folder / "large.png", plain(size=(9000, 5000)))
    small = write(folder / "small.png")
    with Sandbox(limits=DecodeLimits(address_space=250_000_000), preprocessings=[SMALL]) as sandbox:
        outcomes = list(sandbox.decode([small, large, small]))
    assert [type(outcome) for outcome in outcomes] == [DecodedFile, RefusedFile, DecodedFile]
    assert outcomes[1].reason == Reason.OUT_OF_MEMORY  # type: ignore[union-attr]


def test_a_late_file_is_refused(folder: Path) -> None:
    late = write(folder / "late.png", plain(size=(7000, 7000)))
    with Sandbox(limits=DecodeLimits(seconds=0.05), preprocessings=[SMALL]) as sandbox:
        assert refusal(sandbox, late) == RefusedFile(late, Reason.TIMED_OUT, "no answer within 0.05 seconds")


def test_a_child_killed_in_the_middle_costs_no_file(folder: Path, started: list[DecoderChild]) -> None:
    paths = [write(folder / f"{index}.png") for index in range(12)]
    with Sandbox(preprocessings=[SMALL]) as sandbox:
        stream = sandbox.decode(paths)
        outcomes = [next(stream)]
        os.kill(started[-1].pid, signal.SIGKILL)
        outcomes += stream
    assert [outcome.path for outcome in outcomes] == paths
    assert all(isinstance(outcome, DecodedFile) for outcome in outcomes)


def test_a_child_that_died_idle_is_replaced(folder: Path, started: list[DecoderChild]) -> None:
    path = write(folder / "a.png")
    with Sandbox() as sandbox:
        sandbox.probe(path)
        os.kill(started[-1].pid, signal.SIGKILL)
        assert sandbox.probe(path).width == 64


class HostileSandbox(Sandbox):
    """Its children get the signal that a file is named after: SIGSTOP stalls them, the others kill them."""

    #: Signals for the next files, whatever their names.
    signals: Sequence[str] = ()

    def _start(self) -> DecoderChild:
        child = super()._start()
        send = child.send

        def signalled(request: dict[str, str]) -> None:
            name, *self.signals = self.signals or [Path(request["path"]).stem]
            if name.startswith("SIG"):
                os.kill(child.pid, signal.SIGSTOP)  # before it can answer
            send(request)
            if name != "SIGSTOP" and name.startswith("SIG"):
                os.kill(child.pid, signal.Signals[name])
                os.kill(child.pid, signal.SIGCONT)

        child.send = signalled  # type: ignore[method-assign, assignment]
        return child


def test_a_file_that_ends_two_children_is_refused_and_no_other(folder: Path) -> None:
    paths = [write(folder / f"{stem}.png") for stem in ("a", "b", "SIGKILL", "c", "d")]
    with HostileSandbox(preprocessings=[SMALL]) as sandbox:
        outcomes = list(sandbox.decode(paths))
    assert [outcome.path for outcome in outcomes] == paths
    detail = "twice: the decode process ended with signal SIGKILL"
    refused = [outcome for outcome in outcomes if isinstance(outcome, RefusedFile)]
    assert refused == [RefusedFile(paths[2], Reason.DECODER_DIED, detail)]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("SIGSTOP", "no answer within 1 seconds"),
        # The kernel's limit, for a parent that does not read its own clock in time.
        ("SIGXCPU", "the decode process ended with signal SIGXCPU"),
    ],
)
def test_a_late_file_is_not_tried_again(name: str, detail: str, folder: Path, started: list[DecoderChild]) -> None:
    path = write(folder / f"{name}.png")
    with HostileSandbox(limits=DecodeLimits(seconds=1.0), preprocessings=[SMALL]) as sandbox:
        assert refusal(sandbox, path) == RefusedFile(path, Reason.TIMED_OUT, detail)
    assert len(started) == 1


def test_a_death_and_then_a_late_answer_are_both_reported(folder: Path) -> None:
    path = write(folder / "a.png")
    with HostileSandbox(limits=DecodeLimits(seconds=1.0), preprocessings=[SMALL]) as sandbox:
        sandbox.signals = ["SIGKILL", "SIGSTOP"]
        found = refusal(sandbox, path)
    killed = "the decode process ended with signal SIGKILL"
    assert found == RefusedFile(path, Reason.TIMED_OUT, f"first: {killed}; then, alone: no answer within 1 seconds")


def test_a_single_request_that_kills_twice_is_refused(folder: Path) -> None:
    path = write(folder / "SIGKILL.png")
    with HostileSandbox() as sandbox, pytest.raises(ImageRefused, match="SIGKILL") as caught:
        render(sandbox, path)
    assert caught.value.reason == Reason.DECODER_DIED


def test_an_abandoned_stream_leaves_no_answer_for_the_next(folder: Path) -> None:
    first, second = write(folder / "a.png"), write(folder / "b.png", plain(size=(30, 20)))
    with Sandbox(preprocessings=[SMALL]) as sandbox:
        stream = sandbox.decode([first] * 8)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        (outcome,) = sandbox.decode([second])
    assert isinstance(outcome, DecodedFile)
    assert outcome.header.width == 30


def test_a_process_that_does_not_start_is_an_error_of_the_installation_not_a_refusal(folder: Path) -> None:
    path = write(folder / "a.png")
    sandbox = Sandbox(limits=DecodeLimits(address_space=10_000_000))
    with pytest.raises(SandboxUnavailable, match="10000000 bytes of address space"):
        sandbox.probe(path)


PARENT = """
import sys, time
from moderation.decoding.process import DecoderChild
from moderation.decoding.images import DecodeLimits
child = DecoderChild(limits=DecodeLimits(), preprocessings=[])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_child_ends_with_its_parent() -> None:
    """The kernel ends it, whatever a codec is doing."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    with os.fdopen(child) as handle:
        assert select.select([handle], [], [], 20)[0]  # readable when the process has ended


def test_the_child_can_write_no_file_and_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    child = DecoderChild(limits=DecodeLimits(), preprocessings=[])
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    child.end()
    rows = {line[:25].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert rows["Max file size"] == ["0", "0"]
    assert rows["Max core file size"] == ["0", "0"]
    assert rows["Max address space"] == ["1500000000", "1500000000"]
    assert b"secret" not in environment


def test_a_refused_file_affects_no_other_result(scorer: Scorer, folder: Path) -> None:
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    good, bad = write(folder / "good.png"), folder / "bad.jpg"
    outcomes = list(scorer.score([bad, good, bad, good, good, good, good, bad]))
    expected = [RefusedFile, Scored, RefusedFile, Scored, Scored, Scored, Scored, RefusedFile]
    assert [type(outcome) for outcome in outcomes] == expected


@pytest.mark.parametrize("found", ["a\0b", "a\nb", "a\udcffb", "a\u202eb"])
def test_a_detail_is_text_that_can_be_stored_and_shown(found: str) -> None:
    assert ImageRefused(Reason.UNREADABLE, found).detail == "a\ufffdb"
