"""The example of a layer in Python does what it says, and stays as short as it claims to be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cnn

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "plugins" / "swish.py"


def run(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(cnn.__file__).parents[1])}
    result = subprocess.run([sys.executable, *map(str, arguments)], env=environment,
                            capture_output=True, text=True, timeout=300)
    return result.returncode, result.stdout, result.stderr


def test_swish():
    status, output, problems = run(EXAMPLE, "--epochs", "3")
    assert status == 0, problems
    assert not problems  # no warning of numpy, no exception that was ignored
    assert "gradients right" in output
    first, last, accuracy = map(float, re.search(
        r"loss from ([\d.]+) to ([\d.]+), accuracy ([\d.]+)%", output).groups())
    assert last < first and accuracy > 80
    assert "another process predicts the same bits" in output


def test_the_layer_has_twenty_lines():
    text = EXAMPLE.read_text()
    start = text.index("@cnn.register")
    assert len(text[start : text.index("def with_swish")].strip().splitlines()) <= 20
    assert len(text.splitlines()) < 100


def test_without_the_layer_loading_says_what_is_missing(tmp_path):
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(EXAMPLE.parent)!r})\n"
        "import cnn, swish\n"
        "cnn.Model({'inputs': [{'name': 'x', 'shape': [3]}],\n"
        "           'layers': [{'type': 'org.example.swish'}]}).save(sys.argv[1])\n")
    status, _, problems = run("-c", program, tmp_path / "model")
    assert status == 0, problems
    status, _, problems = run("-c", "import cnn, sys; cnn.Model.load(sys.argv[1])",
                              tmp_path / "model")
    assert status and "UnknownNameError" in problems and "org.example.swish" in problems
