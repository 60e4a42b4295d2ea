"""Training: a step at a time, or a whole run."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from . import _ffi
from ._handle import Handle
from .data import Dataset
from .errors import InvalidArgumentError, ShapeMismatchError
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
        self._names = list(model.parameters)
        self._adopt(_ffi.new_object("cnn_training_create", model._pointer, _ffi.options(options)))

    def step(self, samples: Any, labels: Any, *, layout: str = "NHWC") -> float:
        """Trains on one batch with class labels, and returns the loss before the update."""
        array, classes = _ffi.floats(samples), _ffi.integers(labels)
        batch = len(array) if array.ndim else 0
        # C is told no number of labels, so it must be right here.
        positions = self.model.outputs[0].shape[:-1]
        if classes.size != batch * math.prod(positions) or classes.shape[:1] != (batch,):
            wanted = (batch, *positions)
            raise ShapeMismatchError(f"labels have the shape {wanted}, got {classes.shape}")
        return _ffi.new_double(
            "cnn_train_step", self._pointer, batch, _ffi.layout(layout), _ffi.pointer(array),
            array.size, _ffi.pointer(classes))

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
        return _ffi.new_double("cnn_training_step", self._pointer)

    def zero_gradients(self) -> None:
        """Sets all gradients to zero."""
        _ffi.call("cnn_training_zero_gradients", self._pointer)

    def forward(self) -> None:
        """Computes the outputs as training does."""
        _ffi.call("cnn_training_forward", self._pointer)

    def loss(self) -> float:
        """Computes the loss, and from it the gradients of the outputs."""
        return _ffi.new_double("cnn_training_loss", self._pointer)

    def output(self, name: str | None = None) -> np.ndarray[Any, Any]:
        """The memory of an output, NHWC, to be read after ``forward``."""
        return self._view("cnn_training_output", _ffi.text(name), writeable=False)

    def output_gradient(self, name: str | None = None) -> np.ndarray[Any, Any]:
        """Where to write the gradient of your own loss by an output, before ``backward``."""
        return self._view("cnn_training_output", _ffi.text(name), gradient=True)

    def backward(self) -> None:
        """Computes gradients from those of the outputs, and adds them to those that are there."""
        _ffi.call("cnn_backward", self._pointer)

    def input(self, name: str | None = None) -> np.ndarray[Any, Any]:
        """The memory of an input, NHWC, after ``set_input``."""
        return self._view("cnn_training_input", _ffi.text(name))

    def input_gradient(self, name: str | None = None) -> np.ndarray[Any, Any]:
        """The gradient of an input after ``backward``; needs the option ``input_gradients``."""
        return self._view(
            "cnn_training_input", _ffi.text(name), gradient=True, writeable=False)

    def _view(
        self, function: str, which: bytes | int | None, *, gradient: bool = False,
        writeable: bool = True,
    ) -> np.ndarray[Any, Any]:
        held = self._pointer
        tensor = _ffi.new_tensor(function, held, which)
        data = tensor.gradient if gradient else tensor.data
        if not data:
            raise InvalidArgumentError(
                f"{tensor.text()} has no gradient; create the Training with input_gradients=True")
        return _ffi.view(data, tensor.sizes(), held, writeable=writeable)

    def _arrays(self, *, gradient: bool) -> dict[str, np.ndarray[Any, Any]]:
        return {name: self._view("cnn_training_parameter", index, gradient=gradient)
                for index, name in enumerate(self._names)}

    @property
    def parameters(self) -> dict[str, np.ndarray[Any, Any]]:
        """The memory of all parameters by name, in the layout of memory; it may be written.

        Convolution weights are (out, height, width, in) there.
        """
        return self._arrays(gradient=False)

    @property
    def gradients(self) -> dict[str, np.ndarray[Any, Any]]:
        """The memory of all gradients by the name of the parameter, in the layout of memory.

        To train on several machines, sum them between ``backward`` and ``optimizer_step``.
        """
        return self._arrays(gradient=True)

    def optimizer_step(self) -> None:
        """Changes the parameters by their gradients."""
        _ffi.call("cnn_optimizer_step", self._pointer)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return _ffi.new_double("cnn_training_get_learning_rate", self._pointer)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        _ffi.call("cnn_training_set_learning_rate", self._pointer, float(rate))

    def end_epoch(self, result: float = math.nan) -> None:
        """Tells the schedule that an epoch is over; "plateau" watches the result."""
        _ffi.call("cnn_training_end_epoch", self._pointer, float(result))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything that is needed to go on later with the same bits."""
        _ffi.call("cnn_training_save", self._pointer, _ffi.path(path))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Goes back to what ``save`` wrote."""
        _ffi.call("cnn_training_load", self._pointer, _ffi.path(path))


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
        options: see ``cnn_trainer_fit``: preset, epochs, batch_size, optimizer, learning_rate,
            schedule, augment, mixup, cutmix, ema, class_balance, keep_best, patience, checkpoint,
            resume, seed and more. None takes an option out of a preset.
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
                is called after steps and epochs and stops the run by returning True. It may not
                use the model. Ctrl-C and exceptions of the function stop the run and are raised.

        Raises:
            CancelledError: the function stopped the run; ``history`` holds what there is.
        """
        self.history = {}
        with observing(progress) as report:
            _ffi.fit(
                "cnn_trainer_fit", self.model._pointer, train._pointer,
                validation._pointer if validation is not None else None,
                _ffi.json_text(self.options), report, self.history.update)
        return self.history


@contextlib.contextmanager
def observing(
    progress: bool | Callable[[Progress], Any],
) -> Iterator[Callable[[Any], bool]]:
    """What to call with each struct of progress; it says whether to stop."""
    shown = _Bar() if progress is True else None
    observer = shown or progress or None
    try:
        yield lambda event: bool(observer(_progress(event))) if callable(observer) else False
    finally:
        if shown:
            shown.close()


def _progress(raw: Any) -> Progress:
    names = [field.name for field in fields(Progress)[1:]]
    return Progress(
        "epoch" if raw.event == 2 else "step", *(getattr(raw, name) for name in names))


class _Bar:
    """Shows progress with tqdm where it is installed, otherwise a line for each epoch."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._pass = (-1, 0)
        try:
            from tqdm.auto import tqdm
        except ImportError:
            self._make_bar: Any = None
        else:
            self._make_bar = tqdm

    def __call__(self, progress: Progress) -> None:
        if self._make_bar is None:
            if progress.event == "epoch":
                print(f"epoch {progress.epoch + 1}/{progress.epoch_count}: {_results(progress)}, "
                      f"{progress.seconds_left:.0f} s left", flush=True)
            return
        # What precedes the first epoch of finetuning is reported as steps of that.
        if self._pass != (progress.epoch, progress.step_count):
            self.close()
            self._pass = (progress.epoch, progress.step_count)
            self._bar = self._make_bar(
                total=progress.step_count, desc=f"epoch {progress.epoch + 1}", unit="batch")
        self._bar.update(progress.step - self._bar.n)
        self._bar.set_postfix_str(_results(progress))

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def _results(progress: Progress) -> str:
    shown = [] if math.isnan(progress.loss) else [f"loss {progress.loss:.4f}"]
    for name, value in [("accuracy", progress.accuracy),
                        ("validation", progress.validation_accuracy)]:
        if not math.isnan(value):
            shown.append(f"{name} {value:.1%}")
    return ", ".join(shown)
