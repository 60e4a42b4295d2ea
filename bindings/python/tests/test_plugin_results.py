"""Python layers, losses and optimizers that return or keep what they must not."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from plugin_classes import (
    Dense,
    Identity,
    Momentum,
    SquaredError,
    Swish,
    Trouble,
    graph,
    predict,
    registered,
    train,
)

import cnn


@pytest.mark.parametrize("result, kind, parts", [
    (lambda x: x[:, :3], cnn.ShapeMismatchError, ["(2, 3)", "(2, 6)"]),
    (lambda x: x[0], cnn.ShapeMismatchError, ["(6,)"]),
    (lambda x: 5.0, cnn.ShapeMismatchError, ["()"]),
    (lambda x: x * 1j, cnn.LayerFailedError, ["complex", "float32"]),
    (lambda x: x.astype(str), cnn.LayerFailedError, ["float32"]),
    (lambda x: x.astype(object), cnn.LayerFailedError, ["object"]),
    (lambda x: None, cnn.LayerFailedError, ["returned nothing"]),
    (lambda x: (x, x), cnn.LayerFailedError, ["2 arrays", "1 outputs"]),
    (lambda x: "text", cnn.CNNError, []),
    (lambda x: [[1, 2], [3]], cnn.CNNError, []),
])
def test_wrong_outputs(result, kind, parts):
    with pytest.raises(kind) as caught:
        predict(registered(Identity, forward=lambda self, call, x: result(x)))
    for part in [*parts, "forward"]:
        assert part in str(caught.value)


@pytest.mark.parametrize("result, kind, parts", [
    (lambda g: g[:, :3], cnn.ShapeMismatchError, ["(2, 3)", "(2, 6)", "input 0"]),
    (lambda g: g * 1j, cnn.LayerFailedError, ["complex"]),
    (lambda g: None, cnn.LayerFailedError, ["returned nothing"]),
    (lambda g: (None,), cnn.LayerFailedError, ["input 0", "wanted"]),
    (lambda g: (g, g), cnn.LayerFailedError, ["2 arrays"]),
])
def test_wrong_gradients(result, kind, parts):
    with pytest.raises(kind) as caught:
        train(registered(Identity, backward=lambda self, call, g: result(g)))
    for part in [*parts, "backward"]:
        assert part in str(caught.value)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "bool", ">f4"])
def test_other_numbers_are_converted(dtype):
    kind = registered(Identity, forward=lambda self, call, x: x.astype(dtype))
    assert np.array_equal(predict(kind), np.ones((2, 6)))


@pytest.mark.parametrize("build", [
    lambda self, shape: None, lambda self, shape: (0,), lambda self, shape: (-1,),
    lambda self, shape: (2**62, 2**62), lambda self, shape: (2**70,), lambda self, shape: 5,
    lambda self, shape: "ab", lambda self, shape: [(1.5,)], lambda self, shape: (1,) * 9,
    lambda self, shape: {"a": (1,), "b": None}, lambda self, shape: {"": (1,)},
    lambda self, shape: self.add_parameter("", (1,)) or shape,
    lambda self, shape: self.add_parameter("w", (0,)) or shape,
    lambda self, shape: self.add_parameter("w", (1,), initializer="magic") or shape,
    lambda self, shape: self.add_parameter("w", (1,), initializer=float("nan")) or shape,
    lambda self, shape: self.add_parameter("w", (1,), fan_in=-1) or shape,
    lambda self, shape: self.add_parameter("w", (1, 2), file_axes=(0, 0)) or shape,
    lambda self, shape: self.add_parameter("w", (1, 2), file_axes=(0,)) or shape,
    lambda self, shape: [self.add_parameter("w", (1,)) for _ in "ab"] and shape,
    lambda self, shape: self.add_scratch("s", (1,), during="never") or shape,
    lambda self, shape: [self.add_cache("c", (1,)) for _ in "ab"] and shape,
    lambda self, shape: self.add_cache("c", (-1,)) or shape,
    lambda self, shape: self.add_output(shape) or shape,
    lambda self, shape: setattr(self, "backward_reads", "input") or shape,
    lambda self, shape: setattr(self, "function", "tanh") or shape,
    lambda self, shape: setattr(self, "operations", -1) or shape,
    lambda self, shape: setattr(self, "non_differentiable_inputs", [1]) or shape,
    lambda self, shape: setattr(self, "in_place", True) or (7,),
])
def test_declarations_that_make_no_sense(build):
    with pytest.raises(cnn.CNNError):
        predict(registered(Identity, build=build))
    assert predict(Swish).shape == (2, 6)


@pytest.mark.parametrize("workspace", [
    lambda *_: None, lambda *_: cnn.Workspace(cache=-1), lambda *_: cnn.Workspace(2**70, 0, 0),
    lambda *_: cnn.Workspace(forward_scratch=2**60), lambda *_: cnn.Workspace(0.5)])
def test_workspaces_that_make_no_sense(workspace):
    with pytest.raises(cnn.CNNError):
        predict(registered(Identity, workspace=workspace))


def test_the_memory_limit_holds_for_python_layers():
    def build(self, shape):
        self.add_scratch("s", (1 << 20,))
        return shape

    kind = registered(Identity, build=build)
    model = cnn.Model(graph({"type": kind.id}))
    try:
        cnn.set_memory_limit(cnn.memory_in_use() + (1 << 20))
        with pytest.raises(MemoryError):
            model.predict(np.ones((1, 6)))
    finally:
        cnn.set_memory_limit(None)
    assert model.predict(np.ones((1, 6))).shape == (1, 6)


def test_writing_where_only_reading_is_allowed():
    def inputs(self, call, x):
        x[:] = 0

    def parameters(self, call, x):
        call.parameters["bias"][:] = 0

    def replaced(self, call, gradient):
        call.parameter_gradients["bias"] = gradient.sum(axis=0)

    def unknown(self, call, x):
        return call.parameters["biass"]

    for members in ({"forward": inputs}, {"forward": parameters}):
        with pytest.raises(cnn.LayerFailedError, match="read-only"):
            cnn.Model(graph({"type": registered(Dense, **members).id, "features": 6})).predict(
                np.ones((1, 6)))
    with pytest.raises(cnn.UnknownNameError, match=r"'weight', 'bias'.*'biass'"):
        cnn.Model(graph({"type": registered(Dense, forward=unknown).id, "features": 6})).predict(
            np.ones((1, 6)))
    kind = registered(Dense, backward=replaced)
    training = cnn.Training(cnn.Model(graph({"type": kind.id, "features": 6})))
    with pytest.raises(cnn.LayerFailedError, match=r"\+="):
        training.step(np.ones((1, 6)), [0])


def test_instances_do_not_change():
    def forward(self, call, x):
        self.calls = 1
        return x

    with pytest.raises(cnn.LayerFailedError, match="calls cannot be set after build"):
        predict(registered(Identity, forward=forward))

    def late(self, call, x):
        self.add_parameter("late", (1,))

    with pytest.raises(cnn.LayerFailedError, match="build"):
        predict(registered(Identity, forward=late))


@pytest.mark.parametrize("result, part", [
    (lambda d: d, "is a number"), (lambda d: (1.0, None), "no gradient"),
    (lambda d: 1.0, "no gradient"), (lambda d: ("x", d), "is a number"),
    (lambda d: (1.0, d[:1]), "(1, 6)"), (lambda d: None, "got None"),
    (lambda d: (1.0, d * 1j), "complex"),
])
def test_wrong_losses(result, part):
    def evaluate(self, call, output, target):
        return result(output - target)

    kind = registered(SquaredError, evaluate=evaluate)
    with pytest.raises(cnn.CNNError) as caught:
        train(loss=kind.id)
    assert part in str(caught.value)


def test_a_loss_that_is_not_finite():
    kind = registered(SquaredError, evaluate=lambda self, call, o, t: (float("nan"), o - t))
    with pytest.raises(cnn.NonFiniteError):
        train(loss=kind.id)


def test_an_optimizer_that_returns_its_result():
    kind = registered(Momentum, update=lambda self, call, p, g, v: p - g)
    with pytest.raises(cnn.LayerFailedError, match="in place"):
        train(optimizer=kind.id)


def test_a_layer_without_backward_predicts_and_does_not_train():
    class Forward(cnn.Layer):
        def forward(self, call, x):
            return x

    kind = registered(Forward)
    assert predict(kind).shape == (2, 6)
    with pytest.raises(cnn.UnsupportedError, match=kind.id):
        train(kind)
    with pytest.raises(cnn.UnsupportedError):
        cnn.Model(graph({"type": kind.id})).gradient_check()
    with pytest.raises(cnn.UnsupportedError):
        train(registered(Identity, differentiable=False))


def test_arrays_cannot_be_kept():
    kept = []

    def forward(self, call, x):
        kept.append(x)
        return x

    def sliced(self, call, x):
        kept.append(x[0, :2].T)
        return x

    def copied(self, call, x):
        kept.append(x.copy())
        return x

    for method in (forward, sliced):
        with pytest.raises(cnn.LayerFailedError, match=r"forward kept an array.*x\.copy"):
            predict(registered(Identity, forward=method))
        kept.clear()
    assert np.array_equal(predict(registered(Identity, forward=copied)), kept[0])

    def backward(self, call, gradient):
        kept.append(call)
        return gradient

    train(registered(Identity, backward=backward))
    with pytest.raises(RuntimeError, match="over"):
        kept[-1].output_gradients  # noqa: B018
    with pytest.raises(RuntimeError, match="over"):
        kept[-1].inputs  # noqa: B018


def test_cycles_of_references_do_not_keep_arrays():
    class Node:
        pass

    def forward(self, call, x):
        node = Node()
        node.self, node.x = node, x
        return x

    assert predict(registered(Identity, forward=forward)).shape == (2, 6)


def test_exceptions_keep_no_arrays():
    seen = []

    def forward(self, call, x):
        seen.append(weakref.ref(x.base))
        try:
            raise Trouble("first")
        except Trouble:
            raise KeyError("second") from None

    with pytest.raises(cnn.LayerFailedError) as caught:
        predict(registered(Identity, forward=forward))
    gc.collect()
    assert seen and seen[0]() is None
    assert caught.value.__cause__.__traceback__ is not None
