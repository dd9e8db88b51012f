"""Draw the figures of docs/statistics.md as SVG: the simulations' results beside those of the naive ways.

python -m benchmarks.statistics --figures docs/figures
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from moderation.statistics.estimates import estimate, naive
from moderation.statistics.intervals import clopper_pearson, wilson
from moderation.statistics.ledger import Ledger
from tests.moderation.statistics import simulations
from tests.moderation.statistics.simulations import ENOUGH, World

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 196, 36, 48
# Dashes and names distinguish the lines as well. The colours have enough contrast on white and on black.
INK, GRID = "#7d8590", "#7d859055"
OURS, NAIVE = "#3b82c4", "#d9622b"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line over nights 1, 2, ... with its name at the end; ``band`` holds the lower and upper limits around it."""

    name: str
    values: Sequence[float]
    colour: str
    dashes: str = "none"
    band: tuple[Sequence[float], Sequence[float]] | None = None


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The axes of a figure: nights horizontally, ``ticks`` vertically, on a logarithmic scale if ``log``."""

    nights: int
    ticks: Sequence[float]
    words: Sequence[str]
    log: bool = False

    def x(self, night: float) -> float:
        return LEFT + (night - 1) / max(self.nights - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        bottom, top = (np.log(self.ticks[0]), np.log(self.ticks[-1])) if self.log else (self.ticks[0], self.ticks[-1])
        at = np.log(max(value, self.ticks[0])) if self.log else value
        share = min(max((at - bottom) / (top - bottom), 0), 1)
        return float(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM))

    def drawn(self, *, across: str, up: str) -> str:
        rows = "".join(
            f'<path d="M{LEFT} {self.y(tick):.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
            f'<text x="{LEFT - 8}" y="{self.y(tick) + 4:.1f}" text-anchor="end">{word}</text>'
            for tick, word in zip(self.ticks, self.words, strict=True)
        )
        nights = sorted({1, self.nights, *range(15, self.nights, 15)})
        columns = "".join(
            f'<text x="{self.x(night):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{night}</text>'
            for night in nights
        )
        names = (
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{across}</text>'
            f'<text x="8" y="14">{up}</text>'
        )
        return rows + columns + names


def lines_over_nights(  # noqa: PLR0913  (the texts of one figure)
    lines: Sequence[Line], axes: Axes, *, title: str, description: str, up: str, mark: float
) -> str:
    """Draw the lines with their names at their ends, and a dotted line at the value ``mark``."""
    drawn = "".join(_line(line, axes) for line in lines)
    ends = _apart([axes.y(line.values[-1]) for line in lines])
    names = "".join(
        f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}" fill="{line.colour}">{escape(line.name)}</text>'
        for line, y in zip(lines, ends, strict=True)
    )
    limit = f'<path d="M{LEFT} {axes.y(mark):.1f}H{WIDTH - RIGHT}" stroke="{INK}" stroke-dasharray="2 3"/>'
    return _svg(
        axes.drawn(across="nights", up=escape(up)) + limit + drawn + names, title=title, description=description
    )


def _line(line: Line, axes: Axes) -> str:
    points = " ".join(f"{axes.x(k):.1f},{axes.y(value):.1f}" for k, value in enumerate(line.values, start=1))
    band = ""
    if line.band is not None:
        low, high = ([f"{axes.x(k):.1f},{axes.y(v):.1f}" for k, v in enumerate(part, start=1)] for part in line.band)
        band = f'<polygon points="{" ".join([*low, *reversed(high)])}" fill="{line.colour}" opacity=".18"/>'
    return (
        f'{band}<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="2" '
        f'stroke-dasharray="{line.dashes}"/>'
    )


def _apart(heights: Sequence[float], *, least: float = 16) -> list[float]:
    """Return the heights, moved down as far as needed so that names do not overlap."""
    placed: dict[int, float] = {}
    last = -least
    for k in sorted(range(len(heights)), key=lambda k: heights[k]):
        last = placed[k] = max(heights[k], last + least)
    return [placed[k] for k in range(len(heights))]


def _svg(content: str, *, title: str, description: str, height: int = HEIGHT) -> str:
    """Return the SVG, transparent so that it suits light and dark pages; ``description`` is its text alternative."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="12.5" fill="{INK}">'
        f'<title id="title">{escape(title)}</title><desc id="desc">{escape(description)}</desc>{content}</svg>\n'
    )


