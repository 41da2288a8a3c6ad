"""What every fit offers of its coefficients: labelled estimates, intervals, contrasts, tests, LS means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketaoutcomes.mixed import contrasts
from ketaoutcomes.mixed import ls_means as least_squares
from ketaoutcomes.mixed.coding import Cells, Coding
from ketaoutcomes.mixed.contrasts import Estimate, JointTest
from ketaoutcomes.mixed.design import Frame, Series, labelled, square, table
from ketaoutcomes.mixed.inference import Inference
from ketaoutcomes.mixed.ls_means import LsMeans

Floats = NDArray[np.float64]


class Estimates:
    """The coefficients of a fit; q fixed effects."""

    __slots__ = ()

    def _parts(self) -> tuple[Coding, Cells, Inference, Floats]:
        """Coding, cells, inference, and the estimate, standard error and df of each coefficient, shape (q, 3)."""
        raise NotImplementedError

    @property
    def terms(self) -> tuple[str, ...]:
        """Labels of the coefficients."""
        return self._parts()[0].labels

    @property
    def params(self) -> Series:
        """Estimates."""
        return labelled(self._parts()[3][:, 0], self.terms, "estimate")

    @property
    def bse(self) -> Series:
        """Standard errors."""
        return labelled(self._parts()[3][:, 1], self.terms, "std_error")

    @property
    def df(self) -> Series:
        """Degrees of freedom."""
        return labelled(self._parts()[3][:, 2], self.terms, "df")

    @property
    def tvalues(self) -> Series:
        """Estimate divided by its standard error."""
        rows = self._parts()[3]
        return labelled(rows[:, 0] / rows[:, 1], self.terms, "t")

    @property
    def pvalues(self) -> Series:
        """Two-sided p values against 0."""
        return labelled(np.array([self.coefficient(term).p for term in self.terms]), self.terms, "p_value")

    def cov_params(self) -> Frame:
        """Covariance of `params` that `bse` comes from, shape (q, q)."""
        inference = self._parts()[2]
        return square(inference.scaling.covariance(inference.used), self.terms)

    def conf_int(self, conf_level: float = 0.95) -> Frame:
        """Confidence limits of the coefficients, columns lower and upper."""
        return self.tidy(conf_level).set_index("term")[["conf_low", "conf_high"]].set_axis(["lower", "upper"], axis=1)

    def tidy(self, conf_level: float = 0.95) -> Frame:
        """One row per coefficient: term, estimate, std_error, df, t, p_value, conf_low, conf_high."""
        return table([{"term": term, **self.coefficient(term, conf_level).row()} for term in self.terms])

    def coefficient(self, term: str, conf_level: float = 0.95) -> Estimate:
        """The coefficient with label `term`."""
        return self.contrast([float(label == term) for label in self.terms], conf_level)

    def contrast(self, row: ArrayLike, conf_level: float = 0.95) -> Estimate:
        """Estimate ``row @ params``, row of shape (q,). Raises InvalidContrast."""
        return contrasts.contrast(self._parts()[2], row, conf_level)

    def joint_test(self, rows: ArrayLike) -> JointTest:
        """F test of ``rows @ params = 0``, rows of shape (r, q); chi-square where df are infinite. Raises InvalidContrast."""
        return contrasts.joint_test(self._parts()[2], rows)

    def joint_tests(self) -> Frame:
        """A test of each term, as R's emmeans does it (SAS type 3 where no covariate interacts); see `ls_means.term_rows`."""
        coding, cells, _, _ = self._parts()
        found = [(term, self.joint_test(least_squares.term_rows(coding, cells, term))) for term in coding.terms]
        return table([{"term": ":".join(term), **test.row()} for term, test in found])

    def ls_means(
        self,
        by: Sequence[str],
        at: Mapping[str, str | float] | None = None,
        weights: Literal["equal", "observed"] = "equal",
        conf_level: float = 0.95,
    ) -> LsMeans:
        """LS means of every combination of the factors `by`, on the scale of the coefficients; see `ls_means`. Raises InvalidContrast."""
        coding, cells, inference, _ = self._parts()
        return least_squares.ls_means(inference, coding, cells, by, at, weights, conf_level)
