"""Generalised linear mixed models of binary and binomial outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketaoutcomes.mixed.binary.clusters import Clusters, collapse
from ketaoutcomes.mixed.binary.constrained import Penalised
from ketaoutcomes.mixed.binary.fit import BinaryFit
from ketaoutcomes.mixed.binary.links import link_called
from ketaoutcomes.mixed.binary.nested import Nested
from ketaoutcomes.mixed.binary.quadrature import Likelihood, Point, differenced
from ketaoutcomes.mixed.binary.separation import SUSPICIOUS, separating
from ketaoutcomes.mixed.binary.solved import Solved
from ketaoutcomes.mixed.boundary import Places, best
from ketaoutcomes.mixed.coding import Coding, Term
from ketaoutcomes.mixed.design import Design, Frame, build_design
from ketaoutcomes.mixed.errors import (
    DegenerateResponse,
    InvalidTerms,
    InvalidValues,
    NotConverged,
    OneVisitPerParticipant,
    Separated,
    TooFewParticipants,
)
from ketaoutcomes.mixed.lmm import INTERCEPT
from ketaoutcomes.mixed.mmrm import described
from ketaoutcomes.mixed.newton import Certified, decrement, minimise
from ketaoutcomes.mixed.scaling import Scaling, basis_of, coordinates

Floats = NDArray[np.float64]
# Tried until the likelihood is stable: for an intercept, for a slope too.
NODES = {1: (25, 51, 101), 2: (9, 15, 25)}
STABLE = 1e-5
_ROW = "\trow"
# Distance to the optimum in standard errors.
PROVED = 1e-6


def glmm(
    data: Frame,
    formula: str | None = None,
    *,
    response: str | None = None,
    fixed: Sequence[Term] | None = None,
    levels: Mapping[str, Sequence[str]] | None = None,
    subject: str | None = None,
    random: str | Sequence[str] = INTERCEPT,
    correlated: bool = True,
    site: str | None = None,
    trials: str | None = None,
    offset: str | None = None,
    link: str = "logit",
    nodes: int | None = None,
    separation: str = "refuse",
    df: str = "between-within",
) -> BinaryFit:
    """Mixed model of a binary or binomial outcome by maximum likelihood.

    Repeated states (abstinent this week, response at a visit): one row per participant and visit, `subject` the
    participant, a logit. Relapse seen only at visits: one row per participant and interval at risk, 1 in the interval of
    the relapse, ``link="cloglog"`` and the interval among the terms: coefficients are log hazard ratios in continuous
    time; `subject` may be the site.

    Parameters
    ----------
    data, formula, response, fixed, levels
        As for `mmrm`; the response is 0 or 1, or the number of events in `trials`.
    subject
        Column whose values share random effects: participant or site. None: a model without random effects.
    random, correlated
        As for `lmm`: ``"1"``, or ``("1", "time")`` for a slope on a numeric column.
    site
        Column of the site or clinic, constant within participants, for a random intercept beside a participant's.
    trials
        Column with the number of trials of a row; None: 1.
    offset
        Column added to the linear predictor, such as the log of an interval's length.
    link
        ``"logit"`` or ``"cloglog"``.
    nodes
        Nodes of adaptive Gauss-Hermite quadrature for each random effect; 1 is Laplace's approximation, for a
        logit as R's ``glmer(nAGQ = 1)`` (whose curvature for a cloglog is the expected one). None: 25 (9 with a slope), and
        more until twice as many change the log-likelihood by less than 1e-5; the proof says by how much.
    separation
        What to do where coefficients are infinite, which is found before fitting: ``"refuse"`` raises `Separated`;
        ``"log-f"`` gives each coefficient but the intercept a log-F(1,1) prior (numeric columns in units of their
        standard deviation), and the fit is flagged "penalised".
    df
        ``"between-within"``: a column that is constant within every cluster has n - p_b df, others N - n - p_w; see
        `between_within`. ``"asymptotic"``: normal, as R's lme4. Without `subject` always normal.

    Raises
    ------
    MixedModelError
        One subclass per reason; see `errors`. There is no result without a proof of convergence.
    """
    if separation not in {"refuse", "log-f"}:
        raise InvalidTerms(f"Unknown separation {separation!r}; use 'refuse' or 'log-f'.")
    if nodes is not None and not 1 <= nodes <= 200:
        raise InvalidTerms(f"The number of nodes is {nodes}; give 1 (Laplace) to 200.")
    chosen = link_called(link)
    slopes = [name for name in ((random,) if isinstance(random, str) else tuple(random)) if name != INTERCEPT]
    if len(slopes) > 1 or (isinstance(random, str) and slopes) or (slopes and subject is None):
        raise InvalidTerms(f"The random effects {random!r} are not known; with a subject: '1', or ('1', column) for an intercept and one slope.")
    slope = slopes[0] if slopes else None
    if site is not None and (slope is not None or subject is None):
        raise InvalidTerms("A random intercept of sites goes beside a random intercept of participants; name the `subject`, and no slope.")
    name, terms = described(formula, response, fixed)
    numbered = data if subject is not None else data.assign(**{_ROW: range(len(data))})
    design = build_design(
        numbered,
        response=name, fixed=terms, levels=levels or {}, subject=subject or _ROW, time=slope, site=site, others=[c for c in (trials, offset) if c],
    )  # fmt: skip
    places: Places = () if subject is None else ((0, 0),) if slope is None else ((0, 0), (1, 0), (1, 1)) if correlated else ((0, 0), (1, 1))
    outcome = _outcome(design, name, trials, offset)
    z, unit = _random_columns(design)
    _require_clusters(design, *outcome[:2], places, slope)
    scaling = coordinates(design)
    raw = collapse(design.x(), z, *outcome, design.first_rows)
    plain = Likelihood(replace(raw, x=basis_of(scaling, raw.x)), chosen, (), 1, np.zeros(len(design.coding.columns)))
    start, infinite = _without_effects(plain, raw, design)
    if infinite and separation == "refuse":
        raise _separated(infinite, design, *outcome[:2])
    rows = _prior_rows(design, scaling) if infinite else None
    if rows is not None:
        start = minimise(Penalised(plain, rows)).theta
    tried_nodes = (nodes,) if nodes is not None else NODES[z.shape[1]]
    whole: Likelihood | Nested = replace(plain, places=places, nodes=tried_nodes[0], start=start)
    if site is not None:
        whole = _nested(design, basis_of(scaling, design.x()), outcome, replace(plain, start=start), tried_nodes[0])
    criterion, optimum, boundary_slope = _fitted(whole, rows)
    error = _quadrature_error(criterion, optimum)
    for finer in tried_nodes[1:]:
        if abs(error) < STABLE:
            break
        criterion, optimum, boundary_slope = _fitted(replace(whole, nodes=finer, warm=optimum.theta), rows)
        error = _quadrature_error(criterion, optimum)
    labels = () if not places else ("(Intercept)",) if slope is None else ("(Intercept)", slope)
    solved = Solved(
        criterion=criterion,
        optimum=optimum,
        design=design,
        scaling=scaling,
        unit=unit,
        labels=labels,
        places=places,
        link=link,
        quadrature_error=error,
        boundary_slope=boundary_slope,
        infinite=infinite,
        clustered=subject is not None,
        offset=offset is not None,
    )
    return BinaryFit(df, solved, solved.inference(df))


def _nested(design: Design, x: Floats, outcome: tuple[Floats, Floats, Floats], plain: Likelihood, nodes: int) -> Nested:
    """Participants in the order of their sites."""
    assert design.site is not None
    order = np.lexsort((design.subject, design.site))
    people = design.subject[order]
    starts = np.flatnonzero(np.r_[True, np.diff(people) != 0])
    sites = design.site[order][starts]
    member = np.empty(len(starts), dtype=np.intp)
    member[people[starts]] = np.arange(len(starts))
    y, m, offset = (values[order] for values in outcome)
    of = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    data = Clusters(x[order], np.ones((len(order), 1)), y, m, offset, starts, of, np.ones(len(starts)), member)
    return Nested(data, plain.link, np.flatnonzero(np.r_[True, np.diff(sites) != 0]), nodes, plain.start)


def _fitted(whole: Likelihood | Nested, rows: Floats | None) -> tuple[Likelihood | Nested | Penalised, Certified[Point], float | None]:
    """The model that holds the optimum, the optimum with its own Hessian, and the slope that proves it on a boundary."""

    def model(free: Places, sites: bool) -> Likelihood | Nested | Penalised:
        likelihood = replace(whole, places=free, sites=sites)
        return likelihood if rows is None else Penalised(likelihood, rows)

    kept, optimum, boundary_slope = best(model, whole.places, whole.sites) if whole.places or whole.sites else (((), False), minimise(model((), False)), None)
    criterion = model(*kept)
    return criterion, certified(criterion, optimum), boundary_slope


def _outcome(design: Design, name: str, trials: str | None, offset: str | None) -> tuple[Floats, Floats, Floats]:
    """Events, trials and offset of each row. Raises InvalidValues where events are no whole number of the trials."""
    n = len(design.y)
    tried = np.ones(n) if trials is None else design.others[trials]
    if trials is not None and not ((tried >= 1) & (tried == np.round(tried))).all():
        raise InvalidValues(f"The trials in {trials!r} must be whole numbers of at least 1; remove rows without trials.")
    inside = (design.y >= 0) & (design.y <= tried) & (design.y == np.round(design.y))
    if not inside.all():
        most = "1 (or declare `trials`)" if trials is None else f"the trials in {trials!r}"
        raise InvalidValues(f"{int((~inside).sum())} rows have a value in {name!r} that is no whole number from 0 to {most}.")
    return design.y, tried, np.zeros(n) if offset is None else design.others[offset]


def _random_columns(design: Design) -> tuple[Floats, Floats]:
    """Z, shape (N, d), in units that make its columns of size 1, and these units."""
    ones = np.ones(len(design.y))
    z = np.column_stack([ones] if design.time is None else [ones, design.time])
    size = np.sqrt(np.mean(z**2, axis=0))
    unit = np.where(size > 0, size, 1.0)
    return z / unit, unit


def _require_clusters(design: Design, events: Floats, tried: Floats, places: Places, slope: str | None) -> None:
    """Events and non-events, several trials within clusters, and clusters that change."""
    if not 0 < events.sum() < tried.sum():
        raise DegenerateResponse("There are only events or none at all, so that no odds can be estimated; describe the counts.")
    if not places:
        return
    if design.n_subjects <= len(design.coding.columns) - int(design.varying().sum()):
        raise TooFewParticipants(f"{design.n_subjects} clusters cannot tell their random effects from the fixed effects; use fewer terms.")
    happened, trials = (np.add.reduceat(values, design.first_rows) for values in (events, tried))
    if trials.max() < 2:
        raise OneVisitPerParticipant("Every participant has one trial, so a random intercept is not identified; leave `subject` out.")
    if not ((happened > 0) & (happened < trials)).any():
        raise DegenerateResponse(
            "Within every participant the outcome is always the same, so that the variance of the random effects is infinite; model one outcome for each."
        )
    if design.site is not None and not 1 < len(design.sites) < design.n_subjects:
        raise TooFewParticipants(f"{len(design.sites)} sites with {design.n_subjects} participants cannot tell a site effect from the rest; leave it out.")
    if slope is not None and design.time is not None and (np.diff(design.time)[np.diff(design.subject) == 0] == 0).all():
        raise OneVisitPerParticipant(f"Nobody has rows at two values of {slope!r}, so a random slope is not identified; use a random intercept.")


def _without_effects(plain: Likelihood, raw: Clusters, design: Design) -> tuple[Floats, tuple[str, ...]]:
    """Coefficients without random effects, and the labels of those that are infinite."""
    try:
        start = minimise(plain).theta
        largest = float(np.abs(plain.data.x @ start).max())
    except NotConverged:
        start, largest = np.zeros(plain.q), np.inf
    direction = separating(raw.x, raw.y, raw.m) if largest > SUSPICIOUS else None
    if direction is None:
        return start, ()
    return np.zeros(plain.q), tuple(label for label, part in zip(design.coding.labels, direction, strict=True) if part != 0)


def _separated(infinite: tuple[str, ...], design: Design, events: Floats, tried: Floats) -> Separated:
    """Which coefficients are infinite, and the cells with events only or none."""
    cells: list[str] = []
    for column in design.coding.columns:
        held = [(factor, level) for factor, level in column if level is not None]
        if held and Coding((column,), {}).labels[0] in infinite:
            inside = np.logical_and.reduce([design.codes[factor] == design.coding.levels[factor].index(level) for factor, level in held])
            if not events[inside].any() or (events[inside] == tried[inside]).all():
                cells.append(" and ".join(f"{factor}={level}" for factor, level in held))
    why = f" Where {'; '.join(cells)} the outcome is always the same." if cells else ""
    return Separated(
        f"The likelihood has no maximum: {', '.join(infinite)} would be infinite (separation).{why} Report counts with exact intervals, merge levels, "
        "or use separation='log-f'.",
        infinite,
    )


def _prior_rows(design: Design, scaling: Scaling) -> Floats:
    """One row for each coefficient but the intercept, a numeric one per standard deviation of its column, in working coordinates."""
    x = design.x()
    rows = np.diag(np.where(x.std(axis=0) > 0, 1.0, 0.0))
    numeric = [j for j, column in enumerate(design.coding.columns) if any(level is None for _, level in column)]
    for j in numeric:
        rows[j, j] = float(x[:, j].std())
    return scaling.contrast(rows[rows.any(axis=1)])


def certified(criterion: Likelihood | Nested | Penalised, optimum: Certified[Point]) -> Certified[Point]:
    """The optimum with the Hessian of the criterion itself, by differences of its gradient.

    Raises
    ------
    NotConverged
        The Hessian is not positive definite, or the optimum is further away than 1e-6 standard errors.
    """
    psi = optimum.theta
    at = Point(optimum.at.value, criterion.gradient(psi), differenced(criterion.gradient, psi, np.diag(optimum.at.hessian)))
    distance = decrement(at)
    if not distance < PROVED:
        raise NotConverged(f"No optimum could be proved: distance {distance:.1e} standard errors (allowed {PROVED}). Use fewer terms.")
    return replace(optimum, at=at, distance=distance)


def _quadrature_error(criterion: Likelihood | Nested | Penalised, optimum: Certified[Point]) -> float:
    """How much more nodes change the log-likelihood: twice as many and one, with a slope half as many more."""
    likelihood = criterion.likelihood if isinstance(criterion, Penalised) else criterion
    single = likelihood.data.z.shape[1] == 1
    if not likelihood.places and not likelihood.sites:
        return 0.0
    finer = replace(likelihood, nodes=2 * likelihood.nodes + 1 if single else likelihood.nodes + likelihood.nodes // 2 + 2)
    return finer.total(optimum.theta) - likelihood.total(optimum.theta)
