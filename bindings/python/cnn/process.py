"""Settings of the whole process: threads, memory, log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _ffi

_log_callback: Any = _ffi.LogCallback()


def version() -> str:
    """The version of the library."""
    return _ffi.library.cnn_version().decode()


def set_num_threads(count: int) -> None:
    """Sets how many threads a computation may use; results do not depend on it."""
    _ffi.call("cnn_set_num_threads", count)


def num_threads() -> int:
    """How many threads a computation may use."""
    return _ffi.library.cnn_num_threads()


def set_memory_limit(limit: int | None) -> None:
    """Sets the most bytes that the library may take for tensors and data; None means no limit."""
    _ffi.call("cnn_set_memory_limit", -1 if limit is None else limit)


def memory_limit() -> int | None:
    """The limit that was set, or None."""
    limit = _ffi.library.cnn_memory_limit()
    return None if limit < 0 else limit


def memory_in_use() -> int:
    """How many bytes the library holds for tensors and data."""
    return _ffi.library.cnn_memory_in_use()


def cpu_variant() -> str:
    """Which variant of the computing kernels is in use, such as "avx2"."""
    return _ffi.library.cnn_cpu_variant().decode()


def set_log_callback(callback: Callable[[int, str], Any] | None) -> None:
    """Sets who hears what the library has to say: a function of level (0 to 2) and message."""
    global _log_callback

    def forward(level: int, message: bytes, _: Any) -> None:
        try:
            callback(level, message.decode("utf-8", "replace"))
        except Exception:  # noqa: BLE001 - an exception must not cross C
            pass

    previous = _log_callback
    _log_callback = _ffi.LogCallback(forward) if callback else _ffi.LogCallback()
    _ffi.call("cnn_set_log_callback", _log_callback, None)
    del previous  # kept alive until the library has let go of it
