"""Puts the shared library into the package, and names the wheel for this kind of machine.

The library is the one that CNN_LIBRARY names, or else the one that `swift build` made in this
repository, or else it is built now. Everything about the package that is not code is in
pyproject.toml.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "libcnn.dylib" if sys.platform == "darwin" else "libcnn.so"


def shared_library() -> Path:
    """The library to carry, which is built if it is nowhere."""
    if named := os.environ.get("CNN_LIBRARY"):
        path = Path(named).absolute()
        if not path.is_file():
            raise SystemExit(f"CNN_LIBRARY names {path}, which is not there")
        return path
    built = REPOSITORY / ".build" / "release" / NAME
    if not built.exists():
        swift = shutil.which("swift")
        if not swift or not (REPOSITORY / "Package.swift").exists():
            raise SystemExit(
                "the shared library of cnn is needed: set CNN_LIBRARY to its path, or install from "
                "the repository with a Swift toolchain on the path")
        subprocess.check_call(
            [swift, "build", "-c", "release", "--product", "cnn"], cwd=REPOSITORY)
    return built


class BuildWithLibrary(build_py):
    """Copies library and models beside the Python files, unless they are used in place."""

    def run(self) -> None:
        """Does what the command does, and copies."""
        super().run()
        if getattr(self, "editable_mode", False):
            return  # the package finds the library of the repository, or CNN_LIBRARY
        target = Path(self.build_lib) / "cnn" / "_native" / NAME
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shared_library(), target)
        if strip := shutil.which("strip"):
            flags = ["-x"] if sys.platform == "darwin" else ["--strip-unneeded"]
            subprocess.call([strip, *flags, str(target)])
        # Trained models, where the library looks for them: beside itself.
        for model in sorted((REPOSITORY / "models").glob("*.cnn")):
            place = target.parent / "models" / model.name
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(model, place)


class WithBinary(Distribution):
    """Tells setuptools that the package has more in it than Python."""

    def has_ext_modules(self) -> bool:
        """Whether the files belong where those of one platform belong."""
        return True


class PlatformWheel(bdist_wheel):
    """A wheel for one kind of machine and any Python: the library does not know Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """The tag of the wheel: Python, its binary interface, the platform."""
        return "py3", "none", super().get_tag()[2]


# A build folder that stays would put files into the wheel that the package has no longer.
BUILD = tempfile.mkdtemp(prefix="cnn-build-")
atexit.register(shutil.rmtree, BUILD, ignore_errors=True)

setup(
    distclass=WithBinary,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
    options={"build": {"build_base": BUILD}},
)
