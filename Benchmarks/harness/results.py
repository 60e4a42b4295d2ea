"""The file of results, which runs of a part of the workloads update."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Results:
    """All that was measured on a machine, as JSON.

    ``workloads`` maps a name and a number of threads to what ``summary.summarize`` gives, with
    date, commit and load; ``scaling`` and ``startup`` are what the modules of those names give. A
    file from another machine, or for other instructions, is begun anew.
    """

    def __init__(self, path: Path, machine: dict[str, Any]) -> None:
        self.path = path
        self.machine = machine
        self.workloads: dict[str, dict[str, Any]] = {}
        self.scaling: list[dict[str, Any]] = []
        self.startup: dict[str, Any] | None = None
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            same = ("cpu", "cores", "limited_to")
            if all(content["machine"].get(key) == machine.get(key) for key in same):
                self.workloads = content["workloads"]
                self.scaling, self.startup = content["scaling"], content["startup"]

    def add(self, name: str, threads: int, summary: dict[str, Any]) -> None:
        """Puts a workload's result in place of the one before, and stores the file."""
        self.workloads[f"{name}/{threads}"] = {
            **summary, "date": self.machine["date"], "commit": self.machine["commit"],
            "load": os.getloadavg()[0]}
        self.save()

    def get(self, name: str, threads: int) -> dict[str, Any] | None:
        """A workload's result, if it was measured."""
        return self.workloads.get(f"{name}/{threads}")

    def save(self) -> None:
        """Writes the file, complete or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({
            "machine": self.machine, "workloads": self.workloads, "scaling": self.scaling,
            "startup": self.startup}, indent=1, sort_keys=True)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(self.path)
