"""PyTorch: eager, with channels last, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from harness import graph
from harness.timing import Job, Task
from torch import fx, nn


class GlobalAveragePool(nn.Module):
    """The mean of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Takes (N, C, H, W) to (N, C)."""
        return torch.flatten(self.pool(x), 1)


def build(network: graph.Graph) -> fx.GraphModule:
    """The same network as a PyTorch module, whose ``forward`` is straight Python code.

    Rectifiers work in place where nobody else reads their input, as torchvision has it.
    """
    modules, code = nn.ModuleDict(), fx.Graph()
    values: dict[str, Any] = {network.input_name: code.placeholder("x")}
    for node in network.nodes:
        inputs = [values[name] for name in node.inputs]
        if node.type == "add":
            values[node.name] = code.call_function(torch.add, tuple(inputs))
            continue
        alone = network.uses(node.inputs[0]) == 1
        modules[_key(node.name)] = _module(node, network.shapes[node.inputs[0]], alone)
        values[node.name] = code.call_module(_key(node.name), tuple(inputs))
    code.output(values[network.output_name])
    return fx.GraphModule(modules, code)


def _key(name: str) -> str:
    return name.replace(".", "_")


def _module(node: graph.Node, shape: tuple[int, ...], alone: bool) -> nn.Module:
    """The module of a layer that takes a shape (NHWC, without the batch)."""
    attributes = node.attributes
    match node.type:
        case "conv2d":
            return nn.Conv2d(
                shape[2], attributes["out_channels"], node.pair("kernel_size"),
                node.pair("stride", 1), node.pair("padding"), bias=attributes.get("bias", True))
        case "max_pool2d":
            kernel = node.pair("kernel_size")
            return nn.MaxPool2d(kernel, node.pair("stride", kernel[0]), node.pair("padding"))
        case "linear":
            return nn.Linear(
                shape[-1], attributes["out_features"], bias=attributes.get("bias", True))
        case "batch_norm":
            kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            return kind(shape[-1], eps=attributes.get("epsilon", 1e-5),
                        momentum=1 - attributes.get("momentum", 0.9))
        case "local_response_norm":
            return nn.LocalResponseNorm(
                attributes["size"], attributes["alpha"], attributes["beta"], attributes["k"])
        case "relu":
            return nn.ReLU(inplace=alone)
        case "dropout":
            return nn.Dropout(attributes["p"])
        case "flatten":
            return nn.Flatten()
        case "global_avg_pool2d":
            return GlobalAveragePool()
    raise ValueError(f"{node.name}: layer type {node.type} has no twin in PyTorch yet")


def load_weights(module: nn.Module, network: graph.Graph, weights: graph.Weights) -> None:
    """Fills parameters and running statistics with those of the model file."""
    for node in network.nodes:
        if node.type == "add":
            continue
        layer = module.get_submodule(_key(node.name))
        for name, tensor in layer.state_dict(keep_vars=True).items():
            if name != "num_batches_tracked":
                weights.read_into(f"{node.name}.{name}", tensor.detach().numpy())


def task(job: Job) -> Task:
    """Prepares one way of running PyTorch."""
    torch.set_num_threads(job.threads)
    network = graph.Graph.read(job.network["graph"])
    module = build(network)
    load_weights(module, network, graph.Weights(job.network["weights"]))
    memory = torch.channels_last if job.way == "channels_last" else torch.contiguous_format
    module = module.to(memory_format=memory)
    samples = torch.from_numpy(network.samples(job.batch)).permute(0, 3, 1, 2).contiguous(
        memory_format=memory)
    prepare = {"predict": _predict, "train": _train, "gradients": _gradients}[job.mode]
    result = prepare(module, samples, job)
    result.version = torch.__version__
    result.parameters = sum(value.numel() for value in module.parameters())
    return result


def _numbers(tensor: torch.Tensor) -> list[float]:
    """The first numbers of a tensor in the order NHWC."""
    nhwc = tensor.detach().permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor.detach()
    return [float(value) for value in nhwc.reshape(-1)[:8]]


def _predict(module: fx.GraphModule, samples: torch.Tensor, job: Job) -> Task:
    model: Callable[[torch.Tensor], torch.Tensor] = module.eval()
    if job.way == "compile":
        torch._inductor.config.freezing = True
        model = torch.compile(module)

    def body() -> torch.Tensor:
        with torch.inference_mode():
            return model(samples)

    if job.way == "compile":
        def body() -> torch.Tensor:  # noqa: F811 - freezing knows no_grad only
            with torch.no_grad():
                return model(samples)

    return Task(body, "", result=lambda: _numbers(body()))


def _train(module: fx.GraphModule, samples: torch.Tensor, job: Job) -> Task:
    module.train()
    options = dict(job.optimizer or {})
    rate = options.pop("learning_rate")
    kind = options.pop("type")
    make = {"momentum": torch.optim.SGD, "adam": torch.optim.Adam,
            "adagrad": torch.optim.Adagrad}[kind]
    optimizer = make(module.parameters(), lr=rate, fused=True, **options)
    target = torch.from_numpy(graph.labels(job.batch, job.network["classes"]))
    loss_of = nn.CrossEntropyLoss()

    def body() -> float:
        optimizer.zero_grad()
        loss = loss_of(module(samples), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Task(body, "", notes={"first_loss": body()})


def _gradients(module: fx.GraphModule, samples: torch.Tensor, job: Job) -> Task:
    samples.requires_grad_()
    gradient = torch.ones_like(module(samples))

    def body() -> None:
        samples.grad = None
        module.zero_grad()
        module(samples).backward(gradient)

    return Task(body, "", result=lambda: _numbers(samples.grad))
