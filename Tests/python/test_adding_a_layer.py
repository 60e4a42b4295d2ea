"""docs/adding-a-layer.md: its code is that of the examples, and what it says to type works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_support import COMMAND, EXAMPLES, LIBRARY, ROOT, has_compiler

PAGE = ROOT / "docs" / "adding-a-layer.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)


SOURCES = {suffix: [path for path in EXAMPLES.rglob(f"*{suffix}") if ".build" not in path.parts]
           for suffix in (".c", ".py", ".swift")}


def is_of_the_examples(block: str, suffix: str) -> bool:
    """Whether a block of code stands in one of the examples."""
    return any(block in path.read_text(encoding="utf-8") for path in SOURCES[suffix])


@pytest.mark.parametrize("language", ["c", "swift"])
def test_code_is_that_of_the_examples(language: str) -> None:
    assert len(blocks(language)) >= 2
    for block in blocks(language):
        assert is_of_the_examples(block, f".{language}"), block


def test_most_of_swish_is_explained() -> None:
    source = (EXAMPLES / "swish.c").read_text().splitlines()
    explained = {line for block in blocks("c") for line in block.splitlines()}
    assert len([line for line in source if line in explained]) > 0.7 * len(source)
    assert f"has {len(source)} lines" in " ".join(TEXT.split())


def test_every_property_is_explained() -> None:
    header = (ROOT / "include" / "cnn_plugin.h").read_text()
    properties = re.findall(r"^  (CNN_LAYER_\w+) = \d+", header, re.M)
    rare = {"CNN_LAYER_INPUT_NOT_DIFFERENTIABLE", "CNN_LAYER_NOT_DIFFERENTIABLE"}
    assert len(properties) >= 8
    assert not [name for name in properties if name not in TEXT and name not in rare]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, as somebody has them who has got the sources, and the command on the path."""
    base = tmp_path_factory.mktemp("guide")
    shutil.copytree(EXAMPLES, base / "examples" / "plugins",
                    ignore=shutil.ignore_patterns(".build", "mish"))
    shutil.copytree(ROOT / "include", base / "include")
    (base / "bin").mkdir()
    (base / "bin" / "cnn").symlink_to(COMMAND)
    graph, options = blocks("json")
    json.loads(options)
    (base / "examples" / "plugins" / "graph.json").write_text(graph)
    return base / "examples" / "plugins"


@pytest.mark.skipif(not has_compiler() or not COMMAND.exists(),
                    reason="there is no C compiler, or the command is not built")
def test_what_it_says_to_type(folder: Path) -> None:
    environment = {**os.environ, "CNN_LIBRARY": str(LIBRARY),
                   "PATH": f"{folder.parents[1] / 'bin'}:{os.environ['PATH']}"}
    known = subprocess.run([COMMAND, "--help"], capture_output=True, text=True).stdout
    scripts = blocks("sh")
    if "plugin-check" not in known:
        scripts = [re.sub(r"^cnn plugin-check .*\n", "", block, flags=re.M) for block in scripts]
    programs = [["sh", "-eux", "-c", block] for block in scripts]
    scripts = [block for block in blocks("python") if not is_of_the_examples(block, ".py")]
    assert len(scripts) == len(blocks("python")) - 1
    programs += [[sys.executable, "-c", block + "print(model.summary())"] for block in scripts]
    assert len(programs) >= 3
    for program in programs:
        done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True,
                              timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
