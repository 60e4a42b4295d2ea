"""Layers, losses and optimizers in Python, and small networks of them, that several tests use."""

from __future__ import annotations

import itertools

import numpy as np

import cnn

_numbers = itertools.count(1)


def unique(name="test"):
    """An id that nobody has: registered types stay for ever."""
    return f"org.example.{name}_{next(_numbers)}"


def graph(*layers, shape=(6,), outputs=None):
    """A network of one input "x" with the given layers."""
    result = {"inputs": [{"name": "x", "shape": list(shape)}], "layers": list(layers)}
    return {**result, "outputs": outputs} if outputs else result


def numbers(shape, seed=3):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class Trouble(Exception):
    """What only these tests raise."""


class Identity(cnn.Layer):
    def build(self, shape):
        self.add_prepared("number", (1,))
        return shape

    def prepare(self, call):
        call.prepared["number"][:] = 1

    def forward(self, call, x):
        return x

    def backward(self, call, gradient):
        return gradient


def registered(base, **members):
    """Registers a class derived from `base`."""
    return cnn.register(type("Derived", (base,), {"id": unique("derived"), **members}))


def raising(failure):
    def method(self, *arguments):
        raise failure

    return method


def predict(kind, shape=(6,)):
    return cnn.Model(graph({"type": kind.id}, shape=shape)).predict(np.ones((2, *shape)))


def train(kind=None, loss="mean_squared_error", optimizer="sgd"):
    layers = [{"type": "linear", "out_features": 6}] + ([{"type": kind.id}] if kind else [])
    training = cnn.Training(cnn.Model(graph(*layers)), loss=loss, optimizer=optimizer)
    training.set_input(np.ones((2, 6)))
    training.set_targets(np.zeros((2, 6)))
    return training.run_step()


@cnn.register
class Swish(cnn.Layer):
    """x times the sigmoid of beta times x (Ramachandran et al. 2017).

    More about it.
    """

    id = "org.example.tests.swish"
    backward_reads = "inputs"
    beta = cnn.Attribute(float, 1.0, minimum=0, maximum=100, doc="how steep the sigmoid is")

    def forward(self, call, x):
        return x / (1 + np.exp(-self.beta * x))

    def backward(self, call, gradient):
        x = call.input
        s = 1 / (1 + np.exp(-self.beta * x))
        return gradient * s * (1 + self.beta * x * (1 - s))


@cnn.register
class Normalise(cnn.Layer):
    """Takes a running mean away and scales; parameters, a state, a cache, scratch, preparation."""

    id = "org.example.tests.normalise"
    momentum = cnn.Attribute(float, 0.5, minimum=0, maximum=1)

    def build(self, shape):
        channels = shape[-1:]
        self.backward_reads = ()
        self.operations = 3 * shape[0]
        self.add_parameter("scale", channels, initializer=1.5, decays=True)
        self.add_parameter("shift", channels, initializer="uniform", value=0.5)
        self.add_state("mean", channels)
        self.add_state("steps", (1,))
        self.add_cache("centred", shape)
        self.add_cache("count", (1,), by_sample=False)
        self.add_scratch("product", shape)
        self.add_prepared("offset", channels)
        return shape

    def prepare(self, call):
        call.prepared["offset"][:] = (
            call.parameters["shift"] - call.parameters["scale"] * call.states["mean"])

    def forward(self, call, x):
        if not call.training:
            np.multiply(x, call.parameters["scale"], out=call.output)
            call.output.__iadd__(call.prepared["offset"])
            assert call.cache is None
            return
        mean = x.reshape(-1, x.shape[-1]).mean(axis=0)
        call.states["mean"][:] = (
            self.momentum * call.states["mean"] + (1 - self.momentum) * mean)
        call.states["steps"][:] += 1
        # The mean of before: gradients need not flow through it.
        centred = call.cache["centred"]
        np.subtract(x, 0.25, out=centred)
        call.cache["count"][:] = len(x)
        product = call.scratch["product"]
        np.multiply(centred, call.parameters["scale"], out=product)
        np.add(product, call.parameters["shift"], out=call.output)

    def backward(self, call, gradient):
        assert call.inputs == (None,) and call.outputs == (None,)
        assert call.cache["count"][0] == call.batch
        product = call.scratch["product"]
        np.multiply(gradient, call.cache["centred"], out=product)
        call.add_gradient("scale", product.reshape(-1, product.shape[-1]).sum(axis=0))
        if call.parameter_gradients["shift"] is not None:
            call.parameter_gradients["shift"] += (
                gradient.reshape(-1, gradient.shape[-1]).sum(axis=0))
        return gradient * call.parameters["scale"]


