"""Whether training notices the rounding of the fast convolutions.

    .venv/bin/python Benchmarks/training_curves.py
    .venv/bin/python Benchmarks/training_curves.py --train cifar/train --validation cifar/test

Trains one network from several seeds, once with the algorithms that are usual and once with
"precise": true, which keeps to plain sums, and writes the accuracies to
results/training_curves.md. Without --train it uses the digits that are built in.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bindings" / "python"))
os.environ.setdefault("CNN_LIBRARY", str(ROOT / ".build" / "release" / "libcnn.so"))

import cnn  # noqa: E402 - the path has to be set first
import numpy as np  # noqa: E402


def open_data(arguments: argparse.Namespace) -> tuple[cnn.Dataset, cnn.Dataset]:
    """What to train on and what to judge by."""
    if arguments.train is None:
        return cnn.Dataset.named("digits"), cnn.Dataset.named("digits", part="test")
    train = cnn.Dataset.open(arguments.train, size=arguments.size)
    validation = cnn.Dataset.open(arguments.validation, size=arguments.size)
    # The same samples for all runs, from all classes.
    chosen = np.random.default_rng(0).permutation(len(train))[:arguments.samples]
    return train.subset(np.sort(chosen)), validation


def accuracy(
    arguments: argparse.Namespace, data: tuple[cnn.Dataset, cnn.Dataset], seed: int, precise: bool,
) -> float:
    """The validation accuracy after the last epoch of a run."""
    train, validation = data
    model = cnn.Model.named(
        arguments.model, classes=len(train.class_names), input_shape=train.shape, seed=seed,
        precise=precise)
    history = cnn.Trainer(
        model, epochs=arguments.epochs, batch_size=50, seed=seed, keep_best=False,
        optimizer="adam", learning_rate=2e-3, schedule="cosine").fit(train, validation)
    return float(history["epochs"][-1]["validation_accuracy"])


def table(arguments: argparse.Namespace, rows: list[tuple[int, float, float]], count: int) -> str:
    """The results in Markdown."""
    usual, precise = ([row[i] for row in rows] for i in (1, 2))
    data = "the built-in digits" if arguments.train is None else "CIFAR-10 from JPEG"
    lines = [
        "# Training with and without Winograd", "",
        f"`{arguments.model}`, {count} samples of {data}, {arguments.epochs} epochs, Adam, rate 2e-3 "
        f"with a cosine schedule, batches of 50; validation accuracy after the last epoch. "
        f"{datetime.now(UTC):%Y-%m-%d}, cnn {cnn.version()} ({cnn.cpu_variant()}).", "",
        "| seed | usual | `\"precise\": true` |", "|---|---:|---:|",
    ]
    lines += [f"| {seed} | {a:.1%} | {b:.1%} |" for seed, a, b in rows]
    lines.append(f"| mean | {statistics.mean(usual):.1%} | {statistics.mean(precise):.1%} |")
    lines.append(f"| deviation | {statistics.stdev(usual):.1%} | {statistics.stdev(precise):.1%} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs all trainings and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="resnet_small")
    parser.add_argument("--train", help="a folder of pictures, or another data set")
    parser.add_argument("--validation", help="what to judge by")
    parser.add_argument("--samples", type=int, default=5000, help="samples of --train to use")
    parser.add_argument("--size", type=int, default=32, help="height and width of the pictures")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="how many, 2 or more")
    arguments = parser.parse_args()
    data = open_data(arguments)
    rows = []
    for seed in range(arguments.seeds):
        pair = [accuracy(arguments, data, seed, precise) for precise in (False, True)]
        rows.append((seed, pair[0], pair[1]))
        print(f"seed {seed}: usual {pair[0]:.1%}, precise {pair[1]:.1%}", flush=True)
    text = table(arguments, rows, len(data[0]))
    (ROOT / "Benchmarks" / "results" / "training_curves.md").write_text(text)


if __name__ == "__main__":
    main()
