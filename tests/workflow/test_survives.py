"""A run that is killed, met by another, given bad files or no room: what is left is right, or made anew."""

from __future__ import annotations

import errno
import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ketaoutcomes import cli
from tests.workflow.conftest import STUDIES, Project, make_project

OPEN, CONFIDENTIAL = STUDIES


@contextmanager
def begun(project: Project, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run under way, in a process group of its own."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(project.root / "src")}
    command = [sys.executable, "-c", "import sys; from ketaoutcomes.cli import main; sys.exit(main())", "run", *arguments]
    process = subprocess.Popen(
        command, cwd=project.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.stdout.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def until(there: Path, seconds: float = 60) -> None:
    """Wait for a file."""
    end = time.monotonic() + seconds
    while not there.exists():
        assert time.monotonic() < end, there
        time.sleep(0.01)


def inside(project: Project, study: str = OPEN) -> Path:
    return project.root / "results" / study / "restricted"


def emptied(project: Project) -> None:
    """As before the first run."""
    shutil.rmtree(project.root / "results" / OPEN)
    shutil.rmtree(project.root / ".snakemake")


# killed


MOMENTS = {
    "group": ("restricted/cohort/participants.parquet", "restricted/ard/description.csv", "release/ard.csv"),
    "parent": ("restricted/logs/derive.log", "release/figures"),
}


@pytest.mark.parametrize("killed", ["group", "parent"])
def test_the_same_command_finishes_after_kill_9_with_the_same_bytes(project: Project, killed: str) -> None:
    expected = project.released(OPEN)
    emptied(project)
    for moment in MOMENTS[killed]:
        with begun(project, OPEN) as process:
            until(project.root / "results" / OPEN / moment)
            os.killpg(process.pid, signal.SIGKILL) if killed == "group" else process.kill()
            process.wait()
    (inside(project) / "ard" / ".unfinished-x.csv").write_text("half", encoding="utf-8")
    project.run("run", OPEN)
    assert project.released(OPEN) == expected
    assert list((project.root / "results" / OPEN).rglob(".unfinished-*")) == []
    assert project.would_run(OPEN) == {}


def test_a_job_whose_run_is_over_changes_nothing(project: Project) -> None:
    before = project.times(OPEN, "restricted")
    done = project.run("derive", OPEN, ok=False, KETAOUTCOMES_JOB="the token of a run that was killed")
    assert done.returncode == 2
    assert "the run that began this job was killed" in done.stderr
    assert project.times(OPEN, "restricted") == before


# met by another


def test_a_second_run_and_a_changed_file_do_not_touch_the_first(project: Project) -> None:
    expected = project.released(OPEN)
    emptied(project)
    with begun(project, OPEN) as first:
        until(project.root / ".snakemake")
        for path in (project.root / "data" / OPEN).glob("*.csv"):
            path.write_text("changed\n", encoding="utf-8")
        second = project.run("run", OPEN, ok=False)
        assert first.wait(timeout=120) == 0
    assert second.returncode == 2
    assert f"process {first.pid} on {os.uname().nodename}, since 20" in second.stderr
    assert len(second.stderr.splitlines()) == 2
    assert project.released(OPEN) == expected


def test_a_lock_of_snakemake_alone_is_respected(project: Project) -> None:
    lock = project.root / ".snakemake" / "locks" / "0.input.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("x\n", encoding="utf-8")
    done = project.run("run", OPEN, ok=False)
    assert done.returncode == 2
    assert "snakemake --unlock" in done.stderr
    assert lock.exists()


# inputs


def test_the_copy_of_the_input_is_private_and_the_only_one(project: Project) -> None:
    folder = inside(project) / "input"
    (first,) = folder.iterdir()
    path = project.root / "data" / OPEN / "madrs.csv"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    project.run("ingest", OPEN)
    (second,) = folder.iterdir()
    assert second.name != first.name
    assert (second / "data" / OPEN / "madrs.csv").read_bytes() == path.read_bytes()
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.rglob("*"))


def test_a_job_asked_for_other_files_than_there_are_refuses(project: Project) -> None:
    done = project.run("ingest", OPEN, "--input", "0123456789abcdef", ok=False)
    assert done.returncode == 2
    assert "its files changed after this run began" in done.stderr


# intermediates


def _truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


def test_spoilt_files_are_made_anew_and_the_release_is_the_same(project: Project) -> None:
    expected = project.released(OPEN)
    release = project.root / "results" / OPEN / "release"
    spoilt = {
        inside(project) / "cohort" / "events.parquet": _truncated,
        inside(project) / "cohort" / "ingest.json": lambda data: data.replace(b'"notes"', b'"notEs"'),
        inside(project) / "analysis_data" / "adqs.parquet": _flipped,
        inside(project) / "analysis_data" / "adtte.parquet": lambda _: b"",
        inside(project) / "ard" / "relapse_hazard.csv": lambda data: data.replace(b"0", b"1", 1),
        release / "ard.csv": _flipped,
        release / "disclosure.json": lambda _: b"",
        release / "run.json": lambda data: data.replace(b"0", b"1", 1),
        release / "report.html": lambda data: data.replace(b"</body>", b"edited</body>"),
        release / "manifest.json": _truncated,
        release / "figures" / "flow.svg": _flipped,
        release / "tables" / "index.json": lambda _: b"{}",
    }
    names = {path for path in spoilt if not path.is_file()}
    assert names == set()
    for path, spoil in spoilt.items():
        data = path.read_bytes()
        assert spoil(data) != data
        path.write_bytes(spoil(data))
        os.utime(path, (1, 1))
    project.run("run", OPEN)
    assert project.released(OPEN) == expected


@pytest.mark.parametrize("step", [("derive", OPEN), ("analyse", OPEN, "relapse_hazard"), ("release", OPEN, "--audience", "release")], ids=lambda step: step[0])
def test_a_spoilt_file_is_never_used(project: Project, step: tuple[str, ...]) -> None:
    read = {"derive": "cohort/participants.parquet", "analyse": "analysis_data/adtte.parquet", "release": "ard/relapse_hazard.csv"}[step[0]]
    other = project.root / "other.csv"
    shutil.copy(inside(project) / read, other)
    (inside(project) / read).write_bytes(other.read_bytes() + b"\n")
    done = project.run(*step, ok=False)
    assert done.returncode == 2
    assert f"{read}: not as it was written" in done.stderr


# verify


def test_verify_names_what_is_altered_missing_or_unexpected(project: Project) -> None:
    assert project.run("verify", OPEN).stdout == f"{OPEN}: release/ is as it was written\n"
    release = project.root / "results" / OPEN / "release"
    (release / "ard.csv").write_bytes((release / "ard.csv").read_bytes() + b"\n")
    (release / "figures" / "flow.png").unlink()
    (release / "note.txt").write_text("x", encoding="utf-8")
    done = project.run("verify", OPEN, ok=False)
    assert done.returncode == 2
    assert done.stdout.splitlines()[1:] == ["  ard.csv: altered", "  figures/flow.png: missing", "  note.txt: unexpected"]


def test_verify_is_not_deceived_by_an_edited_manifest(project: Project) -> None:
    path = project.root / "results" / OPEN / "release" / "manifest.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(known), encoding="utf-8")
    done = project.run("verify", OPEN, ok=False)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (2, ["  manifest.json: altered"])


# the disk


def test_a_full_disk_ends_in_one_sentence(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(project.root)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert cli.main(["derive", OPEN]) == 2
    said = capsys.readouterr().err
    assert said.startswith("ketaoutcomes derive: no space is left on the disk")
    assert len(said.splitlines()) == 1


def test_a_run_whose_jobs_may_not_write_ends_in_a_sentence(project: Project) -> None:
    shutil.rmtree(project.root / "results" / OPEN / "release")
    limit = f"import resource, signal, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, {resource.RLIM_INFINITY}))"
    program = f"{limit}; from ketaoutcomes.cli import main; sys.exit(main())"
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "PYTHONPATH": str(project.root / "src")}
    done = subprocess.run([sys.executable, "-c", program, "run", OPEN], cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f"{OPEN}, release_release:" in done.stderr
    assert "larger than is allowed here" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.root / "results" / OPEN / "release" / "report.html").exists()


def mounted(project: Project, command: str) -> subprocess.CompletedProcess[str]:
    """A run with another disk mounted, where a user may mount one in a namespace of his own."""
    able = shutil.which("unshare") and subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    if not able or able.returncode:
        pytest.skip("no disk can be mounted here; the tests beside simulate it")
    program = "import sys; from ketaoutcomes.cli import main; sys.exit(main())"
    script = f'{command} && exec "$0" -c "{program}" run {OPEN}'
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "PYTHONPATH": str(project.root / "src")}
    line = ["unshare", "-rm", "sh", "-c", script, sys.executable]
    return subprocess.run(line, cwd=project.root, env=environment, capture_output=True, text=True, check=False)


