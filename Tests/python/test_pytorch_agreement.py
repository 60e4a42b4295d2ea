"""Layers, losses and optimizers compute what PyTorch computes.

A hundred random configurations of layers, drawn from fixed seeds: outputs, gradients of inputs and
of parameters, and running statistics agree with PyTorch in double precision to 1e-4 of the largest
value. So do ten steps of each optimizer, and each loss. CNN_SHOW_DEVIATIONS=1 prints the largest.
"""

from __future__ import annotations

import math
import os

import numpy as np
import pytest

import cnn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
functional = torch.nn.functional

TOLERANCE = 1e-4
KINDS = ["conv2d", "conv2d_same", "depthwise", "transposed_conv2d", "max_pool2d", "avg_pool2d",
         "batch_norm", "linear", "conv2d", "conv2d_winograd"]
deviations: dict[str, float] = {}


@pytest.fixture(scope="module", autouse=True)
def show_deviations():
    yield
    if os.environ.get("CNN_SHOW_DEVIATIONS"):
        for what, largest in sorted(deviations.items()):
            print(f"\n{what:32} {largest:.1e}", end="")


def agree(got, expected, what):
    """Compares by the largest difference over the largest value."""
    expected = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert got.shape == expected.shape, what
    largest = np.abs(expected).max(initial=1e-30)
    deviation = float(np.abs(got - expected).max(initial=0) / largest)
    deviations[what] = max(deviations.get(what, 0), deviation)
    assert deviation <= TOLERANCE, f"{what}: {deviation:.2e}"


def pair(random, low, high):
    """One number for both axes, or one for each."""
    if random.random() < 0.5:
        value = int(random.integers(low, high + 1))
        return value, (value, value)
    values = tuple(int(v) for v in random.integers(low, high + 1, 2))
    return list(values), values


def padding(random, most):
    """Padding as the library takes it, and as left, right, top and bottom."""
    form = random.integers(3)
    top, bottom, left, right = (int(v) for v in random.integers(0, most + 1, 4))
    if form == 0:
        return top, (top, top, top, top)
    if form == 1:
        return [top, left], (left, left, top, top)
    return [[top, bottom], [left, right]], (left, right, top, bottom)


