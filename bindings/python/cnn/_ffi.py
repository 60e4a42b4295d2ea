"""The C interface by ctypes: the only file of the package that knows ctypes' types.

Names and arguments are those of ``cnn.h``, which is the documentation. ``call(name, ...)`` calls a
function that returns a status and raises an exception unless it is ``CNN_OK``.
"""

from __future__ import annotations

import ctypes
import json
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_uint8, c_void_p
from typing import Any

import numpy as np

from . import _library
from .errors import error

MAX_RANK = 9
NHWC, NCHW = 0, 1


class Prediction(ctypes.Structure):
    """``cnn_prediction``."""

    _fields_ = [("index", c_int64), ("probability", c_float), ("label", c_char_p)]


class ModelInfo(ctypes.Structure):
    """``cnn_model_info``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("input_count", c_int64), ("output_count", c_int64),
        ("layer_count", c_int64), ("parameter_count", c_int64), ("state_count", c_int64),
        ("parameter_elements", c_int64), ("class_count", c_int64),
    ]


class Tensor(ctypes.Structure):
    """``cnn_tensor``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("name", c_char_p), ("data", POINTER(c_float)),
        ("gradient", POINTER(c_float)), ("count", c_int64), ("rank", c_int64),
        ("shape", c_int64 * MAX_RANK), ("shape_nchw", c_int64 * MAX_RANK),
    ]

    def sizes(self, layout: int = NHWC) -> tuple[int, ...]:
        """The size along each axis in the given layout."""
        return tuple((self.shape if layout == NHWC else self.shape_nchw)[: self.rank])


class Progress(ctypes.Structure):
    """``cnn_progress``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("event", c_int32), ("epoch", c_int64),
        ("epoch_count", c_int64), ("step", c_int64), ("step_count", c_int64), ("loss", c_double),
        ("learning_rate", c_double), ("accuracy", c_double), ("validation_loss", c_double),
        ("validation_accuracy", c_double), ("samples_per_second", c_double),
        ("seconds", c_double), ("seconds_left", c_double),
    ]


class DatasetInfo(ctypes.Structure):
    """``cnn_dataset_info``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("count", c_int64), ("class_count", c_int64),
        ("rank", c_int64), ("shape", c_int64 * MAX_RANK),
    ]


ProgressCallback = ctypes.CFUNCTYPE(c_int32, POINTER(Progress), c_void_p)
LogCallback = ctypes.CFUNCTYPE(None, c_int32, c_char_p, c_void_p)

_OBJECT, _OUT_OBJECT, _TEXT, _OUT_TEXT = c_void_p, POINTER(c_void_p), c_char_p, POINTER(c_void_p)
_FLOATS, _LABELS, _SIZES = c_void_p, c_void_p, c_void_p
_NAMES, _OUT_TENSOR = POINTER(c_char_p), POINTER(Tensor)
_OUT_DOUBLE, _OUT_COUNT = POINTER(c_double), POINTER(c_int64)

