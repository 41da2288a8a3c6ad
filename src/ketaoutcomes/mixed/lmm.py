"""Linear mixed models: random intercepts and slopes of participants, at any times, and a random intercept of sites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.boundary import Places, best
from ketaoutcomes.mixed.coding import Term
from ketaoutcomes.mixed.design import Design, Frame, build_design, table
from ketaoutcomes.mixed.errors import DegenerateResponse, InvalidTerms, OneVisitPerParticipant, TooFewParticipants
from ketaoutcomes.mixed.fit import Fit, Solved, finish
from ketaoutcomes.mixed.mmrm import described
from ketaoutcomes.mixed.newton import Optimum
from ketaoutcomes.mixed.random_effects import RandomEffects
from ketaoutcomes.mixed.rotation import Rotated, rotate
from ketaoutcomes.mixed.sandwich import Block
from ketaoutcomes.mixed.scaling import PERFECT_FIT, Scaling, Working, standardise

Floats = NDArray[np.float64]
INTERCEPT = "1"
# A column of Q shorter than this within participants is constant there; an offset of 1e8 leaves rounding of 1e-9.
NO_VARIATION = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Random effects of participants and sites; see `fit.Covariance`.

    Attributes
    ----------
    name
        Such as "1 + time".
    labels
        Of a participant's effects.
    unit
        Unit of each effect's column of Z, shape (p,).
    places, sites
        What was asked for; `criterion` has fewer on the boundary.
    """

    name: str
    criterion: RandomEffects
    labels: tuple[str, ...]
    unit: Floats
    working: Working
    places: Places
    sites: bool

    def matrices(self, theta: Floats, scale: float) -> dict[str, tuple[tuple[str, ...], Floats]]:
        """Covariance of the random effects, variance of the sites' and of the residuals."""
        s2 = scale**2 * np.exp(2 * theta[-1])
        factor = self.criterion.factor(theta) / self.unit[:, None]
        found = {"subject": (self.labels, s2 * factor @ factor.T)}
        if self.criterion.data.site is not None:
            kappa = float(theta[len(self.criterion.places)] ** 2) if self.criterion.sites else 0.0
            found["site"] = (("(Intercept)",), np.array([[s2 * kappa / self.unit[0] ** 2]]))
        found["residual"] = (("residual",), np.array([[s2]]))
        return found

    def blocks(self, theta: Floats, *, independent: bool) -> Iterable[Block]:
        """Participants by number of rows. Where sites have an effect, people of a site are not independent."""
        if independent and self.criterion.data.site is not None:
            raise InvalidTerms("Sandwich errors take participants as independent; with a random site intercept use model-based errors.")
        design, s2 = self.working.design, np.exp(2 * theta[-1])
        z = random_columns(design, self.unit)
        if design.root_weight is not None:
            z = z * design.root_weight[:, None]
        loaded = z @ self.criterion.factor(theta)
        counts = np.diff(np.r_[design.first_rows, len(z)])
        for m in sorted({int(count) for count in counts}):
            rows = np.asarray(design.first_rows[counts == m][:, None] + np.arange(m), dtype=np.intp)
            own = loaded[rows]
            v = np.eye(m) + own @ own.transpose(0, 2, 1)
            if self.criterion.sites:
                along = z[rows][:, :, :1]
                v = v + theta[len(self.criterion.places)] ** 2 * along @ along.transpose(0, 2, 1)
            yield rows, self.working.z(rows.ravel()).reshape(*rows.shape, -1), s2 * v

    def effects(self, theta: Floats, optimum: Optimum, scaling: Scaling) -> dict[str, Frame]:
        """Best linear unbiased predictions with their prediction errors.

        Henderson (1975), Biometrics 31:423: the error of prediction, with the estimation of the fixed effects in it
        (SAS); `conditional_sd` is without it, as lme4's `ranef(condVar = TRUE)`.
        """
        data = rotate(self.working, random_columns(self.working.design, self.unit), compress=False)
        found = RandomEffects(data, self.criterion.places, self.criterion.sites, self.criterion.reml).predict(theta, optimum)
        design, sizes = self.working.design, scaling.scale / self.unit
        rows = [
            {
                "subject": subject,
                "effect": label,
                "estimate": sizes[j] * found.u[i, j],
                "std_error": sizes[j] * np.sqrt(max(found.prediction[i, j], 0.0)),
                "conditional_sd": sizes[j] * np.sqrt(max(found.conditional[i, j], 0.0)),
            }
            for i, subject in enumerate(design.subjects)
            for j, label in enumerate(self.labels)
        ]
        result = {"subject": table(rows)}
        if design.site is not None:
            columns = {
                "estimate": found.site,
                "std_error": np.sqrt(np.maximum(found.site_prediction, 0)),
                "conditional_sd": np.sqrt(np.maximum(found.site_conditional, 0)),
            }
            sites = [{"site": s, **{name: float(sizes[0] * values[i]) for name, values in columns.items()}} for i, s in enumerate(design.sites)]
            result["site"] = table(sites)
        return result


