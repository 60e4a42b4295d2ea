"""What every object of the library has in common: a handle that is freed once."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Callable, ClassVar, TypeVar

from . import _ffi

_Self = TypeVar("_Self", bound="Handle")


class Resource:
    """A handle that is freed when nobody holds this any more.

    The Python object holds it, and so does every array over memory of the library: closing the
    object while such an array is in use does not pull the memory away from under it. So do calls
    that are under way, until they have read what they borrow, if another thread closes the object.
    """

    __slots__ = ("_as_parameter_", "_free")

    def __init__(self, handle: int, free: Callable[[int], None]) -> None:
        self._as_parameter_ = handle  # ctypes passes this
        self._free = free

    def __del__(self) -> None:
        self._free(self._as_parameter_)


class Handle:
    """An object of the library; a context manager that frees it at the end.

    Objects are also freed when Python forgets them, so ``with`` is only needed to free one early.
    """

    _free: ClassVar[str]
    _held: Resource | None = None

    def _adopt(self, handle: int) -> None:
        """Takes over a handle."""
        self._held = Resource(handle, getattr(_ffi.library, self._free))

    @classmethod
    def _wrap(cls: type[_Self], handle: int) -> _Self:
        """Makes an object around a handle without calling ``__init__``."""
        instance = cls.__new__(cls)
        instance._adopt(handle)
        return instance

    @property
    def _pointer(self) -> Resource:
        """What is passed to the library, and what keeps the memory of the object."""
        if self._held is None:
            raise ValueError(f"this {type(self).__name__} was closed")
        return self._held

    @property
    def closed(self) -> bool:
        """Whether the object was closed."""
        return self._held is None

    def close(self) -> None:
        """Frees the object; using it afterwards is an error. May be called twice.

        Arrays over its memory stay valid; it is freed with the last of them.
        """
        self._held = None

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _describe(self) -> str:
        """What ``repr`` shows in brackets."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'closed' if self.closed else self._describe()})"

    def __copy__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be copied")

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__copy__()

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled; make it where it is needed, for example "
            "in each process")
