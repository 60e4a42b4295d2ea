"""Hostile texts, files and threads: whatever they say, calls end with a status and leave no memory.

Cases come from seeds, so that a failure can be repeated. They run in forked children, because what
this looks for would end the process; a child that takes too long is ended by an alarm.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import struct
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnn
from cnn import _ffi

SECONDS = 60

IMAGE = {"name": "x", "shape": [8, 8, 4]}
GRAPHS: list[dict[str, Any]] = [
    {"inputs": [IMAGE], "layers": [
        {"name": "c", "type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": "same"},
        {"name": "b", "type": "batch_norm"}, {"name": "r", "type": "relu"},
        {"name": "p", "type": "max_pool2d", "kernel_size": 2},
        {"name": "f", "type": "flatten"}, {"name": "l", "type": "linear", "out_features": 5}]},
    {"inputs": [IMAGE], "layers": [
        {"name": "d", "type": "conv2d", "out_channels": 4, "kernel_size": 3, "groups": 4,
         "padding": 1},
        {"name": "s", "type": "add", "inputs": ["d", "x"]},
        {"name": "m", "type": "multiply", "inputs": ["s", "s"]},
        {"name": "k", "type": "concat", "inputs": ["m", "s", "x"]},
        {"name": "a", "type": "avg_pool2d", "kernel_size": 3, "stride": 2, "padding": 1},
        {"name": "n", "type": "local_response_norm", "size": 3},
        {"name": "g", "type": "global_avg_pool2d"}, {"name": "o", "type": "dropout"}]},
    {"inputs": [IMAGE], "layers": [
        {"name": "p", "type": "max_pool2d", "kernel_size": 2, "return_indices": True},
        {"name": "q", "type": "sigmoid"},
        {"name": "u", "type": "max_unpool2d", "kernel_size": 2, "inputs": ["q", "p.indices"]},
        {"name": "t", "type": "transposed_conv2d", "out_channels": 3, "kernel_size": 3,
         "stride": 2},
        {"name": "h", "type": "upsample2d", "scale_factor": 2, "mode": "bilinear"},
        {"name": "w", "type": "pad2d", "padding": [1, 2], "mode": "reflect"},
        {"name": "v", "type": "reshape", "shape": [-1, 3]}, {"name": "z", "type": "softmax"}]},
]
NUMBERS = [0, -1, 1, 2, 3, 5, 7, 16, 1000, 1 << 20, (1 << 24) + 1, 1 << 30, (1 << 31) - 1, 1 << 31,
           1 << 40, (1 << 63) - 1, -(1 << 63), 1 << 64, 0.5, 1e-30, 1e30, 1e308]


# What the library held when the child was forked: other tests' objects may be alive in the parent.
inherited = 0


def in_child(work: Callable[[], None]) -> None:
    """Runs `work` in a forked child and fails if it ends in any other way than by returning."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(SECONDS)
        global inherited
        inherited = cnn.memory_in_use()
        status = 1
        try:
            work()
            status = 0
        except BaseException as problem:
            os.write(writer, repr(problem).encode()[:4000])
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        message = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, message or f"the child ended with the wait status {status}"


def quietly(call: Callable[[], Any]) -> Any:
    """Calls, and returns None where that is an error of the library or a refused argument."""
    try:
        return call()
    except (cnn.CNNError, ValueError, TypeError, OverflowError):
        return None


