"""Convolutional neural networks on the CPU: train them, use them.

Example::

    import cnn

    digits = cnn.Dataset.named("digits")
    model = cnn.Model.named("resnet_small", classes=10, input_shape=digits.shape)
    cnn.Trainer(model, epochs=5).fit(digits, cnn.Dataset.named("digits", part="test"))
    model.save("digits.cnn")
"""

from .classifier import Classifier
from .data import Batches, Dataset
from .errors import (
    BusyError,
    CancelledError,
    CNNError,
    InputOutputError,
    InternalError,
    InvalidArgumentError,
    LayerFailedError,
    MalformedDataError,
    NonFiniteError,
    OutOfMemoryError,
    ShapeMismatchError,
    UnknownNameError,
    UnsupportedError,
)
from .image import Image
from .model import Model, Parameters, Prediction, TensorInfo, architectures, layer_types
from .process import (
    abi_version,
    cpu_variant,
    memory_in_use,
    memory_limit,
    num_threads,
    set_log_callback,
    set_memory_limit,
    set_num_threads,
    status_name,
    version,
)
from .session import Session
from .training import Progress, Trainer, Training

__version__ = "0.1.0"

__all__ = [
    "Batches", "BusyError", "CNNError", "CancelledError", "Classifier", "Dataset", "Image",
    "InputOutputError", "InternalError", "InvalidArgumentError", "LayerFailedError",
    "MalformedDataError", "Model", "NonFiniteError", "OutOfMemoryError", "Parameters",
    "Prediction", "Progress", "Session", "ShapeMismatchError", "TensorInfo", "Trainer",
    "Training", "UnknownNameError", "UnsupportedError", "abi_version", "architectures",
    "cpu_variant", "layer_types", "memory_in_use", "memory_limit", "num_threads",
    "set_log_callback", "set_memory_limit", "set_num_threads", "status_name", "version",
]
