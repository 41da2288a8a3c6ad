"""The result of a binary mixed model: it exists only with a proof of convergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from ketaoutcomes.mixed.binary import profile
from ketaoutcomes.mixed.binary.population import Durations, Risks, averaged, cells_of, standardised, without_event
from ketaoutcomes.mixed.binary.solved import BinaryProof, Solved
from ketaoutcomes.mixed.coding import Cells, Coding
from ketaoutcomes.mixed.design import Frame, square, table
from ketaoutcomes.mixed.errors import InvalidContrast
from ketaoutcomes.mixed.estimates import Estimates
from ketaoutcomes.mixed.inference import Inference
from ketaoutcomes.mixed.scaling import basis_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BinaryFit(Estimates):
    """A fitted binary model. It exists only with a proof of convergence; q fixed effects.

    LS means are linear predictors of a person whose random effects are 0; their differences are conditional log odds ratios
    (logit) or log hazard ratios (cloglog). Risks of a population are another thing: see `population`.

    Attributes
    ----------
    terms
        Labels of the coefficients.
    params, bse, df, tvalues, pvalues
        Estimates on the scale of the linear predictor, standard errors, degrees of freedom, statistics and two-sided p
        values; series with index `terms`.
    loglik, aic, bic
        Log-likelihood with all constants. AIC counts coefficients and covariance parameters; BIC takes the logarithm of
        the clusters.
    n_obs, n_subjects
        Rows and clusters: participants, or sites where `subject` named them.
    covariances
        Of the random effects, "subject".
    link, nodes
        "logit" or "cloglog"; nodes of the quadrature for each random effect, 1 for Laplace.
    df_method
        How df were made.
    status
        "ok", or "flagged" with the reasons in `flags`.
    flags
        "boundary": a variance is 0 or a correlation +-1; these parameters have left the model.
        "several_optima": from another start the likelihood reached a lower maximum or none.
        "penalised": some coefficients are infinite by the data alone; a log-F(1,1) prior keeps them finite.
        "quadrature": twice the nodes change the log-likelihood by more than 1e-4; as Laplace's approximation always may.
    proof
        Evidence of convergence.
    """

    df_method: str
    _solved: Solved = field(repr=False)
    _inference: Inference = field(repr=False)

    def _parts(self) -> tuple[Coding, Cells, Inference, Floats]:
        design, inference = self._solved.design, self._inference
        return design.coding, design.cells, inference, np.array([inference.one_row(row) for row in np.eye(self._solved.q)])

    def conf_int(self, conf_level: float = 0.95, method: Literal["wald", "profile"] = "wald") -> Frame:
        """Confidence limits of the coefficients, columns lower and upper.

        Parameters
        ----------
        conf_level
            Such as 0.95.
        method
            ``"wald"``: estimate and standard error with the t of `df`. ``"profile"``: see `profile`.

        Raises
        ------
        NotConverged
            A limit of the profile likelihood is infinite.
        """
        if method == "wald":
            return Estimates.conf_int(self, conf_level)
        if method != "profile":
            raise InvalidContrast(f"Unknown method {method!r}; use 'wald' or 'profile'.")
        found = [self.profile(row, conf_level) for row in np.eye(self._solved.q)]
        return table([{"term": term, "lower": low, "upper": high} for term, (low, high) in zip(self.terms, found, strict=True)]).set_index("term")

    def profile(self, row: ArrayLike, conf_level: float = 0.95) -> tuple[float, float]:
        """Profile-likelihood limits of ``row @ params``, row of shape (q,); see `profile.limits`."""
        estimate = self.contrast(row, conf_level)
        solved = self._solved
        working = solved.scaling.contrast(np.atleast_2d(np.asarray(row, dtype=np.float64)))[0]
        padded = np.r_[working, np.zeros(len(solved.optimum.theta) - solved.q)]
        return profile.limits(solved.criterion, solved.optimum.theta, padded, estimate.se, conf_level)

    def profile_sd(self, conf_level: float = 0.95) -> tuple[float, float]:
        """Profile-likelihood limits of the standard deviation of a single random effect; a limit the likelihood does not reach is 0.

        Raises
        ------
        InvalidContrast
            The model has no random effect, or several.
        """
        solved = self._solved
        if solved.places != ((0, 0),) or not solved.likelihood.places or solved.design.site is not None:
            raise InvalidContrast("Limits of a standard deviation are for a single random effect that is not on the boundary.")
        k = len(solved.optimum.theta)
        se = float(np.sqrt(solved.covariance()[-1, -1]))
        psi = np.r_[solved.optimum.theta[:-1], abs(solved.optimum.theta[-1])]
        low, high = profile.limits(solved.criterion, psi, np.eye(k)[-1], se, conf_level, lowest=0.0)
        return low / float(solved.unit[0]), high / float(solved.unit[0])

    def summary(self, conf_level: float = 0.95) -> str:
        """What was fitted, its coefficients, covariance and proof, as text."""
        proof, quadrature = self.proof, " by Laplace's approximation" if self.nodes == 1 else f" by {self.nodes} nodes"
        head = [
            f"binomial, {self.link}, maximum likelihood{quadrature if self._solved.labels else ''}, df {self.df_method}",
            f"{self.n_obs} rows, {self.n_subjects} clusters; log-likelihood {self.loglik:.4f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}",
            f"status {self.status}{': ' + ', '.join(self.flags) if self.flags else ''}",
            f"proof: gradient {proof.gradient_norm:.1e}, {proof.iterations} iterations, quadrature error {proof.quadrature_error:.1e}",
        ]
        parts = ["\n".join(head), self.tidy(conf_level).to_string(index=False, float_format=lambda v: f"{v:.4g}")]
        parts += [f"covariance {name}\n" + matrix.to_string(float_format=lambda v: f"{v:.4g}") for name, matrix in self.covariances.items()]
        return "\n\n".join(parts)

    @property
    def loglik(self) -> float:
        """Log-likelihood."""
        return self._solved.loglik

    @property
    def aic(self) -> float:
        """-2 logL + 2 (q + covariance parameters)."""
        return -2 * self.loglik + 2 * len(self._solved.optimum.theta)

    @property
    def bic(self) -> float:
        """-2 logL + (q + covariance parameters) log(clusters)."""
        return -2 * self.loglik + float(np.log(self.n_subjects)) * len(self._solved.optimum.theta)

    @property
    def n_obs(self) -> int:
        """Rows."""
        return len(self._solved.design.y)

    @property
    def n_subjects(self) -> int:
        """Clusters."""
        return self._solved.design.n_subjects

    @property
    def link(self) -> str:
        """Link."""
        return self._solved.link

    @property
    def nodes(self) -> int:
        """Nodes for each random effect."""
        return self._solved.likelihood.nodes

    @property
    def covariances(self) -> dict[str, Frame]:
        """Covariance of the random effects, on the scale of the linear predictor."""
        found = self._solved.covariances()
        return {name: square(values, self._solved.labels if name == "subject" else ("(Intercept)",)) for name, values in found.items()}

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader must know."""
        raised = {
            "boundary": self._solved.boundary_slope is not None,
            "several_optima": not self._solved.optimum.unanimous,
            "penalised": bool(self._solved.infinite),
            "quadrature": abs(self._solved.quadrature_error) > LARGEST_ERROR,
        }
        return tuple(flag for flag, is_raised in raised.items() if is_raised)

    @property
    def status(self) -> Literal["ok", "flagged"]:
        """Ok without flags."""
        return "flagged" if self.flags else "ok"

    @property
    def infinite(self) -> tuple[str, ...]:
        """Labels of the coefficients that are infinite by the data alone."""
        return self._solved.infinite

    @property
    def proof(self) -> BinaryProof:
        """Evidence of convergence."""
        optimum = self._solved.optimum
        return BinaryProof(
            iterations=optimum.iterations,
            starts=optimum.starts,
            path=optimum.path,
            gradient_norm=float(np.abs(optimum.at.gradient).max()),
            distance=optimum.distance,
            hessian_min_eigenvalue=float(np.linalg.eigvalsh(optimum.at.hessian)[0]),
            quadrature_error=self._solved.quadrature_error,
            boundary_slope=self._solved.boundary_slope,
        )

    def population(self, by: Sequence[str], at: Mapping[str, float] | None = None, over: Mapping[str, str] | None = None, conf_level: float = 0.95) -> Risks:
        """Risks of the population by the factors `by`, with the random effects integrated out; see `population`.

        Parameters
        ----------
        by
            Factors.
        at
            Numeric columns and their values; one that differs within clusters must be here. "offset": the offset, else 0.
        over
            Levels of the rows to average over, where clusters are sites and not people, such as ``{"interval": "1"}``.
        conf_level
            Limits take the smallest df of the coefficients.

        Raises
        ------
        InvalidContrast
            Unknown columns, or no value for one that differs.
        """
        solved, numbers = self._solved, dict(at or {})
        spread, by_theta = solved.latent(numbers)
        cells = cells_of(solved.design, by)
        values, jacobian = np.empty(len(cells)), np.zeros((len(cells), len(solved.optimum.theta)))
        for i, cell in enumerate(cells):
            x = basis_of(solved.scaling, standardised(solved.design, cell, numbers, over))
            eta = x @ solved.optimum.theta[: solved.q] + numbers.get("offset", 0.0)
            risk, along, by_spread = averaged(solved.likelihood.link, eta, spread)
            values[i] = risk.mean()
            jacobian[i, : solved.q] = along @ x / len(x)
            jacobian[i, solved.q :] = float(by_spread.mean()) * by_theta
        return Risks(cells, values, jacobian, solved.covariance(), self._least_df(), conf_level)

    def survival(
        self, by: Sequence[str], interval: str | Mapping[str, Mapping[str, float]], lengths: Sequence[float], conf_level: float = 0.95
    ) -> tuple[Risks, Durations]:
        """Risks of an event by the end of each interval and mean times without it, for a model of hazards.

        Rows of the data are a person's intervals at risk. Averaged over everybody in the first interval, with the random
        effects integrated out over all of a person's intervals together; within an interval events are spread evenly.

        Parameters
        ----------
        by
            Factors, constant within people.
        interval
            The factor of the intervals, in order; or, where time is a number (a spline), the name of each interval with the values of the
            model's columns of time in it.
        lengths
            Of each interval.
        conf_level
            Limits take the smallest df of the coefficients.

        Raises
        ------
        InvalidContrast
            There is no such factor, or not one length for each of its levels.
        """
        solved = self._solved
        design, psi = solved.design, solved.optimum.theta
        factor = isinstance(interval, str)
        periods = design.coding.levels.get(interval, ()) if isinstance(interval, str) else tuple(interval)
        if not periods or len(lengths) != len(periods):
            raise InvalidContrast(f"{interval if factor else 'interval'!r} is no factor of the model with {len(lengths)} levels, one for each length.")
        within: list[Mapping[str, str | float]] = [{interval: level} if isinstance(interval, str) else interval[level] for level in periods]
        name = interval if isinstance(interval, str) else "interval"
        spread, by_theta = solved.latent({})
        cells = cells_of(design, by)
        shares, along = np.empty((len(cells), len(periods))), np.zeros((len(cells), len(periods), len(psi)))
        for i, cell in enumerate(cells):
            x = np.stack([basis_of(solved.scaling, standardised(design, cell, own, within[0])) for own in within], axis=1)
            shares[i], along[i, :, : solved.q], by_spread = without_event(solved.likelihood.link, x @ psi[: solved.q], x, spread)
            along[i, :, solved.q :] = np.outer(by_spread, by_theta)
        inference = (solved.covariance(), self._least_df(), conf_level)
        every = tuple({**cell, name: level} for cell in cells for level in periods)
        risks = Risks(every, 1 - shares.ravel(), -along.reshape(len(every), -1), *inference)
        weight = np.asarray(lengths, dtype=np.float64)
        before = np.column_stack([np.ones(len(cells)), shares[:, :-1]])
        mean = (before + shares) @ weight / 2
        slope = np.einsum("k,ckp->cp", weight, along + np.concatenate([np.zeros_like(along[:, :1]), along[:, :-1]], axis=1)) / 2
        return risks, Durations(cells, mean, slope, *inference)

    def _least_df(self) -> float:
        return float(self._parts()[3][:, 2].min())

    def with_inference(self, df: str) -> BinaryFit:
        """The same fit with other degrees of freedom. Raises InvalidTerms."""
        return BinaryFit(df, self._solved, self._solved.inference(df))

    def heterogeneity(self) -> dict[str, dict[str, float]]:
        """How much participants, or sites, differ, for random intercepts: "sd", "median_ratio" and "icc" of each.

        The median odds ratio (logit) or hazard ratio (cloglog) of two people alike but for their clusters, the higher
        against the lower: exp(sqrt(2) z sd), z the upper quartile of the normal (Larsen et al. 2000, Biometrics 56:909).
        The intraclass correlation on the latent scale: sd^2 over the sum of all variances and v, v = pi^2 / 3 (logit) or
        pi^2 / 6 (cloglog) (Nakagawa et al. 2017, J R Soc Interface 14:20170213).

        Raises
        ------
        InvalidContrast
            The model has no random effect, or a slope.
        """
        if len(self._solved.labels) != 1:
            raise InvalidContrast("Heterogeneity is told for random intercepts.")
        variances = {name: float(matrix[0, 0]) for name, matrix in self._solved.covariances().items()}
        latent = sum(variances.values()) + np.pi**2 / (3 if self.link == "logit" else 6)
        ratio = np.sqrt(2) * float(ndtri(0.75))
        return {
            name: {"sd": float(np.sqrt(value)), "median_ratio": float(np.exp(ratio * np.sqrt(value))), "icc": float(value / latent)}
            for name, value in variances.items()
        }

    def random_effects(self) -> dict[str, Frame]:
        """Modes of the random effects given the data, "subject" and "site": effect, estimate, conditional_sd (as R's ``ranef(condVar = TRUE)``).

        Those of participants are participant-level data. Raises InvalidContrast where the model has none.
        """
        solved = self._solved
        if not solved.labels:
            raise InvalidContrast("This model has no random effects.")
        found = solved.likelihood.conditional(solved.optimum.theta)
        names = {"subject": solved.design.subjects, "site": solved.design.sites}
        member = {"subject": solved.likelihood.data.member, "site": np.arange(len(solved.design.sites))}
        return {of: table(self._effects(of, names[of], member[of], *values)) for of, values in found.items()}

    def _effects(self, of: str, names: Sequence[object], member: NDArray[np.intp], modes: Floats, sd: Floats) -> list[dict[str, object]]:
        unit = self._solved.unit if of == "subject" else np.ones(1)
        labels = self._solved.labels if of == "subject" else ("(Intercept)",)
        return [
            {of: name, "effect": label, "estimate": modes[member[i], j] / unit[j], "conditional_sd": sd[member[i], j] / unit[j]}
            for i, name in enumerate(names)
            for j, label in enumerate(labels)
        ]


#: Of the log-likelihood; two nested models are compared by such numbers.
LARGEST_ERROR = 1e-4