def test_a_disk_that_fills_during_a_run_ends_in_a_sentence(project: Project) -> None:
    shutil.rmtree(project.root / "results" / OPEN / "release")
    (project.root / "results" / OPEN / "release").mkdir()
    done = mounted(project, f"mount -t tmpfs -o size=20k tmpfs results/{OPEN}/release")
    assert done.returncode == 2, done.stderr
    name, sentence = done.stderr.splitlines()
    assert name == f"{OPEN}, release_release:"
    assert sentence.startswith("ketaoutcomes release: no space is left on the disk")


def test_a_disk_that_is_mounted_read_only_ends_in_one_sentence(project: Project) -> None:
    done = mounted(project, "mount --bind results results && mount -o remount,ro,bind results")
    assert done.returncode == 2, done.stderr
    assert "no permission to read or write at results/.run.lock" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder_ends_in_one_sentence(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int) -> None:
    monkeypatch.chdir(project.root)

    def closed(name: object, *_: object) -> int:
        raise OSError(number, os.strerror(number), str(name))

    monkeypatch.setattr(os, "open", closed)
    assert cli.main(["run", OPEN]) == 2
    said = capsys.readouterr().err
    assert "no permission to read or write at results/.run.lock" in said
    assert len(said.splitlines()) == 1


def test_a_run_does_not_begin_without_room(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    assert cli.main(["run", OPEN]) == 2
    assert "times the input" in capsys.readouterr().err


# snakemake's profiles


@pytest.mark.parametrize("folder", ["profiles/default", "workflow/profiles/default", "elsewhere"])
def test_a_profile_is_refused_and_its_code_not_run(tmp_path: Path, folder: str) -> None:
    project = make_project(tmp_path / "project", (OPEN,))
    profile = project.root / folder
    profile.mkdir(parents=True)
    marker = tmp_path / "marker"
    (profile / "config.yaml").write_text(f"default-resources:\n  mem_mb: open({str(marker)!r}, 'w').write('x') or 1\ncores: 1\n", encoding="utf-8")
    done = project.run("run", OPEN, ok=False, **({"SNAKEMAKE_PROFILE": str(profile)} if folder == "elsewhere" else {}))
    assert done.returncode == 2
    assert "a profile of snakemake is code" in done.stderr
    assert not marker.exists()
    if folder == "profiles/default":  # what would have run it
        project.run("snakemake", "-n", "--config", f"studies=[{OPEN}]", ok=False)
        assert marker.exists()


# progress


def test_progress_is_one_line_on_a_terminal_and_lines_in_a_log(project: Project) -> None:
    (project.root / "results" / OPEN / "release" / "report.html").unlink()
    log = project.run("run", OPEN).stdout
    assert "\r" not in log
    assert "  2 of 2 jobs\n" in log
    (project.root / "results" / OPEN / "release" / "report.html").unlink()
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(project.root / "src")}
    command = [sys.executable, "-c", "import sys; from ketaoutcomes.cli import main; sys.exit(main())", "run", OPEN]
    with subprocess.Popen(command, cwd=project.root, env=environment, stdout=follower, stderr=follower) as process:
        os.close(follower)
        assert process.wait() == 0
    assert b"\r  2 of 2 jobs" in os.read(leader, 100_000)
    os.close(leader)