# Functions that return a status, with their parameters in order.
_SIGNATURES: dict[str, list[Any]] = {
    "cnn_model_load": [_TEXT, _OUT_OBJECT],
    "cnn_recognise_file": [_OBJECT, _TEXT, c_int64, POINTER(Prediction), _OUT_COUNT],
    "cnn_recognise_image": [_OBJECT, _OBJECT, c_int64, POINTER(Prediction), _OUT_COUNT],
    "cnn_model_create": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_model_create_named": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_architectures": [_OUT_TEXT],
    "cnn_layer_types": [_OUT_TEXT],
    "cnn_model_load_memory": [c_char_p, c_int64, _OUT_OBJECT],
    "cnn_model_save": [_OBJECT, _TEXT],
    "cnn_model_save_memory": [_OBJECT, _OUT_TEXT, _OUT_COUNT],
    "cnn_model_copy": [_OBJECT, _OUT_OBJECT],
    "cnn_model_describe": [_OBJECT, POINTER(ModelInfo)],
    "cnn_model_input": [_OBJECT, c_int64, _OUT_TENSOR],
    "cnn_model_output": [_OBJECT, c_int64, _OUT_TENSOR],
    "cnn_model_graph": [_OBJECT, _OUT_TEXT],
    "cnn_model_summary": [_OBJECT, c_int64, _OUT_TEXT],
    "cnn_model_class_name": [_OBJECT, c_int64, POINTER(c_char_p)],
    "cnn_model_set_class_names": [_OBJECT, _NAMES, c_int64],
    "cnn_model_preprocessing": [_OBJECT, _OUT_TEXT],
    "cnn_model_set_preprocessing": [_OBJECT, _TEXT],
    "cnn_model_metadata": [_OBJECT, _TEXT, _OUT_TEXT],
    "cnn_model_set_metadata": [_OBJECT, _TEXT, _TEXT],
    "cnn_model_parameter": [_OBJECT, c_int64, _OUT_TENSOR],
    "cnn_model_state": [_OBJECT, c_int64, _OUT_TENSOR],
    "cnn_model_get_parameter": [_OBJECT, _TEXT, c_int32, c_int64, _FLOATS],
    "cnn_model_set_parameter": [_OBJECT, _TEXT, c_int32, _SIZES, c_int64, _FLOATS],
    "cnn_model_parameters_changed": [_OBJECT],
    "cnn_forward": [_OBJECT, c_int64, c_int32, _FLOATS, c_int64, c_int64, _FLOATS],
    "cnn_session_create": [_OBJECT, _TEXT, _OUT_OBJECT],
    "cnn_session_set_input": [_OBJECT, _TEXT, c_int32, _SIZES, c_int64, _FLOATS],
    "cnn_session_input": [_OBJECT, _TEXT, c_int64, _OUT_TENSOR],
    "cnn_session_run": [_OBJECT],
    "cnn_session_get_output": [_OBJECT, _TEXT, c_int32, c_int64, _FLOATS],
    "cnn_session_output": [_OBJECT, _TEXT, _OUT_TENSOR],
    "cnn_training_create": [_OBJECT, _TEXT, _OUT_OBJECT],
    "cnn_train_step": [_OBJECT, c_int64, c_int32, _FLOATS, c_int64, _LABELS, _OUT_DOUBLE],
    "cnn_training_set_input": [_OBJECT, _TEXT, c_int32, _SIZES, c_int64, _FLOATS],
    "cnn_training_set_labels": [_OBJECT, _TEXT, _LABELS, c_int64],
    "cnn_training_set_targets": [_OBJECT, _TEXT, c_int32, _SIZES, c_int64, _FLOATS],
    "cnn_training_step": [_OBJECT, _OUT_DOUBLE],
    "cnn_training_zero_gradients": [_OBJECT],
    "cnn_training_forward": [_OBJECT],
    "cnn_training_loss": [_OBJECT, _OUT_DOUBLE],
    "cnn_training_output": [_OBJECT, _TEXT, _OUT_TENSOR],
    "cnn_backward": [_OBJECT],
    "cnn_training_input": [_OBJECT, _TEXT, _OUT_TENSOR],
    "cnn_training_parameter": [_OBJECT, c_int64, _OUT_TENSOR],
    "cnn_optimizer_step": [_OBJECT],
    "cnn_training_get_learning_rate": [_OBJECT, _OUT_DOUBLE],
    "cnn_training_set_learning_rate": [_OBJECT, c_double],
    "cnn_training_end_epoch": [_OBJECT, c_double],
    "cnn_training_save": [_OBJECT, _TEXT],
    "cnn_training_load": [_OBJECT, _TEXT],
    "cnn_gradient_check": [_OBJECT, _TEXT, _OUT_DOUBLE, _OUT_TEXT],
    "cnn_trainer_fit": [_OBJECT, _OBJECT, _OBJECT, _TEXT, ProgressCallback, c_void_p, _OUT_TEXT],
    "cnn_evaluate": [_OBJECT, _OBJECT, _TEXT, _OUT_DOUBLE, _OUT_DOUBLE, _OUT_TEXT],
    "cnn_dataset_open": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_dataset_create_named": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_dataset_create_images": [
        c_int64, c_int64, c_int64, c_int64, c_int32, c_void_p, _LABELS, _NAMES, c_int64,
        _OUT_OBJECT,
    ],
    "cnn_dataset_create_floats": [
        c_int64, c_int32, _SIZES, c_int64, _FLOATS, _LABELS, _NAMES, c_int64, _OUT_OBJECT,
    ],
    "cnn_dataset_preprocessing": [_OBJECT, _TEXT, _OUT_TEXT],
    "cnn_dataset_describe": [_OBJECT, POINTER(DatasetInfo)],
    "cnn_dataset_class_name": [_OBJECT, c_int64, POINTER(c_char_p)],
    "cnn_dataset_label": [_OBJECT, c_int64, _OUT_COUNT],
    "cnn_dataset_image": [_OBJECT, c_int64, _OUT_OBJECT],
    "cnn_dataset_read": [
        _OBJECT, _OBJECT, _SIZES, c_int64, c_int32, c_int64, _FLOATS, _LABELS,
    ],
    "cnn_dataset_subset": [_OBJECT, _SIZES, c_int64, _OUT_OBJECT],
    "cnn_dataset_split": [_OBJECT, c_double, c_int64, _OUT_OBJECT, _OUT_OBJECT],
    "cnn_batches_create": [_OBJECT, _OBJECT, _TEXT, _OUT_OBJECT],
    "cnn_batches_next": [_OBJECT, c_int32, c_int64, c_int64, _FLOATS, _LABELS, _OUT_COUNT],
    "cnn_image_load": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_image_load_memory": [c_char_p, c_int64, _TEXT, _OUT_OBJECT],
    "cnn_image_create": [c_int64, c_int64, c_int64, c_void_p, _OUT_OBJECT],
    "cnn_image_size": [_OBJECT, _OUT_COUNT, _OUT_COUNT, _OUT_COUNT],
    "cnn_image_pixels": [_OBJECT, POINTER(POINTER(c_uint8)), _OUT_COUNT],
    "cnn_image_save": [_OBJECT, _TEXT],
    "cnn_image_save_memory": [_OBJECT, _OUT_TEXT, _OUT_COUNT],
    "cnn_image_resize": [_OBJECT, c_int64, c_int64, _TEXT, _OUT_OBJECT],
    "cnn_image_crop": [_OBJECT, c_int64, c_int64, c_int64, c_int64, _OUT_OBJECT],
    "cnn_image_to_tensor": [_OBJECT, _OBJECT, c_int32, c_int64, _FLOATS],
    "cnn_set_num_threads": [c_int64],
    "cnn_set_memory_limit": [c_int64],
    "cnn_set_log_callback": [LogCallback, c_void_p],
}

