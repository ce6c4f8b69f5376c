"""BG/NBD and MBG/NBD: purchases at a steady rate until a customer drops out after one of them.

The two differ in when a customer can drop out for the first time: after the first repeat purchase
(BG/NBD, so that everybody who bought once is alive) or after the first purchase (MBG/NBD). One
kernel serves both: ``extra`` is 0 or 1 further chance to drop out.

Source: Fader, Hardie and Lee (2005), Marketing Science 24(2); Batislam, Denizel and Filiztekin
(2007), International Journal of Research in Marketing 24(3).
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, expit, gammaln, hyp2f1, psi

from bankcrm.valuation.lifetime.cells import Cells, Floats, Score

NAMES = ("r", "alpha", "a", "b")


def score_of(cells: Cells, extra: int) -> Score:
    """The log-likelihood of the parameters and its slope."""
    distinct, place = np.unique(cells.repeats, return_inverse=True)
    x, age, span = cells.repeats, cells.age, cells.span
    chances = distinct + extra
    can_drop = x + extra > 0

    def score(at: Floats, weights: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(at)
        by_x = np.bincount(place, weights, len(distinct))
        late, early = np.log(alpha + age), np.log(alpha + span)
        odds = np.log(a) - np.log(np.maximum(b + x + extra - 1, 1e-300)) + (r + x) * (late - early)
        odds = np.where(can_drop, odds, -np.inf)
        dropped = expit(odds)
        value = by_x @ (
            gammaln(r + distinct) - gammaln(r) + r * np.log(alpha)
            + gammaln(a + b) - gammaln(b) + gammaln(b + chances) - gammaln(a + b + chances)
        ) + weights @ (np.logaddexp(0, odds) - (r + x) * late)  # fmt: skip
        both = psi(a + b) - psi(a + b + chances)
        w_dropped, total = weights * dropped, by_x.sum()
        slope = np.array([
            by_x @ (psi(r + distinct) - psi(r)) + total * np.log(alpha)
            - weights @ late + w_dropped @ (late - early),
            total * r / alpha - weights @ ((r + x) / (alpha + age))
            + w_dropped @ ((r + x) * (1 / (alpha + age) - 1 / (alpha + span))),
            by_x @ both + w_dropped.sum() / a,
            by_x @ (both + psi(b + chances) - psi(b))
            - w_dropped[can_drop] @ (1 / (b + x[can_drop] + extra - 1)),
        ])  # fmt: skip
        return float(value), slope * np.exp(at)

    return score


def alive(p: Floats, x: Floats, span: Floats, age: Floats, extra: int) -> Floats:
    """Probability that a customer has not dropped out."""
    r, alpha, a, b = p
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = (
            np.log(a)
            - np.log(b + x + extra - 1)
            + (r + x) * np.log1p((age - span) / (alpha + span))
        )
    found: Floats = expit(-np.where(x + extra > 0, odds, -np.inf))
    return found


def expected(p: Floats, x: Floats, span: Floats, age: Floats, time: float, extra: int) -> Floats:
    """Expected purchases in the time to come.

    The hypergeometric function is taken by Euler's transformation, which is finite where the
    printed formula is not.
    """
    if abs(p[2] - 1) < 1e-5:  # the limit from both sides
        sides = (p * [1, 1, 0, 1] + [0, 0, 1 + step, 0] for step in (1e-4, -1e-4))
        middle: Floats = np.mean([expected(s, x, span, age, time, extra) for s in sides], axis=0)
        return middle
    r, alpha, a, b = p
    z = time / (alpha + age + time)
    top = a + b + x + extra - 1
    with np.errstate(invalid="ignore", over="ignore"):
        left = 1 - (1 - z) ** (a - 1) * hyp2f1(a + b + extra - 1 - r, a - 1, top, z)
        bought = top / (a - 1) * left
    unknown = ~np.isfinite(bought)
    if unknown.any():
        bought[unknown] = _by_quadrature(p, x[unknown], age[unknown], time, extra)
    found: Floats = bought * alive(p, x, span, age, extra)
    return found


def _by_quadrature(p: Floats, x: Floats, age: Floats, time: float, extra: int) -> Floats:
    """Purchases to come of the living, as a mean over their chance to drop out after each.

    It serves where customers hardly differ in their rates, so that ``r`` is too large for the
    hypergeometric function.
    """
    r, alpha, a, b = p
    at, weight = np.polynomial.legendre.leggauss(200)
    drop = np.maximum(betaincinv(a, (b + x + extra)[:, None], (at + 1) / 2), 1e-200)
    lasting = np.log1p(drop * (time / (alpha + age))[:, None])
    found: Floats = (-np.expm1(-(r + x)[:, None] * lasting) / drop) @ weight / 2
    return found
