"""No layer is special: the core knows none by name, and the built-in ones use what everybody can."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cnn
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "Sources"


def code_lines(module):
    """The lines of a module that are not comments, with where they are."""
    for path in sorted((SOURCES / module).rglob("*.swift")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip().startswith("//"):
                yield f"{path.relative_to(ROOT)}:{number}", line


@pytest.mark.parametrize("module", ["CNNGraph", "CNNTraining", "CNNCAPI", "CNNPlugins"])
def test_the_core_names_no_layer_type(module):
    names = [entry["name"] for entry in cnn.layer_types() if entry["origin"] == "built in"]
    assert "conv2d" in names and "softmax" in names
    pattern = re.compile('"(' + "|".join(map(re.escape, names)) + ')"')
    found = [f"{place}: {line.strip()}" for place, line in code_lines(module)
             if pattern.search(line)]
    assert found == []


def test_layers_ask_each_other_for_capabilities_only():
    """No layer looks at the type of another one."""
    types = set()
    for path in (SOURCES / "CNNLayers").glob("*.swift"):
        text = path.read_text(encoding="utf-8")
        types.update(re.findall(r"^struct (\w+): (?:Layer|ChannelAffine|InputRectifying)\b", text, re.M))
    assert "Conv2D" in types
    pattern = re.compile(r"\b(?:is|as\??|as!) (" + "|".join(types) + r")\b")
    found = [f"{place}: {line.strip()}" for place, line in code_lines("CNNLayers")
             if pattern.search(line)]
    assert found == []


def test_built_in_layers_use_the_public_part_of_the_layer_kit():
    """What is open within the package only would be closed to authors of other packages."""
    closed = set()
    for _, line in code_lines("CNNLayerKit"):
        if match := re.match(r"\s*package (?:static |final )*(?:func|let|var|enum|struct|class) (\w+)",
                             line):
            closed.add(match[1])
    # Words that mean something else as well.
    closed -= {"bytes", "path", "size", "read", "write", "check", "release", "reserve"}
    pattern = re.compile(r"\b(" + "|".join(sorted(closed)) + r")\b")
    found = [f"{place}: {line.strip()}" for place, line in code_lines("CNNLayers")
             if pattern.search(line)]
    assert found == []


def test_built_in_types_came_through_the_registry():
    # Other tests of this process may have registered types of their own.
    program = "import cnn, json; print(json.dumps(cnn.layer_types()))"
    types = json.loads(subprocess.check_output([sys.executable, "-c", program]))
    origins = {entry["name"]: entry["origin"] for entry in types if "version" in entry}
    assert set(origins.values()) == {"built in"}
    command = ROOT / ".build" / "release" / "cnn-command"
    if not command.exists():
        pytest.skip(f"{command} is not built; run \"make build\"")
    shown = json.loads(subprocess.check_output([command, "plugins", "--all", "--json"]))
    assert {entry["name"] for entry in shown["layer_types"] if "version" in entry} == set(origins)
