"""Pictures: reading, writing, resizing."""

from __future__ import annotations

import os
from ctypes import POINTER, byref, c_int64, c_uint8
from typing import TYPE_CHECKING

import numpy as np

from . import _ffi
from ._handle import Handle

if TYPE_CHECKING:
    from .model import Model


class Image(Handle):
    """A picture of 8 bits per channel: grey, RGB or RGBA.

    Args:
        source: the path of a PNG or JPEG file, the bytes of one, or an array of uint8 of shape
            (height, width) or (height, width, 1, 3 or 4).
        channels: 1, 3 or 4 to convert a file's picture to grey, RGB or RGBA.
        max_pixels: refuse files with more pixels.
    """

    _free = "cnn_image_free"

    def __init__(
        self, source: str | os.PathLike[str] | bytes | np.ndarray, *, channels: int | None = None,
        max_pixels: int | None = None,
    ) -> None:
        options = _ffi.options({"channels": channels, "max_pixels": max_pixels})
        if isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
            handle = _ffi.new_object("cnn_image_load_memory", data, len(data), options)
        elif isinstance(source, np.ndarray):
            handle = self._from_array(source)
        else:
            handle = _ffi.new_object("cnn_image_load", _ffi.text(os.fspath(source)), options)
        self._adopt(handle)

    @staticmethod
    def _from_array(array: np.ndarray) -> int:
        if array.dtype != np.uint8:
            raise TypeError(f"pixels are numbers of type uint8, got {array.dtype}")
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3:
            raise ValueError(
                f"pixels have the shape (height, width) or (height, width, channels), got "
                f"{array.shape}"
            )
        pixels = np.ascontiguousarray(array)
        return _ffi.new_object("cnn_image_create", *pixels.shape, _ffi.pointer(pixels))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = c_int64(), c_int64(), c_int64()
        _ffi.call("cnn_image_size", self._pointer, byref(height), byref(width), byref(channels))
        return height.value, width.value, channels.value

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        """A copy of the pixels, of shape (height, width, channels)."""
        pixels = POINTER(c_uint8)()
        _ffi.call("cnn_image_pixels", self._pointer, byref(pixels), None)
        array = np.array(np.ctypeslib.as_array(pixels, self.shape))
        return array if dtype is None else array.astype(dtype)

    def resize(self, height: int, width: int, *, filter: str = "bilinear") -> Image:
        """Returns the picture in another size; shrinking averages over all pixels."""
        return Image._wrap(_ffi.new_object(
            "cnn_image_resize", self._pointer, height, width, _ffi.options({"filter": filter})))

    def crop(self, top: int, left: int, height: int, width: int) -> Image:
        """Returns a rectangle of the picture."""
        return Image._wrap(
            _ffi.new_object("cnn_image_crop", self._pointer, top, left, height, width))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture to a PNG file, which is replaced at once when it is complete."""
        _ffi.call("cnn_image_save", self._pointer, _ffi.text(os.fspath(path)))

    def png(self) -> bytes:
        """The contents of a PNG file with the picture."""
        return _ffi.new_bytes("cnn_image_save_memory", self._pointer)

    def to_tensor(self, model: Model, *, layout: str = "NHWC") -> np.ndarray:
        """Turns the picture into the input of a model by the model's preprocessing."""
        described = model.inputs[0]
        shape = described.shape if layout == "NHWC" else described.shape_nchw
        result = np.empty(shape, np.float32)
        _ffi.call("cnn_image_to_tensor", self._pointer, model._pointer, _ffi.layout(layout),
                  result.size, _ffi.pointer(result))
        return result

    def __repr__(self) -> str:
        height, width, channels = self.shape
        return f"Image(height={height}, width={width}, channels={channels})"

    def _repr_png_(self) -> bytes:
        return self.png()
