"""Exceptions: one class for each status of the C interface."""

from __future__ import annotations


class CNNError(Exception):
    """What the library reports: the message says what was expected, what was there, what to do.

    Attributes:
        status: the number of the status in ``cnn.h``.
    """

    status: int = 90

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InvalidArgumentError(CNNError, ValueError):
    """An argument has a value outside of what the function documents."""

    status = 10


class UnknownNameError(CNNError, KeyError):
    """A name (of a layer type, attribute, option, parameter, …) is not known."""

    status = 11


class ShapeMismatchError(CNNError, ValueError):
    """Shapes do not fit each other."""

    status = 12


class OutOfMemoryError(CNNError, MemoryError):
    """Memory could not be had, or the memory limit would be passed."""

    status = 20


class InputOutputError(CNNError, OSError):
    """A file could not be opened, read or written."""

    status = 30


class MalformedDataError(CNNError, ValueError):
    """A file or buffer does not hold what its format promises."""

    status = 31


class UnsupportedError(CNNError, NotImplementedError):
    """The request is understood, and this build, layer or model cannot do it."""

    status = 40


class BusyError(CNNError):
    """The model or object is in use by another thread."""

    status = 50


class CancelledError(CNNError):
    """A callback asked to stop."""

    status = 60


class NonFiniteError(CNNError, ArithmeticError):
    """A loss, gradient or output became infinite or not a number."""

    status = 61


class LayerFailedError(CNNError):
    """A layer that a plugin provides reported a failure."""

    status = 70


class InternalError(CNNError):
    """The library contradicts itself: please report it."""

    status = 90


_BY_STATUS = {
    kind.status: kind
    for kind in (
        InvalidArgumentError, UnknownNameError, ShapeMismatchError, OutOfMemoryError,
        InputOutputError, MalformedDataError, UnsupportedError, BusyError, CancelledError,
        NonFiniteError, LayerFailedError, InternalError,
    )
}


def error(status: int, message: str) -> CNNError:
    """Returns the exception for a status."""
    return _BY_STATUS.get(status, InternalError)(message)
