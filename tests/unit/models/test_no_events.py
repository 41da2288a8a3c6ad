"""Nobody relapsed: curves stay at 1, nothing is compared, nothing crashes."""

from __future__ import annotations

from pathlib import Path

from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.schema.ard import match
from ketaoutcomes.simulate import SIMULATED

REPOSITORY = Path(__file__).resolve().parents[3]


def test_a_study_without_any_event(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "esketamine_withdrawal"
    folder.mkdir(parents=True)
    for name, text in SIMULATED["esketamine_withdrawal"](None).items():
        (folder / name).write_text(text.splitlines()[0] + "\n" if name == "events.csv" else text, encoding="utf-8")
    plan = read_study(REPOSITORY / "config" / "studies" / "esketamine_withdrawal.yaml")
    data = derive(plan, ingest(plan, tmp_path).tables)
    curve = analyse(plan, "relapse_curve", data)
    assert set(match(curve, term="curve", statistic="survival")["value"]) == {1.0}
    assert match(curve, term="median", statistic="median")["status"].unique().tolist() == ["not_estimable"]
    assert not len(match(curve, term="log-rank"))
    verdict = match(analyse(plan, "relapse_hazard", data), statistic="verdict").iloc[0]
    assert verdict["text"] == "not_estimable"
