"""Settings of the whole process: threads, memory, log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _ffi


def version() -> str:
    """The version of the library."""
    return str(_ffi.value("cnn_version"))


def abi_version() -> int:
    """The number of the binary interface of the library."""
    return int(_ffi.value("cnn_abi_version"))


def status_name(status: int) -> str:
    """The name in ``cnn.h`` of the number that ``CNNError.status`` holds."""
    return _ffi.status_name(_ffi.integer(status))


def set_num_threads(count: int) -> None:
    """Sets how many threads a computation may use; results do not depend on it."""
    _ffi.call("cnn_set_num_threads", _ffi.integer(count))


def num_threads() -> int:
    """How many threads a computation may use."""
    return int(_ffi.value("cnn_num_threads"))


def set_memory_limit(limit: int | None) -> None:
    """Sets the most bytes that the library may take for tensors and data; None means no limit."""
    _ffi.call("cnn_set_memory_limit", -1 if limit is None else _ffi.integer(limit))


def memory_limit() -> int | None:
    """The limit that was set, or None."""
    limit = int(_ffi.value("cnn_memory_limit"))
    return None if limit < 0 else limit


def memory_in_use() -> int:
    """How many bytes the library holds for tensors and data."""
    return int(_ffi.value("cnn_memory_in_use"))


def cpu_variant() -> str:
    """Which variant of the computing kernels is in use, such as "avx2"."""
    return str(_ffi.value("cnn_cpu_variant"))


def set_log_callback(callback: Callable[[int, str], Any] | None) -> None:
    """Sets who hears what the library has to say: a function of level (0 to 2) and message.

    It is called from any thread, may not call the library, and its exceptions are ignored.
    """
    if callback is not None and not callable(callback):
        raise TypeError(f"a function or None is expected, got {callback!r}")
    _ffi.listen(callback)
