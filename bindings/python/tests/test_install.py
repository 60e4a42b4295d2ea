"""The wheel: it carries the library, and needs nothing but numpy where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import pytest

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parents[1]


def state_of_the_source():
    return sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*")
                  if "__pycache__" not in path.parts and ".egg-info" not in str(path))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if not (PACKAGE / "setup.py").exists():
        pytest.skip("the source of the package is not here")
    folder = tmp_path_factory.mktemp("wheel")
    before = state_of_the_source()
    result = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder),
         str(PACKAGE)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert state_of_the_source() == before
    made, = folder.glob("*.whl")
    return made


def test_name_and_content(wheel):
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name == f"cnn-0.1.0-py3-none-{platform}.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {f"cnn/{path.name}" for path in (PACKAGE / "cnn").glob("*.py")}
    assert sources | {"cnn/py.typed"} <= names
    library, = (name for name in names if "_native/lib" in name)
    models = {f"cnn/_native/models/{path.name}" for path in (REPOSITORY / "models").glob("*.cnn")}
    assert {name for name in names if "_native/" in name} == models | {library}
    if shutil.which("strip"):
        assert b".symtab" not in zipfile.ZipFile(wheel).read(library)


def test_it_runs_alone(wheel, tmp_path):
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                           "--target", str(tmp_path / "site"), str(wheel)])
    # Nothing of this environment: no variables, another folder, numpy and this package alone.
    paths = [str(tmp_path / "site"), str(Path(np.__file__).parents[1])]
    program = (
        f"import sys; sys.path[:0] = {paths!r}\n"
        "import cnn\n"
        "cnn.Trainer(cnn.Model.named('mnist'), epochs=1)\n"
        "data = cnn.Dataset.named('digits', part='test')\n"
        "model = cnn.Model.named('resnet_small', classes=10, input_shape=data.shape)\n"
        "cnn.Trainer(model, epochs=1).fit(data)\n"
        "print(cnn.__file__, model.recognise(data.image(0))[0].index in range(10))\n")
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, env={}, capture_output=True,
        text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [str(tmp_path / "site" / "cnn" / "__init__.py"), "True"]


def test_a_missing_library_is_explained(tmp_path):
    environment = {**os.environ, "CNN_LIBRARY": str(tmp_path / "nowhere.so")}
    result = subprocess.run([sys.executable, "-c", "import cnn"], env=environment,
                            capture_output=True, text=True)
    assert result.returncode and "ImportError" in result.stderr
    assert "CNN_LIBRARY" in result.stderr and "nowhere.so: not there" in result.stderr
    (tmp_path / "nowhere.so").write_bytes(b"no library")
    result = subprocess.run([sys.executable, "-c", "import cnn"], env=environment,
                            capture_output=True, text=True)
    assert result.returncode and "ImportError" in result.stderr


@pytest.mark.parametrize("has_swift", [True, False])
def test_building_the_library_when_there_is_none(tmp_path, has_swift):
    """In a copy of the package, with a stand-in for `swift build`."""
    copy = tmp_path / "bindings" / "python"
    copy.mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "README.md"):
        (copy / name).write_bytes((PACKAGE / name).read_bytes())
    (copy / "cnn").mkdir()
    (copy / "cnn" / "__init__.py").write_text("")
    (copy / "cnn" / "py.typed").write_text("")
    (tmp_path / "Package.swift").write_text("")
    tools = tmp_path / "tools"
    tools.mkdir()
    swift = tools / "swift"
    swift.write_text('#!/bin/sh\n[ "$*" = "build -c release --product cnn" ] || exit 1\n'
                     "/bin/mkdir -p .build/release && echo made > .build/release/libcnn.so\n")
    swift.chmod(0o755 if has_swift else 0o644)
    environment = {key: value for key, value in os.environ.items() if key != "CNN_LIBRARY"}
    environment["PATH"] = str(tools)
    result = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path), str(copy)],
        env=environment, capture_output=True, text=True)
    if not has_swift:
        assert result.returncode and "CNN_LIBRARY" in result.stdout + result.stderr
        return
    assert result.returncode == 0, result.stderr
    made, = tmp_path.glob("*.whl")
    assert zipfile.ZipFile(made).read("cnn/_native/libcnn.so") == b"made\n"
