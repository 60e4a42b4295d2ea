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

    Attributes:
        classes_: the labels that ``fit`` saw, sorted.
        model_: the trained ``Model``.
        history_: what ``Trainer.fit`` returned.
    """

    _estimator_type = "classifier"
    _names = ("network", "epochs", "batch_size", "validation_fraction", "seed", "progress",
              "options")

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

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn (from 1.6) asks an estimator; nobody else calls it."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier", target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(two_d_array=False, three_d_array=True))

    def fit(self, samples: Any, labels: Any) -> Classifier:
        """Trains a new model.

        Args:
            samples: uint8 pictures, (count, height, width) or (count, height, width, channels), or
                numbers of any shape with the count first. Numbers of shape (count, height, width)
                are taken as pictures of one channel.
            labels: one for each sample, of any type that can be sorted.
        """
        samples, labels = _samples(samples), np.asarray(labels)
        self.classes_, indices = np.unique(labels, return_inverse=True)
        names = [str(name) for name in self.classes_]
        data = Dataset.from_arrays(samples, indices.reshape(labels.shape), class_names=names)
        model = self._new_model(samples.shape[1:], len(names))
        validation = None
        if self.validation_fraction:
            data, validation = data.split(self.validation_fraction, seed=self.seed)
        trainer = Trainer(
            model, epochs=self.epochs, batch_size=self.batch_size, seed=self.seed,
            **(self.options or {}))
        self.history_ = trainer.fit(data, validation, progress=self.progress)
        self.model_ = model
        self._pictures = samples.dtype == np.uint8
        return self

    def _new_model(self, shape: tuple[int, ...], classes: int) -> Model:
        if isinstance(self.network, str):
            return Model.named(
                self.network, classes=classes, input_shape=shape, seed=self.seed)
        return Model(self.network, seed=self.seed)

    def predict_proba(self, samples: Any) -> np.ndarray[Any, Any]:
        """The probability of each class for each sample, in the order of ``classes_``.

        ``model_.calibrate`` makes them mean what they say.
        """
        if not hasattr(self, "model_"):
            raise ValueError("call fit before predicting")
        array = _samples(samples)
        if (array.dtype == np.uint8) != self._pictures:
            kinds = ("numbers", "pictures of type uint8")
            raise TypeError(
                f"fit was given {kinds[self._pictures]}, and now there are "
                f"{kinds[not self._pictures]}: their scales differ")
        if self._pictures and len(array):
            # Pictures go through the same preprocessing as in training.
            data = Dataset.from_arrays(array, np.zeros(len(array), np.int64))
            array, _ = data.read(np.arange(len(array)), model=self.model_)
        return self.model_.probabilities(array)

    def predict(self, samples: Any) -> np.ndarray[Any, Any]:
        """The likeliest class of each sample."""
        best = self.predict_proba(samples).argmax(axis=1)
        predicted: np.ndarray[Any, Any] = self.classes_[best]
        return predicted

    def score(self, samples: Any, labels: Any) -> float:
        """The share of samples whose class is predicted right."""
        return float(np.mean(self.predict(samples) == np.asarray(labels)))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"Classifier({given})"


def _samples(samples: Any) -> np.ndarray[Any, Any]:
    """Adds a channel axis to pictures without one; numbers become float32."""
    array = np.asarray(samples)
    if array.ndim == 3:
        array = array[..., None]
    return array if array.dtype == np.uint8 else np.asarray(array, np.float32)
