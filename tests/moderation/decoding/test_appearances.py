"""No metadata lowers a score: each reading of a file is an appearance, and the worst one counts."""

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from moderation.decoding.child import encodings
from moderation.decoding.sandbox import DecodedFile, Sandbox
from moderation.decoding.views import Appearance
from tests.hostile.png import chunk
from tests.moderation.decoding.attacks import swapped_profile
from tests.moderation.decoding.odd_files import (
    LONG,
    ODD_FILES,
    animated_png,
    chromaticities,
    code_points,
    encoded,
    frames_stated,
    gamma,
    jpeg_turned_by_xmp,
    jpeg_with,
    photo,
    png_with,
    tiff_block,
    translucent,
    webp_turned_by_exif,
    xmp_block,
)

PLAIN = Appearance.PLAIN


def decoded(sandbox: Sandbox, path: Path, content: bytes) -> DecodedFile:
    path.write_bytes(content)
    (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, DecodedFile), outcome
    return outcome


def appearances(outcome: DecodedFile) -> list[Appearance]:
    return [picture.appearance for picture in outcome.inputs[0].pictures]


def view_of(outcome: DecodedFile, appearance: Appearance) -> np.ndarray:
    view: np.ndarray = outcome.views[0][appearances(outcome).index(appearance)].astype(int)
    return view


#: File -> the appearances that are scored besides the one that browsers show.
OTHERS: dict[str, tuple[Callable[[], bytes], Sequence[Appearance]]] = {
    "a JPEG file": (lambda: encoded("JPEG"), []),
    "a JPEG file in sRGB by its profile": (lambda: encoded("JPEG", icc_profile=srgb()), []),
    "a JPEG file turned by EXIF": (lambda: jpeg_with(b"Exif\0\0" + tiff_block(6)), [Appearance.AS_STORED]),
    "a JPEG file turned by a wrong type": (
        lambda: jpeg_with(b"Exif\0\0" + tiff_block(3, kind=LONG)), [Appearance.TURNED_BY_EXIF]),
    "a JPEG file turned by XMP": (jpeg_turned_by_xmp, [Appearance.TURNED_BY_XMP]),
    "a WebP file turned by EXIF": (webp_turned_by_exif, [Appearance.TURNED_BY_EXIF]),
    "a WebP file turned by XMP": (lambda: encoded("WEBP", xmp=xmp_block(6)), [Appearance.TURNED_BY_XMP]),
    "a PNG file turned by EXIF": (lambda: png_with(chunk(b"eXIf", tiff_block(3))), [Appearance.AS_STORED]),
    "a PNG file with a profile": (lambda: encoded("PNG", icc_profile=swapped_profile()), [Appearance.UNMANAGED]),
    "a PNG file with a gamma": (lambda: png_with(gamma(1.0)), [Appearance.UNMANAGED]),
    "a PNG file with sRGB's gamma": (lambda: png_with(gamma(0.45455)), []),
    "a PNG file with chromaticities": (
        lambda: png_with(gamma(0.45455), chromaticities()), [Appearance.UNMANAGED]),
    "a PNG file in PQ": (lambda: png_with(code_points(9, 16)), [Appearance.UNMANAGED]),
    "a PNG file with unknown code points": (lambda: png_with(code_points(9, 200)), []),
    "an animation beside a still picture": (lambda: animated_png(frames_stated(2)), [Appearance.STILL]),
    "an AVIF file in PQ": (ODD_FILES["AVIF in PQ"][1], [Appearance.UNMANAGED]),
    "a translucent file": (lambda: encoded("PNG", translucent()), [Appearance.ON_BLACK, Appearance.OPAQUE]),
    "a file with an opaque alpha channel": (lambda: encoded("PNG", photo().convert("RGBA")), []),
}  # fmt: skip


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(("make", "others"), OTHERS.values(), ids=list(OTHERS))
def test_each_other_reading_is_one_more_appearance(
    make: Callable[[], bytes], others: Sequence[Appearance], sandbox: Sandbox, folder: Path
) -> None:
    outcome = decoded(sandbox, folder / "a", make())
    first = [each for each, frame in zip(appearances(outcome), outcome.frames, strict=True) if frame == 0]
    assert first == [PLAIN, *others]


@pytest.mark.parametrize(
    ("make", "appearance"),
    [(make, others[0]) for name, (make, others) in OTHERS.items() if others and not name.startswith("an ")],
)
def test_one_appearance_is_the_file_without_its_metadata(
    make: Callable[[], bytes], appearance: Appearance, sandbox: Sandbox, folder: Path
) -> None:
    without = decoded(sandbox, folder / "plain", encoded("PNG"))
    views = decoded(sandbox, folder / "a", make()).views[0].astype(int)
    assert min(np.abs(view - without.views[0][0]).mean() for view in views) < 3 or appearance is Appearance.ON_BLACK


