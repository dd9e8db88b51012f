"""Seeded simulations of many quarters at once: the promises of the statistics beside naive figures.

Arrays have the shape (runs, nights, ...). All runs share one world: 10,000 uploads a day,
benign scores mostly low, 4 % of violations that look benign ("hidden").
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from moderation.statistics.estimates import estimate, naive
from moderation.statistics.guarantee import ReverseAlarm, log_e_value, recognised
from moderation.statistics.intervals import clopper_pearson
from moderation.statistics.ledger import Ledger

LOW, HIGH = 0.10, 0.95
APPROVE, REJECT = 0.02, 0.10
UPLOADS = 10_000
NIGHTS = 90
RUNS = 1000
ENOUGH = np.log(20)

BENIGN = ((0.94, 0.35, 7.0), (0.06, 1.2, 1.6))
VIOLATING = ((0.04 * 0.94, 0.35, 7.0), (0.04 * 0.06, 1.2, 1.6), (0.25, 1.6, 1.4), (0.71, 6.0, 0.8))


def cdf(mixture, scores):
    return sum(weight * special.betainc(a, b, scores) for weight, a, b in mixture)


@dataclass(frozen=True)
class World:
    prevalence: float = 0.02

    def cells(self, edges):
        """Return the probability of (benign or violating, bin), shape (2, bins)."""
        benign, violating = (np.diff(cdf(mixture, np.asarray(edges))) for mixture in (BENIGN, VIOLATING))
        return np.array([(1 - self.prevalence) * benign, self.prevalence * violating])

    def uploads(self, random, *, edges=(0, LOW, HIGH, 1), runs=RUNS, nights=NIGHTS):
        """Return the counts of each night, shape (runs, nights, 2, bins)."""
        cells = self.cells(edges)
        return random.multinomial(UPLOADS, cells.ravel(), size=(runs, nights)).reshape(runs, nights, *cells.shape)

    def risk(self, risk, *, low=LOW, high=HIGH):
        """Return the true rate."""
        (benign_low, _, benign_high), (leaked, _, rejected) = self.cells((0, low, high, 1))
        match risk:
            case "leak":
                return leaked / (leaked + benign_low)
            case "miss":
                return leaked / self.prevalence
            case "wrongful":
                return benign_high / (benign_high + rejected)


def audits(random, counts):
    """Return the drawn uploads: all of the band, a share of the rest; shape like counts (..., 2, 3)."""
    return random.binomial(counts, [APPROVE, 1.0, REJECT])


def num_and_den(drawn, risk):
    """Return bad and good per rate class (approve, band, reject) for one night, shape (..., 3)."""
    benign, violating = drawn[..., 0, :], drawn[..., 1, :]
    below, above = np.array([1, 0, 0]), np.array([0, 0, 1])
    match risk:
        case "leak":
            return violating * below, benign * below
        case "miss":
            return violating * below, violating * (1 - below)
        case "wrongful":
            return benign * above, violating * above


def evidence(bad, good, *, target, floor, pi=(APPROVE, 1.0, REJECT)):
    """Return log E at the end of each night, shape (runs, nights), from nightly counts (runs, nights, classes)."""
    return log_e_value(bad.cumsum(axis=1), good.cumsum(axis=1), pi, target, floor)


def ever(reached):
    """Return the share of runs in which it happens on any night."""
    return float(reached.any(axis=1).mean())


def floor(risk):
    return REJECT if risk == "wrongful" else APPROVE


def wrongly_certified(risk, *, prevalence=0.02, seed=1, runs=RUNS):
    """Return the shares ever certified by E and by nightly Clopper-Pearson, with the truth exactly at the target."""
    world, random = World(prevalence), np.random.default_rng(seed)
    target = world.risk(risk)
    bad, good = num_and_den(audits(random, world.uploads(random, runs=runs)), risk)
    ours = ever(evidence(bad, good, target=target, floor=floor(risk)) >= ENOUGH)
    if risk == "miss":  # no binomial limit exists for labels of unequal probability
        return ours, None
    x, n = (counts.sum(axis=-1).cumsum(axis=1) for counts in (bad, bad + good))
    return ours, ever(clopper_pearson(x, n, side="upper")[1] < target)


def wrongly_certified_while_thresholds_move(*, first_false, prevalence=0.02, seed=2, runs=RUNS):
    """Each night low moves to any certified candidate; the target is the leak rate of one of them."""
    world, random = World(prevalence), np.random.default_rng(seed)
    lows = np.round(np.arange(0.10, 0.301, 0.02), 2)
    leaks = np.array([world.risk("leak", low=low) for low in lows])
    target = leaks[first_false]
    counts = world.uploads(random, edges=(0, *lows, 1), runs=runs)[..., : lows.size]
    bad, good = np.zeros((runs, lows.size, 2)), np.zeros((runs, lows.size, 2))
    best, now, wrong = np.full((runs, lows.size), -np.inf), np.zeros(runs, dtype=int), np.zeros(runs, dtype=bool)
    for night in range(NIGHTS):
        approved = np.arange(lows.size) <= now[:, np.newaxis]
        drawn = random.binomial(counts[:, night], np.where(approved, APPROVE, 1.0)[:, np.newaxis])
        classes = np.stack([approved, ~approved], axis=-1)
        bad += drawn[:, 1, :, np.newaxis] * classes
        good += drawn[:, 0, :, np.newaxis] * classes
        below = (bad.cumsum(axis=1), good.cumsum(axis=1))
        best = np.maximum(best, log_e_value(*below, [APPROVE, 1.0], target, APPROVE))
        certified = np.logical_and.accumulate(best >= ENOUGH, axis=1).sum(axis=1)
        wrong |= certified > first_false
        now = random.integers(0, np.maximum(certified, 1))
    return float(wrong.mean())


def wrongly_certified_while_rates_change(*, prevalence=0.05, seed=10, runs=RUNS):
    """After a night with leaks the audit rate falls to its floor, after a clean one it rises fivefold."""
    world, random = World(prevalence), np.random.default_rng(seed)
    rates, target = np.array([APPROVE, 5 * APPROVE]), world.risk("leak")
    counts = world.uploads(random, runs=runs)[..., 0]
    bad, good, clean = np.zeros((runs, NIGHTS, 2)), np.zeros((runs, NIGHTS, 2)), np.zeros(runs, dtype=int)
    for night in range(NIGHTS):
        drawn = random.binomial(counts[:, night], rates[clean][:, np.newaxis])
        bad[np.arange(runs), night, clean], good[np.arange(runs), night, clean] = drawn[:, 1], drawn[:, 0]
        clean = (drawn[:, 1] == 0).astype(int)
    return ever(evidence(bad, good, target=target, floor=APPROVE, pi=rates) >= ENOUGH)


def wrongly_certified_with_delay(delay, *, prevalence=0.02, seed=3, runs=RUNS, risk="leak"):
    """Return the wrong shares on closed and on open days if violating audits are confirmed after ``delay`` nights."""
    world, random = World(prevalence), np.random.default_rng(seed)
    target = world.risk(risk)
    bad, good = num_and_den(audits(random, world.uploads(random, runs=runs)), risk)
    closed = evidence(bad, good, target=target, floor=floor(risk))[:, : NIGHTS - delay]
    late = np.concatenate([np.zeros_like(bad[:, :delay]), bad[:, : NIGHTS - delay]], axis=1)
    return ever(closed >= ENOUGH), ever(evidence(late, good, target=target, floor=floor(risk)) >= ENOUGH)


def wrongly_certified_with_clusters(size, *, prevalence=0.02, seed=4, runs=RUNS):
    """Return the wrong shares for the realised risk if near-duplicates have a coin each, and if they share one."""
    world, random = World(prevalence), np.random.default_rng(seed)
    benign, violating = world.cells((0, LOW, 1))[:, 0]
    target = violating / (benign + violating)
    clusters = random.multinomial(UPLOADS // size, [benign, violating, 1 - benign - violating], size=(runs, NIGHTS))[
        ..., :2
    ]
    uploads = clusters * size
    total = uploads.cumsum(axis=1)
    realised = total[..., 1] >= target * total.sum(axis=-1)
    each, shared = random.binomial(uploads, APPROVE), size * random.binomial(clusters, APPROVE)
    return tuple(
        ever(
            realised & (evidence(drawn[..., 1:], drawn[..., :1], target=target, floor=APPROVE, pi=[APPROVE]) >= ENOUGH)
        )
        for drawn in (each, shared)
    )


def confirmed_violating(random, violating, benign, *, missing, false_alarms):
    """Return the number of audits that end as violating: a second reviewer confirms, a third breaks a tie."""
    alarm = false_alarms**2 * (2 - false_alarms)
    return random.binomial(violating, recognised(missing)) + random.binomial(benign, alarm)


def wrongly_certified_by_reviewers(missing, *, prevalence=0.02, seed=5, runs=RUNS, false_alarms=0.005):
    """Reviewers miss a share and raise false alarms. Return the wrong shares with it declared, and not declared."""
    world, random = World(prevalence), np.random.default_rng(seed)
    target = world.risk("leak")
    violating, benign = num_and_den(audits(random, world.uploads(random, runs=runs)), "leak")
    bad = confirmed_violating(random, violating, benign, missing=missing, false_alarms=false_alarms)
    good = violating + benign - bad
    return tuple(
        ever(evidence(bad, good, target=target * share, floor=APPROVE) >= ENOUGH) for share in (recognised(missing), 1)
    )


def certified_despite_false_alarms(*, target=0.005, seed=5, runs=RUNS, false_alarms=0.005):
    """Return the share of runs with a certificate in 90 nights, with second opinions and without."""
    world, random = World(), np.random.default_rng(seed)
    violating, benign = num_and_den(audits(random, world.uploads(random, runs=runs)), "leak")
    confirmed = confirmed_violating(random, violating, benign, missing=0, false_alarms=false_alarms)
    alone = violating + random.binomial(benign, false_alarms)
    return tuple(
        ever(evidence(bad, violating + benign - bad, target=target, floor=APPROVE) >= ENOUGH)
        for bad in (confirmed, alone)
    )


def first_certificate(target=0.005, *, prevalence=0.02, seed=6, runs=RUNS):
    """Return the median night (from 1) of the first leak certificate, and the share of runs that get one."""
    world, random = World(prevalence), np.random.default_rng(seed)
    bad, good = num_and_den(audits(random, world.uploads(random, runs=runs)), "leak")
    certified = evidence(bad, good, target=target, floor=APPROVE) >= ENOUGH
    nights = np.where(certified.any(axis=1), certified.argmax(axis=1) + 1, np.inf)
    return float(np.median(nights)), ever(certified)


def alarms(times, *, target=0.005, seed=7, runs=RUNS, nights=120):
    """Return the share of runs that ring if the leak is ``times`` the target, and the median night (from 1)."""
    random = np.random.default_rng(seed)
    approved = round(UPLOADS * World().cells((0, LOW, 1))[:, 0].sum())
    checked = random.binomial(approved, APPROVE, size=(runs, nights, 1))
    bad = random.binomial(checked, times * target)
    rings = ReverseAlarm([APPROVE], target, APPROVE).evidence(bad, checked - bad) >= 20
    return ever(rings), float(np.median(np.where(rings.any(axis=1), rings.argmax(axis=1) + 1, np.inf)))


def coverage(*, prevalence=0.02, nights=28, seed=8, runs=RUNS, exact=False):
    """Return the share of 95 % intervals that hold the truth of all uploads, with the mean estimate and truth."""
    world, random = World(prevalence), np.random.default_rng(seed)
    counts = world.uploads(random, runs=runs, nights=nights).sum(axis=1)
    truths = realised_rates(counts)
    labels = audits(random, counts)
    found = [estimate(_ledger(*run), LOW, HIGH, exact=exact) for run in zip(counts, labels, strict=True)]
    return {name: Coverage.of([getattr(one, name) for one in found], truth) for name, truth in truths.items()}


def realised_rates(counts):
    """Return the true rates of all uploads, by name, each of shape (runs,)."""
    benign, violating = counts[:, 0], counts[:, 1]
    return {
        "prevalence": violating.sum(axis=1) / counts.sum(axis=(1, 2)),
        "leak_rate": violating[:, 0] / (violating + benign)[:, 0],
        "miss_rate": violating[:, 0] / violating.sum(axis=1),
        "wrongful_rate": benign[:, 2] / (violating + benign)[:, 2],
    }


@dataclass(frozen=True)
class Coverage:
    share: float
    mean: float
    truth: float

    @classmethod
    def of(cls, estimates, truths):
        known = [(one, truth) for one, truth in zip(estimates, truths, strict=True) if one.value is not None]
        return cls(
            share=float(np.mean([one.low <= truth <= one.high for one, truth in known])),
            mean=float(np.mean([one.value for one, _ in known])),
            truth=float(np.mean(truths)),
        )


def dress_coverage(violating, scores, *, seeds=200, low=0.2, high=0.9, approve=0.1, reject=0.3):
    """Label only the band and the drawn uploads of real scores. Return coverage and mean naive figure by rate."""
    pi = np.select([scores < low, scores >= high], [approve, reject], 1.0)
    bins = np.digitize(scores, [low, high])
    counts = np.array([[((violating == y) & (bins == k)).sum() for k in range(3)] for y in (0, 1)])[np.newaxis]
    found, naively = [], []
    for seed in range(seeds):
        drawn = np.random.default_rng(seed).random(scores.size) < pi
        ledger = Ledger.from_rows(scores, violating, drawn, pi, np.linspace(0, 1, 101))
        found.append(estimate(ledger, low, high))
        naively.append(naive(ledger, low, high))
    return {
        name: (
            Coverage.of([getattr(one, name) for one in found], np.repeat(truth, seeds)),
            float(np.mean([one[name] for one in naively if one[name] is not None])),
        )
        for name, truth in realised_rates(counts).items()
    }


def naive_figures(*, prevalence=0.02, nights=28, seed=8, runs=RUNS):
    """Return the mean miss rate and prevalence from all labels unweighted, and from the queue alone."""
    world, random = World(prevalence), np.random.default_rng(seed)
    labels = audits(random, world.uploads(random, runs=runs, nights=nights).sum(axis=1))
    every = [naive(_ledger(run, run), LOW, HIGH) for run in labels]
    band = labels[:, :, 1]
    return {
        "miss rate, all labels": float(np.mean([one["miss_rate"] for one in every])),
        "prevalence, all labels": float(np.mean([one["prevalence"] for one in every])),
        "prevalence, queue alone": float((band[:, 1] / band.sum(axis=1)).mean()),
    }


def _ledger(counts, drawn):
    """Return a ledger of three bins, each with its own rate class."""
    diagonal = np.eye(3)
    return Ledger(
        (0, LOW, HIGH, 1),
        counts.sum(axis=0) * diagonal,
        drawn.sum(axis=0) * diagonal,
        drawn[1] * diagonal,
        (APPROVE, 1.0, REJECT),
    )
