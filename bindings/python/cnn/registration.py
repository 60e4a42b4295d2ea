"""Plugins: what graphs and options may name, and how to add to it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from . import _ffi, _plugin_types
from .extension import Extension
from .layer import Layer
from .loss import Loss
from .optimizer import Optimizer

_Extension = TypeVar("_Extension", bound=type[Extension])


@overload
def register(kind: _Extension) -> _Extension: ...


@overload
def register(*, replace: bool = ...) -> Callable[[_Extension], _Extension]: ...


def register(kind: Any = None, *, replace: bool = False) -> Any:
    """Makes a subclass of ``Layer``, ``Loss`` or ``Optimizer`` known to graphs and options.

    A decorator, or a function to call. The class stays registered as long as the process lives, and
    so a name can be registered once. Nothing registers classes by itself: a program that loads a
    model registers what the model uses, for example by importing the module that does.

    Args:
        kind: the class.
        replace: let the class take the place of one that has its name, for notebooks:
            ``@cnn.register(replace=True)``. Attributes and the like must be the same; models that
            are there keep the class they were made with.

    Returns:
        The class.

    Raises:
        TypeError: the class lacks something, such as an ``id``.
        InvalidArgumentError: the name is taken, or attributes make no sense.
    """
    if kind is None and replace:
        return functools.partial(register, replace=True)
    for base, function in ((Layer, _plugin_types.register_layer),
                           (Loss, _plugin_types.register_loss),
                           (Optimizer, _plugin_types.register_optimizer)):
        if isinstance(kind, type) and issubclass(kind, base):
            cast(Any, function)(kind, replace)
            return kind
    raise TypeError(f"a subclass of cnn.Layer, cnn.Loss or cnn.Optimizer is expected, got {kind!r}")


def load_plugin(path: str | bytes | os.PathLike[Any]) -> None:
    """Loads a plugin: a shared object with layer types, losses or optimizers.

    Load plugins before the models that need them; a model file never loads one. A plugin stays
    loaded, and it runs with all rights of the process: load what you trust.

    Args:
        path: the file; without a slash, it is looked for in the current directory.
    """
    _ffi.call("cnn_plugin_load", _ffi.path(path))


def plugins() -> list[dict[str, Any]]:
    """The plugins that were loaded, each with "id", "version", "summary", "path" and its types."""
    return cast("list[dict[str, Any]]", _ffi.new_json("cnn_plugins"))


def layer_types() -> list[dict[str, Any]]:
    """Every layer type that graphs may use, with its attributes and where it comes from."""
    return cast("list[dict[str, Any]]", _ffi.new_json("cnn_layer_types"))


def loss_types() -> list[dict[str, Any]]:
    """Every loss that options may name; see ``layer_types``."""
    return cast("list[dict[str, Any]]", _ffi.new_json("cnn_loss_types"))


def training_presets() -> list[dict[str, Any]]:
    """Every recipe that the option ``preset`` of a trainer may name, with its options."""
    return cast("list[dict[str, Any]]", _ffi.new_json("cnn_training_presets"))


def optimizer_types() -> list[dict[str, Any]]:
    """Every optimizer that options may name; see ``layer_types``."""
    return cast("list[dict[str, Any]]", _ffi.new_json("cnn_optimizer_types"))
