"""Attacks on the guarantees in many seeded quarters at once: the product's result beside that of a naive way.

A quarter is a tally of the uploads that the coin drew, of shape (runs, nights, fates, classes): the fates are benign,
violating and missing, the rate classes approve, band and reject. `fed` alone turns a tally into the statistics' input;
the tests through the real models show that the ledger's counts are the same. The truth lies exactly at the target, so
every certificate is wrong.
"""

from dataclasses import dataclass

import numpy as np

from moderation.statistics.guarantee import RESPONSE_NEEDED, log_e_value, recognised
from tests.moderation.statistics.simulations import (
    APPROVE,
    ENOUGH,
    LOW,
    NIGHTS,
    REJECT,
    RUNS,
    UPLOADS,
    World,
    audits,
    ever,
    evidence,
    floor,
)

PI = (APPROVE, 1.0, REJECT)
OVERDUE = 7  # a day closes this number of days later, even if verdicts are missing
# A moderator misses 5 % of violations and raises false alarms on 0.5 % of the rest.
MISSING, FALSE_ALARMS = 0.05, 0.005


@dataclass(frozen=True)
class Fed:
    """The input of the statistics for one risk; each of shape (..., classes) or (...)."""

    bad: np.ndarray
    good: np.ndarray
    labelled: np.ndarray
    drawn: np.ndarray


def fed(tally, risk, *, at=(0, 1, 2)):
    """Return counts with missing verdicts as the worst case; a class lies ``at`` 0 (below low), 1 or 2 (from high)."""
    benign, violating, missing = np.moveaxis(np.asarray(tally), -2, 0)
    where = np.asarray(at)
    below, above = where == 0, where == 2
    match risk:
        case "leak":
            bad, good, needed = (violating + missing) * below, benign * below, below
        case "miss":
            bad, good, needed = (violating + missing) * below, violating * ~below, where >= 0
        case "wrongful":
            bad, good, needed = (benign + missing) * above, violating * above, above
    labelled = ((benign + violating) * needed).sum(axis=-1)
    return Fed(bad=bad, good=good, labelled=labelled, drawn=labelled + (missing * needed).sum(axis=-1))


def certified(tally, risk, *, target, floor, pi=PI, at=(0, 1, 2)):
    """Return whether the claim has enough evidence and verdicts at the end of each night, shape (runs, nights)."""
    counts = fed(tally, risk, at=at)
    enough = evidence(counts.bad, counts.good, target=target, floor=floor, pi=pi) >= ENOUGH
    return enough & (counts.labelled.cumsum(axis=1) >= RESPONSE_NEEDED * counts.drawn.cumsum(axis=1))


HONEST = np.array([[[1.0, 0, 0]] * 3, [[0, 1.0, 0]] * 3])  # (truth, region, fate)


def judged(random, drawn, chances=HONEST):
    """Return the tally of drawn uploads, shape (..., 2, 3), by the chance of each fate for each truth and region."""
    return np.swapaxes(random.multinomial(drawn, chances).sum(axis=-3), -1, -2)


def quarter(*, prevalence, seed, runs=RUNS, nights=NIGHTS):
    """Return the world, its random numbers, and the drawn uploads, shape (runs, nights, 2, 3)."""
    world, random = World(prevalence), np.random.default_rng(seed)
    return world, random, audits(random, world.uploads(random, runs=runs, nights=nights))


def reviewers(missing=MISSING, false_alarms=FALSE_ALARMS):
    """Return the chances if a second person confirms alarms, a third breaks ties, and one decides in the band."""
    f, a = missing, false_alarms
    seen = [(a**2 * (2 - a), recognised(f)), (a, 1 - f), (1 - recognised(a), 1 - f**2 * (2 - f))]
    return np.array([[[1 - chances[truth], chances[truth], 0] for chances in seen] for truth in (0, 1)])


def by_poor_reviewers(risk, *, prevalence=0.05, seed=21, runs=RUNS):
    """Return the wrong shares with the missed share declared (which tests a smaller target), and without."""
    world, random, drawn = quarter(prevalence=prevalence, seed=seed, runs=runs)
    tally, target = judged(random, drawn, reviewers()), world.risk(risk)
    share = 1 if risk == "wrongful" else recognised(MISSING)
    return tuple(ever(certified(tally, risk, target=tested, floor=floor(risk))) for tested in (target * share, target))


def lost(share):
    """Return the chances if this share of the violating uploads never gets a verdict."""
    return HONEST - share * HONEST[1] * [[[0]], [[1]]] + np.array([[[0, 0, 0]] * 3, [[0, 0, share]] * 3])


