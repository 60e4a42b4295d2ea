"""Attributes of layer types, losses and optimizers that are Python classes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, Union, cast, overload

_T = TypeVar("_T")
_Kind = Union[type, str]

_KINDS: dict[_Kind, str] = {
    int: "integer", float: "number", bool: "boolean", str: "string", "choice": "choice",
    "pair": "pair", "padding": "padding", "integers": "integers",
}
_LIMITED = ("integer", "number", "pair", "integers")


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


class Attribute(Generic[_T]):
    """An attribute that graphs (or options) may give, declared in the body of a class.

    The library checks what a graph gives against the declaration, with the same errors as for its
    own layers; the instance then has the value, or the default, under the same name::

        class Swish(cnn.Layer):
            beta = cnn.Attribute(float, 1.0, minimum=0, maximum=100, doc="how steep it is")

    Args:
        kind: what values there are, and what they are on the instance:

            ============== ======================================================================
            ``int``        a whole number
            ``float``      a finite number
            ``bool``       true or false
            ``str``        any text; with `choices`, one of them
            ``"choice"``   one of the words in `choices`, a ``str``
            ``"pair"``     a number for both directions or two of them: a tuple
                           (vertical, horizontal)
            ``"padding"``  as convolutions take it: "same", or a tuple
                           ((top, bottom), (left, right)), which is zeros for "valid"
            ``"integers"`` a list of whole numbers: a tuple
            ============== ======================================================================
        default: the value where a graph gives none; without it the attribute is required. With
            None, null is allowed, and is the default.
        minimum: the smallest value of numbers, or None for no limit.
        maximum: the largest.
        choices: the words of a choice.
        name: how graphs call it, in snake_case, if that cannot be the name in Python: "lambda".
        doc: what it does, in a sentence.
    """

    @overload
    def __init__(
        self: Attribute[_T], kind: type[_T], default: _T = ..., *, minimum: float | None = ...,
        maximum: float | None = ..., choices: Sequence[str] | None = ..., name: str | None = ...,
        doc: str = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: Attribute[Any], kind: type | str, default: Any = ..., *,
        minimum: float | None = ..., maximum: float | None = ...,
        choices: Sequence[str] | None = ..., name: str | None = ..., doc: str = ...,
    ) -> None: ...

    def __init__(
        self, kind: type | str, default: Any = REQUIRED, *, minimum: float | None = None,
        maximum: float | None = None, choices: Sequence[str] | None = None,
        name: str | None = None, doc: str = "",
    ) -> None:
        if not isinstance(kind, (type, str)) or kind not in _KINDS:
            known = ", ".join(k if isinstance(k, str) else k.__name__ for k in _KINDS)
            raise TypeError(f"the kind of an attribute is one of {known}, got {kind!r}")
        self.kind = "choice" if kind is str and choices is not None else _KINDS[kind]
        if (self.kind == "choice") != (choices is not None) or isinstance(choices, str):
            raise TypeError(f"choices are a list of words, for choices only; got {choices!r}")
        limits = (minimum, maximum)
        if self.kind not in _LIMITED and limits != (None, None):
            raise TypeError(f"an attribute of kind {self.kind} has no minimum and no maximum")
        if minimum is not None and maximum is not None and minimum > maximum:
            raise ValueError(f"the minimum {minimum} is above the maximum {maximum}")
        if minimum == maximum == 0:
            raise ValueError("an attribute that can only be 0 is none")
        self.default = default
        self.minimum, self.maximum = limits
        self.choices = None if choices is None else list(choices)
        self.name = name or ""
        self.doc = doc
        self._key = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = name
        self.name = self.name or name

    @overload
    def __get__(self, instance: None, owner: type) -> Attribute[_T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...

    def __get__(self, instance: object | None, owner: type) -> Attribute[_T] | _T:
        if instance is None:
            return self
        try:
            return cast(_T, instance.__dict__[self._key])
        except KeyError:
            raise AttributeError(f"{owner.__name__}.{self._key} has no value yet") from None

    @property
    def limits(self) -> tuple[float, float]:
        """Minimum and maximum as C takes them: both 0 for none."""
        if self.minimum is None and self.maximum is None:
            return 0.0, 0.0
        least = -sys.float_info.max if self.minimum is None else float(self.minimum)
        most = sys.float_info.max if self.maximum is None else float(self.maximum)
        return least, most

    def __repr__(self) -> str:
        return f"Attribute({self.name!r}, {self.kind}, default={self.default!r})"


def declared(owner: type) -> dict[str, Attribute[Any]]:
    """The attributes of a class and of those it inherits from, by their names in Python."""
    found: dict[str, Any] = {}
    for kind in reversed(owner.__mro__):
        found.update(vars(kind))
    return {name: value for name, value in found.items() if isinstance(value, Attribute)}
