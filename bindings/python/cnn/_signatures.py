"""The C interface as ctypes sees it: structs, callbacks and the parameters of every function.

Names and order are those of ``cnn.h``, which is the documentation.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_float, c_int32, c_int64, c_uint8, c_void_p
from typing import Any

from . import _plugin_abi

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

    def text(self) -> str:
        """The name."""
        return bytes(self.name or b"").decode()


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


class ExplanationInfo(ctypes.Structure):
    """``cnn_explanation_info``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("height", c_int64), ("width", c_int64),
        ("index", c_int64), ("label", c_char_p), ("method", c_char_p), ("probability", c_double),
        ("score", c_double), ("minimum", c_double), ("maximum", c_double),
    ]


class Target(ctypes.Structure):
    """``cnn_target``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("name", c_char_p), ("labels", c_void_p),
        ("class_names", POINTER(c_char_p)), ("class_count", c_int64), ("values", c_void_p),
        ("shape", POINTER(c_int64)), ("rank", c_int64),
    ]


ProgressCallback = ctypes.CFUNCTYPE(c_int32, POINTER(Progress), c_void_p)
LogCallback = ctypes.CFUNCTYPE(None, c_int32, c_char_p, c_void_p)

_OBJECT, _OUT_OBJECT, _TEXT, _OUT_TEXT = c_void_p, POINTER(c_void_p), c_char_p, POINTER(c_void_p)
_FLOATS, _LABELS, _SIZES = c_void_p, c_void_p, c_void_p
_NAMES, _OUT_TENSOR = POINTER(c_char_p), POINTER(Tensor)
_OUT_DOUBLE, _OUT_COUNT = POINTER(c_double), POINTER(c_int64)

# Functions that return a status, with their parameters in order.
STATUS_FUNCTIONS: dict[str, list[Any]] = {
    "cnn_model_load": [_TEXT, _OUT_OBJECT],
    "cnn_recognise_file": [_OBJECT, _TEXT, c_int64, POINTER(Prediction), _OUT_COUNT],
    "cnn_model_load_pretrained": [_TEXT, _OUT_OBJECT],
    "cnn_recognise_memory": [
        _OBJECT, c_char_p, c_int64, c_int64, POINTER(Prediction), _OUT_COUNT],
    "cnn_recognise_image": [_OBJECT, _OBJECT, c_int64, POINTER(Prediction), _OUT_COUNT],
    "cnn_probabilities": [_OBJECT, c_int64, c_int32, _FLOATS, c_int64, c_int64, _FLOATS],
    "cnn_model_create": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_model_create_named": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_architectures": [_OUT_TEXT],
    "cnn_model_load_memory": [c_char_p, c_int64, _OUT_OBJECT],
    "cnn_model_save": [_OBJECT, _TEXT],
    "cnn_model_save_as": [_OBJECT, _TEXT, _TEXT],
    "cnn_model_save_memory": [_OBJECT, _OUT_TEXT, _OUT_COUNT],
    "cnn_model_copy": [_OBJECT, _OUT_OBJECT],
    "cnn_model_replace_head": [_OBJECT, _TEXT, _OUT_OBJECT],
    "cnn_model_describe": [_OBJECT, POINTER(ModelInfo)],
    "cnn_model_input": [_OBJECT, c_int64, _OUT_TENSOR],
    "cnn_model_output": [_OBJECT, c_int64, _OUT_TENSOR],
    "cnn_model_graph": [_OBJECT, _OUT_TEXT],
    "cnn_model_summary": [_OBJECT, c_int64, _OUT_TEXT],
    "cnn_model_class_name": [_OBJECT, c_int64, POINTER(c_char_p)],
    "cnn_model_set_class_names": [_OBJECT, _NAMES, c_int64],
    "cnn_model_preprocessing": [_OBJECT, _OUT_TEXT],
    "cnn_model_set_preprocessing": [_OBJECT, _TEXT],
    "cnn_model_recognition": [_OBJECT, _OUT_TEXT],
    "cnn_model_set_recognition": [_OBJECT, _TEXT],
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
    "cnn_finetune": [_OBJECT, _OBJECT, _OBJECT, _TEXT, ProgressCallback, c_void_p, _OUT_TEXT,
                     _OUT_OBJECT],
    "cnn_evaluate": [_OBJECT, _OBJECT, _TEXT, _OUT_DOUBLE, _OUT_DOUBLE, _OUT_TEXT],
    "cnn_calibrate": [_OBJECT, _OBJECT, _TEXT, _OUT_TEXT],
    "cnn_dataset_open": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_dataset_create_named": [_TEXT, _TEXT, _OUT_OBJECT],
    "cnn_dataset_create_images": [
        c_int64, c_int64, c_int64, c_int64, c_int32, c_void_p, _LABELS, _NAMES, c_int64,
        _OUT_OBJECT,
    ],
    "cnn_dataset_create_floats": [
        c_int64, c_int32, _SIZES, c_int64, _FLOATS, _LABELS, _NAMES, c_int64, _OUT_OBJECT,
    ],
    "cnn_dataset_create_targets": [
        c_int64, c_int32, _SIZES, c_int64, _FLOATS, POINTER(Target), c_int64, _OUT_OBJECT,
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
    "cnn_explain_file": [_OBJECT, _TEXT, _TEXT, _OUT_OBJECT],
    "cnn_explain_image": [_OBJECT, _OBJECT, _TEXT, _OUT_OBJECT],
    "cnn_explanation_describe": [_OBJECT, POINTER(ExplanationInfo)],
    "cnn_explanation_map": [_OBJECT, c_int64, _FLOATS],
    "cnn_explanation_overlay": [_OBJECT, _TEXT, _OUT_OBJECT],
    "cnn_set_num_threads": [c_int64],
    "cnn_set_memory_limit": [c_int64],
    "cnn_set_log_callback": [LogCallback, c_void_p],
    "cnn_plugin_load": [_TEXT],
    "cnn_plugins": [_OUT_TEXT],
    "cnn_layer_types": [_OUT_TEXT],
    "cnn_loss_types": [_OUT_TEXT],
    "cnn_optimizer_types": [_OUT_TEXT],
    "cnn_training_presets": [_OUT_TEXT],
    "cnn_layer_register": [POINTER(_plugin_abi.LayerType)],
    "cnn_loss_register": [POINTER(_plugin_abi.LossType)],
    "cnn_optimizer_register": [POINTER(_plugin_abi.OptimizerType)],
}

# Functions that return their value.
VALUE_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
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
    "cnn_explanation_free": (None, [_OBJECT]),
    "cnn_num_threads": (c_int64, []),
    "cnn_memory_limit": (c_int64, []),
    "cnn_memory_in_use": (c_int64, []),
    "cnn_cpu_variant": (c_char_p, []),
}
