"""A plugin written in Swift, in a package of its own, works in hosts of other languages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".build" / "release" / "cnn-command"
PACKAGE = ROOT / "examples" / "plugins" / "mish"
GRAPH = {
    "inputs": [{"name": "image", "shape": [8, 8, 1]}],
    "layers": [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": "same"},
        {"name": "act", "type": "org.example.mish"},
        {"type": "max_pool2d", "kernel_size": 2},
        {"type": "flatten"},
        {"name": "logits", "type": "linear", "out_features": 10},
    ],
}


@pytest.fixture(scope="module")
def plugin():
    """The plugin, built."""
    swift = os.environ.get("SWIFT", "swift")
    if not shutil.which(swift):
        pytest.skip("no Swift toolchain is here")
    if not COMMAND.exists():
        pytest.skip(f"{COMMAND} is not built; run \"make build\"")
    scratch = ROOT / ".build" / "plugin-mish"
    result = subprocess.run(
        [swift, "build", "-c", "release", "--package-path", str(PACKAGE),
         "--scratch-path", str(scratch)], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "warning:" not in result.stdout + result.stderr
    return scratch / "release" / "libmish.so"


def command(*arguments, status=0):
    result = subprocess.run([str(COMMAND), *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_nothing_but_the_entry_is_visible(plugin):
    symbols = subprocess.check_output(["nm", "-D", "--defined-only", str(plugin)], text=True)
    assert [line.split()[-1] for line in symbols.splitlines()] == ["cnn_plugin_entry"]
    assert "swift" not in subprocess.check_output(["ldd", str(plugin)], text=True).lower()


def test_a_program_in_c_trains_with_it(plugin, tmp_path):
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    program = tmp_path / "train"
    subprocess.run(
        ["cc", "-std=c99", f"-I{ROOT / 'include'}", str(PACKAGE.parent / "train.c"), "-o",
         str(program), f"-L{COMMAND.parent}", "-lcnn", "-lm"], check=True)
    result = subprocess.run(
        [str(program), str(plugin), "org.example.mish", str(tmp_path / "model.cnn")],
        capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the same 3000 numbers" in result.stdout


def test_the_command_trains_and_evaluates_with_it(plugin, tmp_path):
    graph, model = tmp_path / "graph.json", tmp_path / "model.cnn"
    graph.write_text(json.dumps(GRAPH), encoding="utf-8")
    command("train", "--plugin", plugin, "--data", "digits", "--model", graph, "--epochs", 3,
            "--output", model)
    shown = command("evaluate", model, "--plugin", plugin, "--data", "digits", "--json")
    assert json.loads(shown)["accuracy"] > 0.6
    missing = command("evaluate", model, "--data", "digits", status=64)
    assert '"org.example.mish" version 1' in missing


def test_gradients_are_right_and_predictions_survive_saving(plugin, tmp_path):
    # In a process of its own, because a plugin stays loaded.
    program = f"""
import cnn, numpy
cnn.load_plugin({str(plugin)!r})
model = cnn.Model({json.dumps(GRAPH)!r}, seed=3)
x = numpy.random.default_rng(1).normal(size=(5, 8, 8, 1)).astype("float32")
y = model.predict(x)
assert model.gradient_check()["passed"]
model.save("model.cnn")
assert (cnn.Model.load("model.cnn").predict(x) == y).all()
for threads in (1, 2, 3, 8):
    cnn.set_num_threads(threads)
    assert (model.predict(x) == y).all()
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr
