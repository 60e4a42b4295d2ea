"""Layers in Python: they compute, train, are saved, and get all that the interface offers."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL
from plugin_classes import (
    Dense,
    Normalise,
    SumAndDifference,
    Swish,
    graph,
    unique,
)

import cnn


def swish(x, beta=1.0):
    return x / (1 + np.exp(-beta * x))


def test_forward(random):
    model = cnn.Model(graph({"type": Swish.id, "beta": 2}))
    x = random.normal(size=(5, 6)).astype(np.float32)
    np.testing.assert_allclose(model.predict(x), swish(x, 2), rtol=1e-6)
    np.testing.assert_allclose(
        cnn.Model(graph({"type": Swish.id})).predict(x), swish(x), rtol=1e-6)
    assert Swish.id in model.summary()


def test_backward(random):
    model = cnn.Model(graph({"type": Swish.id, "beta": 1.5}))
    training = cnn.Training(model, loss="none", input_gradients=True)
    x, gradient = random.normal(size=(2, 4, 6))
    training.set_input(x)
    training.forward()
    training.loss()
    training.output_gradient()[:] = gradient
    training.backward()
    step = 1e-6
    slope = (swish(x + step, 1.5) - swish(x - step, 1.5)) / (2 * step)
    np.testing.assert_allclose(training.input_gradient(), gradient * slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layers", [
    [{"type": Swish.id}],
    [{"type": Normalise.id}],
    [{"type": Dense.id, "features": 5}, {"type": Swish.id, "beta": 0.5},
     {"type": Dense.id, "features": 3}],
    [{"type": "linear", "out_features": 4, "name": "a"},
     {"type": "linear", "out_features": 4, "inputs": ["x"], "name": "b"},
     {"type": SumAndDifference.id, "inputs": ["a", "b", "a"], "name": "both"},
     {"type": "multiply", "inputs": ["both.sum", "both.difference"]}],
])
def test_gradients(layers):
    assert cnn.Model(graph(*layers), seed=4).gradient_check()["passed"]


def test_gradient_check_finds_a_wrong_gradient():
    @cnn.register
    class Wrong(cnn.Layer):
        id = unique()

        def forward(self, call, x):
            return x * x

        def backward(self, call, gradient):
            return gradient * call.input

    result = cnn.Model(graph({"type": Wrong.id})).gradient_check()
    assert not result["passed"] and result["largest_error"] > 0.3


def small(activation):
    layers = [{**layer, "type": activation} if layer["type"] == "relu" else layer
              for layer in SMALL["layers"]]
    return {**SMALL, "layers": layers}


def test_training_decreases_the_loss(digits, test_digits):
    model = cnn.Model(small(Swish.id), seed=1)
    history = cnn.Trainer(model, epochs=3, learning_rate=0.01).fit(digits, test_digits)
    losses = [epoch["loss"] for epoch in history["epochs"]]
    assert losses[2] < losses[1] < losses[0]
    assert model.evaluate(test_digits)["accuracy"] > 0.8


LOADING = """
import sys
import numpy as np
import cnn

if sys.argv[2] == "register":
    sys.path.insert(0, sys.argv[3])
    import plugin_classes
