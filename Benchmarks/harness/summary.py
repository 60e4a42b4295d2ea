"""From the passes of a workload to one number for each side."""

from __future__ import annotations

import math
import statistics
from typing import Any

# Outputs of sides may differ by this part of the largest of the compared numbers.
TOLERANCE = 5e-3


def summarize(measured: dict[str, Any]) -> dict[str, Any]:
    """The best way of each side: the median of its quieter pass, the fastest run, the memory."""
    sides = {}
    for side, ways in measured["passes"].items():
        rows = {way: _way(passes) for way, passes in ways.items()}
        if rows:
            best = min(rows, key=lambda way: rows[way]["median_ms"])
            sides[side] = {
                "way": best, **rows[best],
                "leanest_mb": min(row["peak_mb"] for row in rows.values()),
                "ways": {way: row["median_ms"] for way, row in rows.items()}}
    disagreeing = _disagreeing(measured["passes"])
    return {"sides": sides, "errors": measured["errors"], "disagreeing": disagreeing}


def _way(passes: list[dict[str, Any]]) -> dict[str, Any]:
    quiet = min(passes, key=lambda one: statistics.median(one["times_ms"]))
    return {
        "median_ms": statistics.median(quiet["times_ms"]),
        "fastest_ms": min(min(one["times_ms"]) for one in passes),
        "peak_mb": min(one["peak_mb"] for one in passes),
        "runs": sum(len(one["times_ms"]) for one in passes),
        "medians_ms": [statistics.median(one["times_ms"]) for one in passes],
        "others": quiet.get("others"), "version": quiet["version"],
    }


def _disagreeing(passes: dict[str, dict[str, list[dict[str, Any]]]]) -> list[str]:
    """The sides and ways whose outputs are not ours."""
    ours = [one["result"] for way in passes["cnn"].values() for one in way if "result" in one]
    if not ours:
        return []
    scale = max(map(abs, ours[0])) or 1
    names = []
    for side, ways in passes.items():
        for way, runs in ways.items():
            other = runs[0].get("result")
            if other and not all(
                    math.isclose(a, b, abs_tol=TOLERANCE * scale) for a, b in zip(ours[0], other)):
                names.append(f"{side} {way}")
    return names


def best_peer(sides: dict[str, Any], *, among: tuple[str, ...] | None = None) -> str | None:
    """The fastest of the peers that were measured."""
    peers = [side for side in sides if side != "cnn" and (among is None or side in among)]
    return min(peers, key=lambda side: sides[side]["median_ms"], default=None)


def ratio(sides: dict[str, Any], peer: str | None) -> float | None:
    """How many times the peer's time is ours."""
    if peer is None or peer not in sides or "cnn" not in sides:
        return None
    return float(sides[peer]["median_ms"] / sides["cnn"]["median_ms"])


def memory_ratio(sides: dict[str, Any]) -> float | None:
    """Our peak memory over that of the leanest peer that runs Python as we do."""
    peers = [side["leanest_mb"] for name, side in sides.items() if name not in ("cnn", "onednn")]
    if not peers or "cnn" not in sides:
        return None
    return float(sides["cnn"]["peak_mb"] / min(peers))
