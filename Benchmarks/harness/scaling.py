"""Time and memory of cnn against batch size and image size."""

from __future__ import annotations

import statistics
from typing import Any

from . import passes
from .passes import Effort
from .workloads import Scaling


def measure(scaling: Scaling, threads: int, effort: Effort) -> dict[str, Any]:
    """Measures each point in a process of its own.

    Returns:
        The points: value, milliseconds, milliseconds for each unit of work, peak memory in MB.
        A unit of work is a sample, and for image sizes a million pixels.
    """
    points = []
    for value, workload in zip(scaling.values, scaling.workloads):
        network = passes.prepare(workload, [])
        result = passes.run_pass("cnn", "cnn", workload, network, threads, effort)
        median = statistics.median(result["times_ms"])
        units = workload.batch if scaling.axis == "batch" else workload.batch * value**2 / 1e6
        points.append({
            "value": value, "median_ms": median, "ms_per_unit": median / units,
            "peak_mb": result["peak_mb"]})
    first = scaling.workloads[0]
    return {"axis": scaling.axis, "network": scaling.network_name, "mode": first.mode,
            "batch": None if scaling.axis == "batch" else first.batch, "points": points}
