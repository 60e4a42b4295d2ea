"""Draws ratios as bars. Runs as a program in the peers' environment, which has matplotlib:

    python Benchmarks/harness/chart.py RESULTS.json SHAPES.json CHART.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COLORS = {"onnxruntime": "#3b6fb6", "torch": "#d9622b", "tensorflow": "#e0a526",
          "onednn": "#7d8a97"}
TITLES = {"onnxruntime": "ONNX Runtime", "torch": "PyTorch", "tensorflow": "TensorFlow",
          "onednn": "oneDNN"}


def draw(results: dict[str, Any], titles: dict[str, str], path: Path) -> None:
    """Draws a panel for each number of threads: for each workload the peers' time over ours."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    counts = sorted({int(key.rsplit("/", 1)[1]) for key in results["workloads"]}, reverse=True)
    names = [name for name in titles
             if any(f"{name}/{count}" in results["workloads"] for count in counts)]
    figure, panels = pyplot.subplots(
        1, len(counts), figsize=(6.5 * len(counts), 1.5 + 0.55 * len(names)), sharey=True,
        squeeze=False)
    for panel, threads in zip(panels[0], counts):
        _panel(panel, results, names, threads)
    panels[0][0].set_yticks(range(len(names)), [titles[name] for name in names], fontsize=8)
    panels[0][0].invert_yaxis()
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=COLORS[peer]) for peer in COLORS]
    figure.legend(handles, [TITLES[peer] for peer in COLORS], loc="upper center", ncols=4,
                  frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _panel(panel: Any, results: dict[str, Any], names: list[str], threads: int) -> None:
    for row, name in enumerate(names):
        sides = results["workloads"].get(f"{name}/{threads}", {}).get("sides", {})
        peers = [peer for peer in COLORS if peer in sides]
        thickness = 0.8 / max(1, len(peers))
        for index, peer in enumerate(peers):
            ratio = sides[peer]["median_ms"] / sides["cnn"]["median_ms"]
            place = row - 0.4 + (index + 0.5) * thickness
            panel.barh(place, ratio, 0.9 * thickness, color=COLORS[peer])
            panel.text(ratio + 0.03, place, f"{ratio:.2f}", va="center", fontsize=6)
    panel.axvline(1, color="black", linewidth=0.8)
    panel.set_xlabel("time of the peer / time of cnn (above 1: cnn is faster)")
    panel.set_title(f"{threads} thread{'s' if threads > 1 else ''}", fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Reads both files and writes the picture."""
    results, shapes, path = sys.argv[1:]
    content = json.loads(Path(shapes).read_text(encoding="utf-8"))
    titles = {entry["name"]: entry["title"] for entry in content["workloads"]}
    draw(json.loads(Path(results).read_text(encoding="utf-8")), titles, Path(path))


if __name__ == "__main__":
    main()
