"""Sessions: memory and plan for running a model again and again."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
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
        batch_size: the largest batch to make room for at once; larger batches make the session
            grow, which is refused while arrays from ``input_view`` and ``output_view`` are in use.
        keep: names of inner layers whose outputs ``output`` should return.
        precise: compute with the smallest rounding error, as a graph with ``"precise": True`` does,
            instead of the fastest way.
    """

    _free = "cnn_session_free"

    def __init__(
        self, model: Model, *, batch_size: int = 1, keep: Iterable[str] = (), precise: bool = False,
    ) -> None:
        self._inputs, self._outputs = model.inputs, model.outputs
        self._views: weakref.WeakSet[Any] = weakref.WeakSet()
        self._room = batch_size
        options = _ffi.options(
            {"batch_size": batch_size, "keep": _ffi.strings(keep), "precise": precise})
        self._adopt(_ffi.new_object("cnn_session_create", model._pointer, options))

    def _make_room(self, batch: int) -> None:
        """Refuses to move memory that somebody looks at; the manner is that of bytearray."""
        if batch > self._room and len(self._views):
            raise BufferError(
                f"a batch of {batch} makes the session grow beyond {self._room}, and arrays over "
                f"its memory are in use: delete them, or make the session with batch_size={batch}")

    def run(
        self, inputs: Any, *, layout: str = "NHWC"
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Runs a batch and returns copies of all outputs by name.

        Args:
            inputs: an array, or a dictionary from the names of the inputs to arrays.
            layout: the order of axes of inputs and outputs, "NHWC" or "NCHW".
        """
        order = _ffi.layout(layout)
        given = inputs if isinstance(inputs, Mapping) else {None: inputs}
        for name, value in given.items():
            array = _ffi.floats(value)
            batch = len(array) if array.ndim else 0
            self._make_room(batch)
            _ffi.call("cnn_session_set_input", self._pointer, _ffi.text(name), order,
                      _ffi.sizes(array.shape), array.ndim, _ffi.pointer(array))
            self._room = max(self._room, batch)
        _ffi.call("cnn_session_run", self._pointer)
        return {o.name: self.output(o.name, layout=layout) for o in self._outputs}

    def output(self, name: str | None = None, *, layout: str = "NHWC") -> np.ndarray[Any, Any]:
        """Returns a copy of an output of the last run, or of what a kept layer computed."""
        order = _ffi.layout(layout)
        tensor = _ffi.new_tensor("cnn_session_output", self._pointer, _ffi.text(name))
        result = np.empty(tensor.sizes(order), np.float32)
        _ffi.call("cnn_session_get_output", self._pointer, _ffi.text(name), order, result.size,
                  _ffi.pointer(result))
        return result

    def input_view(self, name: str | None = None, *, batch: int = 1) -> np.ndarray[Any, Any]:
        """The memory of an input, NHWC, to be filled before ``run_views`` without copying.

        The array works with DLPack: ``torch.from_dlpack(session.input_view())``.
        """
        held, batch = self._pointer, _ffi.integer(batch)
        self._make_room(batch)
        tensor = _ffi.new_tensor("cnn_session_input", held, _ffi.text(name), batch)
        self._room = max(self._room, batch)
        return _ffi.view(tensor.data, tensor.sizes(), held, exports=self._views)

    def run_views(self) -> None:
        """Runs with what ``input_view`` was filled with."""
        _ffi.call("cnn_session_run", self._pointer)

    def output_view(self, name: str | None = None) -> np.ndarray[Any, Any]:
        """An output of the last run without copying, to be read before the next run.

        The array is read-only and works with DLPack where the receiver knows read-only tensors.
        """
        held = self._pointer
        tensor = _ffi.new_tensor("cnn_session_output", held, _ffi.text(name))
        return _ffi.view(
            tensor.data, tensor.sizes(), held, writeable=False, exports=self._views)

    def _describe(self) -> str:
        inputs = ", ".join(f"{i.name} {i.shape}" for i in self._inputs)
        outputs = ", ".join(f"{o.name} {o.shape}" for o in self._outputs)
        return f"{inputs} -> {outputs}"
