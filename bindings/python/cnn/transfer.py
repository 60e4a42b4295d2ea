"""What was learned for one task, used for another."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from . import _ffi
from .data import Dataset
from .model import Model
from .training import Progress, observing


class Finetuned(NamedTuple):
    """What ``finetune`` returns."""

    model: Model
    history: dict[str, Any]


def finetune(
    model: Model, dataset: Dataset, validation: Dataset | None = None, *,
    progress: bool | Callable[[Progress], Any] = False, **options: Any,
) -> Finetuned:
    """Trains a copy of a model further, on a few pictures of other classes.

    Fifty pictures of each class are enough, and take less than a minute on two cores. The model
    itself stays as it is.

    Args:
        model: the model to begin with.
        dataset: what to train on.
        validation: what to judge by, with the same classes; by default a fifth of the dataset, which
            is set aside.
        progress: as in ``Trainer.fit``.
        options: see ``cnn_finetune``: epochs, unfreeze, learning_rate, head_epochs, views, augment,
            validation_share, seed and more.

    Raises:
        CancelledError: the function stopped the run.
    """
    history: dict[str, Any] = {}
    handle = ctypes.c_void_p()
    with observing(progress) as report:
        _ffi.fit(
            "cnn_finetune", model._pointer, dataset._pointer,
            validation._pointer if validation is not None else None,
            _ffi.options(options), report, history.update, ctypes.byref(handle))
    return Finetuned(Model._wrap(handle.value or 0), history)