# Functions that return their value.
_VALUES: dict[str, tuple[Any, list[Any]]] = {
    "cnn_version": (c_char_p, []),
    "cnn_abi_version": (c_int32, []),
    "cnn_last_error_message": (c_char_p, []),
    "cnn_status_name": (c_char_p, [c_int32]),
    "cnn_free": (None, [c_void_p]),
    "cnn_model_free": (None, [_OBJECT]),
    "cnn_session_free": (None, [_OBJECT]),
    "cnn_training_free": (None, [_OBJECT]),
    "cnn_dataset_free": (None, [_OBJECT]),
    "cnn_batches_free": (None, [_OBJECT]),
    "cnn_image_free": (None, [_OBJECT]),
    "cnn_num_threads": (c_int64, []),
    "cnn_memory_limit": (c_int64, []),
    "cnn_memory_in_use": (c_int64, []),
    "cnn_cpu_variant": (c_char_p, []),
}

library = _library.load()
for _name, _parameters in _SIGNATURES.items():
    _function = getattr(library, _name)
    _function.argtypes, _function.restype = _parameters, c_int32
for _name, (_result, _parameters) in _VALUES.items():
    _function = getattr(library, _name)
    _function.argtypes, _function.restype = _parameters, _result


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns a status; raises the exception of any status but CNN_OK."""
    status = getattr(library, name)(*arguments)
    if status:
        raise error(status, library.cnn_last_error_message().decode("utf-8", "replace"))


def text(value: str | None) -> bytes | None:
    """Text as C takes it; None stays None."""
    return None if value is None else str(value).encode("utf-8")


def options(values: dict[str, Any]) -> bytes:
    """Options as JSON text; values that are None are left to the library's defaults."""
    given = {key: value for key, value in values.items() if value is not None}
    return json.dumps(given, default=_plain).encode("utf-8")


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays as JSON knows them."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{value!r} cannot be written as JSON")


