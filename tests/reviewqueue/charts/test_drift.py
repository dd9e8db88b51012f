"""The shapes of the drift chart."""

import numpy as np
import pytest

from reviewqueue.charts.drift import drift_chart


def test_a_chart_shows_shares_and_the_highest_bin() -> None:
    night, before = np.zeros(101), np.zeros(101)
    night[[0, 100]] = 90, 10
    before[0] = 5
    chart = drift_chart("Adult content", night=night, reference=before)
    assert chart is not None
    assert [bar.text for bar in (chart.bars[0], chart.bars[-1])] == [
        "0.00 to 0.05: 90.00 % of the night, 100.00 % before",
        "0.95 to 1.00: 10.00 % of the night, 0.00 % before",
    ]
    # 10 % is three of the four decades up; nothing has no height.
    assert chart.bars[-1].height == pytest.approx(chart.floor - chart.up[0].at - (chart.up[1].at - chart.up[0].at))
    assert chart.bars[5].height == 0
    assert drift_chart("Adult content", night=np.zeros(101), reference=before) is None


def test_without_days_before_there_is_no_line() -> None:
    chart = drift_chart("Adult content", night=np.ones(101), reference=np.zeros(101))
    assert chart is not None
    assert chart.outline == ""
