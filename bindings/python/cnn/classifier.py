"""A classifier in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .data import Dataset
from .model import Model
from .training import Trainer


class Classifier:
    """A network with ``fit``, ``predict``, ``predict_proba`` and ``score``.

    Works with scikit-learn's model selection, without needing scikit-learn.

    Args:
        network: the name of an architecture, or the description of a graph.
        epochs: how often to go through the data.
        batch_size: samples of a step.
        validation_fraction: the share of the training data that judges each epoch; 0 for none.
        seed: decides parameters, shuffling and the split.
        progress: show a progress bar.
        options: further options of ``Trainer``, such as {"optimizer": "sgd"}.
    """

    _estimator_type = "classifier"

    def __init__(
        self, network: str | Mapping[str, Any] = "resnet_small", *, epochs: int = 10,
        batch_size: int = 32, validation_fraction: float = 0.0, seed: int = 0,
        progress: bool = False, options: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.seed = seed
        self.progress = progress
        self.options = options

    _names = ("network", "epochs", "batch_size", "validation_fraction", "seed", "progress",
              "options")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {name: getattr(self, name) for name in self._names}

    def set_params(self, **values: Any) -> Classifier:
        """Changes arguments of the constructor."""
        for name, value in values.items():
            if name not in self._names:
                raise ValueError(f"unknown parameter {name!r}; expected one of {self._names}")
            setattr(self, name, value)
        return self

    def fit(self, samples: Any, labels: Any) -> Classifier:
        """Trains a new model on samples (NHWC, or (count, height, width)) and any kind of labels."""
        samples, labels = _pictures(samples), np.asarray(labels)
        self.classes_, indices = np.unique(labels, return_inverse=True)
        names = [str(name) for name in self.classes_]
        data = Dataset.from_arrays(samples, indices, class_names=names)
        self.model_ = self._new_model(samples.shape[1:], len(names))
        validation = None
        if self.validation_fraction:
            data, validation = data.split(self.validation_fraction, seed=self.seed)
        trainer = Trainer(
            self.model_, epochs=self.epochs, batch_size=self.batch_size, seed=self.seed,
            **(self.options or {}))
        self.history_ = trainer.fit(data, validation, progress=self.progress)
        return self

    def _new_model(self, shape: tuple[int, ...], classes: int) -> Model:
        if isinstance(self.network, str):
            return Model.named(
                self.network, classes=classes, input_shape=shape, seed=self.seed)
        return Model(self.network, seed=self.seed)

    def _logits(self, samples: Any) -> np.ndarray:
        if not hasattr(self, "model_"):
            raise ValueError("call fit before predicting")
        pictures = _pictures(samples)
        if pictures.dtype == np.uint8:
            labels = np.zeros(len(pictures), np.int64)
            names = [str(name) for name in self.classes_]
            data = Dataset.from_arrays(pictures, labels, class_names=names)
            pictures, _ = data.read(np.arange(len(data)), model=self.model_)
        return self.model_.predict(pictures)

    def predict_proba(self, samples: Any) -> np.ndarray:
        """The probability of each class for each sample, in the order of ``classes_``."""
        logits = self._logits(samples).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, samples: Any) -> np.ndarray:
        """The likeliest class of each sample."""
        return self.classes_[self._logits(samples).argmax(axis=1)]

    def score(self, samples: Any, labels: Any) -> float:
        """The share of samples whose class is predicted right."""
        return float(np.mean(self.predict(samples) == np.asarray(labels)))


def _pictures(samples: Any) -> np.ndarray:
    """Adds a channel axis to grey pictures without one."""
    array = np.asarray(samples)
    if array.ndim == 3:
        array = array[..., None]
    return array if array.dtype == np.uint8 else array.astype(np.float32, copy=False)
