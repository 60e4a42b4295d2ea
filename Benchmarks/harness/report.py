"""Writes results as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import summary
from .results import Results
from .workloads import Workload

TITLES = {"cnn": "cnn", "onnxruntime": "ONNX Runtime", "torch": "PyTorch",
          "tensorflow": "TensorFlow", "onednn": "oneDNN"}
ABOUT = """\
Each side of each workload runs in processes of its own, in alternation; inputs and preparation are
outside of the timing. A time is the median in milliseconds of the quieter pass over a side, in the
fastest of the ways in which the side can do it (PyTorch: eager, channels last, compiled;
TensorFlow: tf.function, frozen, XLA; oneDNN: its direct and its Winograd algorithm, in its own
layouts). A ratio is the fastest peer's time over that of cnn: above 1, cnn is faster;
in bold where it is at least what `shapes.json` aims at. Memory is the
most that the process had at once, in MB, the Python interpreter included; its ratio is cnn over the
leanest peer (oneDNN, a C program with one layer, is left out of that)."""


def markdown(results: Results, workloads: Sequence[Workload]) -> str:
    """The whole report."""
    machine = results.machine
    thread_counts = sorted({int(key.rsplit("/", 1)[1]) for key in results.workloads}, reverse=True)
    limited = f" Limited to {machine['limited_to']}." if machine.get("limited_to") else ""
    parts = [
        "# Benchmark", ABOUT,
        f"{machine['cores']} cores of {machine['cpu']} with {machine['instructions']}.{limited} "
        f"{machine['system']}. Last run {machine['date']}, commit {machine['commit']}. "
        f"{_versions(results)}. {_passes(results)}"]
    for threads in thread_counts:
        rows = [(workload, entry) for workload in workloads
                if (entry := results.get(workload.name, threads))]
        parts += [f"## {threads} thread{'s' if threads > 1 else ''}", comparison(rows),
                  "### Peak memory, MB", memory(rows)]
    if results.startup:
        parts += ["## Start-up", f"A C program that loads the library and a ConvNet and predicts "
                  f"once, as a whole process: {results.startup['median_ms']:.1f} ms (median of "
                  f"{results.startup['runs']}, shortest {results.startup['fastest_ms']:.1f})."]
    if results.scaling:
        parts += ["## Scaling of cnn", *map(scaling, results.scaling)]
    if notes := _notes(results):
        parts += ["## Notes", notes]
    return "\n\n".join(parts) + "\n"


def short(results: Results, workloads: Sequence[Workload]) -> str:
    """The comparison with the most threads, for a page about other things."""
    threads = max(int(key.rsplit("/", 1)[1]) for key in results.workloads)
    rows = [(workload, entry) for workload in workloads
            if (entry := results.get(workload.name, threads))]
    machine = results.machine
    commits = " and ".join(sorted({entry["commit"] for _, entry in rows}))
    return (f"{machine['cores']} cores of {machine['cpu']} with {machine['instructions']}, "
            f"{threads} threads, {machine['date']}, commit {commits}, {_versions(results)}. "
            f"{_passes(results)} Milliseconds:\n\n{comparison(rows)}")


def replace_between(text: str, name: str, content: str) -> str:
    """Puts content between the comments ``<!-- name -->`` and ``<!-- end of name -->``.

    Raises:
        ValueError: the text does not have both.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"there is no {begin} ... {end} to put a table into")
    return f"{before}{begin}\n{content}\n{end}{after}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text, the others are numbers."""
    lines = [list(header), ["---"] + ["---:"] * (len(header) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def comparison(rows: Sequence[tuple[Workload, dict[str, Any]]]) -> str:
    """Times and ratios."""
    peers = [side for side in TITLES if side != "cnn"
             and any(side in entry["sides"] for _, entry in rows)]
    lines = []
    for workload, entry in rows:
        sides = entry["sides"]
        lines.append([
            workload.title, _milliseconds(sides["cnn"]["median_ms"]),
            *(_time(sides[peer]) if peer in sides else "" for peer in peers),
            *_ratios(workload, sides)])
    header = ["workload", "cnn", *(TITLES[peer] for peer in peers)]
    return table([*header, "ratio", "at least", "ratio to oneDNN", "at least"], lines)


def _ratios(workload: Workload, sides: dict[str, Any]) -> list[str]:
    """The ratio to the best of the frameworks and to oneDNN, each with what is asked for."""
    frameworks = summary.best_peer(sides, among=("torch", "onnxruntime", "tensorflow"))
    cells = []
    for peer, least in ((frameworks, workload.at_least), ("onednn", workload.at_least_onednn)):
        value = summary.ratio(sides, peer)
        if value is None:
            cells += ["", ""]
            continue
        reached = least is not None and value >= least
        cells += [f"**{value:.2f}**" if reached else f"{value:.2f}",
                  "" if least is None else f"{least:g}"]
    return cells


def memory(rows: Sequence[tuple[Workload, dict[str, Any]]]) -> str:
    """Peak memory of each side."""
    sides = [side for side in TITLES if any(side in entry["sides"] for _, entry in rows)]
    lines = []
    for workload, entry in rows:
        cells = [f"{entry['sides'][side]['leanest_mb']:.0f}" if side in entry["sides"] else ""
                 for side in sides]
        value = summary.memory_ratio(entry["sides"])
        lines.append([workload.title, *cells, "" if value is None else f"{value:.2f}"])
    return table(["workload", *(TITLES[side] for side in sides), "ratio (at most 0.6)"], lines)


def scaling(measured: dict[str, Any]) -> str:
    """Time and memory of cnn at several sizes."""
    by_batch = measured["axis"] == "batch"
    what = {"predict": "prediction", "train": "training step"}[measured["mode"]]
    batch = "" if by_batch else f", N={measured['batch']}"
    unit = "ms per sample" if by_batch else "ms per million pixels"
    rows = [[str(point["value"]), _milliseconds(point["median_ms"]),
             _milliseconds(point["ms_per_unit"]), f"{point['peak_mb']:.0f}"]
            for point in measured["points"]]
    header = ["batch size" if by_batch else "image size", "ms", unit, "peak memory, MB"]
    return f"{measured['network']}, {what}{batch}:\n\n{table(header, rows)}"


def _milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _time(side: dict[str, Any]) -> str:
    """A peer's time; for oneDNN those of all its algorithms."""
    ways = side["ways"]
    if "direct" in ways and len(ways) > 1:
        return ", ".join(f"{_milliseconds(ways[way])} {way}" for way in sorted(ways, key=ways.get))
    name = side["way"].replace("_", " ")
    known = name in ("onnxruntime", "eager", "function", "direct")
    return _milliseconds(side["median_ms"]) + ("" if known else f" ({name})")


def _versions(results: Results) -> str:
    versions: dict[str, str] = {}
    for entry in results.workloads.values():
        for side, values in entry["sides"].items():
            versions[side] = values["version"]
    return ", ".join(f"{TITLES[side]} {versions[side]}" for side in TITLES if side in versions)


def _passes(results: Results) -> str:
    """How thoroughly was measured."""
    sides = [side for entry in results.workloads.values() for side in entry["sides"].values()]
    if not sides:
        return ""
    rounds = min(len(side["medians_ms"]) for side in sides)
    runs = min(side["runs"] for side in sides)
    return (f"At least {rounds} pass{'es' if rounds > 1 else ''} over each side with "
            f"{runs} timed runs together.")


def _notes(results: Results) -> str:
    """What did not work, what was measured at another time, and outputs that differ."""
    lines = []
    for key, entry in sorted(results.workloads.items()):
        name, threads = key.rsplit("/", 1)
        where = f"{name}, {threads} thread(s)"
        lines += [f"- {where}: {what}: {why}" for what, why in sorted(entry["errors"].items())]
        lines += [f"- {where}: the outputs of {what} differ from ours"
                  for what in entry["disagreeing"]]
        if entry["commit"] != results.machine["commit"]:
            lines.append(f"- {where}: measured {entry['date']}, commit {entry['commit']}")
    return "\n".join(lines)
