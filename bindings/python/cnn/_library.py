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
    if named := os.environ.get("CNN_LIBRARY"):
        # Who names a library wants that one, not another that happens to be there.
        return [os.path.abspath(named)]
    package = Path(__file__).resolve().parent
    places = [str(package / "_native" / _NAME)]
    if len(package.parents) > 2 and (package.parents[2] / "Package.swift").exists():
        places.append(str(package.parents[2] / ".build" / "release" / _NAME))
    if found := ctypes.util.find_library("cnn"):
        places.append(found)
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
            library.cnn_abi_version.restype = ctypes.c_int32
        except (OSError, AttributeError) as problem:
            # An AttributeError: a library of that name that is somebody else's.
            tried.append(f"{place}: {problem}")
            continue
        version = library.cnn_abi_version()
        if version < _ABI_VERSION:
            raise ImportError(
                f"{place} has binary interface {version}, and this package needs {_ABI_VERSION}; "
                "install the library that belongs to the package")
        return library
    raise ImportError(
        "the shared library of cnn was not found; set CNN_LIBRARY to its path. Tried:\n  "
        + "\n  ".join(tried))
