"""Calling the C interface: the rest of the package knows numpy and Python, and only this ctypes.

``call(name, ...)`` calls a function that returns a status and raises an exception unless it is
``CNN_OK``; the ``new_...`` functions also receive what the function returns through pointers.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from ctypes import byref, c_char_p, c_double, c_int64, c_void_p, sizeof
from typing import Any, NoReturn, TypeVar

import numpy as np

from . import _callbacks, _library
from ._signatures import NCHW as NCHW
from ._signatures import NHWC as NHWC
from ._signatures import (
    STATUS_FUNCTIONS,
    VALUE_FUNCTIONS,
    LogCallback,
    Prediction,
    ProgressCallback,
    Target,
    Tensor,
)
from ._signatures import DatasetInfo as DatasetInfo
from ._signatures import ExplanationInfo as ExplanationInfo
from ._signatures import ModelInfo as ModelInfo
from ._signatures import Progress as Progress
from .errors import error

_Struct = TypeVar("_Struct", bound=ctypes.Structure)

library = _library.load()
for _name, _parameters in STATUS_FUNCTIONS.items():
    _function = getattr(library, _name)
    _function.argtypes, _function.restype = _parameters, ctypes.c_int32
for _name, (_result, _parameters) in VALUE_FUNCTIONS.items():
    _function = getattr(library, _name)
    _function.argtypes, _function.restype = _parameters, _result


# ---- Calling -------------------------------------------------------------------------------------

def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns a status; raises the exception of any status but CNN_OK.

    If a layer, loss or optimizer in Python raised an exception, that is its cause.
    """
    function = getattr(library, name)
    if _callbacks.registered:
        with _callbacks.Deferred():
            status = function(*arguments)
    else:
        status = function(*arguments)
    if status:
        _raise(status)


def _raise(status: int) -> NoReturn:
    message = library.cnn_last_error_message().decode("utf-8", "replace")
    failure = _callbacks.take(message)
    if failure is None:
        raise error(status, message)
    if not isinstance(failure, Exception):
        raise failure  # KeyboardInterrupt, SystemExit: nobody wants them as an error of a layer
    raise error(status, message) from failure


def new_object(name: str, *arguments: Any) -> int:
    """Calls a function whose last parameter is an object to return."""
    handle = c_void_p()
    call(name, *arguments, byref(handle))
    return handle.value or 0


def new_pair(name: str, *arguments: Any) -> tuple[int, int]:
    """Calls a function whose last two parameters are objects to return."""
    first, second = c_void_p(), c_void_p()
    call(name, *arguments, byref(first), byref(second))
    return first.value or 0, second.value or 0


def new_integers(name: str, *arguments: Any, count: int = 1) -> tuple[int, ...]:
    """Calls a function whose last parameters are `count` whole numbers to return."""
    values = [c_int64() for _ in range(count)]
    call(name, *arguments, *map(byref, values))
    return tuple(value.value for value in values)


def new_double(name: str, *arguments: Any) -> float:
    """Calls a function whose last parameter is a number to return."""
    value = c_double()
    call(name, *arguments, byref(value))
    return value.value


def new_text(name: str, *arguments: Any) -> str:
    """Calls a function whose last parameter is a text to return and to release."""
    memory = c_void_p()
    try:
        call(name, *arguments, byref(memory))
        return ctypes.string_at(memory).decode("utf-8")
    finally:
        library.cnn_free(memory)


def new_json(name: str, *arguments: Any) -> Any:
    """Calls a function whose last parameter is JSON to return and to release."""
    return json.loads(new_text(name, *arguments))


def new_name(name: str, *arguments: Any) -> str:
    """Calls a function whose last parameter is a borrowed text to return."""
    value = c_char_p()
    call(name, *arguments, byref(value))
    return (value.value or b"").decode("utf-8")


def new_bytes(name: str, *arguments: Any) -> bytes:
    """Calls a function whose last parameters are bytes to return and their number."""
    memory, size = c_void_p(), c_int64()
    try:
        call(name, *arguments, byref(memory), byref(size))
        return ctypes.string_at(memory, size.value)
    finally:
        library.cnn_free(memory)


