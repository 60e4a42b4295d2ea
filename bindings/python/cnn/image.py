"""Pictures: reading, writing, resizing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _ffi
from ._handle import Handle
from .errors import ShapeMismatchError

if TYPE_CHECKING:
    from .model import Model


class Image(Handle):
    """A picture of 8 bits per channel: grey, RGB or RGBA.

    Args:
        source: the path of a PNG or JPEG file, the bytes of one, or an array of uint8 of shape
            (height, width) or (height, width, 1, 3 or 4).
        channels: 1, 3 or 4 to convert a file's picture to grey, RGB or RGBA.
        max_pixels: refuse files with more pixels.
        max_side: scale a file's picture down so that no side is longer; large JPEG files then take
            less time and memory.
    """

    _free = "cnn_image_free"

    def __init__(
        self, source: str | os.PathLike[str] | bytes | np.ndarray[Any, Any], *,
        channels: int | None = None, max_pixels: int | None = None, max_side: int | None = None,
    ) -> None:
        given = {"channels": channels, "max_pixels": max_pixels, "max_side": max_side}
        options = _ffi.options(given)
        if isinstance(source, np.ndarray):
            if any(value is not None for value in given.values()):
                raise TypeError(
                    "channels, max_pixels and max_side are for files, not for arrays of pixels")
            handle = self._from_array(source)
        elif isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
            handle = _ffi.new_object("cnn_image_load_memory", data, len(data), options)
        else:
            handle = _ffi.new_object("cnn_image_load", _ffi.path(source), options)
        self._adopt(handle)

    @staticmethod
    def _from_array(array: np.ndarray[Any, Any]) -> int:
        if array.dtype != np.uint8:
            raise TypeError(f"pixels are numbers of type uint8, got {array.dtype}")
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3:
            raise ShapeMismatchError(
                f"pixels have the shape (height, width) or (height, width, channels), got "
                f"{array.shape}")
        pixels = np.ascontiguousarray(array)
        return _ffi.new_object("cnn_image_create", *pixels.shape, _ffi.pointer(pixels))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = _ffi.new_integers("cnn_image_size", self._pointer, count=3)
        return height, width, channels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The pixels, of shape (height, width, channels): a view to be read only, or a copy."""
        held = self._pointer
        pixels: np.ndarray[Any, Any] = _ffi.new_bytes_view(
            "cnn_image_pixels", self.shape, held, held)
        if copy is False and dtype is not None and np.dtype(dtype) != np.uint8:
            raise ValueError(f"a copy is needed to turn pixels into {np.dtype(dtype)}")
        return np.array(pixels, dtype) if copy else np.asarray(pixels, dtype)

    def resize(self, height: int, width: int, *, filter: str = "bilinear") -> Image:
        """Returns the picture in another size; shrinking averages over all pixels."""
        return Image._wrap(_ffi.new_object(
            "cnn_image_resize", self._pointer, _ffi.integer(height), _ffi.integer(width),
            _ffi.options({"filter": filter})))

    def crop(self, top: int, left: int, height: int, width: int) -> Image:
        """Returns a rectangle of the picture."""
        rectangle = (top, left, height, width)
        return Image._wrap(
            _ffi.new_object("cnn_image_crop", self._pointer, *map(_ffi.integer, rectangle)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture to a PNG file, which is replaced at once when it is complete."""
        _ffi.call("cnn_image_save", self._pointer, _ffi.path(path))

    def png(self) -> bytes:
        """The contents of a PNG file with the picture."""
        return _ffi.new_bytes("cnn_image_save_memory", self._pointer)

    def to_tensor(self, model: Model, *, layout: str = "NHWC") -> np.ndarray[Any, Any]:
        """Turns the picture into the input of a model by the model's preprocessing."""
        order = _ffi.layout(layout)
        described = model.inputs[0]
        shape = described.shape if order == _ffi.NHWC else described.shape_nchw
        result = np.empty(shape, np.float32)
        _ffi.call("cnn_image_to_tensor", self._pointer, model._pointer, order, result.size,
                  _ffi.pointer(result))
        return result

    def _describe(self) -> str:
        height, width, channels = self.shape
        return f"height={height}, width={width}, channels={channels}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Image, (np.array(self),)

    def __copy__(self) -> Image:
        return self  # pictures do not change

    def _repr_png_(self) -> bytes:
        return self.png()