def same_padding(size, kernel, stride, dilation):
    """TensorFlow's: the odd pixel goes right and bottom."""
    result = []
    for axis in (1, 0):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        total = max(0, (math.ceil(size[axis] / stride[axis]) - 1) * stride[axis] + reach
                    - size[axis])
        result += [total // 2, total - total // 2]
    return tuple(result)


def convolution(random, kind, channels, size):
    """The attributes of a convolution, and PyTorch's function of input, weight and bias."""
    groups = int(random.choice([g for g in (1, 2, 3, 4) if channels % g == 0]))
    out = groups * int(random.integers(1, 5))
    kernel, kernels = pair(random, 1, 4)
    stride, strides = pair(random, 1, 3)
    dilation, dilations = pair(random, 1, 2)
    given, amounts = padding(random, 2)
    if kind == "depthwise":
        groups, out = channels, channels * int(random.integers(1, 3))
    if kind == "conv2d_winograd":
        # The shapes for which the fast algorithm is chosen: larger errors, if anywhere.
        kernel = int(random.choice([3, 5, 7]))
        kernels, stride, strides, dilation, dilations, groups, out = (
            (kernel, kernel), 1, (1, 1), 1, (1, 1), 1, 32)
    if kind in ("conv2d_same", "conv2d_winograd"):
        given, amounts = "same", same_padding(size, kernels, strides, dilations)
    attributes = {
        "type": "conv2d", "out_channels": out, "kernel_size": kernel, "stride": stride,
        "dilation": dilation, "groups": groups, "padding": given,
        "bias": bool(random.random() < 0.7)}

    def reference(x, weight, bias=None):
        return functional.conv2d(functional.pad(x, amounts), weight, bias, strides,
                                 dilation=dilations, groups=groups)

    return attributes, reference


def transposed_convolution(random, channels):
    groups = int(random.choice([g for g in (1, 2) if channels % g == 0]))
    kernel, _ = pair(random, 2, 4)
    stride, strides = pair(random, 1, 3)
    dilation, dilations = pair(random, 1, 2)
    given, (left, right, top, bottom) = padding(random, 1)
    extra = [int(random.integers(0, s)) for s in strides]
    if (left, top) != (right, bottom):
        extra = [0, 0]
    attributes = {
        "type": "transposed_conv2d", "out_channels": groups * int(random.integers(1, 4)),
        "kernel_size": kernel, "stride": stride, "dilation": dilation, "groups": groups,
        "padding": given, "output_padding": extra}

    def reference(x, weight, bias):
        if (left, top) == (right, bottom):
            return functional.conv_transpose2d(
                x, weight, bias, strides, (top, left), extra, groups, dilations)
        # PyTorch pads both sides alike; padding a transposed convolution cuts its output.
        whole = functional.conv_transpose2d(
            x, weight, bias, strides, 0, 0, groups, dilations)
        return whole[:, :, top: whole.shape[2] - bottom, left: whole.shape[3] - right]

    return attributes, reference


def pooling(random, kind):
    kernel, kernels = pair(random, 1, 4)
    stride, strides = pair(random, 1, 3)
    given, amounts = padding(random, max(0, min(kernels) // 2))
    attributes = {"type": kind, "kernel_size": kernel, "stride": stride, "padding": given}
    if kind == "max_pool2d":
        dilation, dilations = pair(random, 1, 2)
        attributes["dilation"] = dilation
        return attributes, lambda x: functional.max_pool2d(
            functional.pad(x, amounts, value=-math.inf), kernels, strides, dilation=dilations)
    counted = attributes["count_include_pad"] = bool(random.random() < 0.5)

    def reference(x):
        sums = functional.avg_pool2d(functional.pad(x, amounts), kernels, strides)
        if counted:
            return sums
        ones = functional.pad(torch.ones_like(x), amounts)
        return sums / functional.avg_pool2d(ones, kernels, strides)

    return attributes, reference


def configuration(random, kind):
    """The shape of a sample (NCHW), the attributes, and the reference."""
    channels = int(random.choice([1, 2, 3, 4, 6, 8, 12]))
    size = tuple(int(v) for v in random.integers(9, 18, 2))
    if kind == "conv2d_winograd":
        channels = int(random.choice([16, 32]))
    if kind == "linear":
        return (int(random.integers(1, 40)),), {
            "type": "linear", "out_features": int(random.integers(1, 30))}, functional.linear
    if kind == "transposed_conv2d":
        return (channels, *size), *transposed_convolution(random, channels)
    if kind.endswith("pool2d"):
        return (channels, *size), *pooling(random, kind)
    return (channels, *size), *convolution(random, kind, channels, size)


def channels_first(array):
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def channels_last(array):
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


def in_file_layout(model, training, name):
    """A gradient in the layout of files, by a detour over the parameter."""
    training.parameters[name][:] = training.gradients[name]
    return model.parameters[name]


def sample_shape(shape):
    return [*shape[1:], shape[0]] if len(shape) == 3 else list(shape)


@pytest.mark.parametrize("seed", range(100))
def test_layers(seed):
    kind = KINDS[seed % len(KINDS)]
    random = np.random.default_rng(seed)
    if kind == "batch_norm":
        check_batch_norm(random)
        return
    shape, attributes, reference = configuration(random, kind)
    batch = int(random.integers(1, 5))
    model = cnn.Model({"inputs": [{"name": "x", "shape": sample_shape(shape)}],
                       "layers": [{"name": "layer", **attributes}]}, seed=seed)
    for name in model.parameters:
        model.parameters[name] = random.normal(size=model.parameters[name].shape)
    values = random.normal(size=(batch, *shape)).astype(np.float32)

    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    parameters = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
                  for name, value in model.parameters.items()}
    y = reference(x, *parameters.values())
    direction = random.normal(size=y.shape).astype(np.float32)
    y.backward(torch.tensor(direction, dtype=torch.float64))

    layout = "NCHW" if len(shape) == 3 else "NHWC"
    agree(model.predict(values, layout=layout), y, f"{kind} output, predicting")
    has_parameters = bool(parameters)
    if not has_parameters:
        model, training = with_a_parameter(model, shape, attributes, batch)
    else:
        training = cnn.Training(model, loss="none", batch_size=batch, input_gradients=True)
    training.set_input(values, layout=layout)
    training.zero_gradients()
    training.forward()
    agree(channels_first(training.output()), y, f"{kind} output, training")
    training.loss()
    training.output_gradient()[:] = channels_last(direction)
    training.backward()
    agree(channels_first(training.input_gradient()), x.grad, f"{kind} gradient of input")
    if has_parameters:
        for name, parameter in parameters.items():
            what = name.split(".")[-1]
            agree(in_file_layout(model, training, name), parameter.grad,
                  f"{kind} gradient of {what}")


def with_a_parameter(model, shape, attributes, batch):
    """The same layer after a convolution that changes nothing: there must be something to train."""
    channels = shape[0]
    identity = {"name": "identity", "type": "conv2d", "out_channels": channels, "kernel_size": 1,
                "bias": False}
    model = cnn.Model({"inputs": [{"name": "x", "shape": sample_shape(shape)}],
                       "layers": [identity, {"name": "layer", **attributes}]})
    model.parameters["identity.weight"] = np.eye(channels)[:, :, None, None]
    return model, cnn.Training(model, loss="none", batch_size=batch, input_gradients=True)


def check_batch_norm(random):
    """Batch normalisation in training and in use, with its running statistics."""
    channels, momentum = int(random.integers(1, 20)), float(random.uniform(0.5, 0.99))
    epsilon = float(10 ** random.uniform(-6, -3))
    is_flat = random.random() < 0.3
    shape = (channels,) if is_flat else (channels, *(int(v) for v in random.integers(2, 9, 2)))
    model = cnn.Model({"inputs": [{"name": "x", "shape": sample_shape(shape)}], "layers": [
        {"name": "bn", "type": "batch_norm", "momentum": momentum, "epsilon": epsilon}]})
    kind = torch.nn.BatchNorm1d if is_flat else torch.nn.BatchNorm2d
    # PyTorch's momentum is the share of the new value.
    reference = kind(channels, eps=epsilon, momentum=1 - momentum).double()
    weight, bias = random.normal(size=(2, channels)).astype(np.float32)
    model.parameters["bn.weight"], model.parameters["bn.bias"] = weight, bias
    with torch.no_grad():
        reference.weight.copy_(torch.tensor(weight))
        reference.bias.copy_(torch.tensor(bias))
    batch = int(random.integers(4, 9))
    layout = "NHWC" if is_flat else "NCHW"
    training = cnn.Training(model, loss="none", batch_size=batch, input_gradients=True)
    for _ in range(2):
        values = (2 * random.normal(size=(batch, *shape)) + 1).astype(np.float32)
        x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        reference.zero_grad()
        y = reference(x)
        direction = random.normal(size=y.shape).astype(np.float32)
        y.backward(torch.tensor(direction, dtype=torch.float64))
        training.set_input(values, layout=layout)
        training.zero_gradients()
        training.forward()
        training.loss()
        agree(channels_first(training.output()), y, "batch_norm output, training")
        training.output_gradient()[:] = channels_last(direction)
        training.backward()
        agree(channels_first(training.input_gradient()), x.grad, "batch_norm gradient of input")
        agree(training.gradients["bn.weight"], reference.weight.grad,
              "batch_norm gradient of weight")
        agree(training.gradients["bn.bias"], reference.bias.grad, "batch_norm gradient of bias")
    agree(model.states["bn.running_mean"], reference.running_mean, "batch_norm running mean")
    agree(model.states["bn.running_var"], reference.running_var, "batch_norm running variance")
    reference.eval()
    agree(model.predict(values, layout=layout), reference(x), "batch_norm output, predicting")


LOSSES = {
    "softmax_cross_entropy": ({}, lambda y, t: functional.cross_entropy(y, t)),
    "softmax_cross_entropy, smoothed": (
        {"label_smoothing": 0.1},
        lambda y, t: functional.cross_entropy(y, t, label_smoothing=0.1)),
    "softmax_cross_entropy, probabilities": ({}, lambda y, t: functional.cross_entropy(y, t)),
    "sigmoid_cross_entropy": (
        {}, lambda y, t: functional.binary_cross_entropy_with_logits(y, t)),
    "mean_squared_error": ({}, lambda y, t: functional.mse_loss(y, t)),
    "smooth_l1": ({"beta": 0.7}, lambda y, t: functional.smooth_l1_loss(y, t, beta=0.7)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    random = np.random.default_rng(3)
    options, reference = LOSSES[name]
    model = cnn.Model({"inputs": [{"name": "x", "shape": [4]}],
                       "layers": [{"name": "y", "type": "linear", "out_features": 7}]})
    values = random.normal(size=(5, 4)).astype(np.float32)
    kind = name.split(",")[0]
    training = cnn.Training(model, loss={"type": kind, **options}, batch_size=5)
    training.set_input(values)
    y = torch.tensor(3 * model.predict(values).astype(float), requires_grad=True)
    model.parameters["y.weight"] = 3 * model.parameters["y.weight"]
    if name.startswith("softmax") and "probabilities" not in name:
        labels = random.integers(0, 7, 5)
        training.set_labels(labels)
        target = torch.tensor(labels)
    else:
        numbers = random.random((5, 7))
        if "probabilities" in name:
            numbers /= numbers.sum(axis=1, keepdims=True)
        training.set_targets(numbers)
        target = torch.tensor(numbers)
    loss = reference(y, target)
    loss.backward()
    training.zero_gradients()
    training.forward()
    agree(np.array(training.loss()), loss, f"{name} loss")
    agree(training.output_gradient(), y.grad, f"{name} gradient")


OPTIMIZERS = {
    "sgd": lambda p, r, d: torch.optim.SGD(p, r, weight_decay=d),
    "momentum": lambda p, r, d: torch.optim.SGD(p, r, momentum=0.9, weight_decay=d),
    "nesterov": lambda p, r, d: torch.optim.SGD(p, r, momentum=0.9, nesterov=True, weight_decay=d),
    "rmsprop": lambda p, r, d: torch.optim.RMSprop(p, r, alpha=0.99, eps=1e-8, weight_decay=d),
    "adagrad": lambda p, r, d: torch.optim.Adagrad(p, r, eps=1e-8, weight_decay=d),
    "adam": lambda p, r, d: torch.optim.Adam(p, r, weight_decay=d),
    "adamw": lambda p, r, d: torch.optim.AdamW(p, r, weight_decay=d),
}


@pytest.mark.parametrize("decay", [0, 0.05])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name, decay):
    random = np.random.default_rng(5)
    model = cnn.Model({"inputs": [{"name": "x", "shape": [6]}],
                       "layers": [{"name": "y", "type": "linear", "out_features": 5}]})
    training = cnn.Training(model, optimizer=name, learning_rate=0.02, weight_decay=decay)
    weight, bias = (torch.tensor(value, dtype=torch.float64, requires_grad=True)
                    for value in model.parameters.values())
    # The library spares biases from weight decay, as is usual.
    optimizer = OPTIMIZERS[name](
        [{"params": [weight]}, {"params": [bias], "weight_decay": 0}], 0.02, decay)
    for _ in range(10):
        values, labels = random.normal(size=(8, 6)).astype(np.float32), random.integers(0, 5, 8)
        optimizer.zero_grad()
        loss = functional.cross_entropy(
            functional.linear(torch.tensor(values, dtype=torch.float64), weight, bias),
            torch.tensor(labels))
        loss.backward()
        optimizer.step()
        got = training.step(values, labels)
        agree(np.array(got), loss, f"{name} loss over ten steps")
    agree(model.parameters["y.weight"], weight, f"{name} weight after ten steps")
    agree(model.parameters["y.bias"], bias, f"{name} bias after ten steps")
