"""The histogram's shapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.routing import Route
from reviewqueue.charts.histogram import NARROW, STEPS, WIDE, ChartFrame, ThresholdSteps, histogram, rows

pairs = (
    st.lists(st.integers(0, STEPS), min_size=2, max_size=2)
    .map(sorted)
    .map(lambda p: ThresholdSteps(low=p[0], high=p[1]))
)
bins = st.lists(st.integers(0, 10**6), min_size=STEPS + 1, max_size=STEPS + 1)
PAIR = ThresholdSteps(low=20, high=80)


def with_uploads(**at: int) -> list[int]:
    counts = [0] * (STEPS + 1)
    for step, uploads in at.items():
        counts[int(step.strip("_"))] = uploads
    return counts


@given(bins, pairs, pairs, st.sampled_from([WIDE, NARROW]))
def test_everything_drawn_lies_within_the_frame(
    bins_: list[int], pair: ThresholdSteps, in_force: ThresholdSteps, frame: ChartFrame
) -> None:
    chart = histogram(bins_, proposed=pair, in_force=in_force, frame=frame)
    for bar in chart.bars:
        assert bar.width > 0
        assert frame.left <= bar.x
        assert bar.x + bar.width <= frame.end + 0.2
        assert frame.top - 0.1 <= bar.y < bar.y + bar.height <= frame.floor + 0.1
    for line in chart.lines:
        length = len(line.label) * frame.letter
        assert line.label_x + length <= frame.width if line.anchor == "start" else line.label_x - length >= 0


@given(bins, pairs)
def test_the_rows_hold_every_upload(bins_: list[int], pair: ThresholdSteps) -> None:
    assert sum(row.uploads for row in rows(bins_, proposed=pair)) == sum(bins_)


@given(pairs, st.sampled_from([WIDE, NARROW]))
def test_the_labels_of_the_two_lines_never_overlap(pair: ThresholdSteps, frame: ChartFrame) -> None:
    low, high = histogram([0] * (STEPS + 1), proposed=pair, in_force=pair, frame=frame).lines
    spans = []
    for line in (low, high):
        length = len(line.label) * frame.letter
        spans.append(
            (line.label_x, line.label_x + length) if line.anchor == "start" else (line.label_x - length, line.label_x)
        )
    assert low.label_y != high.label_y or spans[0][1] <= spans[1][0]


def test_a_threshold_within_a_bar_cuts_it_in_two_colours() -> None:
    chart = histogram(with_uploads(_20=7), proposed=ThresholdSteps(low=21, high=80), in_force=PAIR, frame=WIDE)
    assert [bar.route for bar in chart.bars] == [Route.APPROVE, Route.REVIEW]
    assert chart.bars[0].height == chart.bars[1].height


def test_a_score_of_exactly_one_stands_in_the_last_bar() -> None:
    chart = histogram(with_uploads(_98=1, _100=2), proposed=PAIR, in_force=PAIR, frame=WIDE)
    assert [bar.text for bar in chart.bars] == ["0.98 to 1.00: 3 uploads, reject"]


@pytest.mark.parametrize(
    ("most", "labels"), [(0, []), (1, ["1"]), (9, ["1"]), (10, ["1", "10"]), (2500, ["1", "10", "100", "1,000"])]
)
def test_counts_are_marked_at_powers_of_ten(most: int, labels: list[str]) -> None:
    chart = histogram(with_uploads(_50=most), proposed=PAIR, in_force=PAIR, frame=WIDE)
    assert [tick.label for tick in chart.counts] == labels


def test_the_thresholds_in_force_are_drawn_only_with_a_proposal() -> None:
    counts = with_uploads(_50=3)
    assert histogram(counts, proposed=PAIR, in_force=PAIR, frame=WIDE).in_force == []
    other = histogram(counts, proposed=ThresholdSteps(low=30, high=80), in_force=PAIR, frame=WIDE)
    assert other.in_force == [WIDE.x(20), WIDE.x(80)]


def test_a_zone_too_narrow_for_its_word_stays_without_one() -> None:
    chart = histogram(with_uploads(), proposed=ThresholdSteps(low=50, high=51), in_force=PAIR, frame=NARROW)
    assert [zone.word for zone in chart.zones] == ["approve", "", "reject"]
