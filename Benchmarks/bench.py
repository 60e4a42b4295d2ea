"""Measures cnn, and with --peers also the libraries that one could use instead.

    .venv/bin/python Benchmarks/bench.py                          # our side
    .venv/bin/python Benchmarks/bench.py --peers all              # both, in alternation
    .venv/bin/python Benchmarks/bench.py --only resnet50-predict --peers onnxruntime --quick

What is measured is in shapes.json. Tables, a chart and all numbers go to --results; a run of some
workloads leaves the others as they were.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import environment, machine, passes, report, scaling, startup, summary, workloads
from harness.results import Results

PARTS = ("workloads", "startup", "scaling")


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="workloads whose names contain one of these words")
    parser.add_argument("--peers", default="", help=f"of {','.join(passes.PEERS)}, or all")
    parser.add_argument("--threads", default="2,1", help="numbers of threads; default 2,1")
    parser.add_argument("--rounds", type=int, help="passes over every side; default 3")
    parser.add_argument("--quick", action="store_true", help="short passes, two rounds")
    parser.add_argument("--parts", help=f"of {','.join(PARTS)}; default all, with --only the first")
    parser.add_argument("--without", default="",
                        help="ways to leave out, such as compile,jit, which take long to prepare")
    parser.add_argument("--avx2", action="store_true", help="let the peers do without AVX-512")
    parser.add_argument("--precedence", action="store_true",
                        help="let timed runs go before other processes of the machine (root)")
    parser.add_argument("--results", type=Path, default=environment.BUILD / "results",
                        help="the folder for tables, chart and numbers")
    parser.add_argument("--readme", action="store_true",
                        help="put the table into README.md too")
    return parser.parse_args()


def main() -> None:
    """Measures what the command line asks for."""
    arguments = parse()
    selected = workloads.select(workloads.load().workloads, arguments.only)
    effort = passes.Effort.quick() if arguments.quick else passes.Effort()
    effort = replace(
        effort, precedence=arguments.precedence, rounds=arguments.rounds or effort.rounds,
        without=tuple(arguments.without.split(",")))
    about, name = machine.describe(), "benchmark"
    if arguments.avx2:
        os.environ.update(environment.AVX2_ONLY)
        about["limited_to"] = "AVX2 for PyTorch, TensorFlow's oneDNN and oneDNN"
        name += "-avx2"
    results = Results(arguments.results / f"{name}.json", about)
    peers = available_peers(arguments.peers)
    parts = (arguments.parts or ("workloads" if arguments.only else ",".join(PARTS))).split(",")
    thread_counts = [int(count) for count in arguments.threads.split(",")]
    if "startup" in parts:
        results.startup = startup.measure(
            passes.prepare(startup.CONVNET, []), precedence=effort.precedence)
        print(f"start-up: {results.startup['median_ms']:.1f} ms", flush=True)
    if "workloads" in parts:
        measure(selected, peers, thread_counts, effort, results)
    if "scaling" in parts:
        results.scaling = [scaling.measure(one, thread_counts[0], effort)
                           for one in workloads.load().scaling]
    results.save()
    write_report(results)
    if arguments.readme:
        readme = machine.ROOT / "README.md"
        readme.write_text(report.replace_between(
            readme.read_text(encoding="utf-8"), "benchmark",
            report.short(results, workloads.load().workloads)), encoding="utf-8")


def available_peers(wanted: str) -> list[str]:
    """Installs the peers and says which cannot be had."""
    peers = passes.PEERS if wanted == "all" else [name for name in wanted.split(",") if name]
    if unknown := set(peers) - set(passes.PEERS):
        raise SystemExit(f"no peer is called {', '.join(unknown)}; there are {passes.PEERS}")
    missing = environment.install(peers) if peers else {}
    for peer, reason in missing.items():
        print(f"without {peer}: {reason}", flush=True)
    return [peer for peer in peers if peer not in missing]


def measure(
    selected: list[workloads.Workload], peers: list[str], thread_counts: list[int],
    effort: passes.Effort, results: Results
) -> None:
    """Measures workloads with every number of threads and prints a line for each side."""
    for workload in selected:
        known: dict[str, dict[str, float]] = {}
        for threads in thread_counts:
            print(f"{workload.title}, {threads} thread(s)", flush=True)
            measured = passes.compare(workload, peers, threads, effort, print, known)
            result = summary.summarize(measured)
            if "cnn" not in result["sides"]:
                continue
            results.add(workload.name, threads, result)
            known = {side: values["ways"] for side, values in result["sides"].items()}
            for side, values in result["sides"].items():
                print_side(side, values, result["sides"])


def print_side(side: str, values: dict[str, Any], sides: dict[str, Any]) -> None:
    """Prints what came out for a side."""
    ratio = f"{summary.ratio(sides, side):6.2f} x" if side != "cnn" else "        "
    print(f"  {report.TITLES[side]:13} {values['median_ms']:10.2f} ms {ratio}  "
          f"shortest {values['fastest_ms']:10.2f}  {values['peak_mb']:6.0f} MB  "
          f"{values['way']} ({values['runs']} runs)", flush=True)


def write_report(results: Results) -> None:
    """Writes the tables, and the chart where the peers' environment has what draws it."""
    path = results.path.with_suffix(".md")
    path.write_text(report.markdown(results, workloads.load().workloads), encoding="utf-8")
    print(f"tables: {path}")
    python = environment.VENV / "bin" / "python"
    chart = results.path.with_suffix(".png")
    if python.exists() and any(len(one["sides"]) > 1 for one in results.workloads.values()):
        subprocess.run([
            str(python), str(environment.BENCHMARKS / "harness" / "chart.py"), str(results.path),
            str(workloads.SHAPES), str(chart)], check=True)
        print(f"chart: {chart}")


if __name__ == "__main__":
    main()
