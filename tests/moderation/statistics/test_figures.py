"""The figures show the tables' numbers, fit light and dark pages, and have text for people who cannot see them."""

from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from benchmarks import figures
from tests.moderation.statistics import simulations
from tests.moderation.statistics.reading import dress_scores

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> dict[str, Xml.Element]:
    violating, scores = dress_scores()
    paths = figures.write(tmp_path_factory.mktemp("figures") / "new", scores=(violating, scores), runs=20)
    return {path.name: Xml.parse(path).getroot() for path in paths}


def test_each_has_a_title_and_says_in_words_what_it_shows(drawn) -> None:
    assert set(drawn) == {path.name for path in (Path(__file__).parents[3] / "docs/figures").iterdir()}
    for svg in drawn.values():
        named = svg.get("aria-labelledby").split()
        texts = [next(node.text for node in svg if node.get("id") == name) for name in named]
        assert svg.get("role") == "img"
        assert all(texts)
        assert "%" in texts[1]


def test_none_paints_its_ground_or_asks_for_anything_outside(drawn) -> None:
    for svg in drawn.values():
        text = Xml.tostring(svg, encoding="unicode")
        assert 'width="100%"' not in text
        assert "href" not in text
        assert "nan" not in text


def test_the_last_night_is_what_the_table_says() -> None:
    ours, naively = figures.wrong_by_night(runs=60)
    assert (ours[-1], naively[-1]) == simulations.wrongly_certified("leak", runs=60)


def test_naive_intervals_miss_the_truth_and_corrected_ones_hold_it() -> None:
    found = figures.covers(*dress_scores(), seeds=20)
    assert found["miss_rate"][0] > 0.8
    assert found["miss_rate"][1] == 0