def new_struct(kind: type[_Struct], name: str, *arguments: Any) -> _Struct:
    """Calls a function whose last parameter is a struct to fill."""
    struct = kind(struct_size=sizeof(kind))
    call(name, *arguments, byref(struct))
    struct.lenders = arguments  # texts in it are borrowed from these
    return struct


def new_tensor(name: str, *arguments: Any) -> Tensor:
    """Calls a function whose last parameter describes a tensor."""
    return new_struct(Tensor, name, *arguments)


def new_predictions(name: str, capacity: int, *arguments: Any) -> list[tuple[int, str, float]]:
    """Calls a function whose last parameters are predictions to return and their number."""
    found, count = (Prediction * max(1, capacity))(), c_int64()
    call(name, *arguments, capacity, found, byref(count))
    return [(p.index, (p.label or b"").decode(), p.probability) for p in found[: count.value]]


def new_bytes_view(name: str, shape: tuple[int, ...], owner: object, *arguments: Any) -> Any:
    """Calls a function whose last parameter is borrowed bytes to return; an array over them."""
    memory = ctypes.POINTER(ctypes.c_uint8)()
    call(name, *arguments, byref(memory), None)
    return view(memory, shape, owner, kind="|u1", writeable=False)


def value(name: str) -> Any:
    """Calls a function without parameters that returns its value."""
    result = getattr(library, name)()
    return result.decode() if isinstance(result, bytes) else result


def status_name(status: int) -> str:
    """The name of a status."""
    return str(library.cnn_status_name(status).decode())


def fit(
    function: str, model: object, train: object, validation: object | None, given: bytes | None,
    observer: Callable[[Any], bool], keep_history: Callable[[Any], None], *outputs: Any,
) -> None:
    """Calls ``cnn_trainer_fit`` or the like; the observer gets a struct, says whether to stop.

    An exception must not cross C: it stops the run and is raised afterwards. So does Ctrl-C, which
    Python notices whenever the library reports.
    """
    failures: list[BaseException] = []

    def report(event: Any, _: Any) -> int:
        try:
            return int(observer(event.contents) or _callbacks.is_interrupted())
        except BaseException as failure:
            failures.append(failure)
            return 1

    memory = c_void_p()
    try:
        # Python's own handler would raise at any point of `report`, also outside of its `try`.
        with _callbacks.Deferred():
            call(function, model, train, validation, given, ProgressCallback(report),
                 None, byref(memory), *outputs)
    except Exception:
        if failures:
            raise failures[0] from None
        raise
    finally:
        if memory.value:
            keep_history(json.loads(ctypes.string_at(memory).decode("utf-8")))
            library.cnn_free(memory)


_listener: Callable[[int, str], Any] | None = None


def _forward_log(level: int, message: bytes, _: Any) -> None:
    try:
        if listener := _listener:
            listener(level, message.decode("utf-8", "replace"))
    except Exception:
        return  # an exception must not cross C, and nobody waits for the log


# One callback for the life of the process: other threads may still be inside it after it was
# replaced, and then it must not go away.
_log_callback = LogCallback(_forward_log)


def listen(listener: Callable[[int, str], Any] | None) -> None:
    """Sets who hears the log."""
    global _listener
    _listener = listener
    call("cnn_set_log_callback", _log_callback if listener else LogCallback(), None)


# Threads of the library must not call into an interpreter that is going away.
atexit.register(listen, None)


# ---- From Python to C ----------------------------------------------------------------------------

def text(value: str | None) -> bytes | None:
    """Text as C takes it; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, got {value!r}")
    return _without_zero(value.encode("utf-8"), value)


def path(value: str | bytes | os.PathLike[Any]) -> bytes:
    """A path as C takes it."""
    return _without_zero(os.fsencode(value), value)


def _without_zero(encoded: bytes, value: object) -> bytes:
    # C would take what is before the zero byte for the whole text.
    if b"\0" in encoded:
        raise ValueError(f"a text without zero characters is expected, got {value!r}")
    return encoded


def names(values: Iterable[str] | None) -> Any:
    """A list of texts as C takes it."""
    listed = strings(values or ())
    return (c_char_p * len(listed))(*map(text, listed)) if listed else None


def strings(values: Iterable[str]) -> list[str]:
    """A list of texts; refuses a single text, which is a list of letters to Python."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"a list of texts is expected, got {values!r}")
    return list(values)


