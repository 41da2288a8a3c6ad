"""One run at a time in a project, whatever was killed before.

`results/.run.lock` is locked (flock) by the run that is at work, and by its snakemake, which inherits it; the
system lets go of it when both are dead. Jobs hold `results/.jobs.lock` together: a new run waits for those
that a killed run left behind, then writes its own token, and a job with another token ends at once.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import platform
import signal
import sys
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from ketaoutcomes.domain.findings import KetaoutcomesError

#: Environment variable that tells a job which run it belongs to.
JOB = "KETAOUTCOMES_JOB"
_RUN, _JOBS = ".run.lock", ".jobs.lock"
#: Seconds that a killed run's snakemake is given to end.
_PATIENCE = 10
_PR_SET_PDEATHSIG = 1


class Busy(KetaoutcomesError):
    """Another run is at work, or this job's run is over."""


@dataclass(frozen=True, slots=True)
class Held:
    """The lock as this run holds it.

    Attributes
    ----------
    handle
        File descriptor that snakemake inherits.
    token
        What this run's jobs are told.
    after_a_kill
        Did the last run end without letting go?
    """

    handle: int
    token: str
    after_a_kill: bool


@contextmanager
def held(folder: Path) -> Generator[Held]:
    """Hold the lock of a results folder.

    Raises
    ------
    Busy
        Another run is at work: its process, host and start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = _locked(folder / _RUN)
    try:
        before, token = _text(handle), uuid.uuid4().hex
        with _without_jobs(folder):
            _write(handle, json.dumps({"pid": os.getpid(), "host": platform.node(), "start": _now(), "token": token}))
        yield Held(handle, token, after_a_kill=bool(before))
        _write(handle, "")
    except Exception:
        _write(handle, "")
        raise
    finally:
        os.close(handle)


def join(folder: Path, token: str) -> int:
    """A job's share in the lock, for as long as the returned descriptor is open.

    Raises
    ------
    Busy
        The run that began this job is over.
    """
    handle = os.open(folder / _JOBS, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    run = folder / _RUN
    if not run.is_file() or _fields(run.read_text(encoding="utf-8")).get("token") != token:
        raise Busy("the run that began this job was killed")
    return handle


def dies_with(parent: int) -> Callable[[], None]:
    """For a child process: end when the process that started it is gone, on systems that can say so."""

    def ask() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _fields(_text(handle))
            if _alive(owner) or time.monotonic() > until:
                os.close(handle)
                raise Busy(_words(owner)) from None
            time.sleep(0.1)
        else:
            return handle


@contextmanager
def _without_jobs(folder: Path) -> Generator[None]:
    """Wait for the jobs of a killed run, and keep them out meanwhile."""
    handle = os.open(folder / _JOBS, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for a job of an earlier run, which was killed", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _alive(owner: dict[str, Any]) -> bool:
    """Is the process at work, as far as this host can tell?"""
    if owner.get("host") != platform.node() or not isinstance(owner.get("pid"), int):
        return bool(owner)
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _words(owner: dict[str, Any]) -> str:
    if not owner:
        return "another run has just begun here; wait for it to end"
    who = f"process {owner.get('pid')} on {owner.get('host')}, since {owner.get('start')}"
    return f"another run is at work here ({who}); wait for it to end"


def _fields(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _text(handle: int) -> str:
    return os.pread(handle, 4096, 0).decode("utf-8", "replace")


def _write(handle: int, text: str) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
