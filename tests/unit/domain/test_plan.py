"""What a lock compares: the study file in its own keys, whatever its comments, order and defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ketaoutcomes.domain.plan import ABSENT, Change, PlanLock, changes, digest, plan
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.study_file import read_study

STUDIES = Path(__file__).resolve().parents[3] / "config" / "studies"


@pytest.fixture(scope="module")
def text() -> str:
    return (STUDIES / "esketamine_trial.yaml").read_text(encoding="utf-8")


def study(folder: Path, text: str) -> Study:
    path = folder / "esketamine_trial.yaml"
    path.write_text(text, encoding="utf-8")
    return read_study(path)


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_study_has_not_changed_since_itself(path: Path) -> None:
    now = read_study(path)
    assert changes(plan(now), now) == []


def test_comments_and_the_order_of_keys_are_no_change(tmp_path: Path, text: str) -> None:
    then = plan(study(tmp_path, text))
    loaded = yaml.safe_load(text)
    loaded["analyses"] = dict(reversed(loaded["analyses"].items()))
    turned = yaml.safe_dump(dict(reversed(loaded.items())), sort_keys=False)
    now = study(tmp_path, f"# a comment\n{turned}")
    assert digest(plan(now)) == digest(then)
    assert changes(then, now) == []


def test_a_key_changed_added_and_taken_away_are_a_row_each(tmp_path: Path, text: str) -> None:
    then = plan(study(tmp_path, text))
    loaded = yaml.safe_load(text)
    visit = next(entry for entry in loaded["visits"] if entry["id"] == "day28")
    visit["label"] = "Week 4"
    loaded["citation"] = "none"
    del loaded["design"]["site"]
    loaded["deviations"] = [{"key": "visits.day28", "reason": "for readers"}, {"key": "visits", "reason": "all"}, {"key": "cita", "reason": "no such key"}]
    cited = f'"{yaml.safe_load(text)["citation"]}"' if "citation" in yaml.safe_load(text) else ABSENT
    assert changes(then, study(tmp_path, yaml.safe_dump(loaded, sort_keys=False))) == [
        Change("citation", cited, '"none"', "no reason given"),
        Change("design.site", '"site"', ABSENT, "no reason given"),
        Change("visits.day28.label", '"Day 28"', '"Week 4"', "for readers"),
    ]


def test_another_order_of_a_list_is_one_row(tmp_path: Path, text: str) -> None:
    then = plan(study(tmp_path, text))
    loaded = yaml.safe_load(text)
    loaded["visits"] = [*loaded["visits"][1:], loaded["visits"][0]]
    (change,) = changes(then, study(tmp_path, yaml.safe_dump(loaded, sort_keys=False)))
    assert change.key == "visits (order)"
    names = change.then.split(", ")
    assert change.now.split(", ") == [*names[1:], names[0]]


def test_a_default_said_aloud_is_no_change(tmp_path: Path, text: str) -> None:
    then = plan(study(tmp_path, text))
    loaded = yaml.safe_load(text)
    loaded["time_unit"] = "days"
    assert "time_unit" not in then  # nor will a key be that only a later version knows
    assert changes(then, study(tmp_path, yaml.safe_dump(loaded, sort_keys=False))) == []


def test_a_lock_knows_whether_it_is_whole(tmp_path: Path, text: str) -> None:
    then = plan(study(tmp_path, text))
    facts = {"study": "esketamine_trial", "version": "0", "code": "0", "locked_on": "2026-11-02", "analysed_before": False}
    lock = PlanLock(**facts, study_sha256=digest(then), plan=then)
    assert PlanLock.model_validate_json(lock.model_dump_json()).whole
    assert not PlanLock(**facts, study_sha256=digest(then), plan={**then, "title": "another"}).whole