def coverage(scores: tuple[np.ndarray, np.ndarray], *, seeds: int = 200) -> str:
    """Draw how often 95 % intervals hold the truth of all rows: ours, and Wilson's around the unweighted share."""
    found = covers(*scores, seeds=seeds)
    step, first = 52, 40
    x = lambda share: LEFT + 90 + share * (WIDTH - LEFT - 90 - 120)  # noqa: E731
    parts = [
        f'<path d="M{x(tick):.1f} 24V{first + step * len(found)}" stroke="{GRID}"/>'
        f'<text x="{x(tick):.1f}" y="16" text-anchor="middle">{100 * tick:.0f} %</text>'
        for tick in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts.append(f'<path d="M{x(0.95):.1f} 24V{first + step * len(found)}" stroke="{INK}" stroke-dasharray="2 3"/>')
    for k, (name, shares) in enumerate(found.items()):
        top = first + step * k
        parts.append(f'<text x="{LEFT + 80}" y="{top + 20}" text-anchor="end">{name.replace("_", " ")}</text>')
        for offset, share, colour, who in zip((2, 20), shares, (OURS, NAIVE), ("corrected", "naive"), strict=True):
            parts.append(
                f'<rect x="{x(0):.1f}" y="{top + offset}" width="{max(x(share) - x(0), 1):.1f}" height="14" '
                f'fill="{colour}"/><text x="{x(1) + 8:.1f}" y="{top + offset + 11}" fill="{colour}">{who} '
                f"{100 * share:.3g} %</text>"
            )
    description = "; ".join(
        f"{name.replace('_', ' ')}: corrected {ours:.1%}, naive {other:.1%}" for name, (ours, other) in found.items()
    )
    title = f"Intervals that hold the truth, {seeds} seeds of 3,781 real scores"
    return _svg(
        "".join(parts),
        title=title,
        description=f"{description}. 95 % was promised.",
        height=first + step * len(found) + 8,
    )


def covers(violating: np.ndarray, scores: np.ndarray, *, seeds: int) -> dict[str, tuple[float, float]]:
    """By estimand the share of seeds whose interval holds the truth: corrected, naive."""
    low, high, edges = 0.2, 0.9, np.linspace(0, 1, 101)
    pi = np.select([scores < low, scores >= high], [0.1, 0.3], 1.0)
    truth = estimate(Ledger.from_rows(scores, violating, np.ones(scores.size, bool), 1.0, edges), low, high)
    held: dict[str, list[tuple[bool, bool]]] = {name: [] for name in ("prevalence", "leak_rate", "miss_rate")}
    for seed in range(seeds):
        drawn = np.random.default_rng(seed).random(scores.size) < pi
        ledger = Ledger.from_rows(scores, violating, drawn, pi, edges)
        ours, simple = estimate(ledger, low, high), naive(ledger, low, high)
        labels, bad = drawn, drawn & (violating == 1)
        trials = {"prevalence": labels, "leak_rate": labels & (scores < low), "miss_rate": bad}
        for name, counted in trials.items():
            true, one, n = getattr(truth, name).value, getattr(ours, name), int(counted.sum())
            limits = wilson(round(simple[name] * n), n)
            held[name].append((one.low <= true <= one.high, limits[0] <= true <= limits[1]))
    return {name: tuple(np.mean(pairs, axis=0).tolist()) for name, pairs in held.items()}


def wrongly_certified(*, runs: int) -> str:
    """Draw the share of quarters with a wrong certificate so far, by night, where the truth equals the target."""
    ours, naively = wrong_by_night(runs=runs)
    nights = ours.size
    axes = Axes(nights=nights, ticks=[0, 0.05, 0.1, 0.15, 0.2], words=["0 %", "5 %", "10 %", "15 %", "20 %"])
    lines = [
        Line(name="nightly Clopper-Pearson", values=naively.tolist(), colour=NAIVE, dashes="7 4"),
        Line(name="e-value", values=ours.tolist(), colour=OURS),
    ]
    description = (
        f"Leak rate exactly at the target, prevalence 2 %, {runs} quarters. After {nights} nights {ours[-1]:.1%} of "
        f"them ever had a certificate by the e-value, {naively[-1]:.1%} by a Clopper-Pearson limit that was read "
        "every night; the dotted line is the 5 % that was promised."
    )
    return lines_over_nights(
        lines,
        axes,
        title="Ever wrongly certified",
        description=description,
        up="quarters with a wrong certificate so far",
        mark=0.05,
    )


def wrong_by_night(*, runs: int, prevalence: float = 0.02, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return simulations.wrongly_certified for each night: the shares by the e-value and by Clopper-Pearson."""
    world, random = World(prevalence), np.random.default_rng(seed)
    target = world.risk("leak")
    drawn = simulations.audits(random, world.uploads(random, runs=runs))
    bad, good = simulations.num_and_den(drawn, "leak")
    e = simulations.evidence(bad, good, target=target, floor=simulations.floor("leak")) >= ENOUGH
    x, n = (counts.sum(axis=-1).cumsum(axis=1) for counts in (bad, bad + good))
    limit = clopper_pearson(x, n, side="upper")[1] < target
    return tuple(np.logical_or.accumulate(found, axis=1).mean(axis=0) for found in (e, limit))


def evidence_over_nights(*, runs: int) -> str:
    """Draw the evidence E by night: for a leak rate of half the target, and for one equal to the target."""
    nights = 60
    true, edge = (evidence_quantiles(of_target=share, runs=runs, nights=nights) for share in (0.5, 1.0))
    words = ["0.01", "0.1", "1", "20", "1,000", "100,000"]
    axes = Axes(nights=nights, ticks=[0.01, 0.1, 1, 20, 1000, 100_000], words=words, log=True)
    lines = [
        Line(name="truth at half the target", values=true[1], colour=OURS, band=(true[0], true[2])),
        Line(name="truth at the target", values=edge[1], colour=NAIVE, dashes="7 4", band=(edge[0], edge[2])),
    ]
    night = next((k for k, value in enumerate(true[1], start=1) if value >= 20), None)
    description = (
        f"Claim: leak rate below 0.5 %, audits of 2 % of 10,000 uploads a night, {runs} runs; medians with the middle "
        f"80 % of runs. At half the target the median run has evidence 20 on night {night}; at the target the "
        f"median falls to {edge[1][-1]:.2g} by night {nights}."
    )
    return lines_over_nights(
        lines, axes, title="Evidence over nights", description=description, up="evidence E", mark=20
    )


def evidence_quantiles(*, of_target: float, runs: int, nights: int, target: float = 0.005) -> list[list[float]]:
    """Return the 10th, 50th and 90th percentile of E by night, for a leak rate of ``of_target`` times the target."""
    random = np.random.default_rng(11)
    approved = round(simulations.UPLOADS * World().cells((0, simulations.LOW, 1))[:, 0].sum())
    checked = random.binomial(approved, simulations.APPROVE, size=(runs, nights, 1))
    bad = random.binomial(checked, of_target * target)
    log_e = simulations.log_e_value(
        bad.cumsum(axis=1), (checked - bad).cumsum(axis=1), [simulations.APPROVE], target, simulations.APPROVE
    )
    return np.exp(np.quantile(log_e, [0.1, 0.5, 0.9], axis=0)).tolist()


def write(folder: Path, *, scores: tuple[np.ndarray, np.ndarray], runs: int) -> list[Path]:
    """Write the figures into ``folder``, and create it if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "coverage.svg": coverage(scores),
        "wrongly-certified.svg": wrongly_certified(runs=runs),
        "evidence.svg": evidence_over_nights(runs=runs),
    }
    for name, svg in drawn.items():
        (folder / name).write_text(svg, encoding="utf-8")
    return [folder / name for name in drawn]
