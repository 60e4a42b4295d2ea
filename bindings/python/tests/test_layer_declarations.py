"""What build() may declare: parameters, outputs and what flows where."""

from __future__ import annotations

import math

import numpy as np
import pytest
from plugin_classes import Identity, graph, predict, registered, train, unique

import cnn


def test_first_values_of_parameters():
    shape = (60, 50)
    given = {
        "zeros": {}, "ones": {"initializer": "ones"}, "number": {"initializer": -2.5},
        "normal": {"initializer": "normal", "value": 0.3},
        "uniform": {"initializer": "uniform", "value": 0.3},
        "he": {"initializer": "he", "fan_in": 8},
        "xavier": {"initializer": "xavier", "fan_in": 8, "fan_out": 4},
        "alone": {"initializer": "he"},
    }

    def build(self, shape_of_input):
        for name, options in given.items():
            self.add_parameter(name, shape, **options)
        self.add_state("state", (3,), initializer="normal", value=2)
        return shape_of_input

    kind = registered(Identity, build=build)
    model = cnn.Model(graph({"type": kind.id, "name": "l"}), seed=1)
    values = {name: model.parameters[f"l.{name}"] for name in given}
    assert not values["zeros"].any()
    assert np.all(values["ones"] == 1) and np.all(values["number"] == -2.5)
    assert abs(values["normal"].std() - 0.3) < 0.03 and abs(values["normal"]).max() > 0.5
    assert abs(values["uniform"]).max() <= 0.3
    assert abs(values["uniform"].std() - 0.3 / math.sqrt(3)) < 0.02
    assert abs(values["he"].std() - 0.5) < 0.05
    assert abs(values["xavier"].std() - math.sqrt(2 / 12)) < 0.05
    assert abs(values["alone"].std() - math.sqrt(2)) < 0.1
    assert model.states["l.state"].any()
    again = cnn.Model(graph({"type": kind.id, "name": "l"}), seed=1)
    assert np.array_equal(again.parameters["l.he"], values["he"])
    other = cnn.Model(graph({"type": kind.id, "name": "l"}), seed=2)
    assert not np.array_equal(other.parameters["l.he"], values["he"])


def test_axes_in_files(tmp_path):
    def build(self, shape):
        self.add_parameter("weight", (2, 3, 4, 5), initializer="normal", value=1,
                           file_axes=(0, 3, 1, 2))
        return shape

    kind = registered(Identity, build=build)
    model = cnn.Model(graph({"type": kind.id, "name": "l"}))
    in_file, in_memory = model.parameters["l.weight"], model.parameters.view("l.weight")
    assert in_file.shape == (2, 5, 3, 4) and in_memory.shape == (2, 3, 4, 5)
    assert np.array_equal(in_file, in_memory.transpose(0, 3, 1, 2))
    assert np.array_equal(cnn.Model.load(model.to_bytes()).parameters["l.weight"], in_file)


def positions_and_pick():
    """A layer that remembers positions, and one that goes back to them."""

    class Largest(cnn.Layer):
        id = unique("largest")
        backward_reads = "outputs"

        def build(self, shape):
            self.add_output((*shape[:-1], 1), "value")
            self.add_output((*shape[:-1], 1), "position", differentiable=False)
            assert self._declared.outputs == [(*shape[:-1], 1)] * 2

        def forward(self, call, x):
            position = x.argmax(axis=-1)[..., None]
            call.outputs[0][:] = np.take_along_axis(x, position, axis=-1)
            if call.outputs[1] is not None:
                call.outputs[1][:] = position

        def backward(self, call, by_value, by_position):
            assert by_position is None
            result = call.input_gradient
            result[:] = 0
            if by_value is not None:
                position = call.outputs[1].astype(int)
                np.put_along_axis(result, position, by_value, axis=-1)

    class Pick(cnn.Layer):
        id = unique("pick")
        inputs = 2
        backward_reads = "inputs"
        non_differentiable_inputs = [1]  # noqa: RUF012

        def build(self, shape, positions):
            return positions

        def forward(self, call, x, positions):
            return np.take_along_axis(x, positions.astype(int), axis=-1)

        def backward(self, call, gradient):
            result = np.zeros_like(call.input_gradient)
            np.put_along_axis(result, call.inputs[1].astype(int), gradient, axis=-1)
            assert call.wants == (True, False)
            return result, None

    return cnn.register(Largest), cnn.register(Pick)


