"""The library's services to layers, losses and optimizers in Python, and their memory as arrays."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from ctypes import byref, c_void_p
from typing import Any

import numpy as np

from . import _callbacks, _ffi
from . import _plugin_abi as abi
from .errors import InvalidArgumentError, LayerFailedError, ShapeMismatchError, error

Array = np.ndarray[Any, Any]
_INT32, _FLOAT32 = np.dtype(np.int32), np.dtype(np.float32)


class Lender:
    """Makes arrays over the library's memory, and notices if one is kept after the call."""

    def __init__(self) -> None:
        self._lent: weakref.WeakSet[Any] = weakref.WeakSet()

    def array(
        self, address: int | None, shape: tuple[int, ...], *, writeable: bool = False,
        kind: np.dtype[Any] = _FLOAT32,
    ) -> Any:
        """An array over memory, or None for NULL."""
        if not address:
            return None
        return _ffi.view(
            address, shape, None, kind=kind.str, writeable=writeable, exports=self._lent)

    def collect(self, function: str) -> None:
        """To be called when the call is over and its arrays are forgotten.

        Raises:
            LayerFailedError: somebody kept an array.
        """
        if self._lent:
            gc.collect()  # cycles of references are no intention
        if self._lent:
            raise LayerFailedError(
                f"{function} kept an array over the library's memory, which is only good during "
                "the call: keep a copy, as in x.copy(), and what backward needs in the cache")


def assign(target: Array | None, value: Any, what: str) -> None:
    """Writes what a function returned to where it belongs.

    Raises:
        ShapeMismatchError: the shape is another one.
        TypeError: these are no real numbers.
    """
    if target is None or value is target:
        return
    array = np.asarray(value)
    if array.shape != target.shape:
        raise ShapeMismatchError(
            f"{what} has shape {array.shape}, and must have {target.shape}, the batch first")
    if not np.can_cast(array.dtype, target.dtype, "same_kind"):
        raise TypeError(f"{what} is an array of {array.dtype}, and float32 is expected")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is reported
        np.copyto(target, array, casting="same_kind")


class Services:
    """``cnn_host`` as Python wants it."""

    def __init__(self, host: Any) -> None:
        self._host = host.contents

    def log(self, message: str, level: int) -> None:
        """Says something to the program's log."""
        self._host.log(level, _text(message))

    def random(
        self, function: str, key: abi.RandomKey, stream: int, offset: int, out: Array
    ) -> None:
        """Fills an array with "uniform" or "normal" numbers."""
        own = abi.RandomKey(key.seed, key.step, key.node, _ffi.integer(stream))
        if not 0 <= stream < 1 << 16:
            raise InvalidArgumentError(f"a stream is from 0 to 65535, got {stream}")
        _check(getattr(self._host, f"random_{function}")(
            byref(own), _ffi.integer(offset), out.size, _ffi.pointer(out)))

    def multiply(
        self, a: Any, b: Any, out: Array | None, alpha: float, beta: float, concurrency: int
    ) -> Array:
        """Multiplies matrices; see ``Call.matmul``."""
        (a, a_stride, transpose_a), (b, b_stride, transpose_b) = _matrix(a), _matrix(b)
        (m, k), n = a.shape, b.shape[1]
        if b.shape[0] != k:
            raise ShapeMismatchError(f"matrices of {a.shape} and {b.shape} have no product")
        if out is None:
            if beta:
                raise InvalidArgumentError("with beta, there must be an out to begin with")
            out = np.empty((m, n), np.float32)
        rows = _row_stride(out)
        if out.shape != (m, n) or out.dtype != np.float32 or not out.flags.writeable or not rows:
            raise ShapeMismatchError(
                f"out is a float32 array of {(m, n)} with rows in one piece, got {out.dtype} "
                f"{out.shape}")
        product = abi.new(
            abi.MatrixProduct, transpose_a=transpose_a, transpose_b=transpose_b, m=m, n=n, k=k,
            alpha=alpha, beta=beta, a=_ffi.pointer(a), a_stride=a_stride, b=_ffi.pointer(b),
            b_stride=b_stride, c=_ffi.pointer(out), c_stride=rows)
        _check(self._host.sgemm(byref(product), concurrency))
        return out

    def parallel_for(
        self, chunks: int, concurrency: int, body: Callable[[int, int], Any]
    ) -> None:
        """Runs `body(chunk, slot)` on the library's threads."""
        failures: dict[int, BaseException] = {}
        lock = threading.Lock()

        def run(_: Any, chunk: int, slot: int) -> None:
            body(chunk, slot)

        def fail(failure: BaseException, arguments: tuple[Any, ...]) -> int:
            with lock:
                failures[arguments[1]] = failure
            return 0

        guarded = _callbacks.guard(run, fail)
        with _callbacks.Deferred():
            status = self._host.parallel_for(
                _ffi.integer(chunks), concurrency, abi.ParallelBody(guarded), None)
        if failures:
            raise failures[min(failures)]  # the same one for any number of threads
        _check(status)


def _check(status: int) -> None:
    if status:
        raise error(status, f"the library refused with {_ffi.status_name(status)}")


def _row_stride(array: Array) -> int:
    """The distance between rows, or 0 unless each is in one piece."""
    columns = int(array.shape[1])
    if array.flags.c_contiguous:
        return max(1, columns)
    stride, rest = divmod(array.strides[0], array.itemsize)
    whole = (columns <= 1 or array.strides[1] == array.itemsize) and not rest
    return int(stride) if whole and stride >= columns else 0


def _matrix(value: Any) -> tuple[Array, int, bool]:
    """A matrix in memory, the distance between its rows there, and whether it lies transposed."""
    array = np.asarray(value, np.float32)
    if array.ndim != 2:
        raise ShapeMismatchError(f"a matrix has two axes, got an array of shape {array.shape}")
    if stride := _row_stride(array):
        return array, stride, False
    if stride := _row_stride(array.T):
        return array, stride, True
    array = np.ascontiguousarray(array)
    return array, max(1, array.shape[1]), False


def _text(value: str) -> bytes:
    return str(value).replace("\0", "\\0").encode("utf-8", "backslashreplace")


# ---- Callbacks -----------------------------------------------------------------------------------

class Refused(Exception):
    """The library refused a declaration, and knows why."""

    def __init__(self, status: int) -> None:
        super().__init__("the library refused a declaration")
        self.status = status


def callback(
    prototype: Any, function: str, host: Callable[..., Any], body: Callable[..., Any]
) -> Any:
    """A function of the plugin interface that runs `body`.

    Args:
        prototype: its kind.
        function: its name, for messages.
        host: finds the ``cnn_host`` among its arguments.
        body: what it does; an exception becomes a status and a message.
    """

    def fail(failure: BaseException, arguments: tuple[Any, ...]) -> int:
        if isinstance(failure, Refused):
            return failure.status
        status, message = _callbacks.remember(failure, function)
        return int(host(*arguments).contents.fail(status, _text(message)))

    return prototype(_callbacks.guard(body, fail))


class Instances:
    """The instances that C has pointers to, each until C destroys it."""

    def __init__(self) -> None:
        self._by_address: dict[int, Any] = {}
        # No Python runs in it, so nothing can be raised in it, even while the interpreter ends.
        self.destroy = abi.Destroy(self._by_address.pop)

    def __getitem__(self, address: int) -> Any:
        return self._by_address[address]

    def add(self, instance: object, out_pointer: Any) -> None:
        """Hands an instance to C."""
        self._by_address[id(instance)] = instance
        out_pointer[0] = c_void_p(id(instance))