def wait_until_empty() -> None:
    """Fails if the library goes on holding more memory than the child was born with."""
    for _ in range(1000):
        if cnn.memory_in_use() <= inherited:
            return
        time.sleep(0.002)
    raise AssertionError(f"{cnn.memory_in_use() - inherited} bytes are left")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a tree of lists and objects, as a container and a key."""
    keys: Any = ()
    if isinstance(value, dict):
        keys = value
    elif isinstance(value, list):
        keys = range(len(value))
    found = []
    for key in keys:
        found.append((value, key))
        found += places(value[key])
    return found


def mutated(source: random.Random, graph: dict[str, Any]) -> dict[str, Any]:
    """A copy of a graph with a few numbers changed, members removed or layers repeated."""
    graph = json.loads(json.dumps(graph))
    for _ in range(source.choice([1, 1, 2, 3])):
        container, key = source.choice(places(graph))
        match source.randrange(8):
            case 0:
                del container[key]
            case 1 if isinstance(graph.get("layers"), list) and graph["layers"]:
                graph["layers"].append(dict(source.choice(graph["layers"])))
            case 2:
                graph["outputs"] = [source.choice("cxpsmuqz") for _ in range(source.randrange(3))]
            case _:
                numbers = [(c, k) for c, k in places(graph) if type(c[k]) is int]
                if numbers:
                    container, key = source.choice(numbers)
                    container[key] = source.choice(NUMBERS)
    return graph


@pytest.mark.parametrize("seed", range(4))
def test_graphs(seed: int) -> None:
    """Graphs that are nearly right: created, run with all kinds of numbers, and trained."""

    def work() -> None:
        cnn.set_memory_limit(1 << 27)
        for case in range(250):
            source = random.Random(f"{seed} {case}")
            use(source, mutated(source, source.choice(GRAPHS)))
            wait_until_empty()

    def use(source: random.Random, graph: dict[str, Any]) -> None:
        model = quietly(lambda: cnn.Model(graph))
        if model is None:
            return
        with model:
            quietly(lambda: model.summary(source.choice([1, 1 << 40, (1 << 63) - 1])))
            shape = model.inputs[0].shape
            if np.prod(shape) > 1 << 16 or len(model.inputs) != 1:
                return
            fill = source.choice([0.0, 1.0, float("nan"), float("inf"), 3e38])
            sample = np.full((2, *shape), fill, np.float32)
            quietly(lambda: model.predict(sample))
            training = quietly(lambda: cnn.Training(model, batch_size=2))
            if training is not None:
                with training:
                    quietly(lambda: training.step(sample, np.zeros(2, np.int64)))

    in_child(work)


@pytest.mark.parametrize("kind", ["max_pool2d", "avg_pool2d"])
def test_windows_of_padding(kind: str) -> None:
    """Windows of 2^30 cells, nearly all of them padding, take no longer than small ones."""

    def work() -> None:
        signal.alarm(10)
        reach = 1 << 30
        with cnn.Model({"inputs": [{"name": "x", "shape": [1024, 1, 1]}], "layers": [
                {"type": kind, "kernel_size": [reach, 1], "padding": [reach - 1, 0],
                 "stride": [1 << 22, 1]}]}) as model:
            output = model.predict(np.ones((1, 1024, 1, 1), np.float32))
        expected = 1 if kind == "max_pool2d" else 1024 / reach
        assert output.shape == (1, 257, 1, 1)
        np.testing.assert_allclose(output[0, 1:-1], expected, rtol=1e-6)

    in_child(work)


@pytest.mark.parametrize(
    "text", ["[" * 500 + "]" * 500, '{"a":' * 500 + "1" + "}" * 500], ids=["lists", "objects"])
def test_deep_texts_on_small_stacks(text: str) -> None:
    """Texts of hundreds of levels end with an error, also on a thread with a small stack."""

    def read() -> None:
        for description in (text, '{"inputs": ' + text + "}"):
            with pytest.raises(cnn.CNNError):
                _ffi.new_object("cnn_model_create", description.encode(), None)

    def work() -> None:
        threading.stack_size(256 << 10)
        reader = Checked(read)
        reader.start()
        reader.join()
        assert reader.problem is None, reader.problem

    in_child(work)


class Checked(threading.Thread):
    """A thread that remembers what went wrong."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self.work = work
        self.problem: BaseException | None = None

    def run(self) -> None:
        """Does the work."""
        try:
            self.work()
        except BaseException as problem:
            self.problem = problem


def test_calls_in_the_wrong_order() -> None:
    """What the calls before did not compute is refused instead of read."""
    sample, labels = np.ones((4, 8, 8, 1), np.float32), np.zeros(4, np.int64)
    with small_model() as model, cnn.Training(model, batch_size=4) as training:
        training.set_input(sample[:2])
        training.set_labels(labels[:2])
        training.forward()
        # Four samples were set, and two were computed.
        training.set_input(sample)
        training.set_labels(labels)
        with pytest.raises(cnn.ShapeMismatchError):
            training.loss()
        training.set_labels(labels[:2])
        training.loss()
        training.zero_gradients()
        training.backward()
        once = {name: values.copy() for name, values in training.gradients.items()}
        with pytest.raises(cnn.CNNError, match="forward"):
            training.backward()
        # The loss may be asked for again, but it leaves the gradients alone.
        training.loss()
        for name, values in training.gradients.items():
            np.testing.assert_array_equal(values, once[name])


def test_names_of_blocks() -> None:
    """A block's name stands for what its last layer computes."""
    with cnn.Model({"inputs": [{"name": "x", "shape": [8]}], "layers": [
            {"name": "b", "type": "affine_relu", "out_features": 6},
            {"name": "l", "type": "linear", "out_features": 2}]}) as model:
        sample = np.linspace(-1, 1, 16, dtype=np.float32).reshape(2, 8)
        with cnn.Session(model, keep=["b"], batch_size=2) as session:
            session.run(sample)
            kept = session.output("b").copy()
        weight, bias = model.parameters["b.linear.weight"], model.parameters["b.linear.bias"]
        np.testing.assert_allclose(kept, np.maximum(sample @ weight.T + bias, 0), rtol=1e-5)


