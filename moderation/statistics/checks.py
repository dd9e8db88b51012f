"""Checks of arguments; each error names the argument, the value found and the values accepted."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
# Anything that numpy reads as an array of numbers: an array, a list, a list of lists.
Numbers: TypeAlias = npt.NDArray[Any] | Sequence[Any]

_SHOWN = 80  # characters of a refused value that a message repeats


def refusal(name: str, found: object, *, accepted: str) -> ValueError:
    """Return the error to raise; the message shortens a long value."""
    text = " ".join(str(found).split())
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return ValueError(f"{name}={shown}: {accepted}")


def finite(name: str, value: Numbers | float) -> Floats:
    """Return ``value`` as float64; refuses NaN, infinity and anything that is not a number."""
    accepted = "give finite numbers"
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise refusal(name, value, accepted=accepted) from error
    if not np.isfinite(array).all():
        raise refusal(name, value, accepted=accepted)
    return array


def non_negative(name: str, value: Numbers | float) -> Floats:
    array = finite(name, value)
    if (array < 0).any():
        raise refusal(name, value, accepted="give numbers of 0 or more")
    return array


def counts(name: str, value: Numbers | float) -> Floats:
    """Return ``value`` as float64; refuses anything but whole numbers of 0 or more (exact up to 2**53)."""
    array = non_negative(name, value)
    if (array != np.floor(array)).any():
        raise refusal(name, value, accepted="give whole numbers of 0 or more")
    return array


def probabilities(name: str, value: Numbers | float) -> Floats:
    """Return ``value`` as float64; refuses numbers outside (0, 1]."""
    array = finite(name, value)
    if not ((array > 0) & (array <= 1)).all():
        raise refusal(name, value, accepted="give probabilities above 0 and at most 1")
    return array


def probability(name: str, value: float) -> float:
    return float(single(name, probabilities(name, value)))


def fraction(name: str, value: float) -> float:
    """Return ``value``; refuses a number that is not strictly between 0 and 1."""
    number = float(single(name, finite(name, value)))
    if not 0 < number < 1:
        raise refusal(name, value, accepted="give a number strictly between 0 and 1")
    return number


def single(name: str, array: Floats) -> Floats:
    if array.ndim:
        raise refusal(name, array, accepted="give one number")
    return array


def rising(name: str, value: Numbers) -> Floats:
    """Return bin edges; refuses fewer than two, and edges that do not rise.

    Edges are rounded to 12 decimals, so that 0.1 + 0.2 and 0.3 are the same edge.
    """
    edges = np.round(finite(name, value), 12)
    if edges.ndim != 1 or edges.size < 2 or (np.diff(edges) <= 0).any():
        raise refusal(name, value, accepted="give at least two edges, each above the one before")
    return edges


def at_most(name: str, value: Floats, *, limit_name: str, limit: Floats) -> None:
    if (value > limit).any():
        raise refusal(name, value, accepted=f"give at most {limit_name}={' '.join(str(limit).split())[:_SHOWN]}")
