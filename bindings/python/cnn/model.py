"""Models: networks with parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from ctypes import byref, c_char_p, c_double, c_int64, c_void_p, sizeof
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _ffi
from ._handle import Handle
from .image import Image

if TYPE_CHECKING:
    from .data import Dataset


@dataclass(frozen=True)
class TensorInfo:
    """The name of a tensor and its shape for one sample."""

    name: str
    shape: tuple[int, ...]
    shape_nchw: tuple[int, ...]


@dataclass(frozen=True)
class Prediction:
    """What a picture may show."""

    index: int
    label: str
    probability: float


class Parameters(MutableMapping[str, np.ndarray]):
    """The parameters (or states) of a model by name, copied in and out in the files' layout.

    Convolution weights are (out, in, height, width), as PyTorch has them. ``parameters[name] = x``
    replaces one.
    """

    def __init__(self, model: Model, function: str, count: int) -> None:
        self._model = model
        self._function = function
        self._count = count

    def _tensors(self) -> Iterator[_ffi.Tensor]:
        for index in range(self._count):
            yield _ffi.new_tensor(self._function, self._model._pointer, index)

    def _find(self, name: str) -> _ffi.Tensor:
        for tensor in self._tensors():
            if tensor.name.decode() == name:
                return tensor
        raise KeyError(name)

    def __getitem__(self, name: str) -> np.ndarray:
        result = np.empty(self._find(name).sizes(_ffi.NCHW), np.float32)
        _ffi.call("cnn_model_get_parameter", self._model._pointer, _ffi.text(name), _ffi.NCHW,
                  result.size, _ffi.pointer(result))
        return result

    def __setitem__(self, name: str, value: Any) -> None:
        self._find(name)
        array = _ffi.floats(value)
        _ffi.call("cnn_model_set_parameter", self._model._pointer, _ffi.text(name), _ffi.NCHW,
                  _ffi.sizes(array.shape), array.ndim, _ffi.pointer(array))

    def __delitem__(self, name: str) -> None:
        raise TypeError("the parameters of a model cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return (tensor.name.decode() for tensor in self._tensors())

    def __len__(self) -> int:
        return self._count

    def view(self, name: str) -> np.ndarray:
        """The memory of a parameter without copying, in the layout of memory.

        Convolution weights are (out, height, width, in) there. After writing, call
        ``Model.parameters_changed``.
        """
        tensor = self._find(name)
        return _ffi.view(tensor.data, tensor.sizes(), self._model)


class Model(Handle):
    """A network with its parameters, preprocessing and class names.

    Any number of threads may predict with one model at the same time.

    Args:
        graph: the description of the network, as a dictionary or JSON text; see ``cnn.h`` or the
            guide to graphs.
        seed: decides the first values of the parameters.
        class_names: what the elements of the first output stand for.
    """

    _free = "cnn_model_free"

    def __init__(
        self, graph: Mapping[str, Any] | str, *, seed: int = 0,
        class_names: Sequence[str] | None = None,
    ) -> None:
        description = graph if isinstance(graph, str) else json.dumps(graph, default=_ffi._plain)
        options = {"seed": seed, "class_names": list(class_names) if class_names else None}
        self._adopt(_ffi.new_object(
            "cnn_model_create", _ffi.text(description), _ffi.options(options)))

    @classmethod
    def named(
        cls, name: str, *, classes: int | None = None, input_shape: Sequence[int] | None = None,
        seed: int = 0, **options: Any,
    ) -> Model:
        """Makes a model of a well-known architecture; ``cnn.architectures()`` lists them."""
        given = {"classes": classes, "input_shape": input_shape and list(input_shape),
                 "seed": seed, **options}
        return cls._wrap(_ffi.new_object(
            "cnn_model_create_named", _ffi.text(name), _ffi.options(given)))

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes) -> Model:
        """Loads a model from a file, or from the bytes of one."""
        if isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
            return cls._wrap(_ffi.new_object("cnn_model_load_memory", data, len(data)))
        return cls._wrap(_ffi.new_object("cnn_model_load", _ffi.text(os.fspath(source))))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves the model; the file is replaced at once when the new one is complete."""
        _ffi.call("cnn_model_save", self._pointer, _ffi.text(os.fspath(path)))

    def to_bytes(self) -> bytes:
        """The bytes that ``save`` would write."""
        return _ffi.new_bytes("cnn_model_save_memory", self._pointer)

    def copy(self) -> Model:
        """A copy with parameters of its own."""
        return Model._wrap(_ffi.new_object("cnn_model_copy", self._pointer))

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.load, (self.to_bytes(),)

    def _info(self) -> _ffi.ModelInfo:
        info = _ffi.ModelInfo(struct_size=sizeof(_ffi.ModelInfo))
        _ffi.call("cnn_model_describe", self._pointer, byref(info))
        return info

    def _described(self, function: str, count: int) -> list[TensorInfo]:
        tensors = (_ffi.new_tensor(function, self._pointer, index) for index in range(count))
        return [TensorInfo(t.name.decode(), t.sizes(), t.sizes(_ffi.NCHW)) for t in tensors]

    @property
    def inputs(self) -> list[TensorInfo]:
        """The inputs, in order."""
        return self._described("cnn_model_input", self._info().input_count)

    @property
    def outputs(self) -> list[TensorInfo]:
        """The outputs, in order."""
        return self._described("cnn_model_output", self._info().output_count)

    @property
    def graph(self) -> dict[str, Any]:
        """The description of the network."""
        return json.loads(_ffi.new_text("cnn_model_graph", self._pointer))

    def summary(self, batch: int = 1) -> str:
        """A table of layers, shapes, parameters, operations and memory."""
        return _ffi.new_text("cnn_model_summary", self._pointer, batch)

    @property
    def parameter_count(self) -> int:
        """How many numbers training changes."""
        return self._info().parameter_elements

    @property
    def parameters(self) -> Parameters:
        """What training changes, by name."""
        return Parameters(self, "cnn_model_parameter", self._info().parameter_count)

    @property
    def states(self) -> Parameters:
        """What is kept and not trained, such as running statistics, by name."""
        return Parameters(self, "cnn_model_state", self._info().state_count)

    def parameters_changed(self) -> None:
        """Tells the model that memory from ``Parameters.view`` was written."""
        _ffi.call("cnn_model_parameters_changed", self._pointer)

    @property
    def class_names(self) -> list[str]:
        """What the elements of the first output stand for; empty if not known."""
        result = []
        for index in range(self._info().class_count):
            name = c_char_p()
            _ffi.call("cnn_model_class_name", self._pointer, index, byref(name))
            result.append(name.value.decode())
        return result

    @class_names.setter
    def class_names(self, names: Sequence[str]) -> None:
        _ffi.call("cnn_model_set_class_names", self._pointer, _ffi.names(list(names)), len(names))

    @property
    def preprocessing(self) -> dict[str, Any]:
        """How pictures become the input; assign a dictionary with the same keys to change it."""
        return json.loads(_ffi.new_text("cnn_model_preprocessing", self._pointer))

    @preprocessing.setter
    def preprocessing(self, value: Mapping[str, Any]) -> None:
        _ffi.call("cnn_model_set_preprocessing", self._pointer, _ffi.options(dict(value)))

    def metadata(self, key: str) -> str:
        """Returns a text that was stored under a key."""
        return _ffi.new_text("cnn_model_metadata", self._pointer, _ffi.text(key))

    def set_metadata(self, key: str, value: str | None) -> None:
        """Stores a text with the model; None removes it."""
        _ffi.call("cnn_model_set_metadata", self._pointer, _ffi.text(key), _ffi.text(value))

    def predict(self, samples: Any, *, layout: str = "NHWC") -> np.ndarray:
        """Computes the first output for a batch of samples.

        Args:
            samples: an array with the batch first; a single sample without a batch axis is taken
                as a batch of one.
            layout: the order of axes of samples and result, "NHWC" or "NCHW".
        """
        order = _ffi.layout(layout)
        array = _ffi.floats(samples)
        shape = self.inputs[0].shape if order == _ffi.NHWC else self.inputs[0].shape_nchw
        if array.shape == shape:
            array = array[None]
        if array.shape[1:] != shape:
            raise ValueError(f"the model takes samples of shape {shape}, got {array.shape[1:]}")
        output = self.outputs[0]
        sizes = output.shape if order == _ffi.NHWC else output.shape_nchw
        result = np.empty((len(array), *sizes), np.float32)
        if len(array):
            _ffi.call("cnn_forward", self._pointer, len(array), order, _ffi.pointer(array),
                      array.size, result.size, _ffi.pointer(result))
        return result

    __call__ = predict

    def recognise(
        self, image: Image | np.ndarray | bytes | str | os.PathLike[str], top: int = 5
    ) -> list[Prediction]:
        """Says what a picture shows: the likeliest classes, likeliest first."""
        found, count = (_ffi.Prediction * max(1, top))(), c_int64()
        if isinstance(image, (str, os.PathLike)):
            _ffi.call("cnn_recognise_file", self._pointer, _ffi.text(os.fspath(image)), top, found,
                      byref(count))
        else:
            picture = image if isinstance(image, Image) else Image(image)
            _ffi.call("cnn_recognise_image", self._pointer, picture._pointer, top, found,
                      byref(count))
        return [Prediction(p.index, p.label.decode(), p.probability)
                for p in found[: count.value]]

    def evaluate(self, dataset: Dataset, **options: Any) -> dict[str, Any]:
        """Measures the model on a dataset: "loss", "accuracy", "confusion" and more."""
        memory = c_void_p()
        _ffi.call("cnn_evaluate", self._pointer, dataset._pointer, _ffi.options(options), None,
                  None, byref(memory))
        return json.loads(_ffi.take_text(memory))

    def gradient_check(self, **options: Any) -> dict[str, Any]:
        """Compares the layers' gradients with finite differences; see ``cnn_gradient_check``."""
        memory, worst = c_void_p(), c_double()
        _ffi.call("cnn_gradient_check", self._pointer, _ffi.options(options), byref(worst),
                  byref(memory))
        return json.loads(_ffi.take_text(memory))

    def __repr__(self) -> str:
        info = self._info()
        return f"Model({info.layer_count} layers, {info.parameter_elements:,} parameters)"


def architectures() -> list[dict[str, Any]]:
    """The architectures that ``Model.named`` knows."""
    return json.loads(_ffi.new_text("cnn_architectures"))


def layer_types() -> list[dict[str, Any]]:
    """Every layer type that graphs may use, with its attributes."""
    return json.loads(_ffi.new_text("cnn_layer_types"))
