"""Finds and loads the shared library."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from pathlib import Path

_NAME = "libcnn.dylib" if sys.platform == "darwin" else "libcnn.so"
_ABI_VERSION = 1


def _candidates() -> list[str]:
    """Where the library may be, the most explicit place first."""
    here = Path(__file__).resolve().parent
    places = []
    if named := os.environ.get("CNN_LIBRARY"):
        # Who names a library wants that one, not another that happens to be there.
        return [named]
    places.append(str(here / "_native" / _NAME))
    places.append(str(here.parents[2] / ".build" / "release" / _NAME))
    if found := ctypes.util.find_library("cnn"):
        places.append(found)
    places.append(f"{_NAME}.0" if sys.platform != "darwin" else _NAME)
    return places


def load() -> ctypes.CDLL:
    """Loads the library.

    Raises:
        ImportError: it is nowhere, or it is older than this package; the message lists the places.
    """
    tried = []
    for place in _candidates():
        if os.sep in place and not os.path.exists(place):
            tried.append(f"{place}: not there")
            continue
        try:
            library = ctypes.CDLL(place)
        except OSError as problem:
            tried.append(f"{place}: {problem}")
            continue
        library.cnn_abi_version.restype = ctypes.c_int32
        version = library.cnn_abi_version()
        if version < _ABI_VERSION:
            raise ImportError(
                f"{place} has binary interface {version}, and this package needs {_ABI_VERSION}; "
                "install the library that belongs to the package"
            )
        return library
    raise ImportError(
        "the shared library of cnn was not found; set CNN_LIBRARY to its path. Tried:\n  "
        + "\n  ".join(tried)
    )
