"""What every object of the library has in common: a handle that is freed once."""

from __future__ import annotations

import weakref
from types import TracebackType
from typing import Any, ClassVar

from . import _ffi


class Handle:
    """An object of the library; a context manager that frees it at the end.

    Objects are also freed when Python forgets them, so ``with`` is only needed to free one early.
    """

    _free: ClassVar[str]

    def _adopt(self, handle: int) -> None:
        """Takes over a handle."""
        self._handle: int | None = handle
        self._finalizer = weakref.finalize(self, getattr(_ffi.library, self._free), handle)

    @classmethod
    def _wrap(cls, handle: int) -> Any:
        """Makes an object around a handle without calling ``__init__``."""
        instance = cls.__new__(cls)
        instance._adopt(handle)
        return instance

    @property
    def _pointer(self) -> int:
        """The handle, to be passed to the library."""
        if self._handle is None:
            raise ValueError(f"this {type(self).__name__} was closed")
        return self._handle

    def close(self) -> None:
        """Frees the object; using it afterwards is an error. May be called twice."""
        self._handle = None
        self._finalizer()

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __copy__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be copied this way")

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be copied this way")
