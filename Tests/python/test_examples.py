"""Every example compiles, runs, and says what it should, with header and library alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cnn

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("CNN_LIBRARY", ROOT / ".build" / "release" / "libcnn.so")).absolute()
C_EXAMPLES = sorted(path.stem for path in (ROOT / "examples" / "c").glob("*.c"))
PYTHON_EXAMPLES = sorted(path.stem for path in (ROOT / "examples" / "python").glob("*.py"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A trained model, a picture, and the class that the picture shows."""
    folder = tmp_path_factory.mktemp("files")
    train, test = cnn.Dataset.named("digits"), cnn.Dataset.named("digits", part="test")
    model = cnn.Model({
        "inputs": [{"name": "image", "shape": [8, 8, 1]}],
        "layers": [
            {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "padding": "same"},
            {"type": "relu"}, {"type": "max_pool2d", "kernel_size": 2}, {"type": "flatten"},
            {"type": "linear", "out_features": 10}]})
    cnn.Trainer(model, epochs=4, learning_rate=0.01).fit(train, test)
    model.save(folder / "digits.cnn")
    right = next(index for index in range(len(test))
                 if model.recognise(test.image(index))[0].index == test.label(index))
    test.image(right).save(folder / "digit.png")
    return folder, test.class_names[test.label(right)]


def run(command, **options):
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=300, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What a user gets: a folder with the header and the library, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copy(ROOT / "include" / "cnn.h", folder)
    shutil.copy(LIBRARY, folder / "libcnn.so.0")
    (folder / "libcnn.so").symlink_to("libcnn.so.0")
    return folder


@pytest.mark.parametrize("name", C_EXAMPLES)
def test_c(name, files, installed, tmp_path):
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    folder, label = files
    program = tmp_path / name
    for standard in ("c99", "c11"):
        run(["gcc", f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror", "-pthread",
             f"-I{installed}", ROOT / "examples" / "c" / f"{name}.c", "-o", program,
             f"-L{installed}", "-lcnn", f"-Wl,-rpath,{installed}"])
    arguments = {"recognise": [folder / "digits.cnn", folder / "digit.png"],
                 "train": [tmp_path / "trained.cnn"]}.get(name, [])
    # An empty environment: no toolchain, no variables, another folder.
    output = run([program, *arguments], env={}, cwd=tmp_path)
    if name == "recognise":
        assert re.match(rf"\s*\d+\.\d+ %\s+{label}\n", output), output
        assert len(output.splitlines()) == 5
        result = subprocess.run([program, folder / "nowhere", "x"], env={}, capture_output=True,
                                text=True)
        assert result.returncode == 1 and "CNN_INPUT_OUTPUT" in result.stderr
    if name == "train":
        model = cnn.Model.load(tmp_path / "trained.cnn")
        accuracy = model.evaluate(cnn.Dataset.named("digits", part="test"))["accuracy"]
        assert accuracy > 0.9
    if name == "threads":
        assert "all the same bits" in output


def python_environment():
    """Python finds the package that is under test, wherever that is."""
    return {**os.environ, "PYTHONPATH": str(Path(cnn.__file__).parents[1])}


def test_python_examples_are_known():
    assert set(PYTHON_EXAMPLES) == {"train_digits", "custom_loop", "bare_ctypes"}
    for name in PYTHON_EXAMPLES:
        text = (ROOT / "examples" / "python" / f"{name}.py").read_text()
        assert len(text.splitlines()) < 100, name


def test_train_digits(tmp_path):
    output = run([sys.executable, ROOT / "examples" / "python" / "train_digits.py",
                  "--epochs", "3", "--output", tmp_path], env=python_environment())
    accuracy = float(re.search(r"accuracy ([\d.]+)% on pictures", output)[1])
    assert accuracy > 80
    assert cnn.Model.load(tmp_path / "digits.cnn").class_names[9] == "9"
    assert cnn.Image(tmp_path / "digit.png").shape == (8, 8, 1)
    assert (tmp_path / "digits.png").exists() or "matplotlib is not installed" in output


def test_custom_loop():
    output = run([sys.executable, ROOT / "examples" / "python" / "custom_loop.py",
                  "--epochs", "3"], env=python_environment())
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", output)]
    accuracies = [float(value) for value in re.findall(r"accuracy ([\d.]+)%", output)]
    assert len(losses) == 3 and losses[2] < losses[0] and accuracies[2] > 85


def test_the_derivative_of_the_focal_loss(monkeypatch):
    """What custom_loop.py works out by hand, against finite differences."""
    import numpy as np

    monkeypatch.syspath_prepend(str(ROOT / "examples" / "python"))
    from custom_loop import focal_loss

    random = np.random.default_rng(1)
    logits, labels = random.normal(size=(3, 10)), np.array([4, 0, 9])
    _, gradient = focal_loss(logits, labels)
    for index in np.ndindex(3, 10):
        step = np.zeros_like(logits)
        step[index] = 1e-5
        slope = (focal_loss(logits + step, labels)[0] - focal_loss(logits - step, labels)[0]) / 2e-5
        assert abs(slope - gradient[index]) < 1e-7


def test_bare_ctypes(files):
    folder, label = files
    script = ROOT / "examples" / "python" / "bare_ctypes.py"
    # -S: without site packages, so without numpy.
    output = run([sys.executable, "-I", "-S", script, LIBRARY, folder / "digits.cnn",
                  folder / "digit.png"], env={}, cwd=folder)
    lines = output.splitlines()
    assert lines[0].split()[1] == label and lines[3].startswith("input [8, 8, 1]")
    expected = cnn.Model.load(folder / "digits.cnn").predict([[[[0]] * 8] * 8])[0]
    assert lines[4] == " ".join(f"{value:.3f}" for value in expected)
    result = subprocess.run(
        [sys.executable, "-I", "-S", script, LIBRARY, folder / "nowhere", "x"],
        capture_output=True, text=True)
    assert result.returncode and "nowhere" in result.stderr
