"""Times the small networks of this project in cnn and in PyTorch, in turn, in one process.

    .venv/bin/python -m pip install torch
    .venv/bin/python Benchmarks/compare_with_pytorch.py [--threads 2] [--runs 15]

Each workload is run once with one library and once with the other, over and over; printed are the
medians and the ratio PyTorch / cnn. PyTorch is given both of its memory formats and the faster one
counts.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bindings" / "python"))
os.environ.setdefault("CNN_LIBRARY", str(ROOT / ".build" / "release" / "libcnn.so"))

import cnn  # noqa: E402 - the path has to be set first


def convnet() -> nn.Module:
    """The original's ConvNet."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 7, padding=3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(32 * 16 * 16, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, 10))


def alexnet() -> nn.Module:
    """AlexNet in one piece, with local response normalisation as cnn's default."""
    def norm() -> nn.Module:
        return nn.LocalResponseNorm(5, 5e-4, 0.75, 2)

    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2), norm(),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2), norm(),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 1000))


def timed(runs: int, candidates: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median time of each candidate in milliseconds; they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for run in range(runs + 2):
        for name, body in candidates.items():
            # The threads of the library before spin for a while after their work, on the cores
            # that this one needs; and one run puts the caches in order.
            time.sleep(0.25)
            body()
            start = time.perf_counter()
            body()
            if run >= 2:  # the first two warm up
                seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def predicting(name: str, module: nn.Module, batch: int) -> dict[str, Callable[[], object]]:
    """Prediction in each library."""
    model = cnn.Model.named(name)
    shape = model.inputs[0].shape
    samples = np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32)
    result: dict[str, Callable[[], object]] = {"cnn": lambda: model.predict(samples)}
    for label, memory in (("torch", torch.contiguous_format),
                          ("torch, channels last", torch.channels_last)):
        eager = copy.deepcopy(module).eval().to(memory_format=memory)
        tensor = torch.from_numpy(samples).permute(0, 3, 1, 2).contiguous(memory_format=memory)

        def run(eager: nn.Module = eager, tensor: torch.Tensor = tensor) -> object:
            with torch.inference_mode():
                return eager(tensor)

        result[label] = run
    return result


def training(name: str, module: nn.Module, batch: int) -> dict[str, Callable[[], object]]:
    """A training step with momentum in each library."""
    model = cnn.Model.named(name)
    generator = np.random.default_rng(0)
    shape, classes = model.inputs[0].shape, model.outputs[0].shape[0]
    samples = generator.normal(size=(batch, *shape)).astype(np.float32)
    labels = generator.integers(classes, size=batch)
    ours = cnn.Training(model, batch_size=batch, optimizer="momentum", learning_rate=1e-4)
    result: dict[str, Callable[[], object]] = {"cnn": lambda: ours.step(samples, labels)}
    for label, memory in (("torch", torch.contiguous_format),
                          ("torch, channels last", torch.channels_last)):
        eager = copy.deepcopy(module).train().to(memory_format=memory)
        optimizer = torch.optim.SGD(eager.parameters(), 1e-4, momentum=0.9)
        tensor = torch.from_numpy(samples).permute(0, 3, 1, 2).contiguous(memory_format=memory)
        target = torch.from_numpy(labels)

        def run(eager=eager, optimizer=optimizer, tensor=tensor, target=target) -> object:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(eager(tensor), target)
            loss.backward()
            optimizer.step()
            return loss.item()

        result[label] = run
    return result


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cnn.set_num_threads(arguments.threads)
    print(f"{arguments.threads} thread(s), medians of {arguments.runs} runs, "
          f"torch {torch.__version__}, cnn {cnn.version()} ({cnn.cpu_variant()})\n")
    print("| workload | cnn, ms | PyTorch, ms | ratio |\n|---|---|---|---|")
    workloads = [
        ("ConvNet train step, N=100", training("convnet", convnet(), 100)),
        ("ConvNet predict, N=1", predicting("convnet", convnet(), 1)),
        ("ConvNet predict, N=100", predicting("convnet", convnet(), 100)),
        ("AlexNet predict, N=1", predicting("alexnet", alexnet(), 1)),
        ("AlexNet predict, N=32", predicting("alexnet", alexnet(), 32)),
    ]
    for title, candidates in workloads:
        medians = timed(arguments.runs, candidates)
        ours = medians.pop("cnn")
        peer = min(medians.values())
        print(f"| {title} | {ours:.2f} | {peer:.2f} | {peer / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
