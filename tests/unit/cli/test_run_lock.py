"""One run at a time, also when the last one left its snakemake or its jobs behind."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ketaoutcomes.cli import _run_lock


def test_a_clean_end_leaves_nothing_to_take_over(tmp_path: Path) -> None:
    for _ in range(2):
        with _run_lock.held(tmp_path) as lock:
            assert not lock.after_a_kill
            assert json.loads((tmp_path / ".run.lock").read_text(encoding="utf-8"))["pid"] == os.getpid()


def test_a_dead_owner_is_taken_over_and_known(tmp_path: Path) -> None:
    program = "import os, sys; from pathlib import Path; from ketaoutcomes.cli import _run_lock\nwith _run_lock.held(Path(sys.argv[1])): os._exit(9)"
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 9
    with _run_lock.held(tmp_path) as lock:
        assert lock.after_a_kill


def test_a_living_owner_is_named(tmp_path: Path) -> None:
    with _run_lock.held(tmp_path), pytest.raises(_run_lock.Busy, match=rf"process {os.getpid()} on .*, since 20"), _run_lock.held(tmp_path):
        pass


def test_what_a_dead_owner_left_running_keeps_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run_lock, "_PATIENCE", 0.3)
    handle = os.open(tmp_path / ".run.lock", os.O_RDWR | os.O_CREAT)
    os.write(handle, json.dumps({"pid": 2**22 + 1, "host": os.uname().nodename, "start": "2026-11-02"}).encode())
    fcntl.flock(handle, fcntl.LOCK_EX)  # as the snakemake of a killed run, on a system that does not end it
    with pytest.raises(_run_lock.Busy, match="since 2026-11-02"), _run_lock.held(tmp_path):
        pass
    os.close(handle)
    with _run_lock.held(tmp_path) as lock:
        assert lock.after_a_kill


def test_a_new_run_waits_for_the_jobs_of_a_killed_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _run_lock.held(tmp_path) as killed:
        job = _run_lock.join(tmp_path, killed.token)
    ended: list[bool] = []
    threading.Timer(0.3, lambda: (ended.append(True), os.close(job))).start()
    with _run_lock.held(tmp_path) as lock:
        assert ended == [True]
        assert "waiting for a job" in capsys.readouterr().out
        with pytest.raises(_run_lock.Busy, match="was killed"):
            _run_lock.join(tmp_path, killed.token)
        os.close(_run_lock.join(tmp_path, lock.token))


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    child = "import time; time.sleep(60)"
    program = f"""
import os, subprocess, sys
from ketaoutcomes.cli import _run_lock
child = subprocess.Popen([sys.executable, "-c", {child!r}], preexec_fn=_run_lock.dies_with(os.getpid()), stdout=sys.stdout)
os._exit(0)
"""
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent is gone")
    # the pipe stays open as long as the child lives: `run` would wait a minute for its end
    subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=True)
