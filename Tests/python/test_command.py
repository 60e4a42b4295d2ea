"""The command: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".build" / "release" / "cnn-command"

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="the command is not built")


def run(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command and checks its exit status."""
    result = subprocess.run(
        [str(COMMAND), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert result.returncode == status, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained for two epochs."""
    path = tmp_path_factory.mktemp("command") / "digits.cnn"
    run("train", "--data", "digits", "--epochs", 2, "--output", path)
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a digit that was not trained on."""
    import cnn

    path = tmp_path_factory.mktemp("pictures") / "digit.png"
    cnn.Dataset.named("digits", part="test").image(0).save(path)
    return path


def test_training_reports_epochs_and_writes_model_and_plot(tmp_path: Path) -> None:
    model = tmp_path / "model.cnn"
    result = run("train", "--data", "digits", "--epochs", 2, "-o", model)
    lines = [line for line in result.stderr.splitlines() if line.startswith("epoch")]
    assert len(lines) == 2 and "\r" not in result.stderr
    for word in ("loss", "accuracy", "validation accuracy", "samples/s"):
        assert word in lines[0]
    assert "left" in lines[0] and "left" not in lines[1]
    assert re.fullmatch(r"best epoch \d+: validation accuracy \d+\.\d %\n", result.stdout)
    assert model.exists()
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")


def test_training_prints_its_history_as_json(tmp_path: Path) -> None:
    result = run("train", "--data", "digits", "--epochs", 1, "--json", "--plot", "none",
                 "-o", tmp_path / "model.cnn")
    history = json.loads(result.stdout)
    assert len(history["epochs"]) == 1 and history["stopped"] == "finished"
    assert not (tmp_path / "model.png").exists()


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [str(COMMAND), "train", "--data", "digits", "--epochs", "1", "-o", str(tmp_path / "m.cnn")],
        stderr=follower, stdout=subprocess.DEVNULL)
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:
        pass  # Linux ends a pseudo-terminal this way
    assert process.wait() == 0
    assert re.search(rb"epoch 1/1 \[=+ *\] loss .* samples/s, .* left", shown)


def test_a_recipe_on_the_command_line(tmp_path: Path) -> None:
    """A preset, options that win over it, and every option of the recipe."""
    arguments = ["--data", "digits", "--model", "mnist", "--json", "--plot", "none",
                 "--output", tmp_path / "m.cnn"]
    history = json.loads(run(
        "train", *arguments, "--preset", "modern", "--epochs", 2, "--batch-size", 100,
        "--augment", '{"random_crop": {"padding": 1}}', "--ema", 0.9, "--mixup", 0.4,
        "--cutmix", 1, "--class-balance", "--label-smoothing", 0.05).stdout)
    assert len(history["epochs"]) == 2 and len(history["steps"]) == 2 * 15
    assert "modern" in run("train", "--help").stdout
    result = run("train", *arguments, "--preset", "modem", status=64)
    assert 'did you mean "modern"' in result.stderr


def test_a_mixture_trains_the_same_twice(tmp_path: Path) -> None:
    import cnn

    digits = cnn.Dataset.named("digits")
    for index in range(60):
        folder = tmp_path / "photos" / ("val" if index < 20 else "train") / str(digits.label(index))
        folder.mkdir(parents=True, exist_ok=True)
        digits.image(index).save(folder / f"{index}.png")
    with tarfile.open(tmp_path / "photos.tar.gz", "w:gz") as archive:
        for part in ("train", "val"):
            archive.add(tmp_path / "photos" / part, part)
    classes = {str(digit): "even" if digit % 2 == 0 else "odd" for digit in range(10)}
    found = {folder.name for folder in (tmp_path / "photos" / "train").iterdir()}
    mixture = tmp_path / "mixture.json"
    mixture.write_text(json.dumps({
        "classes": ["odd", "even"], "class_weights": {"odd": 1, "even": 1}, "samples_per_epoch": 64,
        "sources": [{"name": "packed", "data": "photos.tar.gz", "weight": 3,
                     "classes": {name: classes[name] for name in found}},
                    {"data": "photos/train", "weight": 1, "augment": {"rotation": 5},
                     "classes": {"0": "even", "*": None}}],
        "validation": [{"data": "photos", "part": "validation",
                        "classes": {"0": "even", "1": "odd", "*": None}}]}))
    models = []
    for name in ("a.cnn", "b.cnn"):
        result = run(
            "train", "--data", mixture, "--size", 16, "--model", "resnet_small", "--epochs", 2,
            "--augment", '{"random_resized_crop": {}, "downscale": {"probability": 0.5}}',
            "--plot", "none", "-o", tmp_path / name)
        models.append((tmp_path / name).read_bytes())
    assert models[0] == models[1]
    assert re.search(r"^  packed: 40 samples \(\d+ odd, \d+ even\), \d+\.\d % of an epoch$",
                     result.stderr, re.M)
    assert "  an epoch has 64 samples\n" in result.stderr and "validation accuracy" in result.stderr
    run("evaluate", tmp_path / "a.cnn", "--data", mixture)
    chosen = run("train", "--data", tmp_path / "photos.tar.gz", "--classes", "1,0", "--size", 16,
                 "--limit", 2, "--epochs", 1, "-o", tmp_path / "c.cnn")
    assert "2 classes, judged by" in chosen.stderr
    wrong = run("train", "--data", mixture, "--data-root", tmp_path / "photos", "--size", 16,
                "-o", tmp_path / "d.cnn", status=66)
    assert 'source "packed"' in wrong.stderr


def test_evaluating(trained: Path) -> None:
    text = run("evaluate", trained, "--data", "digits").stdout
    assert re.search(r"^accuracy +\d+\.\d %$", text, re.MULTILINE)
    metrics = json.loads(run("evaluate", trained, "--data", "digits", "--json").stdout)
    assert metrics["count"] == 300 and metrics["accuracy"] > 0.7


def test_evaluating_some_classes(trained: Path) -> None:
    data = ["--data", "digits"]
    text = run("evaluate", trained, *data, "--classes", "3,8,9").stdout
    assert re.search(r"^calibration error +\d+\.\d %$", text, re.MULTILINE)
    table = text.split("\n\n")[1].splitlines()
    assert table[0].split() == ["recall", "precision", "taken", "for", "3", "8", "9"]
    metrics = json.loads(
        run("evaluate", trained, *data, "--classes", "3,8,9", "--json").stdout)
    rows = [[int(word) for word in line.split()[-3:]] for line in table[1:]]
    assert rows == metrics["confusion"] and metrics["class_names"] == ["3", "8", "9"]
    cooler = json.loads(
        run("evaluate", trained, *data, "--temperature", 2, "--average-flips", "--json").stdout)
    assert cooler["temperature"] == 2 and cooler["average_flips"]
    for arguments in (["--classes", "3"], ["--classes", "3,cat"], ["--temperature", "0"]):
        run("evaluate", trained, *data, *arguments, status=64)


def test_calibrating_and_converting(trained: Path, tmp_path: Path) -> None:
    half, calibrated = tmp_path / "half.cnn", tmp_path / "calibrated.cnn"
    assert "float16" in run("convert", trained, half, "--precision", "float16").stdout
    assert half.stat().st_size < 0.6 * trained.stat().st_size
    before = half.read_bytes()
    text = run("calibrate", half, "--data", "digits", "-o", calibrated).stdout
    assert half.read_bytes() == before
    assert re.search(r"^temperature +1\.0000 +\d+\.\d{4}$", text, re.MULTILINE)
    # It stays in half precision, and only the temperature is new.
    assert calibrated.stat().st_size - half.stat().st_size < 200
    report = json.loads(run("calibrate", half, "--data", "digits", "--json").stdout)
    assert half.read_bytes() == calibrated.read_bytes()
    metrics = json.loads(run("evaluate", half, "--data", "digits", "--part", "test",
                             "--json").stdout)
    assert metrics["temperature"] == report["temperature"] != 1
    again = tmp_path / "again.cnn"
    assert "float16" in run("convert", half, again).stdout
    assert again.read_bytes() == half.read_bytes()
    message = run("convert", half, again, "--precision", "float8", status=64).stderr
    assert "float16" in message


def test_predicting(trained: Path, picture: Path) -> None:
    line = run("predict", trained, picture, "--top", 2).stdout
    assert line.startswith(f"{picture}: ") and line.count("%") == 2
    rows = json.loads(run("predict", trained, picture, "--json").stdout)
    shares = [answer["probability"] for answer in rows[0]["predictions"]]
    assert rows[0]["path"] == str(picture) and shares == sorted(shares, reverse=True)


def test_one_bad_picture_does_not_hide_the_others(trained: Path, picture: Path) -> None:
    result = run("predict", trained, "missing.png", picture, status=66)
    assert str(picture) in result.stdout and "missing.png" in result.stderr


def test_summaries(trained: Path, tmp_path: Path) -> None:
    listed = run("summary").stdout
    assert "alexnet" in listed and "resnet50" in listed
    assert "25,557,032" in run("summary", "resnet50").stdout
    assert json.loads(run("summary", trained, "--json").stdout)
    graph = tmp_path / "graph.json"
    graph.write_text(run("summary", "mnist", "--graph").stdout)
    assert run("summary", graph).stdout.splitlines()[-3:] == (
        run("summary", "mnist").stdout.splitlines()[-3:])


def test_benchmarks() -> None:
    rows = json.loads(run("bench", "mnist", "--runs", 2, "--train", "--json").stdout)
    assert [row["what"] for row in rows] == ["predict", "train"]
    assert all(row["median_ms"] > 0 for row in rows)


def test_benchmarks_of_layers() -> None:
    steps = json.loads(run("bench", "mnist", "--runs", 2, "--layers", "--train", "--json").stdout)
    forward = [step["nodes"] for step in steps if step["pass"] == "forward"]
    backward = [step["nodes"] for step in steps if step["pass"] == "backward"]
    assert len(forward) > 3
    assert backward == forward[::-1][:len(backward)]
    table = run("bench", "mnist", "--runs", 2, "--layers").stdout.splitlines()
    assert table[0].split()[:3] == ["layer", "type", "output"]
    assert table[-1].startswith("sum")


@pytest.mark.parametrize(("arguments", "status", "fragment"), [
    (["train", "--data", "digits", "--model", "resnet_smal"], 64, 'did you mean "resnet_small"?'),
    (["train", "--data", "digits", "--optimizer", "adaam"], 64, 'did you mean "adam"?'),
    (["train", "--data", "digits", "--schedule", '{"type": "stepp"}'], 64, '"step"'),
    (["train", "--data", "/nowhere"], 66, "/nowhere"),
    (["train", "--data", "digits", "--epochs", "0"], 64, "epochs"),
    (["train", "--data", "digits", "--threads", "0"], 64, "--threads"),
    (["predict", "/nowhere.cnn", "a.png"], 66, "/nowhere.cnn"),
    (["predict", "--model", __file__, "a.png"], 65, __file__),
    (["predict", "--model", "no-such-model", "a.png"], 66, "no-such-model.cnn"),
    (["predict", "/nowhere.cnn"], 64, "no picture"),
    (["predict", "a.png", "--top", "0"], 64, "--top"),
    (["summary", "--nonsense"], 64, "--nonsense"),
    (["bench", "mnist", "--runs", "0"], 64, "--runs"),
    (["bench", "mnist", "--batch", "0"], 64, "batch"),
])
def test_mistakes(arguments: list[str], status: int, fragment: str) -> None:
    assert fragment in run(*arguments, status=status).stderr


def test_help_teaches() -> None:
    assert "cnn train --data digits" in run("--help").stdout
    for name in ("train", "predict", "evaluate", "summary", "bench"):
        assert "OVERVIEW" in run(name, "--help").stdout


def test_interrupting_saves_what_there_is(tmp_path: Path) -> None:
    model = tmp_path / "model.cnn"
    process = subprocess.Popen(
        [str(COMMAND), "train", "--data", "digits", "--epochs", "1000", "-o", str(model)],
        stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(timeout=60) == 130, rest
    assert model.exists() and "saved" in rest


def test_resuming_a_killed_run(tmp_path: Path) -> None:
    def arguments(name: str) -> list[str]:
        return [str(COMMAND), "train", "--data", "digits", "--epochs", "4", "--seed", "3",
                "--checkpoint", str(tmp_path / f"{name}.checkpoint"), "--checkpoint-every", "10",
                "-o", str(tmp_path / f"{name}.cnn")]

    subprocess.run(arguments("whole"), check=True, capture_output=True)
    killed = subprocess.Popen(arguments("killed"), stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "killed.checkpoint"
    while not checkpoint.exists():
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    subprocess.run([*arguments("killed"), "--resume"], check=True, capture_output=True)
    for suffix in ("cnn", "checkpoint"):
        whole, resumed = (tmp_path / f"{name}.{suffix}" for name in ("whole", "killed"))
        assert whole.read_bytes() == resumed.read_bytes()
