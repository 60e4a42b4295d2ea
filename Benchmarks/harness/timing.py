"""Timing inside a process that runs one side of one workload."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Job:
    """What one process measures.

    ``network`` is the description that ``cnn`` gave: its graph, its number of parameters, and the
    file with the parameters.
    """

    way: str
    mode: str
    batch: int
    threads: int
    network: dict[str, Any]
    optimizer: dict[str, Any] | None = None


@dataclass
class Task:
    """A side that is ready to run.

    ``body`` is what is timed; where there are ``interlude`` and ``rest``, they run after it, and
    only the rest is timed too. ``parameters`` counts what training changes. ``result`` returns a
    few numbers by which sides can be compared: the first outputs.
    """

    body: Callable[[], object]
    version: str
    parameters: int | None = None
    interlude: Callable[[], object] | None = None
    rest: Callable[[], object] | None = None
    result: Callable[[], list[float]] | None = None
    notes: dict[str, Any] = field(default_factory=dict)


def measure(task: Task, *, runs: int, seconds: float, longest: float) -> dict[str, Any]:
    """Runs a task again and again.

    After at least one run and a fifth of ``seconds`` to warm up, takes at least ``runs`` times and
    goes on for ``seconds``; after ``longest`` seconds it ends with what there is, two at least.

    Returns:
        The times in milliseconds, and which share of the processors others used meanwhile.
    """
    clock = time.perf_counter
    _once(task)
    warm_until = clock() + seconds / 5
    while clock() < warm_until:
        _once(task)
    times: list[float] = []
    busy, own, start = _busy_seconds(), time.process_time(), clock()
    while True:
        times.append(_once(task))
        passed = clock() - start
        if len(times) >= runs and passed >= seconds or len(times) >= 2 and passed >= longest:
            break
    others = _busy_seconds() - busy - (time.process_time() - own)
    return {
        "times_ms": [1000 * value for value in times],
        "others": max(0.0, others / passed / (os.cpu_count() or 1)),
        "load": os.getloadavg()[0],
        "peak_mb": peak_memory(),
    }


def _once(task: Task) -> float:
    start = time.perf_counter()
    task.body()
    passed = time.perf_counter() - start
    if task.interlude is not None and task.rest is not None:
        task.interlude()
        start = time.perf_counter()
        task.rest()
        passed += time.perf_counter() - start
    return passed


def peak_memory() -> float:
    """The most memory that this process has had at once, in MB (10^6 bytes)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def _busy_seconds() -> float:
    """How long all processors together have worked since the start of the machine."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    ticks = [int(value) for value in fields]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(patience: float) -> None:
    """Waits until other processes use less than a tenth of the processors, or patience ends."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        busy, start = _busy_seconds(), time.monotonic()
        time.sleep(0.5)
        if (_busy_seconds() - busy) / (time.monotonic() - start) < 0.1 * (os.cpu_count() or 1):
            return


def take_precedence(taken: bool = True) -> bool:
    """Lets this session's processes go before all others of the machine, or no longer.

    Times then mean something while others work, who have to wait. Linux groups processes by
    session for sharing processors; ``passes`` gives each process that measures its own session.
    Needs root.

    Returns:
        Whether that was possible.
    """
    try:
        Path("/proc/self/autogroup").write_text("-20" if taken else "0", encoding="ascii")
    except OSError:
        return False
    return True