def options(values: Mapping[str, Any]) -> bytes:
    """Options as JSON text; values that are None are left to the library's defaults."""
    return json_text({key: item for key, item in values.items() if item is not None})


def json_text(values: object) -> bytes:
    """What Python holds as JSON text."""
    try:
        encoded = json.dumps(values, default=_plain, allow_nan=False)
    except ValueError:
        raise ValueError(f"JSON has no infinite numbers and no NaN, got {values!r}") from None
    return encoded.encode("utf-8")


def _plain(value: Any) -> Any:
    """The numbers and arrays of numpy, and paths, as JSON knows them."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} cannot be written as JSON")


def integer(value: Any) -> int:
    """A whole number that fits int64; ctypes would silently take it modulo 2 to the 64."""
    number = operator.index(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} is too large: numbers have 64 bits")
    return number


def sizes(shape: Sequence[Any]) -> Any:
    """A shape as C takes it."""
    return (c_int64 * len(shape))(*map(integer, shape))


def floats(array: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The array itself if it holds contiguous float32 numbers, else a copy that does."""
    values = np.asarray(array)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"an array of numbers is expected, got one of type {values.dtype}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is reported
        return np.require(values, np.float32, ["C_CONTIGUOUS", "ALIGNED"])


def integers(array: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Whole numbers as contiguous int64; refuses what would lose a fraction or wrap around."""
    values = np.asarray(array)
    if values.size == 0:
        values = values.astype(np.int64)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"whole numbers are expected, got an array of type {values.dtype}")
    if values.dtype.kind in "fu":
        with np.errstate(invalid="ignore"):
            whole = values.astype(np.int64)
        wrapped = values.dtype.kind == "u" and bool((whole < 0).any())
        if wrapped or not np.array_equal(whole.astype(values.dtype), values):
            raise ValueError(f"whole numbers of 64 bits are expected, got {values.dtype} {values}")
        values = whole
    return np.require(values, np.int64, ["C_CONTIGUOUS", "ALIGNED"])


def pointer(array: np.ndarray[Any, Any]) -> c_void_p:
    """The address of an array's numbers, which keeps the array alive."""
    return array.ctypes.data_as(c_void_p)


def target(
    name: str, values: np.ndarray[Any, Any], class_names: Sequence[str] | None,
) -> Target:
    """A target of a dataset: classes if `values` holds whole numbers, else numbers.

    ctypes keeps alive what the struct points to, but not the array: the caller does.
    """
    result = Target(struct_size=sizeof(Target), name=text(name))
    if values.dtype == np.int64:
        result.labels = pointer(values)
        result.class_names = names(class_names)
        result.class_count = len(class_names) if class_names else int(values.max(initial=0)) + 1
    else:
        result.values, result.rank = pointer(values), values.ndim - 1
        result.shape = sizes(values.shape[1:])
    return result


def targets(values: Sequence[Target]) -> Any:
    """A list of targets as C takes it."""
    return (Target * len(values))(*values)


def layout(name: str) -> int:
    """The number of a layout, "NHWC" or "NCHW"."""
    try:
        return {"NHWC": NHWC, "NCHW": NCHW}[name]
    except (KeyError, TypeError):
        raise ValueError(f'layout is "NHWC" or "NCHW", got {name!r}') from None


# ---- Memory of the library -----------------------------------------------------------------------

class Memory:
    """Memory of the library as numpy takes it; the array over it keeps this, and so the owner."""

    def __init__(
        self, address: int, shape: tuple[int, ...], owner: object, kind: str, writeable: bool
    ) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3, "data": (address, not writeable), "shape": shape, "typestr": kind,
        }


def view(
    data: Any, shape: tuple[int, ...], owner: object, *, kind: str = "=f4", writeable: bool = True,
    exports: Any = None,
) -> np.ndarray[Any, Any]:
    """An array over memory of the library that keeps `owner` alive; `exports` collects them."""
    address = ctypes.cast(data, c_void_p).value
    if not address:
        raise ValueError("there is no memory to look at")
    if kind == "=f4":
        kind = np.dtype(np.float32).str
    memory = Memory(address, shape, owner, kind, writeable)
    if exports is not None:
        exports.add(memory)
    return np.asarray(memory)