def by_lost_verdicts(risk, *, share, prevalence=0.05, seed=22, runs=RUNS):
    """Moderators skip violating uploads, or uploaders delete them. They count as missing; naively they are left out."""
    world, random, drawn = quarter(prevalence=prevalence, seed=seed, runs=runs)
    tally, target = judged(random, drawn, lost(share)), world.risk(risk)
    left_out = tally * np.array([1, 1, 0])[:, np.newaxis]
    return tuple(ever(certified(one, risk, target=target, floor=floor(risk))) for one in (tally, left_out))


def by_late_alarms(risk, *, longest=10, prevalence=0.05, seed=23, runs=RUNS):
    """Alarms are confirmed up to ``longest`` days later, clean verdicts at once. Closed days count; naively, all."""
    world, random, drawn = quarter(prevalence=prevalence, seed=seed, runs=runs)
    tally, target = judged(random, drawn), world.risk(risk)
    fate, region = (0, 2) if risk == "wrongful" else (1, 0)
    alarms = random.multinomial(tally[:, :, fate, region], np.full(longest + 1, 1 / (longest + 1)))
    closed = certified(_overdue(tally, alarms, fate, region), risk, target=target, floor=floor(risk))
    now = _as_known(tally, alarms, fate, region)
    return ever(closed & (_readable_from(alarms) < NIGHTS)), ever(
        certified(now, risk, target=target, floor=floor(risk))
    )


def _overdue(tally, alarms, fate, region):
    late = alarms[..., OVERDUE + 1 :].sum(axis=-1)
    found = tally.copy()
    found[:, :, fate, region] -= late
    found[:, :, 2, region] += late
    return found


def _readable_from(alarms):
    """Return the night on which each day and all days before it are closed."""
    delays = np.arange(alarms.shape[-1]).clip(max=OVERDUE)
    closes = np.arange(alarms.shape[1]) + ((alarms > 0) * delays).max(axis=-1)
    return np.maximum.accumulate(closes, axis=1)


def _as_known(tally, alarms, fate, region):
    """Return the tally with each alarm on the night on which it is confirmed."""
    found, nights = tally.copy(), tally.shape[1]
    found[:, :, fate, region] = 0
    for delay in range(alarms.shape[-1]):
        found[:, delay:, fate, region] += alarms[:, : nights - delay, delay]
    return found


