"""The graph of a network as ``cnn`` describes it, made easy to rebuild with another library."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Node:
    """A layer: its name, type, attributes, and the names of the values that it takes."""

    name: str
    type: str
    attributes: dict[str, Any]
    inputs: list[str]

    def pair(self, name: str, default: int = 0) -> tuple[int, int]:
        """An attribute of height and width that may be given as one number."""
        value = self.attributes.get(name, default)
        if name == "padding" and value == "same":
            kernel, stride = self.pair("kernel_size"), self.pair("stride", 1)
            if stride != (1, 1) or any(size % 2 == 0 for size in kernel):
                raise ValueError(f"{self.name}: \"same\" is known for odd kernels with stride 1")
            return kernel[0] // 2, kernel[1] // 2
        if isinstance(value, int):
            return value, value
        height, width = value
        return height, width

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that the layer makes of a shape; NHWC, without the batch."""
        if self.type == "conv2d":
            return (*self._window(shape, self.pair("stride", 1)), self.attributes["out_channels"])
        if self.type == "max_pool2d":
            stride = self.pair("stride", self.pair("kernel_size")[0])
            return (*self._window(shape, stride), shape[2])
        if self.type == "linear":
            return (self.attributes["out_features"],)
        if self.type == "flatten":
            return (math.prod(shape),)
        if self.type == "global_avg_pool2d":
            return (shape[2],)
        if self.type in ("relu", "dropout", "batch_norm", "local_response_norm", "add"):
            return shape
        raise ValueError(f"{self.name}: the benchmark does not know layers of type {self.type}")

    def _window(self, shape: tuple[int, ...], stride: tuple[int, int]) -> tuple[int, int]:
        kernel, padding = self.pair("kernel_size"), self.pair("padding")
        height, width = ((shape[axis] + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1
                         for axis in (0, 1))
        return height, width


@dataclass(frozen=True)
class Graph:
    """The layers in order, and the shapes of all values without the batch (NHWC)."""

    input_name: str
    input_shape: tuple[int, ...]
    nodes: list[Node]
    shapes: dict[str, tuple[int, ...]]

    @classmethod
    def read(cls, description: dict[str, Any]) -> Graph:
        """Reads the JSON object that ``cnn_model_graph`` writes."""
        source = description["inputs"][0]
        previous, nodes = source["name"], []
        shapes = {previous: tuple(source["shape"])}
        for layer in description["layers"]:
            attributes = {
                key: value for key, value in layer.items()
                if key not in ("name", "type", "inputs") and not key.endswith("initializer")}
            name = layer["name"]
            node = Node(name, layer["type"], attributes, layer.get("inputs", [previous]))
            nodes.append(node)
            shapes[name] = node.output_shape(shapes[node.inputs[0]])
            previous = name
        return cls(source["name"], tuple(source["shape"]), nodes, shapes)

    @property
    def output_name(self) -> str:
        """The value that the network computes: that of the last layer."""
        return self.nodes[-1].name

    def uses(self, name: str) -> int:
        """How many layers take a value."""
        return sum(node.inputs.count(name) for node in self.nodes)

    def samples(self, batch: int) -> np.ndarray[Any, Any]:
        """The inputs that every side gets, NHWC."""
        return np.random.default_rng(0).standard_normal(
            (batch, *self.input_shape), dtype=np.float32)


def labels(batch: int, classes: int) -> np.ndarray[Any, Any]:
    """The class numbers that every side gets."""
    return np.random.default_rng(1).integers(classes, size=batch)


class Weights:
    """The parameters in a model file (safetensors), in PyTorch's layout, read one at a time."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        with self._path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            self._entries = json.loads(file.read(size))
        self._entries.pop("__metadata__", None)
        self._start = 8 + size

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        array = np.empty(self._entries[name]["shape"], np.float32)
        self.read_into(name, array)
        return array

    def read_into(self, name: str, array: np.ndarray[Any, Any]) -> None:
        """Fills a contiguous array without a copy in between."""
        entry = self._entries[name]
        if entry["dtype"] != "F32" or tuple(entry["shape"]) != array.shape:
            raise ValueError(f"{name} is {entry}, and an array of {array.shape} was to be filled")
        with self._path.open("rb") as file:
            file.seek(self._start + entry["data_offsets"][0])
            file.readinto(memoryview(array).cast("B"))  # type: ignore[attr-defined]
