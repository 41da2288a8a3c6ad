"""What a study file may say of subgroups: levels known before treatment, of an analysis that can be repeated within them."""

from __future__ import annotations

from collections.abc import Iterator

from ketaoutcomes.domain.analyses import Ancova, Cox, Mmrm, Proportions, Subgroups
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.table_rules import Key, Problem, unless
from ketaoutcomes.domain.tables import Column

#: More levels than this are no subgroups: each would hold few people.
MOST_LEVELS = 12


def levels_of(column: Column) -> list[str]:
    """The levels that a study file gives a column that is no number; empty where it names none."""
    return column.levels or sorted({*column.recode.values()} - {""}) or (["no", "yes"] if column.kind == "flag" else [])


def subgroup_problems(study: Study, analysis: Subgroups, key: Key) -> Iterator[Problem]:
    """Columns that give no subgroups, and analyses that cannot be repeated within them."""
    if analysis.primary:
        yield (*key, "primary"), "a subgroup cannot be the study's headline"
    of = study.analyses.get(analysis.of)
    if not isinstance(of, Mmrm | Ancova | Proportions | Cox):
        known = [name for name, entry in study.analyses.items() if isinstance(entry, Mmrm | Ancova | Proportions | Cox)]
        yield (*key, "of"), f"name one of this study's analyses by mmrm, ancova, proportions or cox: {', '.join(known) or 'it has none'}"
    else:
        yield from _of(analysis, of, key)
    if study.design.kind == "crossover" or len(study.design.arms) < 2:
        yield (*key, "model"), "subgroups compare the effect between people: they need two arms or more, and not a crossover"
    for at, name in enumerate(analysis.by):
        yield from _column(study, analysis, name, (*key, "by", at))
        if name in analysis.by[:at]:
            yield (*key, "by", at), "this column is named twice"
    for name, cuts in analysis.cuts.items():
        yield from unless(name, analysis.by, (*key, "cuts", name), "column of `by`")
        if sorted(set(cuts)) != cuts or not cuts:
            yield (*key, "cuts", name), "write the ends of the subgroups in ascending order, each once"


def _of(analysis: Subgroups, of: Mmrm | Ancova | Proportions | Cox, key: Key) -> Iterator[Problem]:
    for field in ("population", "arms"):
        if getattr(analysis, field) != getattr(of, field):
            yield (*key, field), f"subgroups are of the people of `{analysis.of}`: {getattr(of, field)}"
    for at, name in enumerate(analysis.by):
        if name in [*getattr(of, "strata", []), getattr(of, "cluster", None)]:
            yield (*key, "by", at), f"`{analysis.of}` is stratified or clustered by this column: nothing of that is left within its levels"
    visits = of.visits if isinstance(of, Proportions) else []
    if len(visits) > 1 and analysis.visit is None:
        yield (*key, "visit"), f"`{analysis.of}` is of several visits: name one"
    if analysis.visit is not None:
        yield from unless(analysis.visit, visits or [getattr(of, "visit", "")], (*key, "visit"), f"visit of `{analysis.of}`")


def _column(study: Study, analysis: Subgroups, name: str, key: Key) -> Iterator[Problem]:
    arms = {column for period in study.periods for column in (period.arm, period.actual_arm, period.start)}
    known = set(study.participant_columns) - {"participant", "arm", *arms}
    yield from unless(name, known, key, "participants' column, which is known before treatment")
    if name not in known:
        return
    column = study.participant_columns[name]
    if column.is_number:
        levels = len(analysis.cuts.get(name, [])) + 1
        if levels == 1:
            yield key, "a number needs `cuts`: where a subgroup ends"
    elif name in analysis.cuts:
        levels = 0
        yield key, "cuts are for numbers; this column's levels are its own"
    else:
        levels = len(levels_of(column))
        if not levels:
            yield key, "declare the `levels` of this column: subgroups are planned before the data are seen"
    if levels > MOST_LEVELS:
        yield key, f"{levels} levels are too many for subgroups; the most are {MOST_LEVELS}"