def test_an_srgb_profile_changes_no_pixel(sandbox: Sandbox, folder: Path) -> None:
    plain, tagged = (
        decoded(sandbox, folder / "a", encoded("JPEG", **options)) for options in ({}, {"icc_profile": srgb()})
    )
    assert np.array_equal(plain.views[0], tagged.views[0])


def test_a_turned_photo_keeps_its_fingerprint(sandbox: Sandbox, folder: Path) -> None:
    assert decoded(sandbox, folder / "a", jpeg_with(b"Exif\0\0" + tiff_block(6))).fingerprint is not None
    assert decoded(sandbox, folder / "a", png_with(gamma(1.0))).fingerprint is None


def test_frames_that_no_browser_plays_make_the_score_untrusted(sandbox: Sandbox, folder: Path) -> None:
    assert not decoded(sandbox, folder / "a", animated_png(frames_stated(2))).inputs[0].unseen
    assert decoded(sandbox, folder / "a", animated_png()).inputs[0].unseen


def test_the_first_of_several_exif_blocks_counts(sandbox: Sandbox, folder: Path) -> None:
    segments = [b"Exif\0\0" + tiff_block(orientation) for orientation in (3, 1)]
    content = jpeg_with(segments[1])
    both = content[:2] + b"\xff\xe1" + struct.pack(">H", len(segments[0]) + 2) + segments[0] + content[2:]
    turned = decoded(sandbox, folder / "a", both)
    assert np.abs(view_of(turned, PLAIN)[::-1, ::-1] - view_of(turned, Appearance.AS_STORED)).mean() < 3


@pytest.mark.parametrize("behind", [chunk(b"eXIf", tiff_block(3)), chunk(b"gAMA", struct.pack(">I", 100_000)),
                                    chunk(b"iCCP", b"a\0\0" + zlib.compress(swapped_profile()))])  # fmt: skip
def test_chunks_behind_the_pixels_change_nothing(behind: bytes, sandbox: Sandbox, folder: Path) -> None:
    plain = decoded(sandbox, folder / "a", encoded("PNG"))
    content = encoded("PNG")
    changed = decoded(sandbox, folder / "b", content[:-12] + behind + content[-12:])
    assert np.array_equal(view_of(plain, PLAIN), view_of(changed, PLAIN))


def test_a_broken_profile_is_passed_over_for_the_gamma(sandbox: Sandbox, folder: Path) -> None:
    broken = chunk(b"iCCP", b"a\0\0" + zlib.compress(b"no profile" * 40))
    with_gamma = decoded(sandbox, folder / "a", png_with(gamma(1.0)))
    with_both = decoded(sandbox, folder / "b", png_with(broken, gamma(1.0)))
    assert np.array_equal(view_of(with_gamma, PLAIN), view_of(with_both, PLAIN))


@pytest.mark.parametrize(
    ("transfer", "shown"), [(8, 188), (4, 129), (5, 106), (7, 141), (17, 118), (13, 128), (1, 128)]
)
def test_middle_grey_by_code_points(transfer: int, shown: int) -> None:
    """The numbers that Chromium shows for 128."""
    encoding = encodings.by_code_points(1, transfer)
    assert encoding
    grey = encodings.in_srgb(Image.new("RGB", (1, 1), (128, 128, 128)), encoding)
    assert grey.getpixel((0, 0)) == pytest.approx((shown,) * 3, abs=1)


@pytest.mark.parametrize(("primaries", "transfer"), [(2, 2), (1, 9), (1, 11), (1, 12), (3, 13), (9, 255), (200, 16)])
def test_browsers_ignore_code_points_without_a_meaning(primaries: int, transfer: int) -> None:
    assert encodings.by_code_points(primaries, transfer) is None


@pytest.mark.parametrize(("peak", "value", "shown"), [(0, 128, 132), (0, 180, 242), (4000, 180, 217), (200, 128, 181)])
def test_greys_of_pq_by_their_peak(peak: float, value: int, shown: int) -> None:
    """The numbers that Chromium shows; the curve differs by at most 9."""
    encoding = encodings.by_code_points(9, encodings.PQ, peak=peak)
    assert encoding
    grey = encodings.in_srgb(Image.new("RGB", (1, 1), (value,) * 3), encoding)
    assert grey.getpixel((0, 0)) == pytest.approx((shown,) * 3, abs=9)
