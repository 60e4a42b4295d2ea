"""The classes in the documentation work as they are."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cnn

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "plugins" / "swish.py"
README = Path(__file__).resolve().parents[1] / "README.md"

PRELUDE = "import numpy as np\nimport cnn\n"
CHECKS = """
model = cnn.Model({
    "inputs": [{"name": "x", "shape": [8]}],
    "layers": [{"type": "linear", "out_features": 4}, {"type": "org.example.swish", "beta": 1.5}]})
assert model.gradient_check()["passed"]
assert model.gradient_check(loss="org.example.huber")["passed"]

def train(loss, optimizer, steps=30):
    training = cnn.Training(
        model.copy(), loss=loss, optimizer=optimizer, learning_rate=0.01, batch_size=2)
    training.set_input(np.linspace(-1, 1, 16).reshape(2, 8))
    training.set_targets(np.linspace(-2, 2, 8).reshape(2, 4))
    return [training.run_step() for _ in range(steps)]

np.testing.assert_allclose(
    train("org.example.huber", "adam"), train("smooth_l1", "adam"), rtol=1e-4)
losses = train("mean_squared_error", "org.example.lion")
assert losses[-1] < losses[0] / 2, losses
print("done")
"""


def run(code):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout == "done\n", result.stderr


def test_the_readme():
    if not README.exists():
        pytest.skip("README.md is not beside an installed package")
    text = README.read_text(encoding="utf-8").partition("## Layers, losses and optimizers")[2]
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    example = EXAMPLE.read_text(encoding="utf-8")
    assert example[example.index("@cnn.register") : example.index("\n\n\ndef with_")] in blocks[0]
    run(PRELUDE + "\n".join(blocks) + CHECKS)


def test_the_docstrings():
    examples = [re.search(r"::\n\n(    @cnn.*?)\n\n(?=\S)", inspect.getdoc(kind), re.DOTALL)
                for kind in (cnn.Layer, cnn.Loss, cnn.Optimizer)]
    run(PRELUDE + "\n".join(inspect.cleandoc(match[1]) for match in examples) + CHECKS)