def lmm(
    data: Frame,
    formula: str | None = None,
    *,
    response: str | None = None,
    fixed: Sequence[Term] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    subject: str,
    random: str | Sequence[str] = INTERCEPT,
    correlated: bool = True,
    site: str | None = None,
    weights: str | None = None,
    reml: bool = True,
    df: str | None = None,
    errors: str = "model",
) -> Fit:
    """Linear mixed model: random effects of participants, at scheduled or irregular times, and of sites.

    Where the likelihood is highest with a variance of 0, that variance leaves the model; with a correlation of +-1 of
    intercept and slope, their covariance matrix has rank 1. The result is the fit of that smaller model, flagged
    "boundary", with the one-sided slope of the likelihood as proof.

    Parameters
    ----------
    data, formula, response, fixed, levels, reml, df, errors
        As for `mmrm`, but a participant may have any number of rows.
    subject
        Column of the participant.
    random
        ``"1"``: an intercept. ``("1", "time")``: an intercept and a slope on the numeric column ``time``, R's
        ``(time | id)``.
    correlated
        Whether intercept and slope are correlated; False is R's ``(time || id)``.
    site
        Column of the site or clinic, constant within participants, for a random intercept, R's ``+ (1 | site)``.
    weights
        Column w: the residual variance of a row is divided by it, as in R's lme4.

    Raises
    ------
    MixedModelError
        One subclass per reason; see `errors`. There is no result without a proof of convergence.
    """
    slopes = [name for name in ((random,) if isinstance(random, str) else tuple(random)) if name != INTERCEPT]
    if len(slopes) > 1 or (isinstance(random, str) and slopes):
        raise InvalidTerms(f"The random effects {random!r} are not known; use '1' or ('1', column): an intercept, or an intercept and one slope.")
    name, terms = described(formula, response, fixed)
    slope = slopes[0] if slopes else None
    design = build_design(data, response=name, fixed=terms, levels=levels or {}, subject=subject, weights=weights, time=slope, site=site)
    working = standardise(design)
    unit = _units(design)
    data_rotated = rotate(working, random_columns(design, unit))
    _require_identified(working, data_rotated, slope)
    places: Places = ((0, 0),) if slope is None else ((0, 0), (1, 0), (1, 1)) if correlated else ((0, 0), (1, 1))
    kept, optimum, boundary_slope = best(lambda free, sites: RandomEffects(data_rotated, free, sites, reml), places, site is not None)
    criterion = RandomEffects(data_rotated, *kept, reml)
    labels = ("(Intercept)",) if slope is None else ("(Intercept)", slope)
    written = f"({' + '.join(['1', *slopes])} {'|' if correlated or not slopes else '||'} {subject})"
    written += f" + (1 | {site})" if site else ""
    solved = Solved(
        optimum=optimum,
        covariance=Effects(written, criterion, labels, unit, working, places, site is not None),
        scaling=working.scaling,
        coding=design.coding,
        cells=design.cells,
        varying=design.varying(),
        n_obs=len(design.y),
        n_subjects=design.n_subjects,
        log_weights=design.log_weights,
        reml=reml,
        working=working,
        boundary_slope=boundary_slope,
    )
    return finish(solved, df, errors)


def random_columns(design: Design, unit: Floats) -> Floats:
    """Z, shape (N, p), each column in its unit."""
    ones = np.ones(len(design.y))
    return np.column_stack([ones] if design.time is None else [ones, design.time]) / unit


def _units(design: Design) -> Floats:
    """The size of each column of Z with its weights, shape (p,), so that the optimiser sees numbers near 1."""
    z = random_columns(design, np.ones(1 if design.time is None else 2))
    weighted = z if design.root_weight is None else z * design.root_weight[:, None]
    size = np.sqrt(np.mean(weighted**2, axis=0))
    return np.where(size > 0, size, 1.0)


def _require_identified(working: Working, data: Rotated, slope: str | None) -> None:
    """Participants with several rows, and degrees of freedom left between and within them."""
    design = working.design
    counts = np.diff(np.r_[design.first_rows, len(design.y)])
    if counts.max() == 1:
        raise OneVisitPerParticipant(
            "Every participant has one row, so a random intercept cannot be told from the residual; add repeated assessments or use a linear model."
        )
    spanned = np.diagonal(data.r) > 0
    if slope is not None and not spanned[:, 1].any():
        raise OneVisitPerParticipant(f"Nobody has rows at two values of {slope!r}, so a random slope is not identified; use a random intercept.")
    if data.site is not None and (data.n_sites < 2 or data.n_sites == data.n_subjects):
        raise TooFewParticipants(f"{data.n_sites} sites with {data.n_subjects} participants cannot tell a site effect from the rest; leave it out.")
    values, vectors = np.linalg.eigh(data.rest[:-1, :-1])
    inside = values > NO_VARIATION**2
    dimension = int(data.n @ spanned.sum(axis=1))
    residual_df = data.n_obs - dimension - int(inside.sum())
    between_df = dimension - int((~inside).sum())
    if residual_df < 1 or between_df < 1:
        raise TooFewParticipants(
            f"{data.n_subjects} participants with {data.n_obs} rows leave {max(between_df, 0)} degrees of freedom between "
            f"and {max(residual_df, 0)} within participants after the fixed effects; both must be at least 1."
        )
    # Schur complement of the response, and the exact residual where it is too small to trust
    along = vectors[:, inside].T @ data.rest[:-1, -1]
    left = float(data.rest[-1, -1] - along @ (along / values[inside]))
    if left / residual_df < 1e-8:
        left = _exact_within(working, slope)
    if np.sqrt(max(left, 0.0) / residual_df) <= PERFECT_FIT:
        raise DegenerateResponse("The response does not vary within participants beyond the fixed effects.")


def _exact_within(working: Working, slope: str | None) -> float:
    """Residual sum of squares of y* on Q within participants, from the rows."""
    rest = rotate(working, random_columns(working.design, np.ones(1 if slope is None else 2)), compress=False, keep_rest=True).rows
    assert rest is not None
    left, singular, _ = np.linalg.svd(rest[:, :-1], full_matrices=False)
    basis = left[:, singular > NO_VARIATION]
    residual = rest[:, -1] - basis @ (basis.T @ rest[:, -1])
    return float(residual @ residual)
