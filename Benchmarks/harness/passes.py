"""Runs the sides of a workload in alternation, each pass in a process of its own."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import environment
from .workloads import Workload

# The ways in which each side can do each mode.
WAYS: dict[str, dict[str, list[str]]] = {
    "cnn": {"predict": ["cnn"], "train": ["cnn"], "gradients": ["cnn"]},
    "torch": {"predict": ["eager", "channels_last", "compile"],
              "train": ["eager", "channels_last"], "gradients": ["eager", "channels_last"]},
    "onnxruntime": {"predict": ["onnxruntime"], "train": [], "gradients": []},
    "tensorflow": {"predict": ["function", "frozen", "jit"], "train": ["function", "jit"],
                   "gradients": ["function", "jit"]},
    "onednn": {"predict": ["direct", "winograd"], "train": [],
               "gradients": ["direct", "winograd"]},
}
PEERS = [side for side in WAYS if side != "cnn"]
# Ways that are within this factor of a side's fastest in the first round are run in all rounds.
CLOSE = 1.15
# Ways that are within this factor with one number of threads are tried with the next.
KNOWN_CLOSE = 1.5


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds over the sides, and the limits of each pass."""

    rounds: int = 3
    runs: int = 4
    seconds: float = 2.0
    longest: float = 40.0
    patience: float = 10.0
    timeout: float = 300.0
    precedence: bool = False
    without: tuple[str, ...] = ()

    @classmethod
    def quick(cls) -> Effort:
        """For a first look."""
        return cls(rounds=2, runs=3, seconds=0.7, longest=8, patience=0, timeout=150)

    @property
    def limits(self) -> dict[str, float]:
        """What ``timing.measure`` takes."""
        return {"runs": self.runs, "seconds": self.seconds, "longest": self.longest}


def prepare(workload: Workload, peers: list[str]) -> dict[str, Any]:
    """Describes a network and stores its parameters, for all sides."""
    directory = environment.BUILD / "networks"
    directory.mkdir(parents=True, exist_ok=True)
    weights = directory / f"{workload.network_name}.safetensors"
    network = environment.run_worker(
        "cnn", {"prepare": {"network": workload.network, "weights": str(weights)}},
        threads=1, timeout=120)
    if "onnxruntime" in peers and WAYS["onnxruntime"][workload.mode]:
        environment.run_worker("onnxruntime", {"prepare": network}, threads=1, timeout=120)
    return network


def run_pass(
    side: str, way: str, workload: Workload, network: dict[str, Any], threads: int, effort: Effort
) -> dict[str, Any]:
    """Measures one side in one way, in one process, when no other benchmark runs."""
    with environment.alone():
        return _run_pass(side, way, workload, network, threads, effort)


def _run_pass(
    side: str, way: str, workload: Workload, network: dict[str, Any], threads: int, effort: Effort
) -> dict[str, Any]:
    if side == "onednn":
        return _run_onednn(way, workload, network, threads, effort)
    job = {"way": way, "mode": workload.mode, "batch": workload.batch, "threads": threads,
           "network": network, "optimizer": workload.optimizer}
    request = {"job": job, "limits": effort.limits, "patience": effort.patience,
               "precedence": effort.precedence}
    return environment.run_worker(side, request, threads=threads, timeout=effort.timeout)


def _run_onednn(
    way: str, workload: Workload, network: dict[str, Any], threads: int, effort: Effort
) -> dict[str, Any]:
    (source,), (layer,) = network["graph"]["inputs"], network["graph"]["layers"]
    height, width, channels = source["shape"]
    values = [workload.mode, way, workload.batch, height, width, channels, layer["out_channels"],
              layer["kernel_size"], layer["padding"], effort.runs, effort.seconds, effort.longest]
    command = [str(environment.BUILD / "onednn_peer"), *map(str, values)]
    if effort.precedence:
        # What timing.take_precedence does.
        command = ["sh", "-c", 'echo -20 > /proc/self/autogroup; exec "$0" "$@"', *command]
    return environment.run(
        command, threads=threads,
        timeout=effort.timeout)


def applicable(side: str, workload: Workload, network: dict[str, Any]) -> list[str]:
    """The ways of a side for a workload; oneDNN alone has no networks, only a layer."""
    if side == "onednn" and [layer["type"] for layer in network["graph"]["layers"]] != ["conv2d"]:
        return []
    return WAYS[side][workload.mode]


def compare(
    workload: Workload, peers: list[str], threads: int, effort: Effort,
    report: Callable[[str], None], known: dict[str, dict[str, float]] | None = None
) -> dict[str, Any]:
    """Measures a workload: in each round every side, ours first; slow ways only once.

    Args:
        report: takes lines about what goes wrong.
        known: times of the ways of each side from another number of threads, by which those that
            are far from the fastest are left out.

    Returns:
        For each side and way the passes, and the errors.
    """
    network = prepare(workload, peers)
    sides = ["cnn", *peers]
    ways = {side: [way for way in applicable(side, workload, network)
                   if way not in effort.without and _promising(way, (known or {}).get(side))]
            for side in sides}
    passes: dict[str, dict[str, list[dict[str, Any]]]] = {side: {} for side in sides}
    errors: dict[str, str] = {}
    for _ in range(effort.rounds):
        for side in sides:
            for way in list(ways[side]):
                try:
                    result = run_pass(side, way, workload, network, threads, effort)
                    _check_parameters(result, network)
                except environment.Failed as error:
                    errors[f"{side} {way}"] = str(error)
                    ways[side].remove(way)
                    report(f"  {side} {way}: {error}")
                else:
                    passes[side].setdefault(way, []).append(result)
            ways[side] = _fast(passes[side], ways[side])
    return {"passes": passes, "errors": errors}


def _promising(way: str, times: dict[str, float] | None) -> bool:
    return not times or way in times and times[way] <= KNOWN_CLOSE * min(times.values())


def _check_parameters(result: dict[str, Any], network: dict[str, Any]) -> None:
    count = result.get("parameters")
    if count is not None and count != network["parameters"]:
        raise environment.Failed(
            f"is another network: {count} parameters, not {network['parameters']}")


def _fast(passes: dict[str, list[dict[str, Any]]], ways: list[str]) -> list[str]:
    """Those of the ways that may still turn out the fastest."""
    times = {way: min(statistics.median(one["times_ms"]) for one in passes[way]) for way in ways}
    return [way for way in ways if times[way] <= CLOSE * min(times.values())]
