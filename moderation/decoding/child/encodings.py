"""How a file encodes colours as numbers, other than by an ICC profile, and the conversion to sRGB as browsers do it.

Code points are those of ITU-T H.273, which PNG (``cICP``), AVIF (``nclx``) and some ICC profiles (``cicp``) use.
Light brighter than an ordinary screen's white (PQ and HLG) is tone-mapped. Chromium's operator is that of SMPTE ST
2094-50 without metadata: diffuse white, 203 cd/m2, is shown at half of the screen's white, and the greatest luminance
of the content at all of it. Between them this module lets light grow with its logarithm, which differs from Chromium's
curve by at most 9 of 255. Runs in the decode process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.floating[Any]]

#: (x, y) of white, red, green and blue.
Primaries = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

PQ, HLG = 16, 18
_D65 = (0.3127, 0.329)
SRGB_PRIMARIES: Primaries = (_D65, (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
_BT601 = (_D65, (0.63, 0.34), (0.31, 0.595), (0.155, 0.07))
_BT2020: Primaries = (_D65, (0.708, 0.292), (0.17, 0.797), (0.131, 0.046))
_PRIMARIES: dict[int, Primaries] = {
    1: SRGB_PRIMARIES,
    4: ((0.31, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: (_D65, (0.64, 0.33), (0.29, 0.6), (0.15, 0.06)),
    6: _BT601,
    7: _BT601,
    8: ((0.31, 0.316), (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: _BT2020,
    10: ((1 / 3, 1 / 3), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    11: ((0.314, 0.351), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    12: (_D65, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    22: (_D65, (0.63, 0.34), (0.295, 0.605), (0.155, 0.077)),
}

#: Luminance in cd/m2 of diffuse white, and of the brightest light if the file does not state it.
_DIFFUSE_WHITE, _USUAL_PEAK = 203.0, 1000.0
#: Content brighter than 2 ** 6 times diffuse white is treated as if it were as bright as that.
_MOST_HEADROOM = 6.0
_HLG_WEIGHTS = np.array([0.2627, 0.678, 0.0593])

#: Nodes along each side of a table of colours. The conversion is smooth, so few are enough.
_NODES, _HDR_NODES = 33, 65
#: Bradford's matrix from XYZ to the responses of the eye's cones (ICC.1:2022, annex E).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the numbers of a picture's channels mean colours.

    Attributes:
        transfer: H.273's code point, or the exponent by which light follows from a value.
        peak: luminance in cd/m2 of the brightest light of PQ content; 0 if the file does not state it.
    """

    primaries: Primaries
    transfer: int | float
    peak: float = 0.0

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (PQ, HLG) and isinstance(self.transfer, int)


def by_code_points(primaries: int, transfer: int, *, peak: float = 0.0, video_gamma: float = 0.0) -> Encoding | None:
    """Return the encoding of H.273's code points; None if browsers ignore them.

    ``video_gamma`` is the exponent for the transfer functions of video; 0 if they are taken for sRGB's.
    """
    known = _PRIMARIES.get(primaries)
    if known is None or transfer not in (*_VIDEO, *_EXPONENTS, *_CURVES, PQ, HLG):
        return None
    if transfer == _IEC_61966_2_4 and not video_gamma:
        return None
    if transfer in _VIDEO:
        return Encoding(known, video_gamma or _SRGB)
    return Encoding(known, _EXPONENTS.get(transfer, transfer), peak)


def is_srgb(encoding: Encoding) -> bool:
    return encoding.primaries == SRGB_PRIMARIES and encoding.transfer == _SRGB


def in_srgb(picture: Image.Image, encoding: Encoding) -> Image.Image:
    """Convert an RGB picture to sRGB; colours outside of it are clipped."""
    if encoding.is_hdr:
        return picture.filter(_colour_table(encoding))
    if encoding.transfer != _SRGB:
        picture = picture.point(_channel_table(encoding.transfer) * 3)
    if encoding.primaries != SRGB_PRIMARIES:
        picture = picture.filter(_colour_table(Encoding(encoding.primaries, _SRGB)))
    return picture


def are_primaries(primaries: Primaries) -> bool:
    """Whether there are such colours, so that they can be converted."""
    return matrix_to(SRGB_PRIMARIES, source=primaries) is not None


def matrix_to(target: Primaries, *, source: Primaries) -> Floats | None:
    """Return the matrix from linear light of ``source`` to that of ``target``; None if there is none."""
    try:
        matrix = np.linalg.inv(_to_d50(target)) @ _to_d50(source)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    return matrix if np.isfinite(matrix).all() else None


