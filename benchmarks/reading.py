"""Time the reader: a file of nine columns read, checked and typed, beside pandas reading the same file as text.

Run it with nothing else on the machine: ``make bench``. It prints a table; nothing is asserted.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from ketaoutcomes.domain.findings import Findings
from ketaoutcomes.domain.study import Study
from ketaoutcomes.domain.tables import Table
from ketaoutcomes.ingest.columns import fields
from ketaoutcomes.ingest.reader import read

_TABLE = {
    "provides": "assessments",
    "columns": {
        "participant": {"from": "id"},
        "visit": {"from": "visit", "kind": "category", "recode": {f"W{at}": f"week{at}" for at in range(5)}},
        "day": {"from": "date", "kind": "date", "since": "start"},
        "arm": {"from": "arm"},
        "site": {"from": "site"},
        **{name: {"from": name, "kind": "number", "instrument": name} for name in ("madrs", "cadss", "sbp", "dbp")},
    },
}


def main() -> None:
    """Print the timings, the best of three."""
    print(f"{'rows':>10}{'ours s':>9}{'pandas s':>10}{'ratio':>7}{'our peak MB':>13}")
    with tempfile.TemporaryDirectory() as folder:
        for n in (1_000_000, 5_000_000):
            path = Path(folder) / "scores.csv"
            _write(path, n)
            ours, theirs = (min(timing(path) for _ in range(3)) for timing in (_ours, _theirs))
            print(f"{n:>10,}{ours:>9.2f}{theirs:>10.2f}{ours / theirs:>7.1f}{_peak(path):>13.0f}")


def _write(path: Path, n: int) -> None:
    rng = np.random.default_rng(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,visit,date,arm,site,madrs,cadss,sbp,dbp\n")
        for start in range(0, n, 100_000):
            madrs, cadss, dbp = (rng.integers(low, high, 100_000) for low, high in ((0, 61), (0, 90), (50, 100)))
            sbp = rng.normal(130, 10, 100_000)
            file.writelines(
                f"P{at // 5:07d},W{at % 5},2024-{1 + at % 12:02d}-{1 + at % 28:02d},{'KM'[at // 5 % 2]},S{at // 5 % 40:02d},"
                f"{madrs[at - start]},{cadss[at - start]},{sbp[at - start]:.1f},{dbp[at - start]}\n"
                for at in range(start, start + 100_000)
            )


def _ours(path: Path) -> float:
    table = Table.model_validate({"file": path.name, **_TABLE})
    study = Study.model_construct(tables={"scores": table}, instruments={})
    gc.collect()
    start = time.perf_counter()
    read(table, path, fields(study, table), study.scales, Findings())
    return time.perf_counter() - start


def _theirs(path: Path) -> float:
    gc.collect()
    start = time.perf_counter()
    pd.read_csv(path, dtype=str, keep_default_na=False)
    return time.perf_counter() - start


def _peak(path: Path) -> float:
    """Largest memory of a process that only reads, less what its imports take (Linux; a child's resource usage begins with its parent's)."""
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); import reading; from pathlib import Path; "
        "before = reading.most(); reading._ours(Path(sys.argv[1])); print(reading.most() - before)"
    )
    return float(subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout)


def most() -> float:
    """Largest memory of this process so far, in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
