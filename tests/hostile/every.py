"""All odd and hostile files that the tests compose."""

from collections.abc import Sequence
from functools import cache

from tests.hostile import avif, bmp, damage, gif, heif, jpeg, png, strangers, tiff, webp
from tests.hostile.case import Case

FAMILIES = (avif, bmp, damage, gif, heif, jpeg, png, strangers, tiff, webp)


@cache
def _composed() -> Sequence[Case]:
    return [case for family in FAMILIES for case in family.cases()]


def every_case() -> Sequence[Case]:
    return [case for case in _composed() if not case.large]


def large_cases() -> Sequence[Case]:
    return [case for case in _composed() if case.large]
