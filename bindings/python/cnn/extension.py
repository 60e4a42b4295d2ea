"""What layers, losses and optimizers in Python have in common."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from .attribute import declared


class Extension:
    """The base of ``Layer``, ``Loss`` and ``Optimizer``: a class with a name and attributes.

    Subclasses are handed to ``cnn.register``; instances are made by the library when a graph or an
    option names the ``id``, and do not change after ``build``, because several threads may use one
    at the same time.
    """

    id: ClassVar[str] = ""
    """The name that graphs and options use, with a reversed domain in front:
    "org.example.swish". It stands in model files, so it is for ever."""

    summary: ClassVar[str] = ""
    """What it does, in a sentence; by default the first line of the docstring."""

    def __init__(self) -> None:
        raise TypeError(
            f"a {type(self).__name__} is made by the library, for a graph or option that names "
            f"{self.id!r}; prepare what you need in build()")

    @classmethod
    def _make(cls, values: dict[str, Any]) -> Any:
        """Makes an instance with the values of its attributes."""
        instance = cls.__new__(cls)
        instance.__dict__.update(values)
        return instance

    def _freeze(self) -> None:
        self.__dict__["_is_frozen"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get("_is_frozen"):
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be set after build(), because several "
                "threads may use it; what a call remembers belongs in a state or in the cache")
        super().__setattr__(name, value)

    @classmethod
    def _check(cls, base: type, required: str) -> None:
        """Checks what only Python can get wrong; the library checks the rest.

        Raises:
            TypeError: the class is not what `register` needs.
        """
        what = f"class {cls.__name__}"
        if not isinstance(cls.id, str) or not cls.id:
            raise TypeError(
                f"{what} needs an id, such as id = \"org.example.{cls.__name__.lower()}\"; got "
                f"{cls.id!r}")
        if cls.__init__ is not Extension.__init__:
            raise TypeError(f"{what} has an __init__, which is not called: use build()")
        if "__slots__" in vars(cls):
            raise TypeError(f"{what} has __slots__, and attributes need a __dict__")
        if getattr(cls, required) is getattr(base, required):
            raise TypeError(f"{what} needs a method {required}")
        for name in dir(base):
            given = getattr(cls, name)
            if inspect.isfunction(getattr(base, name)) and not callable(given):
                raise TypeError(f"{what} has {name} = {given!r}, where a method belongs")
        for name, attribute in declared(cls).items():
            if hasattr(base, name):
                raise TypeError(
                    f"attribute {name!r} of {what} hides {base.__name__}.{name}; call it "
                    f"{name}_ = cnn.Attribute(..., name={attribute.name!r})")

    @classmethod
    def _summary(cls) -> str:
        """The summary, or the first line of the docstring of the class itself."""
        text = cls.summary or (vars(cls).get("__doc__") or "").strip().partition("\n")[0]
        return str(text).strip().rstrip(".")
