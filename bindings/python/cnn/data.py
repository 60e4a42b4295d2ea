"""Datasets and batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from ctypes import byref, c_char_p, c_int64, c_void_p, sizeof
from typing import Any

import json

import numpy as np

from . import _ffi
from ._handle import Handle
from .image import Image
from .model import Model


class Dataset(Handle):
    """Samples with labels: on disk, built into the library, or from arrays.

    ``Dataset.open`` reads CIFAR-10, MNIST, a folder per class or files named after their class;
    ``Dataset.named("digits")`` is part of the library; ``Dataset.from_arrays`` takes numpy arrays.
    """

    _free = "cnn_dataset_free"

    def __init__(self) -> None:
        raise TypeError("use Dataset.open, Dataset.named or Dataset.from_arrays")

    @classmethod
    def open(cls, path: str | os.PathLike[str], **options: Any) -> Dataset:
        """Opens a dataset on disk; see ``cnn_dataset_open`` for the options."""
        return cls._wrap(_ffi.new_object(
            "cnn_dataset_open", _ffi.text(os.fspath(path)), _ffi.options(options)))

    @classmethod
    def named(cls, name: str, **options: Any) -> Dataset:
        """Opens a dataset that is part of the library, such as "digits"."""
        return cls._wrap(_ffi.new_object(
            "cnn_dataset_create_named", _ffi.text(name), _ffi.options(options)))

    @classmethod
    def from_arrays(
        cls, samples: np.ndarray, labels: Any, *, class_names: Sequence[str] | None = None,
        layout: str = "NHWC",
    ) -> Dataset:
        """Makes a dataset from arrays, which are copied.

        Args:
            samples: uint8 pictures of shape (count, height, width, 1 or 3), or numbers of any shape
                with the count first, which go into the model as they are.
            labels: the class of each sample, from 0.
            class_names: as many names as there are classes; by default the numbers.
            layout: the order of axes of samples.
        """
        order = _ffi.layout(layout)
        samples = np.asarray(samples)
        classes = _ffi.integers(labels)
        if samples.ndim < 2 or classes.shape != samples.shape[:1]:
            raise ValueError(
                f"samples have the shape (count, ...) and labels (count,), got {samples.shape} and "
                f"{classes.shape}")
        count = len(class_names) if class_names else int(classes.max(initial=0)) + 1
        common = (_ffi.pointer(classes), _ffi.names(list(class_names or [])), count)
        if samples.dtype == np.uint8 and samples.ndim == 4:
            pixels = np.ascontiguousarray(samples)
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

    def _info(self) -> _ffi.DatasetInfo:
        info = _ffi.DatasetInfo(struct_size=sizeof(_ffi.DatasetInfo))
        _ffi.call("cnn_dataset_describe", self._pointer, byref(info))
        return info

    def __len__(self) -> int:
        return self._info().count

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: (height, width, channels) for pictures."""
        info = self._info()
        return tuple(info.shape[: info.rank])

    @property
    def class_names(self) -> list[str]:
        """The names of the classes."""
        result = []
        for index in range(self._info().class_count):
            name = c_char_p()
            _ffi.call("cnn_dataset_class_name", self._pointer, index, byref(name))
            result.append(name.value.decode())
        return result

    def label(self, index: int) -> int:
        """The class of a sample."""
        label = c_int64()
        _ffi.call("cnn_dataset_label", self._pointer, index, byref(label))
        return label.value

    def image(self, index: int) -> Image:
        """A sample as a picture."""
        return Image._wrap(_ffi.new_object("cnn_dataset_image", self._pointer, index))

    def read(
        self, indices: Any, *, model: Model | None = None, layout: str = "NHWC"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Reads chosen samples as arrays of float32 samples and int64 labels."""
        chosen = _ffi.integers(indices)
        shape = self.shape
        if model is not None:
            shape = model.inputs[0].shape
        if layout == "NCHW" and len(shape) == 3:
            shape = (shape[2], *shape[:2])
        samples = np.empty((len(chosen), *shape), np.float32)
        labels = np.empty(len(chosen), np.int64)
        _ffi.call(
            "cnn_dataset_read", self._pointer, model._pointer if model else None,
            _ffi.pointer(chosen), len(chosen), _ffi.layout(layout), samples.size,
            _ffi.pointer(samples), _ffi.pointer(labels))
        return samples, labels

    def preprocessing(self, normalization: str = "unit") -> dict[str, Any]:
        """Computes a preprocessing for ``Model.preprocessing``: "unit", "standard", "mean_image"."""
        return json.loads(_ffi.new_text(
            "cnn_dataset_preprocessing", self._pointer, _ffi.text(normalization)))

    def subset(self, indices: Any) -> Dataset:
        """A dataset of chosen samples, in the given order."""
        chosen = _ffi.integers(indices)
        return Dataset._wrap(_ffi.new_object(
            "cnn_dataset_subset", self._pointer, _ffi.pointer(chosen), len(chosen)))

    def split(self, fraction: float, *, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Splits at random, each class in the same proportion; `fraction` is the second's share."""
        first, second = c_void_p(), c_void_p()
        _ffi.call("cnn_dataset_split", self._pointer, fraction, seed, byref(first), byref(second))
        return Dataset._wrap(first.value), Dataset._wrap(second.value)

    def batches(self, *, model: Model | None = None, **options: Any) -> Batches:
        """Passes over the dataset in shuffled batches; see ``cnn_batches_create``."""
        return Batches(self, model=model, **options)

    def __repr__(self) -> str:
        return f"Dataset({len(self):,} samples of shape {self.shape})"


class Batches(Handle):
    """Passes over a dataset in batches that are read ahead in the background.

    Iterating gives one epoch of (samples, labels); iterating again gives the next.
    """

    _free = "cnn_batches_free"

    def __init__(
        self, dataset: Dataset, *, model: Model | None = None, batch_size: int = 32,
        layout: str = "NHWC", **options: Any,
    ) -> None:
        self._layout = _ffi.layout(layout)
        shape = model.inputs[0].shape if model else dataset.shape
        if self._layout == _ffi.NCHW and len(shape) == 3:
            shape = (shape[2], *shape[:2])
        self._shape = (batch_size, *shape)
        given = _ffi.options({"batch_size": batch_size, **options})
        self._adopt(_ffi.new_object(
            "cnn_batches_create", dataset._pointer, model._pointer if model else None, given))

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            samples = np.empty(self._shape, np.float32)
            labels = np.empty(self._shape[0], np.int64)
            count = c_int64()
            _ffi.call("cnn_batches_next", self._pointer, self._layout, samples.size, labels.size,
                      _ffi.pointer(samples), _ffi.pointer(labels), byref(count))
            if count.value == 0:
                return
            yield samples[: count.value], labels[: count.value]
