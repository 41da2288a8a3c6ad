"""The table of subgroups where something is withheld, cannot be estimated, or nobody knows a person's level; disposition where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketaoutcomes import tables
from ketaoutcomes.schema.ard import match
from ketaoutcomes.tables._table import Cell, as_cell
from tests.unit.displays.conftest import exact


def lines(ard: pd.DataFrame) -> dict[str, list[Cell]]:
    return {as_cell(row.stub).text.strip("\N{NO-BREAK SPACE}"): [as_cell(cell) for cell in row.cells] for row in tables.build("subgroups", ard).rows}


def test_every_number_of_the_table_is_a_row() -> None:
    ard = exact("esketamine_trial")
    shown = lines(ard)
    own = match(ard, analysis="subgroups_main", subgroup="sex", level="female")
    people = {arm: match(own, term="people", arm=arm)["value"].iloc[0] for arm in ("placebo", "esketamine")}
    values = match(own, term="contrast").set_index("statistic")["value"]
    assert [cell.text for cell in shown["Female"][:2]] == [f"{people['placebo']:.0f}", f"{people['esketamine']:.0f}"]
    said = f"{values['estimate']:.2f} ({values['conf_low']:.2f} to {values['conf_high']:.2f})"
    assert shown["Female"][2].text.replace("\N{MINUS SIGN}", "-") == said
    p = match(ard, analysis="subgroups_main", subgroup="sex", statistic="p_value")["value"].iloc[0]
    assert [cell.text for cell in shown["Sex"]] == ["", "", "", f"{p:.3f}"]


def test_what_is_withheld_or_not_estimable_is_a_word_and_a_reason() -> None:
    ard = exact("esketamine_trial").copy()
    of = (ard["analysis"] == "subgroups_main") & (ard["subgroup"] == "age")
    estimates = of & (ard["term"] == "contrast")
    ard.loc[estimates & (ard["level"] == "above 60"), ["value", "status", "note"]] = [np.nan, "not_estimable", "nobody in Placebo"]
    ard.loc[estimates & (ard["level"] == "up to 40"), ["value", "status", "note"]] = [np.nan, "withheld", "withheld: few"]
    ard.loc[of & (ard["term"] == "interaction"), ["value", "status", "note"]] = [np.nan, "withheld", "withheld: few"]
    ard.loc[of & (ard["level"] == "no value"), "value"] = 3.0
    shown = lines(ard)
    assert (shown["Above 60"][2].text, shown["Above 60"][2].notes) == ("\N{EN DASH}", ("Nobody in Placebo.",))
    assert (shown["Up to 40"][2].text, shown["Up to 40"][2].notes) == ("[withheld]", ())
    assert (shown["Age (years)"][3].text, shown["Age (years)"][3].notes) == ("[withheld]", ())
    assert [cell.text for cell in shown["No value: left out"]] == ["3", "3", "", ""]


def test_without_a_disposition_there_is_no_table() -> None:
    made = tables.make("disposition", exact("ketamine_clinics"))
    assert made.files == {}
    assert made.facts["nothing"] == "The data hold no disposition."


def test_no_score_that_is_averaged_is_among_the_categories() -> None:
    assert tables.build("categories", exact("esketamine_trial")).rows == ()
