"""Training by hand: steps, losses of one's own, gradients, schedules, saving."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import LINEAR, SMALL

import cnn


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_a_step_of_sgd_on_a_linear_layer(linear, random):
    x = random.normal(size=(4, 3)).astype(np.float32)
    labels = np.array([0, 1, 1, 0])
    weight, bias = linear.parameters["y.weight"], linear.parameters["y.bias"]
    probabilities = softmax(x @ weight.T + bias)
    difference = (probabilities - np.eye(2)[labels]) / 4
    training = cnn.Training(linear, optimizer="sgd", learning_rate=0.5)
    loss = training.step(x, labels)
    assert math.isclose(
        loss, -np.log(probabilities[range(4), labels]).mean(), rel_tol=1e-5)
    np.testing.assert_allclose(
        linear.parameters["y.weight"], weight - 0.5 * difference.T @ x, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        linear.parameters["y.bias"], bias - 0.5 * difference.sum(axis=0), rtol=1e-4, atol=1e-6)


def test_a_loss_of_ones_own_is_as_good_as_the_builtin_one(random):
    x = random.normal(size=(6, 8, 8, 1)).astype(np.float32)
    labels = random.integers(0, 10, 6)
    builtin, own = cnn.Model(SMALL), cnn.Model(SMALL)
    first = cnn.Training(builtin, optimizer="momentum", learning_rate=0.05)
    second = cnn.Training(own, optimizer="momentum", learning_rate=0.05, loss="none")
    for _ in range(3):
        loss = first.step(x, labels)
        second.set_input(x)
        second.zero_gradients()
        second.forward()
        probabilities = softmax(second.output().astype(float))
        assert math.isclose(
            loss, -np.log(probabilities[range(6), labels]).mean(), rel_tol=1e-4)
        assert second.loss() == 0 and not second.output_gradient().any()
        second.output_gradient()[:] = (probabilities - np.eye(10)[labels]) / 6
        second.backward()
        second.optimizer_step()
    for name, value in builtin.parameters.items():
        np.testing.assert_allclose(own.parameters[name], value, rtol=1e-3, atol=1e-5)


def test_gradients_add_up_and_can_be_written(linear, random):
    x = random.normal(size=(4, 3)).astype(np.float32)
    training = cnn.Training(linear, loss="mean_squared_error", optimizer="sgd", learning_rate=1.0)
    training.set_input(x)
    training.set_targets(np.zeros((4, 2)))

    def gradient():
        training.forward()
        training.loss()
        training.backward()
        return training.gradients["y.weight"].copy()

    once = gradient()
    np.testing.assert_allclose(gradient(), 2 * once, rtol=1e-5)
    training.zero_gradients()
    np.testing.assert_allclose(gradient(), once, rtol=1e-5)
    training.gradients["y.weight"][:] = 3
    training.gradients["y.bias"][:] = 0
    before = linear.parameters["y.weight"]
    training.optimizer_step()
    np.testing.assert_allclose(linear.parameters["y.weight"], before - 3, rtol=1e-6)
    training.parameters["y.weight"][:] = 0.25
    assert np.all(linear.parameters["y.weight"] == 0.25)
    assert np.all(linear.predict(np.ones((1, 3))) - linear.parameters["y.bias"] == 0.75)


def test_input_gradients(linear, random):
    x = random.normal(size=(2, 3)).astype(np.float32)
    training = cnn.Training(linear, loss="none", input_gradients=True)
    training.set_input(x)
    assert np.array_equal(training.input(), x)
    training.forward()
    training.loss()
    training.output_gradient()[:] = [[1, 0], [0, 2]]
    training.backward()
    weight = linear.parameters["y.weight"]
    np.testing.assert_allclose(training.input_gradient(), [weight[0], 2 * weight[1]], rtol=1e-6)
    without = cnn.Training(linear)
    without.set_input(x)
    with pytest.raises(ValueError, match="input_gradients=True"):
        without.input_gradient()


def test_several_outputs(random):
    graph = {"inputs": [{"name": "x", "shape": [4]}], "outputs": ["kind", "box"], "layers": [
        {"name": "kind", "type": "linear", "out_features": 3, "inputs": ["x"]},
        {"name": "box", "type": "linear", "out_features": 2, "inputs": ["x"]}]}
    model = cnn.Model(graph)
    training = cnn.Training(model, loss={
        "kind": "softmax_cross_entropy", "box": {"type": "smooth_l1", "weight": 2}})
    x = random.normal(size=(5, 4)).astype(np.float32)
    training.set_input(x, "x")
    training.set_labels([0, 1, 2, 0, 1], "kind")
    training.set_targets(random.normal(size=(5, 2)), "box")
    losses = [training.run_step() for _ in range(50)]
    assert losses[-1] < losses[0]
    with pytest.raises(cnn.UnsupportedError):
        training.set_labels([0] * 5, "box")
    with pytest.raises(cnn.UnknownNameError, match="kind"):
        training.set_labels([0] * 5, "kinds")


def test_layouts(random):
    graph = {"inputs": [{"name": "x", "shape": [4, 5, 3]}], "layers": [
        {"name": "conv", "type": "conv2d", "out_channels": 2, "kernel_size": 3}]}
    x, target = random.normal(size=(2, 4, 5, 3)), random.normal(size=(2, 2, 3, 2))
    losses = []
    for layout, order in (("NHWC", (0, 1, 2, 3)), ("NCHW", (0, 3, 1, 2))):
        training = cnn.Training(cnn.Model(graph), loss="mean_squared_error")
        training.set_input(x.transpose(order), layout=layout)
        training.set_targets(target.transpose(order), layout=layout)
        losses.append([training.run_step() for _ in range(3)])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("labels, problem", [
    ([0], cnn.ShapeMismatchError), ([[0, 1]], cnn.ShapeMismatchError),
    ([0, 10], cnn.InvalidArgumentError), ([0, -1], cnn.InvalidArgumentError),
    ([0, 0.5], ValueError), ([0, math.nan], ValueError), ([0, 2**63], ValueError),
    (["a", "b"], TypeError), (np.array([0, 2**64 - 1], np.uint64), ValueError),
])
def test_wrong_labels(model, labels, problem):
    training = cnn.Training(model)
    before = model.to_bytes()
    with pytest.raises(problem):
        training.step(np.zeros((2, 8, 8, 1)), labels)
    assert model.to_bytes() == before


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "uint64", "float32", "bool", ">i4"])
def test_kinds_of_labels(linear, kind):
    losses = [cnn.Training(linear.copy()).step(np.ones((2, 3)), np.array([0, 1]).astype(kind))
              for _ in range(2)]
    assert losses[0] == cnn.Training(linear).step(np.ones((2, 3)), [0, 1])


def test_empty_batches_are_errors(model):
    training = cnn.Training(model)
    for samples in (np.zeros((0, 8, 8, 1)), np.zeros((0,))):
        with pytest.raises(ValueError):
            training.step(samples, [])
    with pytest.raises(ValueError):
        training.set_input(np.zeros((0, 8, 8, 1)))
    with pytest.raises(cnn.CNNError):
        training.step(np.zeros((33, 8, 8, 1)), [0] * 33)  # more than batch_size


def test_a_loss_that_is_not_finite_changes_nothing(model):
    training = cnn.Training(model)
    before = {name: value for name, value in model.parameters.items()}
    with pytest.raises(cnn.NonFiniteError):
        training.step(np.full((2, 8, 8, 1), np.nan), [0, 1])
    with pytest.raises(ArithmeticError):
        training.step(np.full((2, 8, 8, 1), 1e300), [0, 1])  # infinite as float32
    for name, value in model.parameters.items():
        assert np.array_equal(value, before[name])


def test_learning_rate_and_schedule(linear):
    training = cnn.Training(
        linear, learning_rate=0.1, schedule={"type": "step", "epochs": 1, "factor": 0.5})
    assert math.isclose(training.learning_rate, 0.1)
    training.end_epoch()
    assert math.isclose(training.learning_rate, 0.05)
    training.learning_rate = np.float32(1)
    assert math.isclose(training.learning_rate, 0.5)
    for rate in (math.nan, math.inf, -1):
        with pytest.raises(cnn.InvalidArgumentError):
            training.learning_rate = rate


@pytest.mark.parametrize("optimizer", [
    "sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw"])
def test_saving_and_going_on(optimizer, tmp_path, random):
    x, labels = random.normal(size=(8, 8, 8, 1)), random.integers(0, 10, 8)
    straight = cnn.Training(cnn.Model(SMALL), optimizer=optimizer)
    for _ in range(4):
        straight.step(x, labels)
    first = cnn.Training(cnn.Model(SMALL), optimizer=optimizer)
    for _ in range(2):
        first.step(x, labels)
    first.save(tmp_path / "training")
    second = cnn.Training(cnn.Model(SMALL, seed=5), optimizer=optimizer)
    second.load(tmp_path / "training")
    for _ in range(2):
        second.step(x, labels)
    assert second.model.to_bytes() == straight.model.to_bytes()
    other = cnn.Training(cnn.Model(LINEAR), optimizer=optimizer)
    with pytest.raises(cnn.CNNError):
        other.load(tmp_path / "training")


def test_frozen_parameters(model, random):
    training = cnn.Training(model, frozen=["conv.weight"])
    before = model.parameters["conv.weight"], model.parameters["logits.weight"]
    training.step(random.normal(size=(4, 8, 8, 1)), [0, 1, 2, 3])
    assert np.array_equal(model.parameters["conv.weight"], before[0])
    assert not np.array_equal(model.parameters["logits.weight"], before[1])


def test_views_outlive_the_training(linear):
    training = cnn.Training(linear)
    training.step(np.ones((2, 3)), [0, 1])
    gradient = training.gradients["y.weight"]
    copy = gradient.copy()
    training.close()
    with pytest.raises(ValueError, match="closed"):
        training.forward()
    assert np.array_equal(gradient, copy) and repr(training) == "Training(closed)"
