"""Plugins in C, loaded from Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from plugin_classes import graph

import cnn

INCLUDE = Path(__file__).resolve().parents[3] / "include"
SOURCE = r"""
#include "cnn_plugin.h"

static const cnn_host *the_host;

static cnn_status create(const cnn_layer_builder *builder, void *user, void **out_layer) {
  (void)user, (void)out_layer;
  if (builder->inputs[0].rank != 1)
    return the_host->fail(CNN_SHAPE_MISMATCH, "only vectors can be doubled");
  return builder->add_output(builder, NULL, &builder->inputs[0], 0);
}

static cnn_status forward(void *layer, const cnn_forward_call *call) {
  (void)layer;
  for (int64_t i = 0; i < call->batch * 6; i++) call->outputs[0][i] = 2 * call->inputs[0][i];
  return CNN_OK;
}

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host);

CNN_PLUGIN_EXPORT const cnn_plugin *cnn_plugin_entry(const cnn_host *host) {
  static cnn_layer_type twice = { .header = CNN_STRUCT(cnn_layer_type) };
  static const cnn_layer_type *types[] = { &twice };
  static cnn_plugin plugin = { .header = CNN_STRUCT(cnn_plugin) };
  the_host = host;
  twice.id = "org.example.c.twice";
  twice.version = 1;
  twice.summary = "Twice the input.";
  twice.create = create;
  twice.forward = forward;
  plugin.id = "org.example.c";
  plugin.version = "1.2.3";
  plugin.summary = "For tests.";
  plugin.layer_type_count = 1;
  plugin.layer_types = types;
  return &plugin;
}
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    if not shutil.which("cc") or not INCLUDE.exists():
        pytest.skip("there is no C compiler, or cnn_plugin.h is not beside an installed package")
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "twice.c").write_text(SOURCE)
    subprocess.check_call(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                           f"-I{INCLUDE}", folder / "twice.c", "-o", folder / "twice.so"])
    return folder / "twice.so"


def test_a_plugin_in_c(plugin):
    cnn.load_plugin(plugin)
    cnn.load_plugin(str(plugin))  # once more does nothing
    found, = (known for known in cnn.plugins() if known["id"] == "org.example.c")
    assert found["version"] == "1.2.3" and found["summary"] == "For tests."
    assert Path(found["path"]).samefile(plugin)
    assert found["layer_types"] == ["org.example.c.twice"] and found["loss_types"] == []
    kind, = (known for known in cnn.layer_types() if known["name"] == "org.example.c.twice")
    assert kind["origin"] == "plugin org.example.c 1.2.3"
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    model = cnn.Model(graph({"type": "org.example.c.twice"}))
    assert np.array_equal(model.predict(x), 2 * x)
    with pytest.raises(cnn.ShapeMismatchError, match="only vectors"):
        cnn.Model(graph({"type": "org.example.c.twice"}, shape=(2, 3)))
    layers = {"type": "linear", "out_features": 6}, {"type": "org.example.c.twice"}
    with pytest.raises(cnn.UnsupportedError, match=r"org\.example\.c\.twice"):
        cnn.Training(cnn.Model(graph(*layers)))


def test_what_is_no_plugin(tmp_path):
    with pytest.raises(cnn.InputOutputError, match="nowhere"):
        cnn.load_plugin(tmp_path / "nowhere.so")
    (tmp_path / "text.so").write_text("no shared object")
    with pytest.raises(cnn.MalformedDataError, match="text"):
        cnn.load_plugin(tmp_path / "text.so")
    with pytest.raises(TypeError):
        cnn.load_plugin(None)
    with pytest.raises(ValueError, match="zero"):
        cnn.load_plugin("a\0b")
    assert isinstance(cnn.plugins(), list)
