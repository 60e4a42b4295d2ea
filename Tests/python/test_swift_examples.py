"""The programs of examples/swift do what their comments say."""

import re
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[2] / ".build" / "release"


def run(name, *arguments, status=0):
    """Runs an example, which has to end with the given status, and returns what it prints."""
    program = BUILD / name
    if not program.exists():
        pytest.skip(f"{program} is not built; run \"make build\"")
    result = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("swift") / "digits.cnn"
    return path, run("ExampleTrain", path)


def test_train_learns_and_saves(trained):
    path, output = trained
    assert path.stat().st_size > 0
    accuracy = float(re.search(r"accuracy ([0-9.]+) on \d+ digits", output)[1])
    assert accuracy > 0.9


def test_recognise_agrees_with_python(trained, tmp_path):
    import cnn

    path, _ = trained
    digits = cnn.Dataset.named("digits", part="test")
    picture = tmp_path / "digit.png"
    digits.image(3).save(picture)
    lines = run("ExampleRecognise", path, picture).splitlines()
    best = cnn.Model.load(path).recognise(picture, top=3)
    assert [line.split(":")[0] for line in lines] == [answer.label for answer in best]
    assert float(lines[0].split(":")[1]) == pytest.approx(best[0].probability)


def test_recognise_says_what_is_wrong(tmp_path):
    output = run("ExampleRecognise", tmp_path / "none.cnn", tmp_path / "none.png", status=1)
    assert "none.cnn" in output


def test_custom_layer_has_the_right_gradient_and_learns():
    output = run("ExampleCustomLayer")
    assert "gradients are right: true" in output
    assert float(re.findall(r"accuracy ([0-9.]+)", output)[-1]) > 0.85


def test_recognise_says_how_to_call_it():
    assert "usage" in run("ExampleRecognise", status=2)