model = cnn.Model.load(sys.argv[1])
x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6)
print(model.predict(x).tobytes().hex())
"""


def test_saving_and_loading_in_another_process(tmp_path):
    layers = {"type": Dense.id, "features": 3}, {"type": Swish.id, "beta": 3}
    model = cnn.Model(graph(*layers), seed=9)
    model.save(tmp_path / "model")
    x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6)
    command = [sys.executable, "-c", LOADING, tmp_path / "model"]
    folder = str(Path(__file__).parent)
    result = subprocess.run([*command, "register", folder], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == model.predict(x).tobytes().hex()
    result = subprocess.run([*command, "not", folder], capture_output=True, text=True)
    assert "UnknownNameError" in result.stderr and Dense.id in result.stderr
    assert "plugin" in result.stderr or "register" in result.stderr


def test_a_newer_version_is_refused():
    @cnn.register
    class Versioned(cnn.Layer):
        id = unique()
        version = 3

        def forward(self, call, x):
            return x

    data = cnn.Model(graph({"type": Versioned.id})).to_bytes()
    assert np.array_equal(cnn.Model.load(data).predict(np.ones((1, 6))), np.ones((1, 6)))
    names = Versioned.id.encode()
    newer = data.replace(names + b'\\": 3', names + b'\\": 4')
    assert newer != data
    with pytest.raises(cnn.UnsupportedError, match=Versioned.id):
        cnn.Model.load(newer)


def test_parameters_state_cache_scratch_and_preparation(random):
    model = cnn.Model(graph({"type": Normalise.id, "name": "n"}, shape=(5, 6)), seed=2)
    assert set(model.parameters) == {"n.scale", "n.shift"}
    assert set(model.states) == {"n.mean", "n.steps"}
    assert np.all(model.parameters["n.scale"] == 1.5)
    shift = model.parameters["n.shift"]
    assert np.all(abs(shift) <= 0.5) and shift.std() > 0.05
    training = cnn.Training(
        model, loss="mean_squared_error", optimizer="sgd", learning_rate=1.0, batch_size=4)
    x = random.normal(size=(4, 5, 6)).astype(np.float32) + 1
    target = np.zeros((4, 5, 6))
    for batch in (4, 2):
        training.set_input(x[:batch])
        training.set_targets(target[:batch])
        training.run_step()
    means = [x[:batch].reshape(-1, 6).mean(axis=0) for batch in (4, 2)]
    np.testing.assert_allclose(
        model.states["n.mean"], 0.5 * (0.5 * means[0]) + 0.5 * means[1], rtol=1e-5)
    assert model.states["n.steps"] == [2]
    expected = ((x - model.states["n.mean"]) * model.parameters["n.scale"]
                + model.parameters["n.shift"])
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=1e-5)
    # Preparation follows the parameters.
    model.parameters["n.shift"] = np.full(6, 100, np.float32)
    assert np.all(model.predict(x) > 50)
    again = cnn.Model.load(model.to_bytes())
    assert np.array_equal(again.predict(x), model.predict(x))
    assert np.array_equal(again.states["n.mean"], model.states["n.mean"])


def test_weight_decay_and_frozen_parameters(random):
    model = cnn.Model(graph({"type": Normalise.id, "name": "n"}))
    before = dict(model.parameters)
    training = cnn.Training(model, loss="none", optimizer="sgd", learning_rate=0.5,
                            weight_decay=0.5, frozen=["n.shift"])
    training.set_input(random.normal(size=(2, 6)))
    training.forward()
    training.loss()
    training.backward()
    training.optimizer_step()
    np.testing.assert_allclose(model.parameters["n.scale"], 0.75 * before["n.scale"], rtol=1e-5)
    assert np.array_equal(model.parameters["n.shift"], before["n.shift"])


def test_several_inputs_and_outputs(random):
    model = cnn.Model({
        "inputs": [{"name": name, "shape": [3]} for name in "abc"],
        "layers": [{"type": SumAndDifference.id, "name": "s", "inputs": ["a", "b", "c"]}],
        "outputs": ["s.sum", "s.difference"]})
    a, b, c = random.normal(size=(3, 2, 3)).astype(np.float32)
    found = cnn.Session(model, batch_size=2).run({"a": a, "b": b, "c": c})
    np.testing.assert_allclose(found["s.sum"], a + b + c, rtol=1e-5)
    np.testing.assert_allclose(found["s.difference"], a - (b + c), rtol=1e-5)
    with pytest.raises(cnn.ShapeMismatchError, match="one shape"):
        cnn.Model({"inputs": [{"name": "a", "shape": [3]}, {"name": "b", "shape": [4]}],
                   "layers": [{"type": SumAndDifference.id, "inputs": ["a", "b"]}]})


def test_two_threads_predict_at_once(random):
    model = cnn.Model(small(Swish.id))
    x = random.normal(size=(8, 8, 8, 1)).astype(np.float32)
    expected = model.predict(x)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: [model.predict(x) for _ in range(10)], range(8)):
            assert all(np.array_equal(found, expected) for found in result)


def test_a_forked_child_predicts(random):
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    model = cnn.Model(small(Swish.id))
    x = random.normal(size=(2, 8, 8, 1)).astype(np.float32)
    expected = model.predict(x)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=lambda: queue.put(model.predict(x)))
    process.start()
    assert np.array_equal(queue.get(timeout=60), expected)
    process.join(60)
    assert process.exitcode == 0


def test_values_of_attributes():
    seen = []

    @cnn.register
    class Everything(cnn.Layer):
        id = unique()
        number = cnn.Attribute(float, 0.5)
        whole = cnn.Attribute(int, 3, minimum=-5, maximum=5)
        flag = cnn.Attribute(bool, False)
        text = cnn.Attribute(str, "é \"quoted\"")
        mode = cnn.Attribute(str, "b", choices=["a", "b"])
        size = cnn.Attribute("pair", 3, minimum=1)
        padding = cnn.Attribute("padding", "valid")
        axes = cnn.Attribute("integers", (1, 2))
        optional = cnn.Attribute(int, None)
        lambda_ = cnn.Attribute(float, 0.1, name="lambda")

        def build(self, shape):
            seen.append({name: getattr(self, name) for name in (
                "number", "whole", "flag", "text", "mode", "size", "padding", "axes", "optional",
                "lambda_")})
            return shape

        def forward(self, call, x):
            return x

    def values(**attributes):
        cnn.Model(graph({"type": Everything.id, **attributes}))
        return seen[-1]

    assert values() == {
        "number": 0.5, "whole": 3, "flag": False, "text": "é \"quoted\"", "mode": "b",
        "size": (3, 3), "padding": ((0, 0), (0, 0)), "axes": (1, 2), "optional": None,
        "lambda_": 0.1}
    assert values(
        number=2, whole=-5, flag=True, text="", mode="a", size=[1, 2], padding="same", axes=[],
        optional=7, **{"lambda": 3.5}) == {
            "number": 2.0, "whole": -5, "flag": True, "text": "", "mode": "a", "size": (1, 2),
            "padding": "same", "axes": (), "optional": 7, "lambda_": 3.5}
    assert values(padding=2)["padding"] == ((2, 2), (2, 2))
    assert values(padding=[[1, 2], [3, 4]])["padding"] == ((1, 2), (3, 4))
    for wrong in ({"whole": 6}, {"whole": 0.5}, {"flag": 1}, {"mode": "c"}, {"size": 0},
                  {"axes": 3}, {"text": 3}, {"number": "x"}, {"padding": "sam"}):
        with pytest.raises(cnn.CNNError, match=next(iter(wrong))):
            values(**wrong)


def test_what_is_known_of_a_type():
    found = next(t for t in cnn.layer_types() if t["name"] == Swish.id)
    assert found["version"] == 1 and found["origin"] == "this program"
    assert found["summary"] == "x times the sigmoid of beta times x (Ramachandran et al. 2017)"
    assert found["inputs"] == [1, 1]
    beta, = found["attributes"]
    assert beta["name"] == "beta" and beta["kind"] == "number" and beta["default"] == 1
    assert beta["minimum"] == 0 and beta["maximum"] == 100
    assert beta["summary"] == "how steep the sigmoid is"


def test_layers_are_let_go():
    alive = []

    @cnn.register
    class Counted(cnn.Layer):
        id = unique()

        def build(self, shape):
            alive.append(self)
            return shape

        def __del__(self):
            gone.append(True)

        def forward(self, call, x):
            return x

    gone = []
    model = cnn.Model(graph({"type": Counted.id}))
    model.predict(np.zeros((1, 6)))
    count = len(alive)
    alive.clear()
    assert not gone
    model.close()
    assert len(gone) == count


def test_inheritance():
    class Base(cnn.Layer):
        factor = cnn.Attribute(float, 2.0)

        def forward(self, call, x):
            return self.factor * x + self.offset

    @cnn.register
    class Derived(Base):
        id = unique()
        offset = cnn.Attribute(float, 1.0)

    assert np.all(cnn.Model(graph({"type": Derived.id, "factor": 3})).predict(np.ones((1, 6))) == 4)
