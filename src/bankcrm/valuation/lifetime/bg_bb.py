"""BG/BB: whole periods in each of which a customer buys or not, until the customer dies.

Source: Fader, Hardie and Shang (2010), Marketing Science 29(6).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, psi

from bankcrm.valuation.lifetime.cells import Cells, Floats, Score

NAMES = ("alpha", "beta", "gamma", "delta")


def _lives(
    p: Floats, x: Floats, last: Floats, periods: Floats
) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """By periods lived since the last purchase: log probability; periods lived; which are there.

    The last column is a customer who is still alive.
    """
    alpha, beta, gamma, delta = p
    longest = int((periods - last).max(initial=0))
    more = np.arange(longest + 1)
    there = more < (periods - last)[:, None]
    lived = np.where(there, last[:, None] + more, periods[:, None])
    died = np.where(there, 1.0, 0.0)
    there[:, -1] = True  # still alive
    log = (
        betaln(alpha + x[:, None], beta + lived - x[:, None]) - betaln(alpha, beta)
        + betaln(gamma + died, delta + lived) - betaln(gamma, delta)
    )  # fmt: skip
    return np.where(there, log, -np.inf), lived, died, there


def score_of(cells: Cells) -> Score:
    """The log-likelihood of the parameters and its slope."""
    x, last, periods = cells.repeats, cells.span, cells.age

    def score(at: Floats, weights: Floats) -> tuple[float, Floats]:
        alpha, beta, gamma, delta = p = np.exp(at)
        log, lived, died, _ = _lives(p, x, last, periods)
        total = np.logaddexp.reduce(log, axis=1)
        w = weights[:, None] * np.exp(log - total[:, None])
        bought, not_bought = (x[:, None] + alpha), beta + lived - x[:, None]
        buys = psi(alpha + beta) - psi(alpha + beta + lived)
        dies = psi(gamma + delta) - psi(gamma + delta + died + lived)
        slope = np.array([
            (w * (psi(bought) - psi(alpha) + buys)).sum(),
            (w * (psi(not_bought) - psi(beta) + buys)).sum(),
            (w * (psi(gamma + died) - psi(gamma) + dies)).sum(),
            (w * (psi(delta + lived) - psi(delta) + dies)).sum(),
        ])  # fmt: skip
        return float(weights @ total), slope * p

    return score


def _goes_on(p: Floats, x: Floats, last: Floats, periods: Floats) -> Floats:
    """Probability that a customer lived through the last period."""
    log, _, _, _ = _lives(p, x, last, periods)
    found: Floats = np.exp(log[:, -1] - np.logaddexp.reduce(log, axis=1))
    return found


def alive(p: Floats, x: Floats, last: Floats, periods: Floats) -> Floats:
    """Probability that a customer is alive in the next period."""
    _, _, gamma, delta = p
    found: Floats = _goes_on(p, x, last, periods) * (delta + periods) / (gamma + delta + periods)
    return found


def expected(p: Floats, x: Floats, last: Floats, periods: Floats, time: float) -> Floats:
    """Expected purchases in the whole periods to come."""
    alpha, beta, gamma, delta = p
    ahead = np.arange(1, int(time) + 1)
    stay = np.exp(
        betaln(gamma, delta + periods[:, None] + ahead) - betaln(gamma, delta + periods)[:, None]
    ).sum(axis=1)
    found: Floats = _goes_on(p, x, last, periods) * stay * (alpha + x) / (alpha + beta + periods)
    return found
