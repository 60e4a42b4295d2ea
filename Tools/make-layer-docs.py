"""Writes docs/layers.md, the reference of all layer types and blocks.

Names, attributes and defaults come from the library itself (cnn_layer_types); formulas, output
sizes and parameters from the documentation comment of the type in Sources/CNNLayers, which is where
their author keeps them. So the page says what the code says, or the test fails that compares
the two:

    Tools/make-layer-docs.py            writes docs/layers.md
    Tools/make-layer-docs.py --check    fails if docs/layers.md is not what would be written

Needs the built library and numpy: use .venv/bin/python after `make build`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "layers.md"
SOURCES = ROOT / "Sources" / "CNNLayers"

INTRODUCTION = """\
# Layers

Every layer type and block that a graph may name, with its attributes. This page is written by
`Tools/make-layer-docs.py`; change the sources and run that.

How a graph names layers, and what shapes and padding mean, is in [graphs](graphs.md). Shapes are
those of one sample: an image is `[height, width, channels]`. Attributes without a default are
required. In formulas H, W and C are height, width and channels of the input, OH and OW height and
width of the output, KH and KW those of the window, and d before a name is the gradient of the loss
by it. Parameters have the same shape in memory and in files unless both are given. The remarks
on working in place, and on what the gradient reads, concern memory only.

"""

GROUPS = [
    ("Convolution and affine layers", ["conv2d", "transposed_conv2d", "linear"]),
    ("Pooling and resampling",
     ["max_pool2d", "avg_pool2d", "global_avg_pool2d", "max_unpool2d", "upsample2d"]),
    ("Normalisation and regularisation", ["batch_norm", "local_response_norm", "dropout"]),
    ("Activations", ["relu", "leaky_relu", "sigmoid", "tanh", "softmax"]),
    ("Shape and structure", ["flatten", "reshape", "pad2d", "add", "multiply", "concat"]),
]

BLOCKS_INTRODUCTION = """\
## Blocks

A block stands for several layers in a row. Its members are named after it, with a dot between:
a `conv_relu` called `stem` becomes `stem.conv` and `stem.relu`, so its weight is
`stem.conv.weight`. Other layers refer to its result by its own name. It takes the attributes of its
members.
"""


def load_types() -> list[dict]:
    """What the library says of its layer types and blocks."""
    sys.path.insert(0, str(ROOT / "bindings" / "python"))
    os.environ.setdefault("CNN_LIBRARY", str(ROOT / ".build" / "release" / "libcnn.so"))
    import cnn

    return cnn.layer_types()


def comment_above(lines: list[str], index: int) -> list[str]:
    """The documentation comment that ends above a line, without its slashes."""
    start = index
    while start > 0 and lines[start - 1].lstrip().startswith("///"):
        start -= 1
    return [re.sub(r"^\s*/// ?", "", line) for line in lines[start:index]]


def comments() -> dict[str, list[str]]:
    """The documentation comments of all layer types and blocks, by name."""
    found = {}
    for path in sorted(SOURCES.glob("*.swift")):
        lines = path.read_text(encoding="utf-8").splitlines()
        declaration = re.compile(r"struct \w+: (Layer|ChannelAffine|InputRectifying)\b")
        layer = next((i for i, line in enumerate(lines) if declaration.match(line)), None)
        for index, line in enumerate(lines):
            if not (match := re.search(r"static let (\w+) = Layer(Type|Block)\(", line)):
                continue
            name = re.search(r'"([a-z0-9_]+)"', "\n".join(lines[index:index + 2]))
            above = layer if match[2] == "Type" else index
            if name is None or above is None or not (comment := comment_above(lines, above)):
                raise SystemExit(f"{path}: {match[1]} has no name or no comment")
            found[name[1]] = comment
    return found


def default(attribute: dict) -> str:
    """The default of an attribute as a graph would write it."""
    if "default" not in attribute:
        return "required"
    value = attribute["default"]
    return "none" if value is None else f"`{json.dumps(value)}`"


def attributes_table(attributes: list[dict]) -> str:
    """A table of attributes."""
    if not attributes:
        return "No attributes.\n"
    rows = ["| attribute | takes | default | |", "|---|---|---|---|"]
    for attribute in attributes:
        rows.append(f"| `{attribute['name']}` | {attribute['expects']} | {default(attribute)} | "
                    f"{attribute['summary']} |")
    return "\n".join(rows) + "\n"


def inputs(entry: dict) -> str:
    """How many inputs a type takes, if it is not one."""
    least, most = entry["inputs"]
    if (least, most) == (1, 1):
        return ""
    return f"Takes {least} inputs.\n\n" if least == most else f"Takes {least} or more inputs.\n\n"


def section(entry: dict, comment: list[str]) -> str:
    """The section of a layer type: what it computes, and its attributes."""
    text = "\n".join(comment).strip()
    return f"### {entry['name']}\n\n{text}\n\n{inputs(entry)}" + attributes_table(
        entry["attributes"])


def page() -> str:
    """The whole page."""
    entries = {entry["name"]: entry for entry in load_types()}
    described = comments()
    types = {name for name, entry in entries.items() if "version" in entry}
    grouped = [name for _, names in GROUPS for name in names]
    if types != set(grouped):
        raise SystemExit(f"GROUPS and the library differ: {sorted(types ^ set(grouped))}")
    text = INTRODUCTION
    for title, names in GROUPS:
        text += f"- {title}: " + ", ".join(f"[{name}](#{name})" for name in names) + "\n"
    blocks = sorted(set(entries) - types)
    text += "- [Blocks](#blocks): " + ", ".join(f"[{name}](#{name})" for name in blocks) + "\n\n"
    for title, names in GROUPS:
        text += f"## {title}\n\n"
        text += "\n".join(section(entries[name], described[name]) for name in names) + "\n"
    text += BLOCKS_INTRODUCTION
    for name in blocks:
        members = " ".join(described[name]).rstrip(".")
        text += (f"\n### {name}\n\n{entries[name]['summary']} Stands for {members}.\n\n"
                 + attributes_table(entries[name]["attributes"]))
    return text


def main() -> int:
    """Writes or checks the page and returns the exit status."""
    arguments = sys.argv[1:]
    if arguments not in ([], ["--check"]):
        print(f"usage: {sys.argv[0]} [--check]", file=sys.stderr)
        return 2
    text = page()
    if not arguments:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("docs/layers.md is not up to date; run Tools/make-layer-docs.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
