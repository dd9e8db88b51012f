"""Valid and odd files, changed at random: each is read or refused with a reason, and disturbs no other file."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.decoding.images import Reason
from moderation.decoding.plan import ViewPlan
from moderation.decoding.sandbox import DecodedFile, Sandbox
from tests.hostile.every import every_case
from tests.hostile.measuring import PATIENT, SMALL
from tests.hostile.seeds import encoded, noise, seeds

#: The only permitted refusals: no bytes may end the decode process, or exceed its time or its memory.
REASONS = {
    Reason.FORMAT_NOT_ALLOWED, Reason.TOO_MANY_PIXELS, Reason.TOO_MANY_FRAMES, Reason.UNREADABLE, Reason.TRUNCATED,
}  # fmt: skip
#: Numbers at which computations tend to fail.
EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
SMALL_ENOUGH = 20_000


@dataclass
class Bench:
    """A sandbox that is already started, and a good picture with its pixels."""

    sandbox: Sandbox
    mutant: Path
    good: Path
    pixels: Any

    def run(self, content: bytes) -> None:
        """Decode the mutant between two good files."""
        self.mutant.write_bytes(content)
        first, outcome, last = self.sandbox.decode([self.good, self.mutant, self.good])
        assert outcome.path == self.mutant
        assert isinstance(outcome, DecodedFile) or outcome.reason in REASONS, outcome
        for each in (first, last):
            assert isinstance(each, DecodedFile)
            assert np.array_equal(each.views[0], self.pixels)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("mutants")
    good = folder / "good.png"
    good.write_bytes(encoded(noise(salt=99), "PNG"))
    with Sandbox(limits=PATIENT, preprocessings=[SMALL], plan=ViewPlan()) as sandbox:
        (decoded,) = sandbox.decode([good])
        assert isinstance(decoded, DecodedFile)
        yield Bench(sandbox, folder / "mutant", good, decoded.views[0])


@cache
def sources() -> list[bytes]:
    odd = {case.content for case in every_case() if 0 < len(case.content) <= SMALL_ENOUGH}
    return [*seeds().values(), *sorted(odd)]


def numbers() -> st.SearchStrategy[bytes]:
    """Return a strategy for edge numbers in one, two or four bytes of either order."""
    return st.builds(
        lambda edge, size, order: (edge & (1 << 8 * size) - 1).to_bytes(size, order),
        st.sampled_from(EDGES), st.sampled_from((1, 2, 4)), st.sampled_from(("little", "big")),
    )  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Draw a source, changed one to six times: flip, number, insert, delete, copy, or splice with another source."""
    pool = st.sampled_from(sources())
    content = bytearray(draw(pool))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 64))
        match draw(st.sampled_from(("flip", "number", "insert", "delete", "copy", "splice"))):
            case "flip" if at < len(content):
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "number":
                number = draw(numbers())
                content[at : at + len(number)] = number
            case "insert":
                content[at:at] = draw(st.binary(max_size=64))
            case "delete":
                del content[at : at + length]
            case "copy":
                content[at:at] = content[at : at + length] * 3
            case "splice":
                other = draw(pool)
                content[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(content)


@settings(max_examples=250, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutants())
def test_a_mutant_is_read_or_refused_and_disturbs_no_other(bench: Bench, content: bytes) -> None:
    bench.run(content)


@pytest.mark.slow
@settings(max_examples=8_000, suppress_health_check=list(HealthCheck))
@given(mutants())
def test_thousands_of_mutants(bench: Bench, content: bytes) -> None:
    bench.run(content)
