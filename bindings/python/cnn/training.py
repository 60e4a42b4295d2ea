"""Training: a step at a time, or a whole run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from ctypes import byref, c_double, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _ffi
from ._handle import Handle
from .data import Dataset
from .errors import CancelledError
from .model import Model


class Training(Handle):
    """Trains a model a step at a time, with the library's losses or with your own.

    Args:
        model: the model, whose parameters change in place.
        options: see ``cnn_training_create``: batch_size, loss, optimizer, learning_rate,
            weight_decay, clip_norm, schedule, frozen, input_gradients, seed.
    """

    _free = "cnn_training_free"

    def __init__(self, model: Model, **options: Any) -> None:
        self.model = model
        self._adopt(_ffi.new_object("cnn_training_create", model._pointer, _ffi.options(options)))

    def step(self, samples: Any, labels: Any, *, layout: str = "NHWC") -> float:
        """Trains on one batch with class labels, and returns the loss before the update."""
        array, classes, loss = _ffi.floats(samples), _ffi.integers(labels), c_double()
        if classes.shape != array.shape[:1]:
            raise ValueError(
                f"labels have the shape ({len(array)},), one for each sample, got {classes.shape}")
        _ffi.call("cnn_train_step", self._pointer, len(array), _ffi.layout(layout),
                  _ffi.pointer(array), array.size, _ffi.pointer(classes), byref(loss))
        return loss.value

    def set_input(self, samples: Any, name: str | None = None, *, layout: str = "NHWC") -> None:
        """Sets an input of the coming steps."""
        self._set("cnn_training_set_input", name, samples, layout)

    def set_targets(self, targets: Any, output: str | None = None, *, layout: str = "NHWC") -> None:
        """Sets the numbers that an output should give."""
        self._set("cnn_training_set_targets", output, targets, layout)

    def _set(self, function: str, name: str | None, value: Any, layout: str) -> None:
        array = _ffi.floats(value)
        _ffi.call(function, self._pointer, _ffi.text(name), _ffi.layout(layout),
                  _ffi.sizes(array.shape), array.ndim, _ffi.pointer(array))

    def set_labels(self, labels: Any, output: str | None = None) -> None:
        """Sets the classes that an output should give."""
        classes = _ffi.integers(labels)
        _ffi.call("cnn_training_set_labels", self._pointer, _ffi.text(output),
                  _ffi.pointer(classes), classes.size)

    def run_step(self) -> float:
        """Trains on what the ``set_…`` methods set, and returns the loss before the update."""
        return self._loss("cnn_training_step")

    def zero_gradients(self) -> None:
        """Sets all gradients to zero."""
        _ffi.call("cnn_training_zero_gradients", self._pointer)

    def forward(self) -> None:
        """Computes the outputs as training does."""
        _ffi.call("cnn_training_forward", self._pointer)

    def loss(self) -> float:
        """Computes the loss, and from it the gradients of the outputs."""
        return self._loss("cnn_training_loss")

    def _loss(self, function: str) -> float:
        loss = c_double()
        _ffi.call(function, self._pointer, byref(loss))
        return loss.value

    def output(self, name: str | None = None) -> np.ndarray:
        """The memory of an output, NHWC, after ``forward``."""
        tensor = _ffi.new_tensor("cnn_training_output", self._pointer, _ffi.text(name))
        return _ffi.view(tensor.data, tensor.sizes(), self)

    def output_gradient(self, name: str | None = None) -> np.ndarray:
        """Where to write the gradient of your own loss by an output, before ``backward``."""
        tensor = _ffi.new_tensor("cnn_training_output", self._pointer, _ffi.text(name))
        return _ffi.view(tensor.gradient, tensor.sizes(), self)

    def backward(self) -> None:
        """Computes gradients from those of the outputs, and adds them to those that are there."""
        _ffi.call("cnn_backward", self._pointer)

    def input_gradient(self, name: str | None = None) -> np.ndarray:
        """The gradient of an input after ``backward``; needs the option ``input_gradients``."""
        tensor = _ffi.new_tensor("cnn_training_input", self._pointer, _ffi.text(name))
        if not tensor.gradient:
            raise ValueError("create the Training with input_gradients=True")
        return _ffi.view(tensor.gradient, tensor.sizes(), self)

    def _parameters(self) -> dict[str, _ffi.Tensor]:
        count = len(self.model.parameters)
        tensors = (_ffi.new_tensor("cnn_training_parameter", self._pointer, index)
                   for index in range(count))
        return {tensor.name.decode(): tensor for tensor in tensors}

    @property
    def gradients(self) -> dict[str, np.ndarray]:
        """The memory of all gradients by parameter name, in the layout of memory."""
        return {name: _ffi.view(tensor.gradient, tensor.sizes(), self)
                for name, tensor in self._parameters().items()}

    def optimizer_step(self) -> None:
        """Changes the parameters by their gradients."""
        _ffi.call("cnn_optimizer_step", self._pointer)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self._loss("cnn_training_get_learning_rate")

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        _ffi.call("cnn_training_set_learning_rate", self._pointer, rate)

    def end_epoch(self, result: float = math.nan) -> None:
        """Tells the schedule that an epoch is over; "plateau" watches the result."""
        _ffi.call("cnn_training_end_epoch", self._pointer, result)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything that is needed to go on later with the same bits."""
        _ffi.call("cnn_training_save", self._pointer, _ffi.text(os.fspath(path)))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Goes back to what ``save`` wrote."""
        _ffi.call("cnn_training_load", self._pointer, _ffi.text(os.fspath(path)))


@dataclass(frozen=True)
class Progress:
    """How far a run has come; see ``cnn_progress``. Unknown numbers are NaN."""

    event: str
    epoch: int
    epoch_count: int
    step: int
    step_count: int
    loss: float
    learning_rate: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    samples_per_second: float
    seconds: float
    seconds_left: float


class Trainer:
    """Trains a model on a dataset: shuffled batches, augmentation, validation, best parameters.

    Args:
        model: the model.
        options: see ``cnn_trainer_fit``: epochs, batch_size, optimizer, learning_rate, schedule,
            augment, keep_best, patience, checkpoint, resume, seed and more.
    """

    def __init__(self, model: Model, **options: Any) -> None:
        self.model = model
        self.options = options
        self.history: dict[str, Any] = {}

    def fit(
        self, train: Dataset, validation: Dataset | None = None, *,
        progress: bool | Callable[[Progress], Any] = False,
    ) -> dict[str, Any]:
        """Trains and returns the history.

        Args:
            train: what to train on.
            validation: what to judge each epoch by.
            progress: True shows a bar (with tqdm if it is installed, otherwise lines); a function
                is called after steps and epochs and stops the run by returning True.

        Raises:
            CancelledError: the function stopped the run; ``history`` holds what there is.
        """
        observer = _bar() if progress is True else progress or None
        failures: list[BaseException] = []

        def report(event: Any, _: Any) -> int:
            # An exception must not cross C: stop the run, and raise it afterwards.
            try:
                return int(bool(observer(_progress(event.contents)))) if observer else 0
            except BaseException as failure:  # noqa: BLE001
                failures.append(failure)
                return 1

        callback = _ffi.ProgressCallback(report) if observer else _ffi.ProgressCallback()
        memory = c_void_p()
        try:
            _ffi.call(
                "cnn_trainer_fit", self.model._pointer, train._pointer,
                validation._pointer if validation else None, _ffi.options(self.options), callback,
                None, byref(memory))
        except CancelledError:
            if failures:
                raise failures[0] from None
            raise
        finally:
            if memory.value:
                self.history = json.loads(_ffi.take_text(memory))
        return self.history


def _progress(raw: _ffi.Progress) -> Progress:
    names = [name for name, _ in _ffi.Progress._fields_[2:]]
    event = "epoch" if raw.event == 2 else "step"
    return Progress(event, *(getattr(raw, name) for name in names))


def _bar() -> Callable[[Progress], None]:
    """Shows progress with tqdm where it is installed, otherwise a line for each epoch."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _print_epoch
    bars: dict[int, Any] = {}

    def show(progress: Progress) -> None:
        if progress.epoch not in bars:
            bars[progress.epoch] = tqdm(
                total=progress.step_count, desc=f"epoch {progress.epoch + 1}", unit="batch")
        bar = bars[progress.epoch]
        bar.update(progress.step - bar.n)
        bar.set_postfix(loss=f"{progress.loss:.4f}", accuracy=f"{progress.accuracy:.1%}")
        if progress.event == "epoch":
            if not math.isnan(progress.validation_accuracy):
                bar.set_postfix(loss=f"{progress.loss:.4f}", accuracy=f"{progress.accuracy:.1%}",
                                validation=f"{progress.validation_accuracy:.1%}")
            bar.close()

    return show


def _print_epoch(progress: Progress) -> None:
    if progress.event == "epoch":
        print(f"epoch {progress.epoch + 1}/{progress.epoch_count}: loss {progress.loss:.4f}, "
              f"accuracy {progress.accuracy:.1%}, validation {progress.validation_accuracy:.1%}, "
              f"{progress.seconds_left:.0f} s left", flush=True)