def test_outputs_and_inputs_without_gradients(random):
    largest, pick = positions_and_pick()
    model = cnn.Model(graph(
        {"type": "linear", "out_features": 5, "name": "y"},
        {"type": largest.id, "name": "max"},
        {"type": pick.id, "inputs": ["y", "max.position"], "name": "picked"},
        {"type": "add", "inputs": ["max.value", "picked"]}), seed=1)
    x = random.normal(size=(4, 6)).astype(np.float32)
    y = x @ model.parameters["y.weight"].T + model.parameters["y.bias"]
    np.testing.assert_allclose(model.predict(x)[:, 0], 2 * y.max(axis=-1), rtol=1e-5)
    assert model.gradient_check()["passed"]


def test_what_nobody_reads_is_none():
    seen = []

    class Curious(Identity):
        def backward(self, call, gradient):
            seen.append((call.inputs[0] is not None, call.outputs[0] is not None))
            return gradient

    for reads, expected in [((), (False, False)), ("inputs", (True, False)),
                            (["outputs"], (False, True)), (("inputs", "outputs"), (True, True))]:
        train(registered(Curious, backward_reads=reads))
        assert seen[-1] == expected


def test_the_first_layer_need_not_compute_its_gradient():
    seen = []

    class First(cnn.Layer):
        id = unique("first")

        def build(self, shape):
            self.add_parameter("bias", shape)
            return shape

        def forward(self, call, x):
            return x + call.parameters["bias"]

        def backward(self, call, gradient):
            seen.append(call.wants)
            call.add_gradient("bias", gradient.sum(axis=0))
            return gradient if call.wants[0] else None

    cnn.register(First)
    model = cnn.Model(graph({"type": First.id, "name": "first"}))
    training = cnn.Training(model, batch_size=2)
    training.step(np.ones((2, 6)), [0, 1])
    assert seen == [(False,)] and model.parameters["first.bias"].any()


def test_layers_in_place_and_without_effect(random):
    class Negated(cnn.Layer):
        backward_reads = ()
        in_place = True

        def forward(self, call, x):
            np.negative(x, out=call.output)

        def backward(self, call, gradient):
            np.negative(gradient, out=call.input_gradient)

    kind = registered(Negated)
    layers = [{"type": "linear", "out_features": 4}] + [{"type": kind.id}] * 3
    model = cnn.Model(graph(*layers))
    assert model.gradient_check()["passed"]
    x = random.normal(size=(3, 6)).astype(np.float32)
    plain = cnn.Model(graph(layers[0]))
    assert np.array_equal(model.predict(x), -plain.predict(x))
    calls = []

    class Skipped(Identity):
        identity_in_inference = True

        def build(self, shape):
            return shape

        def forward(self, call, x):
            calls.append(call.training)
            return x

    kind = registered(Skipped)
    cnn.Model(graph(layers[0], {"type": kind.id}, {"type": "relu"})).predict(x)
    assert calls in ([], [False])
    train(kind)
    assert calls[-1] is True


def test_operations_are_in_summaries():
    kind = registered(Identity, operations=123_000)
    assert "123.0 k" in cnn.Model(graph({"type": kind.id})).summary()


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 3, 4), (1, 2, 1, 2, 1, 2, 1, 2)])
def test_shapes_of_any_rank(shape):
    seen = []

    def forward(self, call, x):
        seen.append(x.shape)
        return x

    if shape:
        predict(registered(Identity, forward=forward), shape)
        assert seen == [(2, *shape)]
    kind = registered(Identity, build=lambda self, given: [shape, given],
                      forward=lambda self, call, x: (np.zeros((2, *shape)), x))
    assert cnn.Model(graph({"type": kind.id})).outputs[0].shape == shape
    assert predict(kind).shape == (2, *shape)
