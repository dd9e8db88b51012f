"""The alarm that withdraws a certificate: evidence that the risk is above its target."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers
from moderation.statistics.e_values import checked_counts

_FACTORS = np.array([1.5, 2.0, 3.0, 5.0])


class Alarm(NamedTuple):
    """``evidence`` after the last day, and the first ``day`` (from 0) on which it reached 1/delta, or None."""

    evidence: float
    day: int | None


@dataclass(frozen=True)
class ReverseAlarm:
    """Watches certified thresholds day by day, and rings when there is evidence that the risk is above ``target``.

    While the risk is at most ``target``, the probability that it ever rings is at most ``delta``. A new count starts
    every 14 days and older ones go on, so a late change is still found.

    Args:
        pi: of each rate class, shape (classes,).
        target: of the certificate, in (0, 1).
        pi_floor: the smallest pi of all classes with den = 1, in (0, 1].
        delta: in (0, 1).
        restart_days: days between starts.

    Raises:
        ValueError: a number outside these ranges.
    """

    pi: Numbers
    target: float
    pi_floor: float
    delta: float = 0.05
    restart_days: int = 14

    def __post_init__(self) -> None:
        checks.fraction("target", self.target)
        checks.fraction("delta", self.delta)
        checks.probabilities("pi", self.pi)
        checks.probability("pi_floor", self.pi_floor)
        if self.restart_days < 1:
            raise checks.refusal("restart_days", self.restart_days, accepted="give 1 or more")

    def watch(self, bad: Numbers, good: Numbers) -> Alarm:
        """Return the evidence after the last closed day, and the first day on which the alarm rings.

        Args:
            bad: counts of each closed day since the day after the last certified one, shape (days, classes), from
                `moderation.statistics.guarantee.alarm_counts_for`.
            good: same shape.

        Raises:
            ValueError: shapes that differ, negative counts, counts in a class with pi below pi_floor.
        """
        evidence = self.evidence(bad, good)
        ringing = np.flatnonzero(evidence >= 1 / self.delta)
        return Alarm(float(evidence[-1]) if evidence.size else 0.0, int(ringing[0]) if ringing.size else None)

    def evidence(self, bad: Numbers, good: Numbers) -> Floats:
        """Return M at the end of each day, shape (..., days), for counts of shape (..., days, classes)."""
        b, g, rho = checked_counts(bad, good, self.pi, self.pi_floor)
        if ((b + g > 0) & (rho > 1)).any():
            raise checks.refusal("pi_floor", self.pi_floor, accepted=f"give at most each pi with labels, pi={self.pi}")
        gains = self._log_gains(b, g, rho)
        started = range(0, gains.shape[-2], self.restart_days)
        weighted = (self._since(gains, day) + np.log(6 / (np.pi * (j + 1)) ** 2) for j, day in enumerate(started))
        total = np.full(gains.shape[:-1], -np.inf)
        for log_m in weighted:
            total = np.logaddexp(total, log_m)
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(total))

    def _log_gains(self, bad: Floats, good: Floats, rho: Floats) -> Floats:
        """Return the amount that each day adds to log F, shape (..., days, factors)."""
        odds = self.target / (1 - self.target)
        # The cap keeps F from becoming negative on any day.
        stakes = (np.minimum(_FACTORS, (1 + 1 / self.target) / 2) - 1)[:, np.newaxis] * np.minimum(rho, 1)
        logs = bad[..., np.newaxis, :] * np.log1p(stakes) + good[..., np.newaxis, :] * np.log1p(-stakes * odds)
        return np.asarray(logs.sum(axis=-1))

    def _since(self, gains: Floats, day: int) -> Floats:
        """Return log of the mean of F over the factors for the start on ``day``; minus infinity before that day."""
        log_f = np.full(gains.shape[:-1], -np.inf)
        running = np.cumsum(gains[..., day:, :], axis=-2)
        log_f[..., day:] = scipy.special.logsumexp(running, axis=-1) - np.log(_FACTORS.size)
        return log_f
