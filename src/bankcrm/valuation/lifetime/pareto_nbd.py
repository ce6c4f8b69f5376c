"""Pareto/NBD: purchases at a steady rate until a customer dies at any time.

The integral over the time of death is taken by Gauss-Legendre quadrature after a substitution that
makes the integrand nearly a polynomial; it needs no hypergeometric function, which overflows for
frequent buyers.

Source: Schmittlein, Morrison and Colombo (1987), Management Science 33(1); Fader and Hardie (2005).
"""

from __future__ import annotations

import attrs
import numpy as np
from scipy.special import exprel, gammaln, psi

from bankcrm.valuation.lifetime.cells import Cells, Floats, Score

NAMES = ("r", "alpha", "s", "beta")
FIT_NODES = 16
NODES = 24


@attrs.frozen(eq=False)
class _Deaths:
    """Probability densities of each history by time of death, without common factors.

    Attributes:
        survived: Log of the term of those who are alive.
        density: Weights of the nodes, relative to ``scale``; (histories, nodes).
        scale: Log of the factor of ``density``.
        time: Times of death at the nodes.
    """

    survived: Floats
    density: Floats
    scale: Floats
    time: Floats

    @property
    def total(self) -> Floats:
        """Log of the likelihood, without common factors."""
        with np.errstate(divide="ignore"):
            dead = np.log(self.density.sum(axis=1)) + self.scale
        found: Floats = np.logaddexp(self.survived, dead)
        return found


def _deaths(p: Floats, x: Floats, span: Floats, age: Floats, nodes: int) -> _Deaths:
    r, alpha, s, beta = p
    k = r + s + x
    slope = (r + x) / (alpha + span) + (s + 1) / (beta + span)
    width = (k + 1) / slope
    last = np.exp(-k / 4 * np.log1p((age - span) / width))
    at, weight = np.polynomial.legendre.leggauss(nodes)
    w = last[:, None] + (1 - last[:, None]) * (1 + at) / 2
    grown = np.exp(-4 / k[:, None] * np.log(w))  # 1 + time since the last purchase / width
    time = span[:, None] + width[:, None] * (grown - 1)
    log_density = -(r + x)[:, None] * np.log((alpha + time) / (alpha + span)[:, None]) - (
        s + 1
    ) * np.log((beta + time) / (beta + span)[:, None])
    step = (4 * width / k * (1 - last) / 2)[:, None] * weight * grown / w
    return _Deaths(
        survived=-(r + x) * np.log(alpha + age) - s * np.log(beta + age),
        density=step * np.exp(log_density),
        scale=np.log(s) - (r + x) * np.log(alpha + span) - (s + 1) * np.log(beta + span),
        time=time,
    )


def score_of(cells: Cells) -> Score:
    """The log-likelihood of the parameters and its slope."""
    distinct, place = np.unique(cells.repeats, return_inverse=True)
    x, span, age = cells.repeats, cells.span, cells.age

    def score(at: Floats, weights: Floats) -> tuple[float, Floats]:
        r, alpha, s, beta = p = np.exp(at)
        by_x = np.bincount(place, weights, len(distinct))
        deaths = _deaths(p, x, span, age, FIT_NODES)
        total = deaths.total
        value = weights @ total + by_x @ (
            gammaln(r + distinct) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        )
        w_alive = weights * np.exp(deaths.survived - total)
        w_dead = (weights * np.exp(deaths.scale - total))[:, None] * deaths.density
        of_row = w_dead.sum(axis=1)
        customers = by_x.sum()
        late, old = alpha + deaths.time, beta + deaths.time
        slope = np.array([
            by_x @ (psi(r + distinct) - psi(r)) + customers * np.log(alpha)
            - w_alive @ np.log(alpha + age) - np.einsum("ij,ij", w_dead, np.log(late)),
            customers * r / alpha - w_alive @ ((r + x) / (alpha + age))
            - (r + x) @ np.einsum("ij,ij->i", w_dead, 1 / late),
            customers * np.log(beta) + of_row.sum() / s
            - w_alive @ np.log(beta + age) - np.einsum("ij,ij", w_dead, np.log(old)),
            customers * s / beta - s * w_alive @ (1 / (beta + age))
            - (s + 1) * np.einsum("ij,ij", w_dead, 1 / old),
        ])  # fmt: skip
        return float(value), slope * p

    return score


def alive(p: Floats, x: Floats, span: Floats, age: Floats) -> Floats:
    """Probability that a customer is alive."""
    deaths = _deaths(p, x, span, age, NODES)
    found: Floats = np.exp(deaths.survived - deaths.total)
    return found


def expected(p: Floats, x: Floats, span: Floats, age: Floats, time: float) -> Floats:
    """Expected purchases in the time to come."""
    r, alpha, s, beta = p
    grown = np.log1p(time / (beta + age))
    lived = (beta + age) * grown * exprel(-(s - 1) * grown)  # expected time alive, of those alive
    found: Floats = (r + x) / (alpha + age) * lived * alive(p, x, span, age)
    return found