def _to_d50(primaries: Primaries) -> Floats:
    """Return the matrix from linear light to XYZ, adapted to D50 so that white stays white."""
    columns = np.array([(x, y, 1 - x - y) for x, y in primaries[1:]]).T
    white, d50 = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in (primaries[0], (0.3457, 0.3585)))
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ d50) / (_BRADFORD @ white)) @ _BRADFORD
    to_d50: Floats = adapted @ columns @ np.diag(np.linalg.inv(columns) @ white)
    return to_d50


@lru_cache(maxsize=8)
def _channel_table(transfer: int | float) -> list[int]:
    """Return sRGB's number for each number of one channel."""
    values = np.arange(256) / 255
    return [int(value) for value in np.rint(255 * _srgb_number(_light(values, transfer)))]


@lru_cache(maxsize=4)
def _colour_table(encoding: Encoding) -> ImageFilter.Color3DLUT:
    nodes = _HDR_NODES if encoding.is_hdr else _NODES
    values = np.linspace(0, 1, nodes)
    blue, green, red = np.meshgrid(values, values, values, indexing="ij")  # red changes fastest
    shown = _shown(np.stack([red, green, blue], axis=-1).reshape(-1, 3), encoding)
    return ImageFilter.Color3DLUT(nodes, shown.ravel().tolist())


def _shown(values: Floats, encoding: Encoding) -> Floats:
    """Return the sRGB values, 0 to 1, of colours, float (N, 3), 0 to 1."""
    light = _light(values, encoding.transfer)
    if encoding.is_hdr:
        light = _tone_mapped(light @ _matrix(_BT2020, source=encoding.primaries).T, encoding)
        return _srgb_number(light @ _matrix(SRGB_PRIMARIES, source=_BT2020).T)
    return _srgb_number(light @ _matrix(SRGB_PRIMARIES, source=encoding.primaries).T)


def _matrix(target: Primaries, *, source: Primaries) -> Floats:
    matrix = matrix_to(target, source=source)
    return np.eye(3) if matrix is None else matrix


def _tone_mapped(light: Floats, encoding: Encoding) -> Floats:
    """Fit light, 1 at diffuse white, to a screen; the greatest channel decides, so that hues stay."""
    headroom = min(_MOST_HEADROOM, np.log2(max(1.0, (encoding.peak or _USUAL_PEAK) / _DIFFUSE_WHITE)))
    if headroom == 0:
        return light
    white = 1 - 0.5 * min(1.0, headroom / np.log2(_USUAL_PEAK / _DIFFUSE_WHITE))
    greatest = np.maximum(light.max(axis=1, keepdims=True), 1e-9)
    above = np.clip(np.log2(np.maximum(greatest, 1)) / headroom, 0, 1)
    target = np.where(greatest < 1, white * greatest, white + (1 - white) * above)
    mapped: Floats = light * target / greatest
    return mapped


def _light(values: Floats, transfer: int | float) -> Floats:
    """Return linear light of values from 0 to 1: 1 is white, and diffuse white for PQ and HLG."""
    curve = _CURVES.get(transfer) if isinstance(transfer, int) else None
    return curve(values) if curve else np.power(values, transfer)


def _srgb_number(light: Floats) -> Floats:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)


def _srgb(values: Floats) -> Floats:
    return np.where(values < 0.04045, values / 12.92, np.power((values + 0.055) / 1.055, 2.4))


def _smpte_240m(values: Floats) -> Floats:
    return np.where(values < 4 * 0.0228, values / 4, np.power((values + 0.1115) / 1.1115, 1 / 0.45))


def _pq(values: Floats) -> Floats:
    """SMPTE ST 2084: a value states luminance up to 10,000 cd/m2."""
    root = np.power(values, 32 / 2523)
    ratio = np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
    return 10_000 / _DIFFUSE_WHITE * np.power(ratio, 8192 / 1305)


def _hlg(values: Floats) -> Floats:
    """ITU-R BT.2100, with the system gamma 1.2 of a display of 1,000 cd/m2; float (..., 3)."""
    upper = (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(values <= 0.5, np.square(values) / 3, upper)
    luminance = (scene @ _HLG_WEIGHTS)[..., np.newaxis]
    shown: Floats = _USUAL_PEAK / _DIFFUSE_WHITE * scene * np.power(np.maximum(luminance, 1e-12), 0.2)
    return shown


_SRGB = 13
_IEC_61966_2_4 = 11
#: Transfer functions of video, which browsers do not take literally.
_VIDEO = (1, 6, _IEC_61966_2_4, 14, 15)
#: Transfer functions that are a power of the value.
_EXPONENTS: dict[int, float] = {4: 2.2, 5: 2.8, 8: 1.0}
_CURVES: dict[int | float, Callable[[Floats], Floats]] = {
    7: _smpte_240m,
    _SRGB: _srgb,
    PQ: _pq,
    17: lambda values: 52.37 / 48 * np.power(values, 2.6),
    HLG: _hlg,
}
