"""Step curves over time with their bands and the counts under them, from ARD rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from plotnine import (
    aes,
    geom_ribbon,
    geom_step,
    ggplot,
    scale_color_manual,
    scale_fill_manual,
    scale_linetype_manual,
    scale_x_continuous,
)

from ketaoutcomes.figures._figure import Plate
from ketaoutcomes.figures._text import widest
from ketaoutcomes.figures._theme import arm_colours, arm_lines, arm_names, legend, look, words
from ketaoutcomes.figures._under import Stack, above, left, thinned, under
from ketaoutcomes.schema.ard import AT_RISK, CURVE, match
from ketaoutcomes.schema.labels import Labels
from ketaoutcomes.schema.numbers import NOTHING, rounded


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of one analysis.

    Attributes
    ----------
    steps
        One row for each arm and step, arms in the study's order: arm, day, label, value, limits, level, note of the release.
    counts
        One row for each arm and day (x, label), each of `kinds` as text.
    kinds
        Statistic to the label of its row.
    statistic
        What the curve is of.
    """

    steps: pd.DataFrame
    counts: pd.DataFrame
    kinds: dict[str, str]
    statistic: str
    labels: Labels

    @classmethod
    def of(cls, ard: pd.DataFrame, analysis: str, statistic: str, kinds: dict[str, str]) -> Curves | None:
        """None where every step is withheld."""
        labels = Labels.of(ard)
        rows = match(ard, analysis=analysis, term=CURVE)
        if not rows["value"].notna().any():
            return None
        counts = _counts(match(ard, analysis=analysis, term=AT_RISK), labels, list(kinds))
        return cls(_steps(rows, labels), counts, {column: kind for column, kind in kinds.items() if column in counts}, statistic, labels)

    @property
    def data(self) -> pd.DataFrame:
        """What stands behind the figure."""
        return self.steps.drop(columns="panel")

    def plate(self, width: float, *, title: str, reading: str, ticks: Sequence[float] = ()) -> Plate:
        """Curves of shares with their bands over the counts; `ticks` of the axis of shares where they are fixed."""
        labels = self.labels
        names = [name for name in arm_colours(labels) if name in set(self.steps["label"])]
        panel = width - left([under(self.counts, self.kinds, names, width)], ["100 %"]) - 4
        longest = widest([f"{self.counts['x'].max():g}", *(text for kind in self.kinds for text in self.counts[kind])])
        kept = thinned(self.counts["x"], longest, panel)
        margin = max(0.03, (longest / 2 + 1) / panel)
        rows = under(self.counts[self.counts["x"].isin(kept)], self.kinds, names, width)
        unit = labels.text("study", "time_unit")
        guide, shown, tall = legend(names, panel, "color", "linetype", "fill")
        said, more = words(panel, above=title, below=reading, x=f"{unit.capitalize()} from the start")
        stack = Stack((rows,), 70.0 if width > 100 else 56.0)
        plot = (
            ggplot(self.steps, aes("day", self.statistic, color="label"))
            + geom_ribbon(aes(ymin="conf_low", ymax="conf_high", fill="label"), data=corners(self.steps), alpha=0.15, color="none")
            + geom_step(aes(linetype="label"), data=self.steps.dropna(subset=[self.statistic]), size=0.8)
            + scale_color_manual(values=arm_colours(labels), limits=names, labels=shown)
            + scale_fill_manual(values=arm_colours(labels), limits=names, labels=shown)
            + scale_linetype_manual(values=[arm_lines(labels)[name] for name in names], limits=names, labels=shown)
            + scale_x_continuous(breaks=sorted(kept), expand=(margin, 0))
            + said
            + look()
            + stack.layers(hold=[(0, tick) for tick in ticks] or [(0, 0.0)], fixed=ticks, digits=_percent)
            + guide
        )
        return Plate(plot, stack.height + 6 + tall + more + 4)

    def reading(self) -> str:
        """What the band is, how steps were gathered, where a curve ends and what a dash means."""
        said = [f"Band: pointwise {100 * float(self.steps['conf_level'].max()):g} % confidence interval."]
        notes = sorted(set(self.steps["note"]) - {""})
        said += [f"Each step is {note}." for note in notes]
        for name, part in self.steps.groupby("label", sort=False):
            end = float(part["day"].max())
            if notes and ((self.counts["label"] == name) & (self.counts["x"] > end) & (self.counts["n_at_risk"] != "0")).any():
                said.append(f"{name}: drawn to day {end:g}; what follows stands on few people or events.")
        return " ".join([*said, *(["Dash: withheld."] if bool((self.counts == NOTHING).any(axis=None)) else [])])


def _steps(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    wide = rows.pivot(index=["arm", "day"], columns="statistic", values="value").reset_index()
    notes = rows.groupby(["arm", "day"])["note"].first().reset_index()
    names = arm_names(labels)
    wide = wide.merge(notes, on=["arm", "day"]).assign(label=wide["arm"].map(names), panel=above(0), conf_level=rows["conf_level"].max())
    place = {arm: at for at, arm in enumerate(names)}
    return wide.sort_values(["arm", "day"], key=lambda of: of.map(place) if of.name == "arm" else of, ignore_index=True)


def corners(steps: pd.DataFrame) -> pd.DataFrame:
    """The corners of a band that follows the steps: each value holds until the next; where a limit does not exist the band ends."""
    parts: list[pd.DataFrame] = []
    for _, part in steps.dropna(subset=["conf_low", "conf_high"]).groupby("label", sort=False):
        held = part.iloc[:-1].assign(day=part["day"].to_numpy()[1:])
        parts.append(pd.concat([part.assign(turn=1), held.assign(turn=0)]).sort_values(["day", "turn"], kind="stable"))
    return pd.concat(parts, ignore_index=True) if parts else steps.iloc[:0]


def _counts(rows: pd.DataFrame, labels: Labels, statistics: Sequence[str]) -> pd.DataFrame:
    rows = rows[rows["statistic"].isin(list(statistics))]
    texts = rows.assign(shown=[NOTHING if pd.isna(value) else f"{value:.0f}" for value in rows["value"]])
    wide = texts.pivot(index=["arm", "day"], columns="statistic", values="shown").reset_index().fillna(NOTHING)
    return wide.assign(label=wide["arm"].map(arm_names(labels)), x=wide["day"])


def _percent(share: float) -> str:
    return f"{rounded(100 * share, 0)} %"
