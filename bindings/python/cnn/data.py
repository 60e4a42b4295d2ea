"""Datasets and batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from . import _ffi
from ._handle import Handle
from .errors import ShapeMismatchError
from .image import Image
from .model import Model


class Dataset(Handle):
    """Samples with labels: on disk, built into the library, or from arrays.

    ``Dataset.open`` reads CIFAR-10, MNIST, a folder per class or files named after their class;
    ``Dataset.named("digits")`` is part of the library; ``Dataset.from_arrays`` takes numpy arrays.
    """

    _free = "cnn_dataset_free"

    def __init__(self) -> None:
        raise TypeError(
            "use Dataset.open, Dataset.named, Dataset.from_arrays or Dataset.from_targets")

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Dataset:
        """Opens a dataset on disk: a folder, a tar archive, a table (.csv) or a mixture (.json).

        Args:
            path: where it is.
            root: the folder in which the data is that a table or a mixture names; by default the
                folder of the file itself.
            options: those of ``cnn_dataset_open``, such as ``size``, ``part`` and ``classes``.
        """
        return cls._wrap(_ffi.new_object(
            "cnn_dataset_open", _ffi.path(path), _ffi.options({"root": root, **options})))

    @classmethod
    def named(cls, name: str, **options: Any) -> Dataset:
        """Opens a dataset that is part of the library, such as "digits"."""
        return cls._wrap(_ffi.new_object(
            "cnn_dataset_create_named", _ffi.text(name), _ffi.options(options)))

    @classmethod
    def from_arrays(
        cls, samples: Any, labels: Any, *, class_names: Sequence[str] | None = None,
        layout: str = "NHWC",
    ) -> Dataset:
        """Makes a dataset from arrays, which are copied.

        Args:
            samples: uint8 pictures of shape (count, height, width, 1 or 3) or (count, height,
                width), or numbers of any shape with the count first, which go into the model as
                they are.
            labels: the class of each sample, from 0.
            class_names: as many names as there are classes; by default the numbers.
            layout: the order of axes of samples.
        """
        order = _ffi.layout(layout)
        samples, classes = np.asarray(samples), _ffi.integers(labels)
        if samples.ndim < 2 or classes.shape != samples.shape[:1]:
            raise ShapeMismatchError(
                f"samples have the shape (count, ...) and labels (count,), got {samples.shape} and "
                f"{classes.shape}")
        names = None if class_names is None else _ffi.strings(class_names)
        count = int(classes.max(initial=0)) + 1 if names is None else len(names)
        common = (_ffi.pointer(classes), _ffi.names(names), count)
        if samples.dtype == np.uint8 and samples.ndim in (3, 4):
            pixels = np.ascontiguousarray(samples)
            if pixels.ndim == 3:
                pixels = pixels[:, None] if order == _ffi.NCHW else pixels[..., None]
            height, width, channels = pixels.shape[1:]
            if order == _ffi.NCHW:
                channels, height, width = pixels.shape[1:]
            return cls._wrap(_ffi.new_object(
                "cnn_dataset_create_images", len(pixels), height, width, channels, order,
                _ffi.pointer(pixels), *common))
        numbers = _ffi.floats(samples)
        shape = numbers.shape[1:]
        return cls._wrap(_ffi.new_object(
            "cnn_dataset_create_floats", len(numbers), order, _ffi.sizes(shape), len(shape),
            _ffi.pointer(numbers), *common))

    @classmethod
    def from_targets(
        cls, samples: Any, targets: Mapping[str, Any], *,
        class_names: Mapping[str, Sequence[str]] | None = None, layout: str = "NHWC",
    ) -> Dataset:
        """Makes a dataset for networks with several outputs, or with outputs that are numbers.

        Args:
            samples: numbers of any shape with the count first, which are copied.
            targets: by name, which is matched with the output of that name: whole numbers of shape
                (count,) are classes, floating-point numbers of shape (count, ...) are what the
                output should give.
            class_names: for targets of classes, by the name of the target.
            layout: the order of axes of samples and of targets of numbers.
        """
        numbers, given = _ffi.floats(samples), []
        arrays = {}  # alive until the library has copied them
        for name, value in targets.items():
            is_class = np.asarray(value).dtype.kind in "iub"
            array = _ffi.integers(value) if is_class else _ffi.floats(value)
            if array.shape[:1] != numbers.shape[:1] or array.ndim == 0 or (
                    is_class and array.ndim != 1):
                raise ShapeMismatchError(
                    f"target {name!r} has the shape {array.shape}, and there are "
                    f"{numbers.shape[:1]} samples")
            arrays[name] = array
            names = (class_names or {}).get(name)
            given.append(_ffi.target(name, array, None if names is None else _ffi.strings(names)))
        shape = numbers.shape[1:]
        return cls._wrap(_ffi.new_object(
            "cnn_dataset_create_targets", len(numbers) if numbers.ndim else 0, _ffi.layout(layout),
            _ffi.sizes(shape), len(shape), _ffi.pointer(numbers), _ffi.targets(given), len(given)))

    def _info(self) -> Any:
        return _ffi.new_struct(_ffi.DatasetInfo, "cnn_dataset_describe", self._pointer)

    def __len__(self) -> int:
        return int(self._info().count)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: (height, width, channels) for pictures."""
        info = self._info()
        return tuple(info.shape[: info.rank])

    @property
    def class_names(self) -> list[str]:
        """The names of the classes."""
        return [_ffi.new_name("cnn_dataset_class_name", self._pointer, index)
                for index in range(self._info().class_count)]

    def label(self, index: int) -> int:
        """The class of a sample."""
        return _ffi.new_integers("cnn_dataset_label", self._pointer, _ffi.integer(index))[0]

    @property
    def labels(self) -> np.ndarray[Any, Any]:
        """The classes of all samples."""
        return np.array([self.label(index) for index in range(len(self))], np.int64)

    def image(self, index: int) -> Image:
        """A sample as a picture."""
        return Image._wrap(
            _ffi.new_object("cnn_dataset_image", self._pointer, _ffi.integer(index)))

    def read(
        self, indices: Any, *, model: Model | None = None, layout: str = "NHWC"
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Reads chosen samples as arrays of float32 samples and int64 labels."""
        chosen, order = _indices(indices), _ffi.layout(layout)
        shape = _sample_shape(self, model, order)
        samples = np.empty((chosen.size, *shape), np.float32)
        labels = np.empty(chosen.size, np.int64)
        _ffi.call(
            "cnn_dataset_read", self._pointer, model._pointer if model is not None else None,
            _ffi.pointer(chosen), chosen.size, order, samples.size, _ffi.pointer(samples),
            _ffi.pointer(labels))
        return samples, labels

    def preprocessing(self, normalization: str = "unit") -> dict[str, Any]:
        """Computes a preprocessing for ``Model.preprocessing``.

        Args:
            normalization: "unit", "standard" or "mean_image"; see ``cnn_dataset_preprocessing``.
        """
        return cast("dict[str, Any]", _ffi.new_json(
            "cnn_dataset_preprocessing", self._pointer, _ffi.text(normalization)))

    def subset(self, indices: Any) -> Dataset:
        """A dataset of chosen samples, in the given order."""
        chosen = _indices(indices)
        return Dataset._wrap(_ffi.new_object(
            "cnn_dataset_subset", self._pointer, _ffi.pointer(chosen), chosen.size))

    def split(self, fraction: float, *, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Splits at random, each class in the same proportion; `fraction` is the second's share."""
        first, second = _ffi.new_pair(
            "cnn_dataset_split", self._pointer, float(fraction), _ffi.integer(seed))
        return Dataset._wrap(first), Dataset._wrap(second)

    def batches(self, *, model: Model | None = None, **options: Any) -> Batches:
        """Passes over the dataset in shuffled batches; see ``Batches``."""
        return Batches(self, model=model, **options)

    def _describe(self) -> str:
        return f"{len(self):,} samples of shape {self.shape}"


def _indices(values: Any) -> np.ndarray[Any, Any]:
    indices = _ffi.integers(values)
    if indices.ndim != 1:
        raise ShapeMismatchError(f"a list of indices is expected, got the shape {indices.shape}")
    return indices


def _sample_shape(dataset: Dataset, model: Model | None, order: int) -> tuple[int, ...]:
    """The shape of a sample; preprocessing makes pictures what the model takes."""
    if model is not None:
        described = model.inputs[0]
        return described.shape if order == _ffi.NHWC else described.shape_nchw
    shape = dataset.shape
    return (shape[2], *shape[:2]) if order == _ffi.NCHW and len(shape) == 3 else shape


class Batches(Handle):
    """Passes over a dataset in batches that are read ahead in the background.

    Iterating gives one epoch of (samples, labels); iterating again gives the next epoch, or the
    rest of one that was left early.

    Args:
        dataset: the dataset.
        model: whose preprocessing applies to pictures; by default the dataset's own.
        batch_size: how many samples a batch has at most.
        layout: the order of axes of samples.
        options: see ``cnn_batches_create``: shuffle, class_balance, seed, drop_last,
            augment, prefetch, workers.
    """

    _free = "cnn_batches_free"

    def __init__(
        self, dataset: Dataset, *, model: Model | None = None, batch_size: int = 32,
        layout: str = "NHWC", **options: Any,
    ) -> None:
        self._layout = _ffi.layout(layout)
        self._shape = (batch_size, *_sample_shape(dataset, model, self._layout))
        given = _ffi.options({"batch_size": batch_size, **options})
        self._adopt(_ffi.new_object(
            "cnn_batches_create", dataset._pointer, model._pointer if model is not None else None,
            given))

    def __iter__(self) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
        while True:
            samples = np.empty(self._shape, np.float32)
            labels = np.empty(self._shape[0], np.int64)
            count, = _ffi.new_integers(
                "cnn_batches_next", self._pointer, self._layout, samples.size, labels.size,
                _ffi.pointer(samples), _ffi.pointer(labels))
            if count == 0:
                return
            yield samples[:count], labels[:count]

    def _describe(self) -> str:
        return f"of shape {self._shape}"
