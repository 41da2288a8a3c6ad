"""Time in a model: the columns of its design, and their values at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketaoutcomes.domain.analyses import Gee, Hazard, Lmm

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as a line, or as a restricted cubic spline with `knots`."""

    knots: tuple[float, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Columns, the first of which is time itself."""
        return ("time", *(f"time (spline {j})" for j in range(1, len(self.knots) - 1)))

    def values(self, time: Floats) -> Floats:
        """The columns at these times, shape (n, k).

        Harrell (2015), Regression Modeling Strategies, 2nd ed., 2.4.5: truncated cubics that are linear beyond
        the outer knots, over the squared distance of these, in the unit of time.
        """
        columns = [time]
        if self.knots:
            first, before, last = self.knots[0], self.knots[-2], self.knots[-1]
            for knot in self.knots[:-2]:
                cubes = _cubed(time - knot) - _cubed(time - before) * (last - knot) / (last - before) + _cubed(time - last) * (before - knot) / (last - before)
                columns.append(cubes / (last - first) ** 2)
        return np.column_stack(columns)

    def on(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`rows`, which have a column ``time``, with all columns."""
        return rows.assign(**dict(zip(self.names, self.values(rows["time"].to_numpy(np.float64)).T, strict=True)))

    def at(self, time: float) -> dict[str, float]:
        """The columns at one time."""
        return dict(zip(self.names, self.values(np.array([time]))[0].tolist(), strict=True))


def clock_of(analysis: Lmm | Gee | Hazard) -> Clock:
    """How time enters an analysis in which it is no category."""
    return Clock(tuple(analysis.knots))


def _cubed(x: Floats) -> Floats:
    return np.maximum(x, 0.0) ** 3


def still_seen(rows: pd.DataFrame, arm: str | None, time: float) -> int:
    """People with a value at a time or after it, in an arm."""
    inside = (rows["time"] >= time) & (rows["arm"] == arm if arm is not None else True)
    return int(rows["participant"][inside].nunique())
