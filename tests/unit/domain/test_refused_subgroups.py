"""Subgroups that would mean nothing, or that nobody planned, are refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketaoutcomes.domain.findings import Refused
from ketaoutcomes.domain.study_file import read_study

STUDIES = Path(__file__).parents[3] / "config" / "studies"
TRIAL = (STUDIES / "esketamine_trial.yaml").read_text(encoding="utf-8")
BY, CUTS = "by: [sex, ad_class, age]", "cuts: {age: [40, 60]}"


@pytest.mark.parametrize(
    ("old", "new", "column", "words"),
    [
        (BY, "by: [sex, height, age]", "by.1", "height"),
        (BY, "by: [sex, sex, age]", "by.1", "twice"),
        (BY, "by: [madrs, age]", "by.0", "before treatment"),
        (BY, "by: [dose, age]", "by.0", "before treatment"),
        (BY, "by: [arm, age]", "by.0", "before treatment"),
        (BY, "by: [participant, age]", "by.0", "before treatment"),
        (BY, "by: [site, age]", "by.0", "levels"),
        (f"{BY}\n    {CUTS}", BY, "by.2", "cuts"),
        (CUTS, "cuts: {age: [60, 40]}", "cuts.age", "ascending"),
        (CUTS, "cuts: {age: []}", "cuts.age", "ascending"),
        (CUTS, "cuts: {age: [40], sex: [1]}", "by.0", "for numbers"),
        (CUTS, "cuts: {age: [40], weight: [80]}", "cuts.weight", "weight"),
        (CUTS, f"cuts: {{age: [{', '.join(str(at) for at in range(20, 32))}]}}", "by.2", "13 levels"),
        ("of: main", "of: description", "of", "mmrm, ancova, proportions or cox"),
        ("of: main", "of: nothing", "of", "mmrm, ancova, proportions or cox"),
        ("of: main", "of: response_states", "of", "mmrm, ancova, proportions or cox"),
        ("of: main", "of: shared_baseline", "population", "randomised"),
        ("of: main", "of: main\n    arms: actual", "arms", "planned"),
        ("of: main", "of: response", "visit", "several visits"),
        ("of: main", "of: response\n    visit: day8", "visit", "day8"),
        ("of: main", "of: main\n    visit: day2", "visit", "day2"),
        ("population: fas\n    of: main", "population: randomised\n    of: sustained", "by.1", "stratified"),
        ("of: main", "of: main\n    primary: true", "primary", "headline"),
        ("kind: parallel", "kind: crossover", "model", "crossover"),
    ],
)
def test_subgroups_that_mean_nothing_are_refused(tmp_path: Path, old: str, new: str, column: str, words: str) -> None:
    before, own = TRIAL.split("  subgroups_main:\n")
    assert (own if old in own else before).count(old) == 1
    text = f"{before}  subgroups_main:\n{own.replace(old, new)}" if old in own else TRIAL.replace(old, new)
    path = tmp_path / "esketamine_trial.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        read_study(path)
    found = [finding.message for finding in refused.value.findings if finding.column == f"analyses.subgroups_main.{column}"]
    assert any(words in message for message in found), refused.value.findings


def test_a_subgroup_is_no_step_of_the_confirmatory_order(tmp_path: Path) -> None:
    path = tmp_path / "esketamine_trial.yaml"
    path.write_text(TRIAL.replace("    - main\n", "    - main\n    - subgroups_main\n"), encoding="utf-8")
    with pytest.raises(Refused, match="confirm nothing"):
        read_study(path)
