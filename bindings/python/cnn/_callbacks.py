"""Python under C: exceptions and Ctrl-C of functions that the library calls.

An exception cannot cross C. A callback that fails leaves it with ``remember``, returns a status and
a message, and whoever called the library finds it again by the message that comes back: on the same
thread or, as with optimizers, on another.
"""

from __future__ import annotations

import collections
import os
import signal
import threading
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from .errors import CNNError, LayerFailedError, OutOfMemoryError

# Whether anything was registered: without it, calls need not care about any of this.
registered = False

_PACKAGE = os.path.dirname(__file__)

# The library keeps some thousand bytes of a message; a message is found again only as a whole.
_LONGEST_MESSAGE = 2000


# ---- Exceptions ----------------------------------------------------------------------------------

_failures: collections.deque[tuple[int, str, BaseException]] = collections.deque(maxlen=64)
_failures_lock = threading.Lock()


def remember(failure: BaseException, function: str) -> tuple[int, str]:
    """Keeps the exception of a callback; returns the status and message that stand for it in C."""
    _forget_locals(failure)
    status = LayerFailedError.status
    if isinstance(failure, (CNNError, MemoryError)):
        status = getattr(failure, "status", OutOfMemoryError.status)
    try:
        message = str(failure) if isinstance(failure, CNNError) else _described(failure, function)
    except Exception:  # a __str__ that fails
        message = ""
    message = message.replace("\0", "\\0")[:_LONGEST_MESSAGE] or type(failure).__name__
    message = message.encode("utf-8", "backslashreplace").decode("utf-8")
    with _failures_lock:
        _failures.append((threading.get_ident(), message, failure))
    return status, message


def _forget_locals(failure: BaseException) -> None:
    # What the frames of the callback hold looks at memory that the library is about to reuse.
    seen: set[int] = set()
    waiting: list[BaseException | None] = [failure]
    while waiting:
        found = waiting.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            traceback.clear_frames(found.__traceback__)
            waiting += [found.__cause__, found.__context__]


def _described(failure: BaseException, function: str) -> str:
    """The exception as the last line of a traceback, and where it came from."""
    text = "".join(traceback.format_exception_only(type(failure), failure)).strip()
    frames = traceback.extract_tb(failure.__traceback__)
    inside = [frame for frame in frames if os.path.dirname(frame.filename) != _PACKAGE]
    if inside:
        text += f" (in {function}, {os.path.basename(inside[-1].filename)}:{inside[-1].lineno})"
    return text


def take(message: str) -> BaseException | None:
    """Returns the exception of a callback that is behind a message of the library, or None."""
    if not _failures:
        return None
    here = threading.get_ident()
    with _failures_lock:
        # The library puts in front whose failure it is.
        found = [entry for entry in _failures if message.endswith(entry[1])]
        if not found:
            return None
        chosen = next((entry for entry in reversed(found) if entry[0] == here), found[-1])
        # Nobody asks any more for what else failed on this thread.
        left = [entry for entry in _failures if entry is not chosen and entry[0] != here]
        _failures.clear()
        _failures.extend(left)
    return chosen[2]


# ---- Ctrl-C --------------------------------------------------------------------------------------

class _Interrupts:
    """What became of Ctrl-C during calls of the main thread, the only one that hears of it."""

    handler: Callable[[int, FrameType | None], Any] | None = None
    pending: BaseException | None = None
    is_inside = False  # whether a callback is in its `try`, where an exception may be raised


_interrupts = _Interrupts()


def _hear(number: int, frame: FrameType | None) -> None:
    handler = _interrupts.handler
    if handler is None:
        return
    try:
        handler(number, frame)
    except BaseException as failure:
        if _interrupts.is_inside:
            raise
        _interrupts.pending = failure.with_traceback(None)


def _deliver() -> None:
    pending, _interrupts.pending = _interrupts.pending, None
    if pending is not None:
        raise pending


def is_interrupted() -> bool:
    """Whether an exception of Ctrl-C waits for a call to end."""
    return _interrupts.pending is not None


def _is_main() -> bool:
    return threading.get_ident() == threading.main_thread().ident


class Deferred:
    """Around a call of the library: exceptions of Ctrl-C wait while they cannot be raised.

    A signal that arrives while the library computes is noticed as soon as Python runs again: at the
    very start of a callback, where an exception would be lost. So it is kept until a callback is
    in its ``try`` (see ``guard``), or until the call has returned.
    """

    def __enter__(self) -> Deferred:
        self._is_main = _is_main()
        self._is_outermost = False
        if self._is_main:
            self._was_inside, _interrupts.is_inside = _interrupts.is_inside, False
            handler = signal.getsignal(signal.SIGINT)
            if _interrupts.handler is None and callable(handler):
                _interrupts.handler = handler
                try:
                    signal.signal(signal.SIGINT, _hear)
                except BaseException:
                    _interrupts.handler = None
                    raise
                self._is_outermost = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._is_main:
            return
        _interrupts.is_inside = self._was_inside
        if self._is_outermost:
            try:
                current = signal.signal(signal.SIGINT, _interrupts.handler)
                if current is not _hear:  # a callback has set another one
                    signal.signal(signal.SIGINT, current)
                _deliver()
            finally:
                _interrupts.handler = _interrupts.pending = None
        elif self._was_inside:
            _deliver()


def guard(
    body: Callable[..., Any], fail: Callable[[BaseException, tuple[Any, ...]], int],
) -> Callable[..., int]:
    """A function for C to call: 0 if `body` returns, and what `fail` says of its exception if not.

    Everything that can raise is in the ``try``; what C would print and ignore cannot happen.
    """

    def callback(*arguments: Any) -> int:
        is_main = False
        try:
            is_main = _is_main()
            if is_main:
                _deliver()
                _interrupts.is_inside = True
            body(*arguments)
            if is_main:
                _interrupts.is_inside = False
            return 0
        except BaseException as failure:
            if is_main:
                _interrupts.is_inside = False
            return fail(failure, arguments)

    return callback
