"""The same bits for any number of threads, and for a run that was killed and resumed.

The runs go through the command, so that they can be killed like any process. Where the pictures of
CIFAR-10 are at hand ($CNN_SHARED_DATA or ../shared/data beside the repository), they train
ConvNet for two epochs on the first 5,000 of them; otherwise on the digits of the library.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import cnn

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".build" / "release" / "cnn-command"
DATA = Path(os.environ.get("CNN_SHARED_DATA", ROOT.parent / "shared" / "data"))
COUNT = 5000


@dataclass
class Data:
    """What to train on, for how long, and how many steps lie between checkpoints."""

    arguments: list[str]
    epochs: int
    every: int


def cifar10(folder: Path) -> Path | None:
    """Writes the first pictures of CIFAR-10 as the official binary file, if they are there."""
    archive = DATA / "cifar10" / "train.tar.gz"
    if not archive.exists():
        return None
    names = (DATA / "cifar10" / "batches.meta.txt").read_text().split()
    path = folder / "data_batch_1.bin"
    with tarfile.open(archive) as files, open(path, "wb") as output:
        written = 0
        for member in files:  # they stand in the official order
            if not member.isfile() or not member.name.endswith(".jpg"):
                continue
            # train/<class>/<position>.jpg
            _, name, _ = member.name.split("/")
            pixels = np.asarray(cnn.Image(files.extractfile(member).read()))
            output.write(bytes([names.index(name)]) + pixels.transpose(2, 0, 1).tobytes())
            written += 1
            if written == COUNT:
                return path
    return None


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = cifar10(tmp_path_factory.mktemp("cifar10"))
    if path is None:
        print(f"no CIFAR-10 in {DATA}: training on the digits")
        return Data(["--data", "digits", "--augment", '{"random_crop": {"padding": 1}}'],
                    20, 10)
    return Data(["--data", str(path), "--format", "cifar10", "--augment",
                 '{"horizontal_flip": 0.5, "random_crop": {"padding": 4}}'], 2, 20)


@pytest.fixture(scope="module")
def command():
    if not COMMAND.exists():
        pytest.skip(f"{COMMAND} was not built")

    def arguments(data, folder, threads):
        return [str(COMMAND), "train", *data.arguments, "--model", "convnet",
                "--epochs", str(data.epochs), "--optimizer", "momentum",
                "--learning-rate", "0.001", "--seed", "5", "--threads", str(threads),
                "--plot", "none", "--checkpoint", str(folder / "checkpoint"),
                "--checkpoint-every", str(data.every), "--output", str(folder / "model.cnn")]

    return arguments


def train(arguments):
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr


def results(folder):
    return {name: (folder / name).read_bytes() for name in ("checkpoint", "model.cnn")}


@pytest.fixture(scope="module")
def straight(data, command, tmp_path_factory):
    """What a run of one thread that nothing interrupts ends with."""
    folder = tmp_path_factory.mktemp("straight")
    train(command(data, folder, 1))
    return results(folder)


def test_two_threads_give_the_same_bits(data, command, straight, tmp_path):
    train(command(data, tmp_path, 2))
    assert results(tmp_path) == straight


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("saves", [1, 4])
def test_a_run_that_was_killed_and_resumed_gives_the_same_bits(
        data, command, straight, tmp_path, saves):
    """Killed in the middle of an epoch, after so many checkpoints were written."""
    arguments, checkpoint = command(data, tmp_path, 2), tmp_path / "checkpoint"
    process = subprocess.Popen(
        [*arguments, "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = set()
    while len(seen) < saves:
        assert process.poll() is None, "the run ended before it could be killed"
        if checkpoint.exists():
            seen.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "model.cnn").exists()
    assert checkpoint.read_bytes() != straight["checkpoint"]
    train([*arguments, "--resume"])
    assert results(tmp_path) == straight


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_through_python(threads, tmp_path):
    """A program that ends in the middle of a run, and another one that goes on."""
    program = """if True:
        import os, sys, cnn
        threads, stop, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
        cnn.set_num_threads(threads)
        data = cnn.Dataset.named("digits")
        model = cnn.Model.named("convnet", classes=10, input_shape=[16, 16, 1], seed=2)
        model.preprocessing = {"width": 16, "height": 16, "color": "grey"}
        trainer = cnn.Trainer(model, epochs=3, seed=2, augment={"random_crop": {"padding": 1}},
                              checkpoint=folder + "/checkpoint", resume=True)
        trainer.fit(data.subset(range(200)), data.subset(range(200, 300)),
                    progress=lambda p: os._exit(3) if (p.epoch, p.step) == (stop, 2) else False)
        model.save(folder + "/model.cnn")
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(cnn.__file__).parents[1])}

    def run(count, stop, folder):
        folder.mkdir(exist_ok=True)
        return subprocess.run([sys.executable, "-c", program, str(count), str(stop), str(folder)],
                              env=environment, timeout=300).returncode

    assert run(1, -1, tmp_path / "straight") == 0
    for stop, status in ((1, 3), (2, 3), (-1, 0)):
        assert run(threads, stop, tmp_path / "killed") == status
    assert results(tmp_path / "killed") == results(tmp_path / "straight")
