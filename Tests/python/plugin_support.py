"""Compiling plugins, and running programs that load them.

A plugin stays loaded for the life of a process, and its names can be taken only once. So everything
that loads one runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("CNN_LIBRARY", ROOT / ".build" / "release" / "libcnn.so")).absolute()
COMMAND = LIBRARY.with_name("cnn-command")
EXAMPLES = ROOT / "examples" / "plugins"
FAULTS = ROOT / "Tests" / "plugins" / "faults"
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]

# The layer types of the examples, with attributes that make them something else than the default.
LAYERS = {
    "swish": {"type": "org.example.swish", "beta": 1.5},
    "relu": {"type": "org.example.relu", "declare": False},
    "squeeze_excitation": {"type": "org.example.squeeze_excitation", "reduction": 4},
}


def compile_plugin(source: Path, result: Path, *flags: str, standard: str = "c99",
                   compiler: str = "cc") -> Path:
    """Compiles a plugin with warnings as errors, against the headers alone."""
    command = [compiler, f"-std={standard}", *WARNINGS, "-O2", "-fPIC", "-shared",
               f"-I{ROOT / 'include'}", *flags, source, "-o", result, "-lm"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return result


def compile_program(source: Path, result: Path, *flags: str) -> Path:
    """Compiles a program against headers and library."""
    library = result.with_name("libcnn.so.0")
    if not library.exists():
        library.symlink_to(LIBRARY)
        result.with_name("libcnn.so").symlink_to(library)
    command = ["cc", "-std=c99", *WARNINGS, "-O1", f"-I{ROOT / 'include'}", *flags, source, "-o",
               result, f"-L{result.parent}", "-lcnn", f"-Wl,-rpath,{result.parent}"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return result


def run(*command: object, status: int = 0, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs a program and checks its exit status."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def python(script: str, *arguments: object, variables: dict[str, str] | None = None) -> object:
    """Runs a script in a process of its own; what it prints last is JSON, which is returned."""
    done = run(sys.executable, "-c", script, *arguments,
               env={**os.environ, "CNN_LIBRARY": str(LIBRARY), **(variables or {})})
    return json.loads(done.stdout.splitlines()[-1])


def convnet(layer: dict[str, object], shape: tuple[int, int, int] = (8, 8, 1)) -> dict[str, object]:
    """A small network for pictures of digits, with a layer where others have a rectifier."""
    return {
        "inputs": [{"name": "image", "shape": list(shape)}],
        "layers": [
            {"name": "conv1", "type": "conv2d", "out_channels": 16, "kernel_size": 3,
             "padding": "same"},
            {"name": "first", **layer},
            {"name": "conv2", "type": "conv2d", "out_channels": 32, "kernel_size": 3,
             "padding": "same"},
            {"name": "second", **layer},
            {"name": "pool", "type": "max_pool2d", "kernel_size": 2},
            {"name": "flat", "type": "flatten"},
            {"name": "logits", "type": "linear", "out_features": 10},
        ],
    }


def listed(source: Path) -> list[tuple[str, str, str]]:
    """The faults or reasons that a source file lists: name, and the two columns of its comment."""
    rows = re.findall(r"^  ([A-Z][A-Z_0-9]*),? +/\* (.*?) \|(?: (.*?))? \*/$",
                      source.read_text(encoding="utf-8"), re.M)
    assert len(rows) > 10
    return [(name, first, second or "") for name, first, second in rows]


def has_compiler() -> bool:
    """Whether plugins can be compiled here."""
    return shutil.which("cc") is not None
