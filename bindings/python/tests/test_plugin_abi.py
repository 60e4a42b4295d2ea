"""The structs of the plugin interface are what a C compiler makes of the header."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cnn import _plugin_abi as abi

INCLUDE = Path(__file__).resolve().parents[3] / "include"

STRUCTS = {
    "cnn_struct_header": abi.Header, "cnn_shape": abi.Shape, "cnn_random_key": abi.RandomKey,
    "cnn_matrix_product": abi.MatrixProduct, "cnn_host": abi.Host, "cnn_attribute": abi.Attribute,
    "cnn_attribute_value": abi.AttributeValue, "cnn_parameter": abi.Parameter,
    "cnn_layer_builder": abi.LayerBuilder, "cnn_workspace_request": abi.WorkspaceRequest,
    "cnn_workspace": abi.Workspace, "cnn_prepare_call": abi.PrepareCall,
    "cnn_forward_call": abi.ForwardCall, "cnn_backward_call": abi.BackwardCall,
    "cnn_layer_type": abi.LayerType, "cnn_creation": abi.Creation, "cnn_loss_call": abi.LossCall,
    "cnn_loss_type": abi.LossType, "cnn_optimizer_call": abi.OptimizerCall,
    "cnn_optimizer_type": abi.OptimizerType,
}


@pytest.fixture(scope="module")
def header():
    path = INCLUDE / "cnn_plugin.h"
    if not path.exists():
        pytest.skip("cnn_plugin.h is not beside an installed package")
    return path.read_text()


@pytest.fixture(scope="module")
def compiled(header, tmp_path_factory):
    """What a C program says: a number for each expression."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler")

    def evaluate(expressions):
        folder = tmp_path_factory.mktemp("abi")
        lines = "\n".join(f'printf("%lld\\n", (long long)({e}));' for e in expressions)
        (folder / "print.c").write_text(
            '#include <stddef.h>\n#include <stdio.h>\n#include "cnn_plugin.h"\n'
            f"int main(void) {{\n{lines}\nreturn 0;\n}}\n")
        program = folder / "print"
        subprocess.check_call([compiler, f"-I{INCLUDE}", folder / "print.c", "-o", program])
        output = subprocess.check_output([program], text=True)
        return dict(zip(expressions, map(int, output.split())))

    return evaluate


def test_sizes_and_offsets(compiled):
    expected = {}
    for name, kind in STRUCTS.items():
        expected[f"sizeof({name})"] = ctypes.sizeof(kind)
        for field, _ in kind._fields_:
            expected[f"offsetof({name}, {field})"] = getattr(kind, field).offset
            expected[f"sizeof((({name} *)0)->{field})"] = getattr(kind, field).size
    assert compiled(list(expected)) == expected


def test_constants(header, compiled):
    names = re.findall(
        r"\b(CNN_(?:ATTRIBUTE|INIT|OUTPUT|LAYER|FUNCTION|READS|TARGETS)_[A-Z_]+) = ", header)
    names += ["CNN_PLUGIN_ABI_MAJOR", "CNN_PLUGIN_ABI_MINOR", "CNN_SHAPE_MAX_RANK"]
    expected = {name: getattr(abi, re.sub("^CNN_(PLUGIN_)?", "", name)) for name in names}
    assert len(expected) > 30 and compiled(list(expected)) == expected


def test_no_struct_is_forgotten(header):
    declared = set(re.findall(r"^(?:typedef )?struct (cnn_\w+) \{", header, re.MULTILINE))
    # Only plugins fill this one, and a plugin is a shared object.
    assert declared - {"cnn_plugin"} == set(STRUCTS)
