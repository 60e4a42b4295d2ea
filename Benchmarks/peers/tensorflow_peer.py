"""TensorFlow: as a graph (tf.function), frozen for prediction, and compiled by XLA."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402 - reads the environment
from harness import graph  # noqa: E402
from harness.timing import Job, Task  # noqa: E402


class Network:
    """The same network as a function of NHWC tensors."""

    def __init__(self, network: graph.Graph, weights: graph.Weights) -> None:
        self.network = network
        self.variables: dict[str, tf.Variable] = {}
        for node in network.nodes:
            source = next((other for other in network.nodes if other.name == node.inputs[0]), None)
            flat = source is not None and source.type == "flatten"
            plane = network.shapes[source.inputs[0]] if flat else ()
            for part in ("weight", "bias", "running_mean", "running_var"):
                name = f"{node.name}.{part}"
                if name in weights:
                    value = _tensorflow_layout(node, part, weights[name], plane)
                    self.variables[name] = tf.Variable(
                        value, trainable=not part.startswith("running"))

    @property
    def trainable(self) -> list[tf.Variable]:
        """What training changes."""
        return [value for value in self.variables.values() if value.trainable]

    def __call__(self, samples: tf.Tensor, training: bool) -> tf.Tensor:
        """Computes the logits."""
        values = {self.network.input_name: samples}
        for node in self.network.nodes:
            values[node.name] = self._layer(node, [values[name] for name in node.inputs], training)
        return values[self.network.output_name]

    def _layer(self, node: graph.Node, inputs: list[tf.Tensor], training: bool) -> tf.Tensor:
        attributes, x = node.attributes, inputs[0]
        match node.type:
            case "conv2d":
                y = tf.nn.conv2d(
                    x, self._of(node, "weight"), node.pair("stride", 1), _padding(node))
                bias = self._of(node, "bias")
                return y if bias is None else tf.nn.bias_add(y, bias)
            case "max_pool2d":
                kernel = node.pair("kernel_size")
                return tf.nn.max_pool2d(x, kernel, node.pair("stride", kernel[0]), _padding(node))
            case "linear":
                return tf.nn.bias_add(
                    tf.matmul(x, self._of(node, "weight")), self._of(node, "bias"))
            case "batch_norm":
                return self._batch_norm(node, x, training)
            case "local_response_norm":
                size = attributes["size"]
                return tf.nn.local_response_normalization(
                    x, size // 2, attributes["k"], attributes["alpha"] / size, attributes["beta"])
            case "relu":
                return tf.nn.relu(x)
            case "dropout":
                return tf.nn.dropout(x, attributes["p"]) if training else x
            case "flatten":
                return tf.reshape(x, [x.shape[0], -1])
            case "add":
                return inputs[0] + inputs[1]
            case "global_avg_pool2d":
                return tf.reduce_mean(x, [1, 2])
        raise ValueError(f"{node.name}: layer type {node.type} has no twin in TensorFlow yet")

    def _of(self, node: graph.Node, part: str) -> tf.Variable | None:
        return self.variables.get(f"{node.name}.{part}")

    def _batch_norm(self, node: graph.Node, x: tf.Tensor, training: bool) -> tf.Tensor:
        parts = [self._of(node, part)
                 for part in ("weight", "bias", "running_mean", "running_var")]
        momentum = node.attributes.get("momentum", 0.9)
        plane = x if x.shape.rank == 4 else x[:, None, None, :]
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            plane, *parts, epsilon=node.attributes.get("epsilon", 1e-5), is_training=training,
            exponential_avg_factor=1 - momentum)
        if training:
            parts[2].assign(mean)
            parts[3].assign(variance)
        return y if x.shape.rank == 4 else tf.reshape(y, x.shape)


def _padding(node: graph.Node) -> Any:
    height, width = node.pair("padding")
    kernel = node.pair("kernel_size")
    if (height, width) == (0, 0):
        return "VALID"
    if node.pair("stride", 1) == (1, 1) and (2 * height + 1, 2 * width + 1) == kernel:
        return "SAME"
    return [[0, 0], [height, height], [width, width], [0, 0]]


def _tensorflow_layout(
    node: graph.Node, part: str, value: np.ndarray[Any, Any], plane: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """A parameter as TensorFlow has it; ``plane`` is the shape (NHWC) that was flattened before."""
    if part != "weight" or node.type == "batch_norm":
        return value
    if node.type == "conv2d":
        return value.transpose(2, 3, 1, 0)
    if len(plane) == 3:
        height, width, channels = plane
        value = value.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        value = value.reshape(len(value), -1)
    return value.T


def task(job: Job) -> Task:
    """Prepares one way of running TensorFlow."""
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    description = graph.Graph.read(job.network["graph"])
    network = Network(description, graph.Weights(job.network["weights"]))
    samples = tf.constant(description.samples(job.batch))
    prepare = {"predict": _predict, "train": _train, "gradients": _gradients}[job.mode]
    result = prepare(network, samples, job)
    result.version = tf.__version__
    result.parameters = sum(int(np.prod(value.shape)) for value in network.trainable)
    return result


def _numbers(tensor: tf.Tensor) -> list[float]:
    return [float(value) for value in tensor.numpy().ravel()[:8]]


def _predict(network: Network, samples: tf.Tensor, job: Job) -> Task:
    @tf.function(jit_compile=job.way == "jit")
    def predict(x: tf.Tensor) -> tf.Tensor:
        return network(x, training=False)

    run: Callable[[tf.Tensor], Any] = predict
    if job.way == "frozen":
        from tensorflow.python.framework import convert_to_constants

        frozen = convert_to_constants.convert_variables_to_constants_v2(
            predict.get_concrete_function(samples))

        def run(x: tf.Tensor) -> Any:
            return frozen(x)[0]

    return Task(lambda: run(samples).numpy(), "", result=lambda: _numbers(run(samples)))


def _train(network: Network, samples: tf.Tensor, job: Job) -> Task:
    options = dict(job.optimizer or {})
    rate = options.pop("learning_rate")
    optimizer = {
        "momentum": lambda: tf.keras.optimizers.SGD(rate, momentum=options.get("momentum", 0.9)),
        "adam": lambda: tf.keras.optimizers.Adam(rate, epsilon=1e-8),
        "adagrad": lambda: tf.keras.optimizers.Adagrad(
            rate, initial_accumulator_value=0.0, epsilon=1e-8),
    }[options["type"]]()
    trainable = network.trainable
    optimizer.build(trainable)
    labels = tf.constant(graph.labels(job.batch, job.network["classes"]))

    @tf.function(jit_compile=job.way == "jit")
    def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, network(x, training=True))
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients(zip(tape.gradient(loss, trainable), trainable))
        return loss

    first = float(step(samples, labels).numpy())
    return Task(lambda: step(samples, labels).numpy(), "", notes={"first_loss": first})


def _gradients(network: Network, samples: tf.Tensor, job: Job) -> Task:
    trainable = network.trainable

    @tf.function(jit_compile=job.way == "jit")
    def step(x: tf.Tensor, gradient: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = network(x, training=True)
        return y, tape.gradient(y, [x, *trainable], output_gradients=gradient)

    gradient = tf.ones_like(network(samples, training=True))

    def body() -> Any:
        return step(samples, gradient)

    return Task(body, "", result=lambda: _numbers(body()[1][0]))
