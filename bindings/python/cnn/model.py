"""Models: networks with parameters."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import _ffi
from ._handle import Handle
from .errors import ShapeMismatchError
from .explain import Explanation, explain
from .image import Image
from .parameters import Parameters

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
        class_names: Iterable[str] | None = None,
    ) -> None:
        description = _ffi.text(graph) if isinstance(graph, str) else _ffi.json_text(graph)
        names = None if class_names is None else _ffi.strings(class_names)
        self._adopt(_ffi.new_object(
            "cnn_model_create", description, _ffi.options({"seed": seed, "class_names": names})))

    @classmethod
    def named(
        cls, name: str, *, classes: int | None = None, input_shape: Sequence[int] | None = None,
        seed: int = 0, **options: Any,
    ) -> Model:
        """Makes a model of a well-known architecture; ``cnn.architectures()`` lists them."""
        shape = None if input_shape is None else list(input_shape)
        given = {"classes": classes, "input_shape": shape, "seed": seed, **options}
        return cls._wrap(_ffi.new_object(
            "cnn_model_create_named", _ffi.text(name), _ffi.options(given)))

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes) -> Model:
        """Loads a model from a file, or from the bytes of one."""
        if isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
            return cls._wrap(_ffi.new_object("cnn_model_load_memory", data, len(data)))
        return cls._wrap(_ffi.new_object("cnn_model_load", _ffi.path(source)))

    @classmethod
    def pretrained(cls, name: str = "pets") -> Model:
        """Loads a model that comes with the library; "pets" tells cats, dogs and neither.

        It is looked for in the folders of the environment variable ``CNN_MODEL_PATH``, then beside
        the library; see ``cnn_model_load_pretrained`` in ``cnn.h``.
        """
        return cls._wrap(_ffi.new_object("cnn_model_load_pretrained", _ffi.text(name)))

    def save(self, path: str | os.PathLike[str], *, precision: str = "float32") -> None:
        """Saves the model; the file is replaced at once when the new one is complete.

        Args:
            path: the file.
            precision: "float32", or "float16" or "bfloat16" to round the parameters to 16 bits,
                which halves the file.
        """
        _ffi.call("cnn_model_save_as", self._pointer, _ffi.path(path),
                  _ffi.options({"precision": precision}))

    def to_bytes(self) -> bytes:
        """The bytes that ``save`` would write."""
        return _ffi.new_bytes("cnn_model_save_memory", self._pointer)

    def copy(self) -> Model:
        """A copy with parameters of its own."""
        return Model._wrap(_ffi.new_object("cnn_model_copy", self._pointer))

    __copy__ = copy

    def replace_head(
        self, classes: Iterable[str] | int, *, layer: str | None = None, seed: int = 0,
    ) -> Model:
        """A copy for other classes: its last layer is new, everything before it as it was.

        Args:
            classes: the names of the new classes, or how many there are.
            layer: the name of the layer to replace; found if left out.
            seed: decides the first values of the new layer.
        """
        named = classes if isinstance(classes, int) else _ffi.strings(classes)
        return Model._wrap(_ffi.new_object(
            "cnn_model_replace_head", self._pointer,
            _ffi.options({"classes": named, "layer": layer, "seed": seed})))

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.load, (self.to_bytes(),)

    def _adopt(self, handle: int) -> None:
        super()._adopt(handle)
        # They never change. Asking once is also what makes it safe to close a model on one thread
        # while another one predicts: the names are the library's memory, which goes with the model.
        info = self._info()
        self._inputs = self._described("cnn_model_input", info.input_count)
        self._outputs = self._described("cnn_model_output", info.output_count)

    def _info(self) -> Any:
        return _ffi.new_struct(_ffi.ModelInfo, "cnn_model_describe", self._pointer)

    def _described(self, function: str, count: int) -> list[TensorInfo]:
        tensors = (_ffi.new_tensor(function, self._pointer, index) for index in range(count))
        return [TensorInfo(t.text(), t.sizes(), t.sizes(_ffi.NCHW)) for t in tensors]

    @property
    def inputs(self) -> list[TensorInfo]:
        """The inputs, in order."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[TensorInfo]:
        """The outputs, in order."""
        return list(self._outputs)

    @property
    def graph(self) -> dict[str, Any]:
        """The description of the network."""
        return cast("dict[str, Any]", _ffi.new_json("cnn_model_graph", self._pointer))

    def summary(self, batch: int = 1) -> str:
        """A table of layers, shapes, parameters, operations and memory."""
        return _ffi.new_text("cnn_model_summary", self._pointer, _ffi.integer(batch))

    @property
    def parameter_count(self) -> int:
        """How many numbers training changes."""
        return int(self._info().parameter_elements)

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
        return [_ffi.new_name("cnn_model_class_name", self._pointer, index)
                for index in range(self._info().class_count)]

    @class_names.setter
    def class_names(self, names: Iterable[str]) -> None:
        listed = _ffi.strings(names)
        _ffi.call("cnn_model_set_class_names", self._pointer, _ffi.names(listed), len(listed))

    @property
    def preprocessing(self) -> dict[str, Any]:
        """How pictures become the input; assign a dictionary with the same keys to change it."""
        return cast("dict[str, Any]", _ffi.new_json("cnn_model_preprocessing", self._pointer))

    @preprocessing.setter
    def preprocessing(self, value: Mapping[str, Any]) -> None:
        _ffi.call("cnn_model_set_preprocessing", self._pointer, _ffi.options(dict(value)))

    @property
    def recognition(self) -> dict[str, Any]:
        """How the output becomes probabilities: "temperature" and "average_flips".

        Assign a dictionary with these keys to change it; what is left out gets its default. See
        ``cnn_model_set_recognition`` in ``cnn.h``.
        """
        return cast("dict[str, Any]", _ffi.new_json("cnn_model_recognition", self._pointer))

    @recognition.setter
    def recognition(self, value: Mapping[str, Any]) -> None:
        _ffi.call("cnn_model_set_recognition", self._pointer, _ffi.options(dict(value)))

    def metadata(self, key: str) -> str:
        """Returns a text that was stored under a key."""
        return _ffi.new_text("cnn_model_metadata", self._pointer, _ffi.text(key))

    def set_metadata(self, key: str, value: str | None) -> None:
        """Stores a text with the model; None removes it."""
        _ffi.call("cnn_model_set_metadata", self._pointer, _ffi.text(key), _ffi.text(value))

    def predict(self, samples: Any, *, layout: str = "NHWC") -> np.ndarray[Any, Any]:
        """Computes the first output for a batch of samples.

        Args:
            samples: an array with the batch first; a single sample without a batch axis is taken
                as a batch of one.
            layout: the order of axes of samples and result, "NHWC" or "NCHW".
        """
        order = _ffi.layout(layout)
        array = self._batch(samples, order)
        output = self.outputs[0]
        sizes = output.shape if order == _ffi.NHWC else output.shape_nchw
        result = np.empty((len(array), *sizes), np.float32)
        return self._computed("cnn_forward", array, order, result)

    __call__ = predict

    def probabilities(self, samples: Any, *, layout: str = "NHWC") -> np.ndarray[Any, Any]:
        """Computes the probability of each class for a batch of samples.

        As ``predict``, but turned into probabilities as ``recognition`` says; each row adds up
        to 1.
        """
        order = _ffi.layout(layout)
        array = self._batch(samples, order)
        result = np.empty((len(array), *self.outputs[0].shape), np.float32)
        return self._computed("cnn_probabilities", array, order, result)

    def _batch(self, samples: Any, order: int) -> np.ndarray[Any, Any]:
        """The samples as an array with the batch first."""
        array = _ffi.floats(samples)
        inputs = self.inputs
        shape = inputs[0].shape if order == _ffi.NHWC else inputs[0].shape_nchw
        if array.shape == shape:
            array = array[None]
        if array.shape[1:] != shape or array.ndim != len(shape) + 1:
            wanted = ", ".join(["batch", *map(str, shape)])
            raise ShapeMismatchError(
                f"the model takes samples of shape ({wanted}), got {array.shape}")
        return array

    def _computed(
        self, function: str, array: np.ndarray[Any, Any], order: int,
        result: np.ndarray[Any, Any],
    ) -> np.ndarray[Any, Any]:
        """What a function makes of a batch, in ``result``."""
        if len(array):
            _ffi.call(function, self._pointer, len(array), order, _ffi.pointer(array),
                      array.size, result.size, _ffi.pointer(result))
        return result

    def recognise(
        self, image: Image | np.ndarray[Any, Any] | bytes | str | os.PathLike[str], top: int = 5
    ) -> list[Prediction]:
        """Says what a picture shows: the likeliest classes, likeliest first.

        Files, and bytes that are those of one, are decoded as far as the model needs them, which is
        fast for large photos; an ``Image`` has all its pixels.
        """
        # More than there are classes would only be memory for nothing.
        capacity = min(_ffi.integer(top), math.prod(self.outputs[0].shape))
        if isinstance(image, (str, os.PathLike)):
            found = _ffi.new_predictions(
                "cnn_recognise_file", capacity, self._pointer, _ffi.path(image))
        elif isinstance(image, (bytes, bytearray, memoryview)):
            data = bytes(image)
            found = _ffi.new_predictions(
                "cnn_recognise_memory", capacity, self._pointer, data, len(data))
        else:
            picture = image if isinstance(image, Image) else Image(image)
            found = _ffi.new_predictions(
                "cnn_recognise_image", capacity, self._pointer, picture._pointer)
        return [Prediction(*fields) for fields in found]

    def explain(
        self, photo: Image | np.ndarray[Any, Any] | bytes | str | os.PathLike[str],
        method: str = "grad_cam", label: str | int | None = None, **options: Any,
    ) -> Explanation:
        """Finds out which places of a picture made the model decide as it did.

        Args:
            photo: a picture, or a file with one.
            method: "grad_cam", "saliency" or "occlusion".
            label: the name or number of the class to explain; None for the likeliest.
            options: those of the method; see ``cnn_explain_file``.
        """
        number = label if label is None or isinstance(label, str) else _ffi.integer(label)
        return explain(self, photo, _ffi.options({"method": method, "class": number, **options}))

    def evaluate(self, dataset: Dataset, **options: Any) -> dict[str, Any]:
        """Measures the model on a dataset: "loss", "accuracy", "confusion" and more.

        Options and results are those of ``cnn_evaluate`` in ``cnn.h``:
        ``model.evaluate(photos, classes=["cat", "dog"])["expected_calibration_error"]``.
        """
        return cast("dict[str, Any]", _ffi.new_json(
            "cnn_evaluate", self._pointer, dataset._pointer, _ffi.options(options), None, None))

    def calibrate(self, dataset: Dataset, **options: Any) -> dict[str, Any]:
        """Makes probabilities mean what they say, by a temperature that fits held-out data.

        The temperature is stored in the model. Returns it, and under "before" and "after" what
        ``evaluate`` says about the answers; see ``cnn_calibrate`` in ``cnn.h``.
        """
        return cast("dict[str, Any]", _ffi.new_json(
            "cnn_calibrate", self._pointer, dataset._pointer, _ffi.options(options)))

    def gradient_check(self, **options: Any) -> dict[str, Any]:
        """Compares the layers' gradients with finite differences; see ``cnn_gradient_check``."""
        return cast("dict[str, Any]", _ffi.new_json(
            "cnn_gradient_check", self._pointer, _ffi.options(options), None))

    def _describe(self) -> str:
        info = self._info()
        return f"{info.layer_count} layers, {info.parameter_elements:,} parameters"


def architectures() -> list[dict[str, Any]]:
    """The architectures that ``Model.named`` knows."""
    return cast("list[dict[str, Any]]", _ffi.new_json("cnn_architectures"))
