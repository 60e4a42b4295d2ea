"""Measures one side of one workload in this process and prints the result as a line of JSON.

    python Benchmarks/worker.py SIDE JOB.json

``bench.py`` starts it; nobody else has to.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from harness.timing import Job, measure, take_precedence, wait_for_quiet

MODULES = {
    "cnn": "peers.cnn_side", "torch": "peers.torch_peer",
    "onnxruntime": "peers.onnxruntime_peer", "tensorflow": "peers.tensorflow_peer",
}


def main() -> None:
    """Does what the file says."""
    side, path = sys.argv[1:]
    request = json.loads(Path(path).read_text(encoding="utf-8"))
    module = importlib.import_module(MODULES[side])
    if "prepare" in request:
        result = module.prepare(request["prepare"])
    else:
        task = module.task(Job(**request["job"]))
        if not (request["precedence"] and take_precedence()):
            wait_for_quiet(request["patience"])
        result = measure(task, **request["limits"])
        result |= {"version": task.version, "parameters": task.parameters, **task.notes}
        if task.result is not None:
            result["result"] = task.result()
    print("\n" + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