def new_object(name: str, *arguments: Any) -> int:
    """Calls a function whose last parameter is an object to return."""
    handle = c_void_p()
    call(name, *arguments, byref(handle))
    return handle.value


def new_text(name: str, *arguments: Any) -> str:
    """Calls a function whose last parameter is a text to return and to release."""
    memory = c_void_p()
    call(name, *arguments, byref(memory))
    return take_text(memory)


def take_text(memory: c_void_p) -> str:
    """Copies a text that the library allocated, and releases it."""
    try:
        return ctypes.string_at(memory).decode("utf-8")
    finally:
        library.cnn_free(memory)


def new_bytes(name: str, *arguments: Any) -> bytes:
    """Calls a function whose last parameters are bytes to return and their number."""
    memory, size = c_void_p(), c_int64()
    call(name, *arguments, byref(memory), byref(size))
    try:
        return ctypes.string_at(memory, size.value)
    finally:
        library.cnn_free(memory)


def new_tensor(name: str, *arguments: Any) -> Tensor:
    """Calls a function whose last parameter describes a tensor."""
    tensor = Tensor(struct_size=ctypes.sizeof(Tensor))
    call(name, *arguments, byref(tensor))
    return tensor


def names(values: list[str] | None) -> Any:
    """A list of texts as C takes it."""
    if not values:
        return None
    return (c_char_p * len(values))(*[text(value) for value in values])


def sizes(shape: tuple[int, ...]) -> Any:
    """A shape as C takes it."""
    return (c_int64 * len(shape))(*shape)


def floats(array: Any) -> np.ndarray:
    """The array itself if it holds contiguous float32 numbers, else a copy that does."""
    return np.ascontiguousarray(array, dtype=np.float32)


def integers(array: Any) -> np.ndarray:
    """Whole numbers as contiguous int64; refuses what would lose a fraction."""
    values = np.asarray(array)
    if values.dtype.kind not in "iub":
        whole = values.astype(np.int64)
        if not np.array_equal(whole, values):
            raise TypeError(f"whole numbers are expected, got values of type {values.dtype}")
        values = whole
    return np.ascontiguousarray(values, dtype=np.int64)


def pointer(array: np.ndarray) -> c_void_p:
    """The address of an array's numbers; the array must outlive the call."""
    return array.ctypes.data_as(c_void_p)


def view(data: Any, shape: tuple[int, ...], owner: object) -> np.ndarray:
    """An array over memory of the library that keeps `owner` alive."""
    array = np.ctypeslib.as_array(data, shape)
    return _OwnedView(array, owner)


class _OwnedArray(np.ndarray):
    """An array that holds on to the object whose memory it shows."""

    _owner: object

    def __array_finalize__(self, other: Any) -> None:
        self._owner = getattr(other, "_owner", None)


def _OwnedView(array: np.ndarray, owner: object) -> np.ndarray:
    owned = array.view(_OwnedArray)
    owned._owner = owner
    return owned


def layout(name: str) -> int:
    """The number of a layout, "NHWC" or "NCHW"."""
    try:
        return {"NHWC": NHWC, "NCHW": NCHW}[name]
    except KeyError:
        raise ValueError(f'layout is "NHWC" or "NCHW", got {name!r}') from None
