"""Looking at a decision: which places of a picture made a model decide as it did."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _ffi
from ._handle import Handle
from .image import Image

if TYPE_CHECKING:
    from .model import Model


class Explanation(Handle):
    """How much each pixel of a picture matters to a model; ``Model.explain`` makes it.

    Example::

        explanation = model.explain("photo.jpg")
        print(explanation.label, explanation.probability)
        explanation.overlay(opacity=0.6).save("photo.grad_cam.png")
    """

    _free = "cnn_explanation_free"

    def _adopt(self, handle: int) -> None:
        super()._adopt(handle)
        info = _ffi.new_struct(_ffi.ExplanationInfo, "cnn_explanation_describe", self._pointer)
        self._shape = (int(info.height), int(info.width))
        self._index, self._label = int(info.index), bytes(info.label or b"").decode()
        self._method = bytes(info.method or b"").decode()
        self._probability, self._score = float(info.probability), float(info.score)
        self._range = (float(info.minimum), float(info.maximum))

    @property
    def method(self) -> str:
        """The method: "grad_cam", "saliency" or "occlusion"."""
        return self._method

    @property
    def index(self) -> int:
        """The number of the class that is explained."""
        return self._index

    @property
    def label(self) -> str:
        """The name of that class; empty if the model has none."""
        return self._label

    @property
    def probability(self) -> float:
        """How likely the class is, as ``Model.recognise`` says."""
        return self._probability

    @property
    def score(self) -> float:
        """What the map explains: the class's score before the softmax, or for occlusion its
        probability."""
        return self._score

    @property
    def minimum(self) -> float:
        """The smallest number of the map."""
        return self._range[0]

    @property
    def maximum(self) -> float:
        """The largest number of the map."""
        return self._range[1]

    @property
    def map(self) -> np.ndarray[Any, Any]:
        """How much each pixel matters: a new array of shape (height, width) of the picture.

        The numbers are those of the method, not scaled, and 0 where the model did not look.
        """
        result = np.empty(self._shape, np.float32)
        _ffi.call("cnn_explanation_map", self._pointer, result.size, _ffi.pointer(result))
        return result

    def overlay(self, opacity: float = 0.5, *, color_map: str = "inferno") -> Image:
        """Paints the map over the picture.

        Args:
            opacity: from 0, the picture alone, to 1, the map alone.
            color_map: "inferno", "viridis", "coolwarm" or "grey".
        """
        options = _ffi.options({"opacity": opacity, "color_map": color_map})
        return Image._wrap(
            _ffi.new_object("cnn_explanation_overlay", self._pointer, options))

    def _describe(self) -> str:
        return f"{self._method}: {self._label or self._index} {self._probability:.1%}"

    def _repr_png_(self) -> bytes:
        return self.overlay().png()


def explain(
    model: Model, photo: Image | np.ndarray[Any, Any] | bytes | str | os.PathLike[str], given: bytes,
) -> Explanation:
    """Calls the function for what a photo is."""
    if isinstance(photo, (str, os.PathLike)):
        handle = _ffi.new_object("cnn_explain_file", model._pointer, _ffi.path(photo), given)
    else:
        picture = photo if isinstance(photo, Image) else Image(photo)
        handle = _ffi.new_object("cnn_explain_image", model._pointer, picture._pointer, given)
    return Explanation._wrap(handle)