@cnn.register
class Dropout(cnn.Layer):
    """Leaves out a share of the numbers, as the library's own does."""

    id = "org.example.tests.dropout"
    rate = cnn.Attribute(float, 0.5, minimum=0, maximum=0.99)
    identity_in_inference = True
    backward_reads = ()
    in_place = True

    def factors(self, call, shape):
        return (call.random_uniform(shape) >= self.rate) / np.float32(1 - self.rate)

    def forward(self, call, x):
        return x * self.factors(call, x.shape) if call.training else x

    def backward(self, call, gradient):
        return gradient * self.factors(call, gradient.shape)


@cnn.register
class SumAndDifference(cnn.Layer):
    """a + b and a - b of any number of inputs, the first against the others."""

    id = "org.example.tests.sum_and_difference"
    inputs = (1, None)
    backward_reads = ()

    def build(self, *shapes):
        if len(set(shapes)) != 1:
            raise cnn.ShapeMismatchError(f"the inputs have one shape, got {shapes}")
        return {"sum": shapes[0], "difference": shapes[0]}

    def forward(self, call, first, *others):
        rest = sum(others, np.zeros_like(first))
        return first + rest, None if call.outputs[1] is None else first - rest

    def backward(self, call, by_sum, by_difference):
        by_sum = 0 if by_sum is None else by_sum
        by_difference = 0 if by_difference is None else by_difference
        shape = (call.batch, *self._declared.inputs[0])
        first = np.broadcast_to(by_sum + by_difference, shape)
        rest = np.broadcast_to(by_sum - by_difference, shape)
        return tuple(first if index == 0 else rest for index in range(len(call.wants)))


@cnn.register
class Dense(cnn.Layer):
    """A linear layer by the library's own product of matrices."""

    id = "org.example.tests.dense"
    features = cnn.Attribute(int, minimum=1, maximum=10000)
    backward_reads = "inputs"

    def build(self, shape):
        if len(shape) != 1:
            raise cnn.ShapeMismatchError(f"samples are vectors, got {shape}")
        self.add_parameter("weight", (self.features, shape[0]), initializer="he",
                           fan_in=shape[0], decays=True)
        self.add_parameter("bias", (self.features,))
        return (self.features,)

    def forward(self, call, x):
        call.matmul(x, call.parameters["weight"].T, out=call.output)
        np.add(call.output, call.parameters["bias"], out=call.output)

    def backward(self, call, gradient):
        weight = call.parameter_gradients["weight"]
        if weight is not None:
            call.matmul(gradient.T, call.input, out=weight, beta=1)
        call.add_gradient("bias", gradient.sum(axis=0))
        if call.wants[0]:
            return call.matmul(gradient, call.parameters["weight"])
        return None


@cnn.register
class SquaredError(cnn.Loss):
    """The mean of squared differences."""

    id = "org.example.tests.squared_error"
    targets = "values"

    def evaluate(self, call, output, target):
        difference = output - target
        return np.mean(difference * difference), 2 * difference / difference.size


@cnn.register
class CrossEntropy(cnn.Loss):
    """The cross entropy of the softmax."""

    id = "org.example.tests.cross_entropy"
    targets = ("labels", "values")
    smoothing = cnn.Attribute(float, 0.0, minimum=0, maximum=1)

    def check(self, shape):
        if not shape or shape[-1] < 2:
            raise cnn.ShapeMismatchError(f"there are at least two classes, got {shape}")

    def evaluate(self, call, output, target):
        classes = output.shape[-1]
        wanted = np.eye(classes)[target] if call.values is None else target
        wanted = wanted * (1 - self.smoothing) + self.smoothing / classes
        powers = np.exp(output - output.max(axis=-1, keepdims=True).astype(float))
        probabilities = powers / powers.sum(axis=-1, keepdims=True)
        count = output.size // classes
        return (-(wanted * np.log(probabilities)).sum() / count, (probabilities - wanted) / count)


@cnn.register
class PlainDescent(cnn.Optimizer):
    """Steps against the gradient."""

    id = "org.example.tests.plain_descent"

    def update(self, call, parameters, gradients):
        parameters -= np.float32(call.learning_rate) * gradients


@cnn.register
class Momentum(cnn.Optimizer):
    """Steps against the velocity."""

    id = "org.example.tests.momentum"
    state_names = ("momentum_buffer",)
    default_learning_rate = 0.125
    momentum = cnn.Attribute(float, 0.5, minimum=0, maximum=1)

    def update(self, call, parameters, gradients, velocity):
        velocity *= np.float32(self.momentum)
        velocity += gradients
        parameters -= np.float32(call.learning_rate) * velocity
