"""Losses and optimizers in Python against numpy and against those of the library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import SMALL
from plugin_classes import CrossEntropy, Momentum, PlainDescent, SquaredError, graph, unique

import cnn


def parameters_after(steps, *, model=None, data=None, **options):
    """The parameters of a small network after some steps, and the losses."""
    random = np.random.default_rng(3)
    model = model or cnn.Model(SMALL, seed=1)
    training = cnn.Training(model, batch_size=8, **options)
    x, labels = random.normal(size=(8, 8, 8, 1)), random.integers(0, 10, 8)
    losses = [training.step(x, labels) for _ in range(steps)]
    return dict(model.parameters), losses


def assert_same(first, second, exact=True):
    for name, value in first.items():
        if exact:
            assert np.array_equal(value, second[name]), name
        else:
            np.testing.assert_allclose(value, second[name], rtol=2e-4, atol=2e-5, err_msg=name)


# ---- Losses --------------------------------------------------------------------------------------

def test_a_loss_against_numpy_and_the_builtin_one(random):
    x, target = random.normal(size=(4, 6)), random.normal(size=(4, 3))
    results = []
    for loss in (SquaredError.id, "mean_squared_error"):
        model = cnn.Model(graph({"type": "linear", "out_features": 3, "name": "y"}), seed=2)
        training = cnn.Training(model, loss={"type": loss, "weight": 3}, optimizer="sgd",
                                learning_rate=0.1)
        output = model.predict(x)
        training.set_input(x)
        training.set_targets(target)
        before = model.parameters["y.bias"]
        loss = training.run_step()
        assert math.isclose(loss, 3 * np.mean((output - target) ** 2), rel_tol=1e-5)
        gradient = 3 * 2 * (output - target).sum(axis=0) / output.size
        np.testing.assert_allclose(
            model.parameters["y.bias"], before - 0.1 * gradient, rtol=1e-4, atol=1e-6)
        results.append(dict(model.parameters))
    assert_same(*results, exact=False)


def test_labels_against_the_builtin_cross_entropy(digits, test_digits):
    for smoothing in (0, 0.25):
        own, losses = parameters_after(
            3, loss={"type": CrossEntropy.id, "smoothing": smoothing}, optimizer="momentum")
        builtin, expected = parameters_after(
            3, loss={"type": "softmax_cross_entropy", "label_smoothing": smoothing},
            optimizer="momentum")
        np.testing.assert_allclose(losses, expected, rtol=1e-4)
        assert_same(own, builtin, exact=False)
    model = cnn.Model(SMALL, seed=1)
    cnn.Trainer(model, epochs=2, learning_rate=0.01, loss=CrossEntropy.id).fit(digits, test_digits)
    measured = [model.evaluate(test_digits, loss=name)["loss"]
                for name in (CrossEntropy.id, "softmax_cross_entropy")]
    assert math.isclose(*measured, rel_tol=1e-4) and measured[0] < 1


def test_values_as_targets_of_a_loss_that_takes_both(random):
    model = cnn.Model(graph({"type": "linear", "out_features": 3}))
    training = cnn.Training(model, loss=CrossEntropy.id)
    training.set_input(random.normal(size=(2, 6)))
    training.set_targets([[0.5, 0.5, 0], [0, 0, 1]])
    assert training.run_step() > 0


def test_labels_for_each_position(random):
    seen = []

    @cnn.register
    class Positions(CrossEntropy):
        id = unique("positions")

        def evaluate(self, call, output, target):
            seen.append((output.shape, target.copy(), call.batch, call.wants_gradient))
            return super().evaluate(call, output, target)

    layer = {"type": "conv2d", "out_channels": 5, "kernel_size": 1}
    model = cnn.Model(graph(layer, shape=(2, 3, 4)))
    labels = random.integers(0, 5, (2, 2, 3))
    losses = [
        cnn.Training(model.copy(), loss=loss).step(np.ones((2, 2, 3, 4)), labels)
        for loss in (Positions.id, "softmax_cross_entropy")]
    assert math.isclose(*losses, rel_tol=1e-5)
    shape, target, batch, wants = seen[-1]
    assert shape == (2, 2, 3, 5) and np.array_equal(target, labels) and batch == 2 and wants
    assert target.dtype == np.int32


def test_the_gradient_of_a_loss_is_checked():
    model = cnn.Model(graph({"type": "linear", "out_features": 3}))
    assert model.gradient_check(loss=SquaredError.id)["passed"]

    @cnn.register
    class Wrong(SquaredError):
        id = unique("wrong")

        def evaluate(self, call, output, target):
            loss, gradient = super().evaluate(call, output, target)
            return loss, gradient / 2

    assert not model.gradient_check(loss=Wrong.id)["passed"]


def test_a_loss_refuses_shapes_and_attributes():
    model = cnn.Model(graph({"type": "linear", "out_features": 1}))
    with pytest.raises(cnn.ShapeMismatchError, match="at least two classes"):
        cnn.Training(model, loss=CrossEntropy.id)
    with pytest.raises(cnn.InvalidArgumentError, match="smoothing"):
        cnn.Training(model, loss={"type": CrossEntropy.id, "smoothing": 2})
    with pytest.raises(cnn.UnknownNameError, match="smoothing"):
        cnn.Training(model, loss={"type": CrossEntropy.id, "smothing": 0})
    training = cnn.Training(model, loss=SquaredError.id)
    with pytest.raises(cnn.UnsupportedError):
        training.set_labels([0])


# ---- Optimizers ----------------------------------------------------------------------------------

@pytest.mark.parametrize("own, builtin", [
    (PlainDescent.id, "sgd"),
    ({"type": Momentum.id, "momentum": 0.5}, {"type": "momentum", "momentum": 0.5})])
@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_an_optimizer_gives_the_bits_of_the_builtin_one(own, builtin, clip_norm):
    # Factors that are powers of two, so that rounding is the same with and without fused products.
    results = [parameters_after(5, optimizer=optimizer, learning_rate=0.125, clip_norm=clip_norm)
               for optimizer in (own, builtin)]
    assert_same(results[0][0], results[1][0], exact=clip_norm is None)
    if clip_norm is None:
        assert results[0][1] == results[1][1]


def test_default_learning_rate():
    training = cnn.Training(cnn.Model(SMALL), optimizer=Momentum.id)
    assert training.learning_rate == 0.125
    assert cnn.Training(cnn.Model(SMALL), optimizer=PlainDescent.id).learning_rate == 0.01


def test_weight_decay_reaches_an_optimizer():
    @cnn.register
    class Decaying(cnn.Optimizer):
        id = unique("decaying")

        def build(self):
            self.decays = []

        def update(self, call, parameters, gradients):
            self.decays.append((call.weight_decay, call.step, call.count == len(parameters)))
            parameters *= 1 - call.weight_decay

    model = cnn.Model(SMALL)
    before = dict(model.parameters)
    parameters_after(1, model=model, optimizer=Decaying.id, weight_decay=0.5)
    np.testing.assert_array_equal(
        model.parameters["conv.weight"], before["conv.weight"] / 2)
    np.testing.assert_array_equal(model.parameters["bn.weight"], before["bn.weight"])


def test_state_is_in_checkpoints(tmp_path):
    random = np.random.default_rng(3)
    x, labels = random.normal(size=(8, 8, 8, 1)), random.integers(0, 10, 8)

    def training(seed=1):
        return cnn.Training(cnn.Model(SMALL, seed=seed), optimizer=Momentum.id)

    straight = training()
    for _ in range(4):
        straight.step(x, labels)
    first = training()
    for _ in range(2):
        first.step(x, labels)
    first.save(tmp_path / "training")
    second = training(seed=5)
    second.load(tmp_path / "training")
    for _ in range(2):
        second.step(x, labels)
    assert second.model.to_bytes() == straight.model.to_bytes()
    with pytest.raises(cnn.CNNError):
        cnn.Training(cnn.Model(SMALL), optimizer="momentum").load(tmp_path / "training")


def test_a_resumed_run_equals_one_that_was_not_interrupted(tmp_path, digits):
    options = {"optimizer": Momentum.id, "loss": CrossEntropy.id, "learning_rate": 0.05, "seed": 2}
    straight = cnn.Model(SMALL, seed=1)
    cnn.Trainer(straight, epochs=3, **options).fit(digits)
    model = cnn.Model(SMALL, seed=1)
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(cnn.CancelledError):
        cnn.Trainer(model, epochs=3, checkpoint=checkpoint, **options).fit(
            digits, progress=lambda p: p.event == "epoch" and p.epoch == 1)
    resumed = cnn.Model(SMALL, seed=1)
    cnn.Trainer(resumed, epochs=3, checkpoint=checkpoint, resume=True, **options).fit(digits)
    assert resumed.to_bytes() == straight.to_bytes()


def test_bits_do_not_depend_on_threads(digits):
    before, results = cnn.num_threads(), []
    try:
        for count in (1, 4):
            cnn.set_num_threads(count)
            model = cnn.Model(SMALL, seed=1)
            cnn.Trainer(model, epochs=1, optimizer=Momentum.id, loss=CrossEntropy.id).fit(digits)
            results.append(model.to_bytes())
    finally:
        cnn.set_num_threads(before)
    assert results[0] == results[1]


def test_whole_parameters():
    counts = []

    @cnn.register
    class Lars(cnn.Optimizer):
        """Steps in proportion to the norm of a parameter (You et al. 2017)."""

        id = unique("lars")
        needs_whole_parameters = True
        trust = cnn.Attribute(float, 0.01, minimum=0, maximum=1)

        def update(self, call, parameters, gradients):
            counts.append(call.count)
            norm = np.linalg.norm(gradients)
            if norm:
                parameters -= self.trust * np.linalg.norm(parameters) / norm * gradients

    model = cnn.Model(graph({"type": "linear", "out_features": 3000}, shape=(100,)))
    training = cnn.Training(model, optimizer=Lars.id, loss="mean_squared_error")
    training.set_input(np.ones((1, 100)))
    training.set_targets(np.ones((1, 3000)))
    first = training.run_step()
    assert sorted(counts) == [3000, 300000]
    assert training.run_step() < first


def test_what_is_known_of_losses_and_optimizers():
    losses = {found["name"]: found for found in cnn.loss_types()}
    assert losses[SquaredError.id]["summary"] == "The mean of squared differences"
    assert losses[CrossEntropy.id]["attributes"][0]["name"] == "smoothing"
    optimizers = {found["name"]: found for found in cnn.optimizer_types()}
    assert optimizers[Momentum.id]["summary"] == "Steps against the velocity"
    assert optimizers[Momentum.id]["origin"] == "this program"
    assert optimizers["adam"]["origin"] == "built in"
