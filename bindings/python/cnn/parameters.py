"""The numbers of a model by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _ffi
from .errors import UnknownNameError

if TYPE_CHECKING:
    from .model import Model


class Parameters(MutableMapping[str, "np.ndarray[Any, Any]"]):
    """The parameters (or states) of a model by name, copied in and out in the files' layout.

    Convolution weights are (out, in, height, width), as PyTorch has them. ``parameters[name] = x``
    replaces one.
    """

    def __init__(self, model: Model, function: str, count: int) -> None:
        self._model = model
        self._function = function
        self._indices = {self._tensor(index).text(): index for index in range(count)}

    def _tensor(self, index: int) -> Any:
        return _ffi.new_tensor(self._function, self._model._pointer, index)

    def _find(self, name: str) -> Any:
        if name not in self._indices:
            raise UnknownNameError(_unknown(name, list(self._indices)))
        return self._tensor(self._indices[name])

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        result = np.empty(self._find(name).sizes(_ffi.NCHW), np.float32)
        _ffi.call("cnn_model_get_parameter", self._model._pointer, _ffi.text(name), _ffi.NCHW,
                  result.size, _ffi.pointer(result))
        return result

    def __setitem__(self, name: str, value: Any) -> None:
        self._find(name)
        array = _ffi.floats(value)
        _ffi.call("cnn_model_set_parameter", self._model._pointer, _ffi.text(name), _ffi.NCHW,
                  _ffi.sizes(array.shape), array.ndim, _ffi.pointer(array))

    def __delitem__(self, name: str) -> None:
        raise TypeError("the parameters of a model cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def view(self, name: str) -> np.ndarray[Any, Any]:
        """The memory of a parameter without copying, in the layout of memory.

        Convolution weights are (out, height, width, in) there. After writing, call
        ``Model.parameters_changed``. The array works with DLPack, as in
        ``torch.from_dlpack(model.parameters.view("conv1.weight"))``.
        """
        tensor = self._find(name)
        return _ffi.view(tensor.data, tensor.sizes(), self._model._pointer)

    def __repr__(self) -> str:
        lines = (f"  {name}: {self._tensor(i).sizes(_ffi.NCHW)}"
                 for name, i in self._indices.items())
        return "Parameters(\n" + "\n".join(lines) + "\n)"


def _unknown(name: object, valid: list[str]) -> str:
    nearest = difflib.get_close_matches(str(name), valid, 1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"there is nothing called {name!r} among the {len(valid)} arrays of the model{hint}"
