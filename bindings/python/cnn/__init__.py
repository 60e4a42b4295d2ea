"""Convolutional neural networks on the CPU: train them, use them.

Example::

    import cnn

    digits = cnn.Dataset.named("digits")
    model = cnn.Model.named("resnet_small", classes=10, input_shape=digits.shape)
    cnn.Trainer(model, epochs=5).fit(digits, cnn.Dataset.named("digits", part="test"))
    model.save("digits.cnn")
"""

from .attribute import Attribute
from .calls import LossCall, OptimizerCall
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
from .explain import Explanation
from .image import Image
from .layer import Layer
from .layer_calls import BackwardCall, ForwardCall, PrepareCall
from .layer_memory import Workspace
from .loss import Loss
from .model import Model, Prediction, TensorInfo, architectures
from .optimizer import Optimizer
from .parameters import Parameters
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
from .registration import (
    layer_types,
    load_plugin,
    loss_types,
    optimizer_types,
    plugins,
    register,
    training_presets,
)
from .session import Session
from .training import Progress, Trainer, Training
from .transfer import Finetuned, finetune

__version__ = "0.1.0"

__all__ = [
    "Attribute", "BackwardCall", "Batches", "BusyError", "CNNError", "CancelledError", "Classifier",
    "Dataset", "Explanation", "Finetuned", "ForwardCall", "Image", "InputOutputError",
    "InternalError", "InvalidArgumentError",
    "Layer", "LayerFailedError", "Loss", "LossCall", "MalformedDataError", "Model",
    "NonFiniteError", "Optimizer", "OptimizerCall", "OutOfMemoryError", "Parameters", "Prediction",
    "PrepareCall", "Progress", "Session", "ShapeMismatchError", "TensorInfo", "Trainer", "Training",
    "UnknownNameError", "UnsupportedError", "Workspace", "abi_version", "architectures",
    "cpu_variant", "finetune", "layer_types", "load_plugin", "loss_types", "memory_in_use", "memory_limit",
    "num_threads", "optimizer_types", "plugins", "register", "set_log_callback", "set_memory_limit",
    "set_num_threads", "status_name", "training_presets", "version",
]
