"""The seeded faults are there: what each does can be seen in a program that uses the layer.

What `cnn plugin-check` says of them is tested elsewhere. Faults that write a number too far, or do no
harm until memory holds something else, cannot be seen from here; and a layer with parameters is never
computed inside another one, whatever function it claims to be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_support import FAULTS, LIBRARY, compile_plugin, has_compiler, listed

pytestmark = pytest.mark.skipif(not has_compiler(), reason="there is no C compiler")

# What a program sees of each fault; "died" and "error" come instead of everything else.
SYMPTOMS = {
    "NONE": set(),
    "WRONG_INPUT_GRADIENT": {"gradients"},
    "WRONG_PARAMETER_GRADIENT": {"gradients"},
    "RACES": {"gradients", "threads"},
    "CUTS_BY_CONCURRENCY": {"threads"},
    "LEAKS_ALLOCATE": {"leaks"},
    "CRASHES_IN_CREATE": {"died"},
    "CRASHES_IN_DESTROY": {"died"},
    "CRASHES_ON_ONE_SAMPLE": {"died"},
    "CRASHES_ON_ODD_SIZES": {"died"},
    "CRASHES_WITHOUT_INPUT_GRADIENT": {"died"},
    "CRASHES_ON_FROZEN_PARAMETER": {"died"},
    "READS_WHAT_IS_NOT_DECLARED": {"died"},
    "EXITS": {"died"},
    "STATE_IN_INFERENCE": {"inference"},
    "PREPARED_DISAGREES": {"outputs"},
    "COUNTS_CALLS": {"repeat"},
    "SHARES_GLOBAL": {"gradients"},
    "USES_RAND": {"repeat"},
    "SHORT_HEADER": {"error"},
    "WRONG_MAJOR": {"error"},
    "CLAIMS_IN_PLACE": {"outputs"},
    "CLAIMS_IDENTITY": {"outputs"},
    "HUGE_WORKSPACE": {"error"},
    "NEGATIVE_WORKSPACE": {"error"},
    "ALWAYS_FAILS": {"error"},
    "NOT_FINITE": {"error"},
}

USE = """
import json, sys
import numpy as np
import cnn

def symptoms():
    cnn.load_plugin(sys.argv[1])
    found = set()
    graph = {"inputs": [{"name": "x", "shape": [5, 3, 4]}], "layers": [
        {"name": "conv", "type": "conv2d", "out_channels": 5, "kernel_size": 1},
        {"name": "one", "type": "org.example.faulty"},
        {"name": "two", "type": "org.example.faulty"}]}
    random = np.random.default_rng(1)
    x = random.standard_normal((6, 5, 3, 4), dtype=np.float32)
    memory = cnn.memory_in_use()
    for _ in range(10):
        cnn.Model(graph)
    if cnn.memory_in_use() > memory + 100000:
        found.add("leaks")
    model = cnn.Model(graph, seed=1)
    model.states["one.running_mean"] = random.standard_normal(5)
    p = {name: np.array(value, np.float64) for name, value in model.parameters.items()}
    y = x.astype(np.float64) @ p["conv.weight"][:, :, 0, 0].T + p["conv.bias"]
    for name in ("one", "two"):
        y = p[name + ".weight"] * y + 0.5 * y * y
    before = np.array(model.states["one.running_mean"])
    output = model.predict(x)
    if output.shape != y.shape or not np.allclose(output, y, rtol=1e-3, atol=1e-4):
        found.add("outputs")
    if (model.predict(x) != output).any():
        found.add("repeat")
    model.predict(x[:1])
    if (model.states["one.running_mean"] != before).any():
        found.add("inference")
    if not cnn.Model(graph, seed=1).gradient_check()["passed"]:
        found.add("gradients")
    bits = set()
    for threads in (1, 2, 3, 8):
        cnn.set_num_threads(threads)
        model = cnn.Model(graph, seed=1)
        training = cnn.Training(model, batch_size=6, loss="mean_squared_error",
                                optimizer="sgd", frozen=["conv.weight", "conv.bias"])
        training.set_input(x)
        training.set_targets(0 * model.predict(x))
        for _ in range(4):
            training.run_step()
        bits.add(b"".join(value.tobytes() for value in model.parameters.values()))
    if len(bits) > 1:
        found.add("threads")
    frozen = cnn.Training(model, batch_size=6, frozen=["one.weight"], freeze_statistics=False,
                          loss="mean_squared_error", optimizer="sgd")
    frozen.set_input(x)
    frozen.set_targets(0 * output)
    frozen.run_step()
    return found

try:
    print(json.dumps(sorted(symptoms())))
except cnn.CNNError as problem:
    print(json.dumps(["error"]))
"""


def symptoms(plugin: Path) -> set[str]:
    """What a program sees that uses a plugin."""
    done = subprocess.run(
        [sys.executable, "-c", USE, str(plugin)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "CNN_LIBRARY": str(LIBRARY)})
    return set(json.loads(done.stdout)) if done.returncode == 0 and done.stdout else {"died"}


@pytest.mark.parametrize("name", SYMPTOMS)
def test_what_a_fault_does(name: str, tmp_path: Path) -> None:
    assert name in {row[0] for row in listed(FAULTS / "faults.c")}
    plugin = compile_plugin(FAULTS / "faults.c", tmp_path / "fault.so", f"-DFAULT={name}")
    seen = symptoms(plugin)
    assert SYMPTOMS[name] <= seen and (name != "NONE" or not seen), seen