def by_a_changed_rate(*, seed=24, runs=RUNS):
    """Every other night brings four times as many violations, and somebody who knows it audits a fifth as much then.

    Each label has its own pi; naively one pi counts for all. The risk of all uploads so far is never below the target.
    """
    random, rates = np.random.default_rng(seed), np.array([APPROVE, 5 * APPROVE])
    worlds = World(0.08), World(0.02)
    counts = [world.uploads(random, runs=runs, nights=NIGHTS // 2)[..., 0] for world in worlds]
    tally = np.zeros((runs, NIGHTS, 3, 2))
    for night, uploads in enumerate(counts):
        tally[:, night::2, :2, night] = random.binomial(uploads, rates[night])
    benign, violating = sum(world.cells((0, LOW, 1)) for world in worlds)[:, 0]
    claim = {"target": violating / (benign + violating), "floor": APPROVE, "at": (0, 0)}
    return tuple(ever(certified(tally, "leak", pi=pi, **claim)) for pi in (rates, [APPROVE, APPROVE]))


def by_moved_thresholds(*, first_false=0, prevalence=0.02, seed=28, runs=RUNS):
    """Each night low moves anywhere from 0.10 to 0.30; the candidates from ``first_false`` on are false.

    They are tested in a fixed sequence from the epoch's start; naively each by itself.
    """
    world, random = World(prevalence), np.random.default_rng(seed)
    lows = np.round(np.arange(0.10, 0.301, 0.02), 2)
    counts = world.uploads(random, edges=(0, *lows, 1), runs=runs)[..., : lows.size]
    tally, best = np.zeros((runs, 3, lows.size, 2)), np.full((runs, lows.size), -np.inf)
    for night in range(NIGHTS):
        approved = lows <= random.choice(lows, size=(runs, 1))
        drawn = random.binomial(counts[:, night], np.where(approved, APPROVE, 1.0)[:, np.newaxis])
        tally[:, :2] += drawn[..., np.newaxis] * np.stack([approved, ~approved], axis=-1)[:, np.newaxis]
        below = fed(np.moveaxis(tally.cumsum(axis=2), 1, 2), "leak", at=(0, 0))
        found = evidence_of(below, target=world.risk("leak", low=lows[first_false]), pi=(APPROVE, 1.0))
        best = np.maximum(best, found)
    wrong = best[:, first_false:] >= ENOUGH
    in_sequence = np.logical_and.accumulate(best >= ENOUGH, axis=1)[:, first_false]
    return float(in_sequence.mean()), float(wrong.any(axis=1).mean())


def evidence_of(counts, *, target, pi):
    """Return log E of counts that are summed already."""
    return log_e_value(counts.bad, counts.good, pi, target, APPROVE)


def by_duplicates(size, *, prevalence=0.05, seed=29, runs=RUNS):
    """Near-duplicates in clusters share their verdict, even a wrong one. Each has a coin; naively each cluster has.

    Wrong means: at or above the target in the uploads that came so far, of what moderators recognise.
    """
    world, random = World(prevalence), np.random.default_rng(seed)
    benign, violating = world.cells((0, LOW, 1))[:, 0]
    target, share = violating / (benign + violating), recognised(MISSING)
    clusters = random.multinomial(UPLOADS // size, [benign, violating, 1 - benign - violating], size=(runs, NIGHTS))
    seen = random.binomial(clusters[..., 1], share)
    by_verdict = np.stack([clusters[..., :2].sum(axis=-1) - seen, seen], axis=-1)
    total = by_verdict.cumsum(axis=1)
    realised = total[..., 1] >= target * share * total.sum(axis=-1)
    each, shared = random.binomial(size * by_verdict, APPROVE), size * random.binomial(by_verdict, APPROVE)
    claim = {"target": target * share, "floor": APPROVE, "pi": [APPROVE], "at": [0]}
    return tuple(ever(realised & certified(as_tally(drawn), "leak", **claim)) for drawn in (each, shared))


def as_tally(verdicts):
    """Return the tally of one class from benign and violating counts (..., 2), with none missing."""
    return np.concatenate([verdicts, np.zeros_like(verdicts[..., :1])], axis=-1)[..., np.newaxis]


def by_a_full_band(*, low=0.2, prevalence=0.05, seed=25, runs=RUNS):
    """The band holds more than people can review, and the claim is about a low within it.

    The review rate falls to a quarter after a night with many violations and rises after one with few.
    Naively people leave out two thirds of the violating uploads and a third of the others, which are then ignored.
    """
    world, random = World(prevalence), np.random.default_rng(seed)
    rates = np.array([APPROVE, 0.25, 0.5, 1.0])
    counts = world.uploads(random, edges=(0, LOW, low, 1), runs=runs)
    approved, band = random.binomial(counts[..., 0], APPROVE), counts[..., 1]
    tally, now, usual = np.zeros((runs, NIGHTS, 3, 4)), np.full(runs, 2), np.median(band[..., 1])
    tally[:, :, :2, 0] = approved
    for night in range(NIGHTS):
        tally[np.arange(runs), night, :2, now] = random.binomial(band[:, night], rates[now][:, np.newaxis])
        now = np.select([band[:, night, 1] > usual, band[:, night, 1] < usual], [1, 3], 2)
    forgotten = np.zeros((runs, NIGHTS, 3, 4))
    forgotten[:, :, :2, 0], forgotten[:, :, :2, 3] = approved, random.binomial(band, [2 / 3, 1 / 3])
    claim = {"target": world.risk("leak", low=low), "floor": APPROVE, "pi": rates, "at": (0, 0, 0, 0)}
    return tuple(ever(certified(one, "leak", **claim)) for one in (tally, forgotten))


def by_another_policy_text(risk="leak", *, seed=26, runs=RUNS):
    """In mid-quarter the text forbids more, so that the risk rises from a low value to the target.

    Each epoch has its own evidence; naively all of it is pooled. The third share is for a truth at the target all
    along: wrong in either epoch.
    """
    half = NIGHTS // 2
    _, random, before = quarter(prevalence=0.015, seed=seed, runs=runs, nights=half)
    world, _, after = quarter(prevalence=0.05, seed=seed + 100, runs=runs, nights=half)
    earlier = quarter(prevalence=0.05, seed=seed + 200, runs=runs, nights=half)[2]
    claim = {"target": world.risk(risk), "floor": floor(risk)}
    own = certified(judged(random, after), risk, **claim)
    pooled = certified(judged(random, np.concatenate([before, after], axis=1)), risk, **claim)
    either = own.any(axis=1) | certified(judged(random, earlier), risk, **claim).any(axis=1)
    return ever(own), ever(pooled), float(either.mean())


def by_a_wrong_clock(risk="leak", *, share=0.3, prevalence=0.05, seed=27, runs=RUNS):
    """Someone uploads ``share`` of the violating uploads in the last ten minutes of each day.

    The database's clock decides the day; naively an application closes the day ten minutes early.
    """
    world, random, drawn = quarter(prevalence=prevalence, seed=seed, runs=runs)
    last = np.stack([random.binomial(drawn[:, :, 0], 10 / 1440), random.binomial(drawn[:, :, 1], share)], axis=2)
    claim = {"target": world.risk(risk), "floor": floor(risk)}
    return tuple(ever(certified(judged(random, one), risk, **claim)) for one in (drawn, drawn - last))
