"""The plugin interface as ctypes sees it: structs, callbacks and constants.

Names and order are those of ``cnn_plugin.h``, which is the documentation.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, TypeVar

ABI_MAJOR, ABI_MINOR = 1, 0
SHAPE_MAX_RANK = 8
MAXIMUM_INPUTS = 1024

(ATTRIBUTE_INTEGER, ATTRIBUTE_NUMBER, ATTRIBUTE_BOOLEAN, ATTRIBUTE_STRING, ATTRIBUTE_CHOICE,
 ATTRIBUTE_PAIR, ATTRIBUTE_PADDING, ATTRIBUTE_INTEGERS) = range(1, 9)
INIT_ZEROS, INIT_CONSTANT, INIT_NORMAL, INIT_UNIFORM, INIT_HE, INIT_XAVIER = range(6)
OUTPUT_NOT_DIFFERENTIABLE = 1
(LAYER_BACKWARD_READS, LAYER_IN_PLACE, LAYER_IDENTITY_IN_INFERENCE, LAYER_PREPARED_COUNT,
 LAYER_OPERATION_COUNT, LAYER_INPUT_NOT_DIFFERENTIABLE, LAYER_NOT_DIFFERENTIABLE,
 LAYER_FUNCTION) = range(1, 9)
FUNCTION_OTHER, FUNCTION_RECTIFIER, FUNCTION_SIGMOID, FUNCTION_SOFTMAX = range(4)
READS_INPUTS, READS_OUTPUTS = 1, 2
TARGETS_LABELS, TARGETS_VALUES = 1, 2

_Struct = TypeVar("_Struct", bound=Structure)

# `const float *const *`: an element is an address, or None for NULL.
_ARRAYS = POINTER(c_void_p)
_TEXTS = POINTER(c_char_p)


class Header(Structure):
    """``cnn_struct_header``."""

    _fields_ = [("size", c_uint32), ("abi_major", c_uint16), ("abi_minor", c_uint16)]


def new(kind: type[_Struct], /, **members: Any) -> _Struct:
    """A struct with its header filled in, as ``CNN_STRUCT`` does."""
    return kind(header=Header(ctypes.sizeof(kind), ABI_MAJOR, ABI_MINOR), **members)


class Shape(Structure):
    """``cnn_shape``."""

    _fields_ = [("rank", c_int64), ("sizes", c_int64 * SHAPE_MAX_RANK)]

    def axes(self) -> tuple[int, ...]:
        """The sizes as Python has them."""
        return tuple(self.sizes[: self.rank])


class RandomKey(Structure):
    """``cnn_random_key``."""

    _fields_ = [("seed", c_uint64), ("step", c_uint64), ("node", c_uint32), ("stream", c_uint32)]


class MatrixProduct(Structure):
    """``cnn_matrix_product``."""

    _fields_ = [
        ("header", Header), ("transpose_a", c_int32), ("transpose_b", c_int32), ("m", c_int64),
        ("n", c_int64), ("k", c_int64), ("alpha", c_float), ("beta", c_float), ("a", c_void_p),
        ("a_stride", c_int64), ("b", c_void_p), ("b_stride", c_int64), ("c", c_void_p),
        ("c_stride", c_int64),
    ]


ParallelBody = CFUNCTYPE(None, c_void_p, c_int64, c_int64)
_Random = CFUNCTYPE(c_int32, POINTER(RandomKey), c_int64, c_int64, c_void_p)


class Host(Structure):
    """``cnn_host``."""

    _fields_ = [
        ("header", Header), ("version", c_char_p), ("fail", CFUNCTYPE(c_int32, c_int32, c_char_p)),
        ("log", CFUNCTYPE(None, c_int32, c_char_p)), ("allocate", CFUNCTYPE(c_void_p, c_int64)),
        ("release", CFUNCTYPE(None, c_void_p)),
        ("parallel_for", CFUNCTYPE(c_int32, c_int64, c_int64, ParallelBody, c_void_p)),
        ("random_uniform", _Random), ("random_normal", _Random),
        ("sgemm", CFUNCTYPE(c_int32, POINTER(MatrixProduct), c_int64)),
        ("extension", CFUNCTYPE(c_void_p, c_char_p)),
    ]


_HOST = POINTER(Host)


class Attribute(Structure):
    """``cnn_attribute``."""

    _fields_ = [
        ("header", Header), ("name", c_char_p), ("kind", c_int32), ("choice_count", c_int32),
        ("choices", _TEXTS), ("minimum", c_double), ("maximum", c_double),
        ("default_json", c_char_p), ("summary", c_char_p),
    ]


class AttributeValue(Structure):
    """``cnn_attribute_value``."""

    _fields_ = [
        ("header", Header), ("name", c_char_p), ("kind", c_int32), ("is_null", c_int32),
        ("integer", c_int64), ("number", c_double), ("text", c_char_p), ("integer_count", c_int64),
        ("integers", POINTER(c_int64)),
    ]


_ATTRIBUTES = POINTER(POINTER(Attribute))
_VALUES = POINTER(POINTER(AttributeValue))


class Parameter(Structure):
    """``cnn_parameter``."""

    _fields_ = [
        ("header", Header), ("name", c_char_p), ("shape", Shape), ("initializer", c_int32),
        ("decays", c_int32), ("initializer_value", c_double), ("fan_in", c_int64),
        ("fan_out", c_int64), ("file_axes", POINTER(c_int32)),
    ]


class LayerBuilder(Structure):
    """``cnn_layer_builder``."""


_BUILDER = POINTER(LayerBuilder)
_AddParameter = CFUNCTYPE(c_int32, _BUILDER, POINTER(Parameter))
LayerBuilder._fields_ = [
    ("header", Header), ("host", _HOST), ("context", c_void_p), ("input_count", c_int64),
    ("inputs", POINTER(Shape)), ("attribute_count", c_int64), ("attributes", _VALUES),
    ("add_output", CFUNCTYPE(c_int32, _BUILDER, c_char_p, POINTER(Shape), c_int32)),
    ("add_parameter", _AddParameter), ("add_state", _AddParameter),
    ("set", CFUNCTYPE(c_int32, _BUILDER, c_int32, c_int64)),
]


class WorkspaceRequest(Structure):
    """``cnn_workspace_request``."""

    _fields_ = [
        ("header", Header), ("host", _HOST), ("batch", c_int64), ("training", c_int64),
        ("concurrency", c_int64),
    ]


class Workspace(Structure):
    """``cnn_workspace``."""

    _fields_ = [
        ("header", Header), ("cache", c_int64), ("forward_scratch", c_int64),
        ("backward_scratch", c_int64),
    ]


class PrepareCall(Structure):
    """``cnn_prepare_call``."""

    _fields_ = [
        ("header", Header), ("host", _HOST), ("concurrency", c_int64), ("parameters", _ARRAYS),
        ("states", _ARRAYS), ("prepared", c_void_p),
    ]


class ForwardCall(Structure):
    """``cnn_forward_call``."""

    _fields_ = [
        ("header", Header), ("host", _HOST), ("batch", c_int64), ("training", c_int64),
        ("concurrency", c_int64), ("inputs", _ARRAYS), ("outputs", _ARRAYS),
        ("parameters", _ARRAYS), ("states", _ARRAYS), ("prepared", c_void_p), ("cache", c_void_p),
        ("scratch", c_void_p), ("random", RandomKey),
    ]


class BackwardCall(Structure):
    """``cnn_backward_call``."""

    _fields_ = [
        ("header", Header), ("host", _HOST), ("batch", c_int64), ("concurrency", c_int64),
        ("inputs", _ARRAYS), ("outputs", _ARRAYS), ("output_gradients", _ARRAYS),
        ("input_gradients", _ARRAYS), ("parameters", _ARRAYS), ("parameter_gradients", _ARRAYS),
        ("states", _ARRAYS), ("cache", c_void_p), ("scratch", c_void_p), ("random", RandomKey),
    ]


Destroy = CFUNCTYPE(None, c_void_p)
LayerCreate = CFUNCTYPE(c_int32, _BUILDER, c_void_p, POINTER(c_void_p))
LayerWorkspace = CFUNCTYPE(c_int32, c_void_p, POINTER(WorkspaceRequest), POINTER(Workspace))
LayerPrepare = CFUNCTYPE(c_int32, c_void_p, POINTER(PrepareCall))
LayerForward = CFUNCTYPE(c_int32, c_void_p, POINTER(ForwardCall))
LayerBackward = CFUNCTYPE(c_int32, c_void_p, POINTER(BackwardCall))
Extension = CFUNCTYPE(c_void_p, c_void_p, c_char_p)


class LayerType(Structure):
    """``cnn_layer_type``."""

    _fields_ = [
        ("header", Header), ("id", c_char_p), ("version", c_int32), ("minimum_inputs", c_int32),
        ("maximum_inputs", c_int32), ("attribute_count", c_int32), ("attributes", _ATTRIBUTES),
        ("summary", c_char_p), ("user", c_void_p), ("create", LayerCreate), ("destroy", Destroy),
        ("workspace", LayerWorkspace), ("prepare", LayerPrepare), ("forward", LayerForward),
        ("backward", LayerBackward), ("extension", Extension),
    ]


class Creation(Structure):
    """``cnn_creation``."""

    _fields_ = [
        ("header", Header), ("host", _HOST), ("attribute_count", c_int64), ("attributes", _VALUES),
    ]


class LossCall(Structure):
    """``cnn_loss_call``."""

    _fields_ = [
        ("header", Header), ("host", _HOST), ("batch", c_int64), ("shape", Shape),
        ("concurrency", c_int64), ("output", c_void_p), ("labels", c_void_p), ("values", c_void_p),
        ("weight", c_double), ("gradient", c_void_p),
    ]


Create = CFUNCTYPE(c_int32, POINTER(Creation), c_void_p, POINTER(c_void_p))
LossCheck = CFUNCTYPE(c_int32, c_void_p, _HOST, POINTER(Shape))
LossEvaluate = CFUNCTYPE(c_int32, c_void_p, POINTER(LossCall), POINTER(c_double))


class LossType(Structure):
    """``cnn_loss_type``."""

    _fields_ = [
        ("header", Header), ("id", c_char_p), ("summary", c_char_p), ("targets", c_int32),
        ("attribute_count", c_int32), ("attributes", _ATTRIBUTES), ("user", c_void_p),
        ("create", Create), ("destroy", Destroy), ("check", LossCheck), ("evaluate", LossEvaluate),
    ]


class OptimizerCall(Structure):
    """``cnn_optimizer_call``."""

    _fields_ = [
        ("header", Header), ("host", _HOST), ("count", c_int64), ("parameters", c_void_p),
        ("gradients", c_void_p), ("states", _ARRAYS), ("step", c_int64),
        ("learning_rate", c_double), ("weight_decay", c_double), ("gradient_scale", c_double),
        ("concurrency", c_int64),
    ]


OptimizerUpdate = CFUNCTYPE(c_int32, c_void_p, POINTER(OptimizerCall))


class OptimizerType(Structure):
    """``cnn_optimizer_type``."""

    _fields_ = [
        ("header", Header), ("id", c_char_p), ("summary", c_char_p), ("attribute_count", c_int32),
        ("state_count", c_int32), ("attributes", _ATTRIBUTES), ("state_names", _TEXTS),
        ("default_learning_rate", c_double), ("needs_whole_parameters", c_int64),
        ("user", c_void_p), ("create", Create), ("destroy", Destroy), ("update", OptimizerUpdate),
    ]
