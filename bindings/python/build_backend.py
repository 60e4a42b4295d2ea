"""Builds the package with setuptools, after putting the shared library inside.

The library is the one that CNN_LIBRARY names, or the one that `swift build` made in this
repository, or is built now.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import build_meta as _setuptools
from setuptools.build_meta import *  # noqa: F403 - the hooks that are not replaced

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parents[1]
_NAME = "libcnn.dylib" if sys.platform == "darwin" else "libcnn.so"


def _library() -> Path:
    if named := os.environ.get("CNN_LIBRARY"):
        return Path(named)
    built = _REPOSITORY / ".build" / "release" / _NAME
    if not built.exists():
        swift = shutil.which("swift")
        if not swift or not (_REPOSITORY / "Package.swift").exists():
            raise SystemExit(
                "the shared library of cnn is needed: set CNN_LIBRARY to its path, or install from "
                "the repository with a Swift toolchain on the path")
        subprocess.check_call(
            [swift, "build", "-c", "release", "--product", "cnn"], cwd=_REPOSITORY)
    return built


def _carry_library() -> None:
    target = _HERE / "cnn" / "_native" / _NAME
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(_library(), target)
    if strip := shutil.which("strip"):
        subprocess.call([strip, "--strip-unneeded", str(target)])


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Builds a wheel that carries the library, named for this kind of machine."""
    _carry_library()
    name = _setuptools.build_wheel(wheel_directory, config_settings, metadata_directory)
    return _name_for_platform(Path(wheel_directory), name)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """Installs in place; the library lies in the source folder."""
    _carry_library()
    return _setuptools.build_editable(wheel_directory, config_settings, metadata_directory)


def _name_for_platform(folder: Path, name: str) -> str:
    # setuptools sees only Python files and calls the wheel pure. What is inside is for one platform
    # and any Python, which no setting of setuptools says without a dummy extension module.
    from wheel.cli.tags import tags
    import sysconfig

    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return tags(str(folder / name), platform_tags=platform, remove=True)
