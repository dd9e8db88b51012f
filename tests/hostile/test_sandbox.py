"""The real decode process reads every composed file: each has its declared outcome, at a bounded cost."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from moderation.decoding.images import DecodeLimits
from tests.hostile import expensive
from tests.hostile.case import Case
from tests.hostile.every import every_case, large_cases
from tests.hostile.measuring import PATIENT, Cost, MeasuredSandbox

LATE = DecodeLimits(seconds=0.5)
Costs = Sequence[tuple[Case, Cost]]


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Costs:
    return measured(every_case(), folder=tmp_path_factory.mktemp("hostile"), limits=PATIENT)


def measured(cases: Iterable[Case], *, folder: Path, limits: DecodeLimits) -> Costs:
    with MeasuredSandbox(limits=limits) as sandbox:
        return [(case, cost) for case in cases for cost in sandbox.measure([written(case, folder=folder)])]


def written(case: Case, *, folder: Path) -> Path:
    path = folder / case.file_name
    path.write_bytes(case.content)
    return path


def surprises(costs: Costs) -> dict[str, tuple[str, str]]:
    return {case.name: (cost.outcome, cost.detail) for case, cost in costs if cost.outcome not in case.expected.decode}


def test_every_file_is_what_it_was_declared_to_be(costs: Costs) -> None:
    assert surprises(costs) == {}


def test_no_file_takes_the_memory_that_is_allowed(costs: Costs) -> None:
    assert max(cost.resident for _, cost in costs) < 1_000_000_000
    assert max(cost.address_space for _, cost in costs) < PATIENT.address_space


def test_no_file_costs_a_process_its_life(costs: Costs) -> None:
    assert sum(cost.children for _, cost in costs) == 1


def test_there_are_many_files_of_each_family() -> None:
    families = Counter(case.name.split("/")[0] for case in every_case())
    assert families.total() > 600
    assert min(families.values()) >= 5
    assert len({case.file_name for case in every_case()}) == families.total()


@pytest.mark.slow
@pytest.mark.parametrize("family", [large_cases, expensive.largest, expensive.longest])
def test_the_largest_files_are_scored_within_a_gigabyte(family: Callable[[], Iterable[Case]], tmp_path: Path) -> None:
    costs = measured(family(), folder=tmp_path, limits=PATIENT)
    assert surprises(costs) == {}
    assert max(cost.resident for _, cost in costs) < 1_000_000_000


@pytest.mark.slow
def test_a_file_that_goes_on_and_on_is_ended_by_the_clock(tmp_path: Path) -> None:
    costs = measured(expensive.late(), folder=tmp_path, limits=LATE)
    assert surprises(costs) == {}
    assert max(cost.resident for _, cost in costs) < 1_000_000_000
