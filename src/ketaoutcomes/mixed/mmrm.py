"""The mixed model for repeated measures: a covariance matrix over the visits, fitted from moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.coding import Column, Term, columns_of
from ketaoutcomes.mixed.correlation import STRUCTURES, structured
from ketaoutcomes.mixed.covariance import ByGroup, Independent, Structure, unstructured
from ketaoutcomes.mixed.design import Frame, build_design, parse_formula
from ketaoutcomes.mixed.errors import (
    DegenerateResponse,
    InvalidTerms,
    MixedModelError,
    NearSingularCovariance,
    NotConverged,
    NotRandomised,
    OneVisitPerParticipant,
    VisitsNeverTogether,
)
from ketaoutcomes.mixed.fit import Fit, Solved, finish, with_fallbacks
from ketaoutcomes.mixed.likelihood import Likelihood
from ketaoutcomes.mixed.moments import Moments, by_visit_pattern, participants_by_pattern
from ketaoutcomes.mixed.newton import Optimum, minimise
from ketaoutcomes.mixed.sandwich import Block
from ketaoutcomes.mixed.scaling import PERFECT_FIT, Scaling, Working, standardise

Floats = NDArray[np.float64]
_ROW = "_row"
# A covariance matrix of more visits than this (820 parameters unstructured) is a mistake about the column.
MOST_VISITS = 40
MOST_NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """A covariance matrix over the visits, by group; see `fit.Covariance`."""

    name: str
    criterion: Likelihood
    working: Working | None

    def matrices(self, theta: Floats, scale: float) -> dict[str, tuple[tuple[str, ...], Floats]]:
        """Sigma by covariance group."""
        moments, v = self.criterion.moments, scale**2 * self.criterion.structure.value(theta)
        t = len(v) // len(moments.groups)
        return {group or "residual": (moments.visits, v[g * t : (g + 1) * t, g * t : (g + 1) * t]) for g, group in enumerate(moments.groups)}

    def blocks(self, theta: Floats, *, independent: bool) -> Iterable[Block]:  # noqa: ARG002 - the protocol's signature
        """Participants by pattern."""
        if self.working is None:
            raise InvalidTerms("Sandwich errors need each participant's rows; moments hold only sums: fit from the data.")
        moments, v = self.criterion.moments, self.criterion.structure.value(theta)
        t = len(v) // len(moments.groups)
        for group, visits, rows in participants_by_pattern(self.working.design):
            place = group * t + visits
            yield rows, self.working.z(rows.ravel()).reshape(*rows.shape, -1), v[np.ix_(place, place)]

    def effects(self, theta: Floats, optimum: Optimum, scaling: Scaling) -> dict[str, Frame]:  # noqa: ARG002 - the protocol's signature
        """None."""
        return {}


def moments(
    data: Frame,
    formula: str | None = None,
    *,
    response: str | None = None,
    fixed: Sequence[Term] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    subject: str,
    visit: str,
    group: str | None = None,
    weights: str | None = None,
    like: Moments | None = None,
) -> Moments:
    """Read the data once into the sums an MMRM is fitted from; the arguments are those of `mmrm`.

    `like` takes coding and scaling from other moments, so that shards add: ``m = moments(first, ...);
    m = m + moments(second, ..., like=m)``. Every level must occur in the first shard and no participant in two.

    Raises
    ------
    MixedModelError
        As for `mmrm`.
    """
    return by_visit_pattern(_working(data, formula, response, fixed, levels, subject, visit, group, weights, like))


def mmrm(
    data: Frame | Moments,
    formula: str | None = None,
    *,
    response: str | None = None,
    fixed: Sequence[Term] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    subject: str | None = None,
    visit: str | None = None,
    covariance: str | Sequence[str] = "us",
    group: str | None = None,
    weights: str | None = None,
    reml: bool = True,
    df: str | None = None,
    errors: str = "model",
) -> Fit:
    """Mixed model for repeated measures: fixed effects and a covariance matrix over the visits.

    Parameters
    ----------
    data
        One row per participant and visit with a value (rows without one are the caller's to remove), or `moments`.
    formula
        Such as ``"chg ~ base * visit + arm * visit"``: names of columns, ``+``, ``*`` and ``:``. Or `response` and
        `fixed`, a list of terms besides the intercept: ``[("base",), ("arm",), ("visit",), ("arm", "visit")]``.
    levels
        Factors and their levels as text, the first the reference. Categorical columns bring theirs; other columns of
        numbers are covariates, or visits in increasing order; a column of text must be declared.
    subject, visit
        Columns of the participant and the scheduled visit. For ``sp_exp`` the visits are real times.
    covariance
        One of us, cs, csh, ar1, ar1h, toep, toeph, ad, adh, sp_exp (names as in R's mmrm), or several: a declared
        fallback chain. The next one is taken only where a structure cannot be estimated or does not converge.
    group
        Column, constant within participants, whose levels each have a covariance matrix of their own.
    weights
        Column w: the covariance of a participant is W^-1/2 Sigma W^-1/2, as in R's mmrm.
    reml
        Restricted (default) or full maximum likelihood.
    df
        ``kenward-roger`` (adjusted errors, as SAS; default under REML with model-based errors), ``kenward-roger-mmrm``,
        ``kenward-roger-pbkrtest``, ``satterthwaite``, ``between-within`` or ``residual``; see these modules.
    errors
        ``model``, or sandwich ``cr0``, ``cr2``, ``cr3``; see `sandwich`.

    Raises
    ------
    MixedModelError
        One subclass per reason; see `errors`. There is no result without a proof of convergence.
    """
    chain = _chain(covariance)
    if isinstance(data, Moments):
        given = {
            "formula": formula,
            "response": response,
            "fixed": fixed,
            "levels": levels,
            "subject": subject,
            "visit": visit,
            "group": group,
            "weights": weights,
        }
        surplus = sorted(name for name, value in given.items() if value is not None)
        if surplus:
            raise InvalidTerms(f"Moments bring their own {', '.join(surplus)}; leave these arguments out.")
        return _chained(chain, data, None, reml, df, errors)
    if subject is None or visit is None:
        raise InvalidTerms("Name the columns of the participant and the visit: subject=..., visit=....")
    working = _working(data, formula, response, fixed, levels, subject, visit, group, weights, None)
    return _chained(chain, by_visit_pattern(working), working, reml, df, errors)


def clda(
    data: Frame,
    *,
    response: str,
    arm: str,
    visit: str,
    levels: Mapping[str, Sequence[str]],
    subject: str,
    randomised: bool,
    covariates: Sequence[str] = (),
    covariance: str | Sequence[str] = "us",
    reml: bool = True,
    df: str | None = None,
    errors: str = "model",
) -> Fit:
    """Constrained longitudinal data analysis: baseline is a response, its mean shared by the arms.

    Liang & Zeger (2000), Sankhya B 62:134; Liu et al. (2009), Stat Med 28:2509. The contrast of two arms at a later visit
    is the effect adjusted for baseline; people without baseline or without a later visit contribute.

    Parameters
    ----------
    data
        One row per participant and visit, the baseline score a row at the first visit of ``levels[visit]``.
    response, subject, covariance, reml, df, errors
        As for `mmrm`.
    arm, visit, levels
        Columns of arm and visit, and the levels of both: reference arm and baseline visit first.
    randomised
        Whether chance assigned the arms; otherwise their baseline means need not be equal.
    covariates
        Other columns, each with one effect at all visits.

    Raises
    ------
    NotRandomised
        The arms were not randomised: use `mmrm` with baseline as a covariate.
    MixedModelError
        As for `mmrm`.
    """
    if not randomised:
        raise NotRandomised("A shared baseline mean assumes that chance assigned the arms; use mmrm with the baseline score as a covariate.")
    missing = [name for name in (arm, visit) if name not in levels]
    if missing:
        raise InvalidTerms(f"Declare the levels of {', '.join(missing)}, the reference arm and the baseline visit first.")
    others: list[Term] = [(name,) for name in covariates]
    known = {name: tuple(str(level) for level in values) for name, values in levels.items()}
    first: list[Column] = list(columns_of([*others, (visit,)], known))
    effects: list[Column] = [((arm, a), (visit, v)) for a in known[arm][1:] for v in known[visit][1:]]
    design = build_design(data, response=response, fixed=[*others, (arm,), (visit,)], levels=levels, subject=subject, visit=visit, columns=[*first, *effects])
    chain = _chain(covariance)
    working = standardise(design)
    return _chained(chain, by_visit_pattern(working), working, reml, df, errors)


def ols(
    data: Frame,
    formula: str | None = None,
    *,
    response: str | None = None,
    fixed: Sequence[Term] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    reml: bool = True,
) -> Fit:
    """Ordinary least squares, every row its own participant: the same design, LS means and contrasts as the mixed models.

    The residual variance is RSS / (n - q), under ML RSS / n, and every df is n - q.

    Parameters
    ----------
    data, formula, response, fixed, levels, reml
        As for `mmrm`.

    Raises
    ------
    MixedModelError
        One subclass per reason; see `errors`.
    """
    numbered = data.assign(**{_ROW: range(len(data))})
    name, terms = described(formula, response, fixed)
    working = standardise(build_design(numbered, response=name, fixed=terms, levels=levels or {}, subject=_ROW))
    criterion = Likelihood(by_visit_pattern(working), Independent(1), reml)
    return finish(_solved("independent", criterion, working, minimise(criterion)), "residual", "model")


def described(formula: str | None, response: str | None, fixed: Sequence[Term] | None) -> tuple[str, Sequence[Term]]:
    """Response and terms, from a formula or as given. Raises InvalidTerms unless exactly one of the two is there."""
    if formula is not None and response is None and fixed is None:
        return parse_formula(formula)
    if formula is None and response is not None and fixed is not None:
        return response, fixed
    raise InvalidTerms("Describe the model by a formula, or by response= and fixed=, not by both.")


def _chain(covariance: str | Sequence[str]) -> tuple[str, ...]:
    """The declared structures. Raises InvalidTerms."""
    chain = (covariance,) if isinstance(covariance, str) else tuple(covariance)
    unknown = [name for name in chain if name not in STRUCTURES]
    if unknown or not chain:
        raise InvalidTerms(f"Unknown covariance {unknown}; use one or more of {', '.join(STRUCTURES)}.")
    return chain


def _working(
    data: Frame,
    formula: str | None,
    response: str | None,
    fixed: Sequence[Term] | None,
    levels: Mapping[str, Sequence[str]] | None,
    subject: str,
    visit: str,
    group: str | None,
    weights: str | None,
    like: Moments | None,
) -> Working:
    name, terms = described(formula, response, fixed)
    known = dict(levels or {}) if like is None else {**like.coding.levels, visit: like.visits, **({group: like.groups} if group else {})}
    design = build_design(data, response=name, fixed=terms, levels=known, subject=subject, visit=visit, group=group, weights=weights)
    return standardise(design, None if like is None else like.scaling)


def _chained(chain: Sequence[str], sums: Moments, working: Working | None, reml: bool, df: str | None, errors: str) -> Fit:
    """The first structure of the chain that can be fitted."""
    refused: list[tuple[str, str]] = []
    for name in chain:
        try:
            criterion = Likelihood(sums, _structure(name, sums), reml)
            found = _solved(name, criterion, working, minimise(criterion))
        except (NearSingularCovariance, NotConverged, VisitsNeverTogether, DegenerateResponse) as error:
            if name == chain[-1]:
                raise _all_refused(refused, error) from error
            refused.append((name, str(error)))
        else:
            return with_fallbacks(finish(found, df, errors), refused)
    raise AssertionError("unreachable: the chain is not empty")


def _all_refused(refused: Sequence[tuple[str, str]], last: MixedModelError) -> MixedModelError:
    if not refused:
        return last
    return NotConverged("No structure of the declared chain could be fitted. " + " ".join(f"{name}: {why}" for name, why in refused) + f" Last: {last}")


def _solved(name: str, criterion: Likelihood, working: Working | None, optimum: Optimum) -> Solved:
    sums = criterion.moments
    return Solved(
        optimum=optimum,
        covariance=Marginal(name, criterion, working),
        scaling=sums.scaling,
        coding=sums.coding,
        cells=sums.cells,
        varying=sums.varying,
        n_obs=sums.n_obs,
        n_subjects=sums.n_subjects,
        log_weights=sums.log_weights,
        reml=criterion.reml,
        working=working,
        simplified=name not in {"us", "independent"},
    )


def _structure(name: str, sums: Moments) -> Structure:
    """The structure for these visits and groups, once every parameter is known to have participants behind it."""
    products, counts = sums.residual_products()
    t, times = len(sums.visits), None
    if t > 1 and not np.array([p.n for p in sums.patterns if len(p.visits) > 1]).any():
        raise OneVisitPerParticipant("Every participant has one visit, so no covariance between visits is identified; use a model of one visit.")
    if name != "sp_exp" and t > MOST_VISITS:
        raise InvalidTerms(f"The visit column has {t} different values, too many for {name}; for real times use covariance='sp_exp', or lmm.")
    if name == "sp_exp":
        times = _times(sums.visits)
    elif t == 1:
        name = "us"
    blocks = [slice(g * t, (g + 1) * t) for g in range(len(sums.groups))]
    parts: list[Structure] = []
    for group, block in zip(sums.groups, blocks, strict=True):
        _require_variances(name, products[block, block], counts[block, block], sums.visits, group)
        part = unstructured(products[block, block], counts[block, block]) if name == "us" else structured(name, t, times)
        _require_identified(name, part, products[block, block], counts[block, block], sums.visits, group)
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    return ByGroup(tuple(parts), tuple(len(part.starts(products[b, b], counts[b, b])[0]) for part, b in zip(parts, blocks, strict=True)), t)


def _times(visits: tuple[str, ...]) -> Floats:
    try:
        times = np.array([float(visit) for visit in visits])
    except ValueError as error:
        raise InvalidTerms("sp_exp needs real times: name a column of numbers as visit=..., such as the study day.") from error
    if not (np.diff(times) > 0).all():
        raise InvalidTerms("sp_exp needs its times in increasing order; correct the levels of the visit column.")
    return times


def _require_variances(name: str, products: Floats, counts: Floats, visits: tuple[str, ...], group: str) -> None:
    """A variance for each visit needs participants there, and residual variation."""
    if name not in {"us", "csh", "ar1h", "toeph", "adh"}:
        return
    where = f" in group {group}" if group else ""
    absent = [visit for visit, count in zip(visits, np.diag(counts), strict=True) if count == 0]
    if absent:
        raise VisitsNeverTogether(f"Nobody{where} was observed at visit {', '.join(absent)}, so its variance is not identified.", ())
    variances = np.diag(products) / np.diag(counts)
    exact = [visit for visit, variance in zip(visits, variances, strict=True) if variance <= PERFECT_FIT**2]
    if exact:
        raise DegenerateResponse(f"The fixed effects reproduce the response exactly at visit {', '.join(exact)}{where}; drop the visit.")


def _require_identified(name: str, part: Structure, products: Floats, counts: Floats, visits: tuple[str, ...], group: str) -> None:
    """Every covariance parameter needs participants seen at a pair of visits it moves."""
    where = f" in group {group}" if group else ""
    if name == "us":
        rows, columns = np.nonzero(np.triu(counts == 0))
        pairs = tuple((visits[int(a)], visits[int(b)]) for a, b in zip(rows, columns, strict=True))
        if pairs:
            shown = ", ".join(f"({a}, {b})" for a, b in pairs[:MOST_NAMED]) + (
                f" and of {len(pairs) - MOST_NAMED} other pairs" if len(pairs) > MOST_NAMED else ""
            )
            raise VisitsNeverTogether(
                f"No participant{where} was observed at both visits of {shown}, so their covariance is not identified; "
                "drop a visit or use a structured covariance.",
                pairs,
            )
        return
    k = len(part.starts(products, np.maximum(counts, 1))[0])
    moves = part.first(np.full(k, 0.3)) != 0
    if not (moves & (counts > 0)).any(axis=(1, 2)).all():
        raise VisitsNeverTogether(
            f"No participant{where} was observed at any pair of visits that some parameter of {name} describes; use fewer parameters.", ()
        )