def small_model() -> cnn.Model:
    """A model of the digits."""
    return cnn.Model({"inputs": [{"name": "x", "shape": [8, 8, 1]}], "layers": [
        {"name": "c", "type": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": "same"},
        {"name": "b", "type": "batch_norm"}, {"type": "relu"}, {"type": "flatten"},
        {"name": "l", "type": "linear", "out_features": 10}]})


def spoiled(source: random.Random, contents: bytes) -> bytes:
    """A model file or checkpoint with another header, and sometimes other or less data."""
    length = struct.unpack("<Q", contents[:8])[0]
    header, data = contents[8:8 + length], contents[8 + length:]
    for _ in range(source.choice([1, 1, 2, 3])):
        if source.random() < 0.7:
            found = source.choice(list(re.finditer(rb"-?\d+", header)))
            header = (header[:found.start()] + str(source.choice(NUMBERS)).encode()
                      + header[found.end():])
        else:
            start = source.randrange(len(header))
            junk = source.choice([b"", b'"', b"\\", b"{", b"[" * 5000, b"\xff"])
            header = header[:start] + junk + header[start + source.randrange(3):]
    if source.random() < 0.2:
        data = data[:source.randrange(len(data))]
    if source.random() < 0.1:
        length = source.choice([0, 1, 1 << 63, (1 << 64) - 1])
    else:
        length = len(header)
    return struct.pack("<Q", length) + header + data


def test_files(tmp_path: Path) -> None:
    """Model files and checkpoints whose headers lie."""

    def work() -> None:
        cnn.set_memory_limit(1 << 27)
        sample, labels = np.ones((1, 8, 8, 1), np.float32), np.zeros(1, np.int64)
        with small_model() as model, cnn.Training(model, batch_size=1) as training:
            training.step(sample, labels)
            training.save(tmp_path / "checkpoint")
            model.save(tmp_path / "model")
        checkpoint = (tmp_path / "checkpoint").read_bytes()
        saved = (tmp_path / "model").read_bytes()
        spoiled_file = tmp_path / "spoiled"
        for case in range(300):
            source = random.Random(case)
            spoiled_file.write_bytes(spoiled(source, saved))
            loaded = quietly(lambda: cnn.Model.load(spoiled_file))
            if loaded is not None:
                with loaded:
                    quietly(partial(loaded.predict, sample))
            spoiled_file.write_bytes(spoiled(source, checkpoint))
            with small_model() as model, cnn.Training(model, batch_size=1) as training:
                quietly(partial(training.load, spoiled_file))
                quietly(partial(training.step, sample, labels))
        wait_until_empty()

    in_child(work)


def test_little_memory() -> None:
    """Each call fails cleanly with little memory, and succeeds when there is enough again."""

    def work() -> None:
        sample, labels = np.ones((4, 8, 8, 1), np.float32), np.zeros(4, np.int64)
        refusals = 0

        def press(source: random.Random, call: Callable[[], Any]) -> Any:
            nonlocal refusals
            cnn.set_memory_limit(cnn.memory_in_use() + int(2 ** source.uniform(0, 17)))
            try:
                return call()
            except cnn.OutOfMemoryError:
                refusals += 1
            finally:
                cnn.set_memory_limit(None)
            return call()

        for seed in range(40):
            source = random.Random(seed)
            with (press(source, small_model) as model,
                  press(source, lambda: cnn.Training(model, batch_size=4)) as training,
                  press(source, lambda: cnn.Dataset.named("digits", max_count=20)) as digits):
                press(source, partial(model.predict, sample))
                press(source, partial(training.step, sample, labels))
                press(source, partial(model.evaluate, digits))
                press(source, model.copy).close()
        assert refusals > 50
        wait_until_empty()

    in_child(work)


def test_threads_and_forks() -> None:
    """Threads that use, change and copy one model, while the process forks."""

    def work() -> None:
        sample, labels = np.ones((4, 8, 8, 1), np.float32), np.zeros(4, np.int64)
        end = time.monotonic() + 2
        problems: list[str] = []
        with small_model() as model, cnn.Training(model, batch_size=4) as training:

            def use(seed: int) -> None:
                source = random.Random(seed)
                calls = [lambda: model.predict(sample), lambda: training.step(sample, labels),
                         lambda: model.copy().close(), lambda: model.summary(),
                         lambda: cnn.set_num_threads(source.choice([1, 2, 8]))]
                while time.monotonic() < end:
                    try:
                        source.choice(calls)()
                    except cnn.BusyError:
                        continue
                    except Exception as problem:
                        problems.append(repr(problem))

            threads = [threading.Thread(target=use, args=(seed,)) for seed in range(6)]
            for thread in threads:
                thread.start()
            for _ in range(15):
                in_child(lambda: (model.predict(sample), training_of(model, sample, labels)))
            for thread in threads:
                thread.join()
        assert not problems, problems[:3]
        wait_until_empty()

    in_child(work)


def training_of(model: cnn.Model, sample: np.ndarray, labels: np.ndarray) -> None:
    """Changes a model that another process was using when this one was forked."""
    with cnn.Training(model, batch_size=4) as training:
        training.step(sample, labels)
