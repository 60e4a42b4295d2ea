"""How long a whole process takes that loads the library and a ConvNet and predicts once."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from typing import Any

from . import environment
from .machine import ROOT
from .timing import take_precedence
from .workloads import Workload

CONVNET = Workload("startup", "start-up", "convnet", {"named": "convnet"}, "predict", 1)


def measure(network: dict[str, Any], runs: int = 20, precedence: bool = False) -> dict[str, Any]:
    """Runs the program ``startup.c`` on the model file of a network, over and over.

    Returns:
        The median and the shortest time in milliseconds from start to end of the process.
    """
    program = str(environment.BUILD / "startup")
    # The program asks for the library by the name that is installed.
    link = environment.BUILD / "libcnn.so.0"
    link.unlink(missing_ok=True)
    link.symlink_to(environment.library())
    subprocess.run(
        ["cc", "-O2", f"-I{ROOT / 'include'}", "-o", program,
         str(environment.BENCHMARKS / "startup.c"), str(environment.library()),
         f"-Wl,-rpath,{environment.BUILD}"], check=True)
    with environment.alone():
        taken = precedence and take_precedence()
        try:
            times = [_process_ms(program, network["weights"]) for _ in range(runs + 3)][3:]
        finally:
            if taken:
                take_precedence(False)
    return {"median_ms": statistics.median(times), "fastest_ms": min(times), "runs": runs}


def _process_ms(program: str, model: str) -> float:
    with open(os.devnull, "wb") as nowhere:
        start = time.perf_counter()
        process = os.posix_spawn(
            program, [program, model], dict(os.environ),
            file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)])
        _, status = os.waitpid(process, 0)
        passed = time.perf_counter() - start
    if status:
        raise environment.Failed(f"{program} {model} ended with {status}")
    return 1000 * passed
