"""Sessions: memory and plan for running a model again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _ffi
from ._handle import Handle
from .model import Model


class Session(Handle):
    """Runs a model with several inputs or outputs, or with inner layers kept for a look.

    One thread at a time may use a session; give each thread its own.

    Args:
        model: the model.
        batch_size: the largest batch to make room for at once.
        keep: names of inner layers whose outputs ``output`` should return.
    """

    _free = "cnn_session_free"

    def __init__(self, model: Model, *, batch_size: int = 1, keep: Sequence[str] = ()) -> None:
        self._model = model
        options = _ffi.options({"batch_size": batch_size, "keep": list(keep)})
        self._adopt(_ffi.new_object("cnn_session_create", model._pointer, options))

    def run(
        self, inputs: np.ndarray | Mapping[str, Any], *, layout: str = "NHWC"
    ) -> dict[str, np.ndarray]:
        """Runs a batch and returns copies of all outputs by name."""
        given = inputs if isinstance(inputs, Mapping) else {self._model.inputs[0].name: inputs}
        order = _ffi.layout(layout)
        for name, value in given.items():
            array = _ffi.floats(value)
            _ffi.call("cnn_session_set_input", self._pointer, _ffi.text(name), order,
                      _ffi.sizes(array.shape), array.ndim, _ffi.pointer(array))
        _ffi.call("cnn_session_run", self._pointer)
        return {o.name: self.output(o.name, layout=layout) for o in self._model.outputs}

    def output(self, name: str | None = None, *, layout: str = "NHWC") -> np.ndarray:
        """Returns a copy of an output of the last run, or of what a kept layer computed."""
        order = _ffi.layout(layout)
        tensor = _ffi.new_tensor("cnn_session_output", self._pointer, _ffi.text(name))
        result = np.empty(tensor.sizes(order), np.float32)
        _ffi.call("cnn_session_get_output", self._pointer, _ffi.text(name), order, result.size,
                  _ffi.pointer(result))
        return result

    def input_view(self, name: str | None = None, *, batch: int) -> np.ndarray:
        """The memory of an input, NHWC, to be filled before ``run_views`` without copying."""
        tensor = _ffi.new_tensor("cnn_session_input", self._pointer, _ffi.text(name), batch)
        return _ffi.view(tensor.data, tensor.sizes(), self)

    def run_views(self) -> None:
        """Runs with what ``input_view`` was filled with."""
        _ffi.call("cnn_session_run", self._pointer)

    def output_view(self, name: str | None = None) -> np.ndarray:
        """An output of the last run without copying; read it before the next run."""
        tensor = _ffi.new_tensor("cnn_session_output", self._pointer, _ffi.text(name))
        array = _ffi.view(tensor.data, tensor.sizes(), self)
        array.flags.writeable = False
        return array
