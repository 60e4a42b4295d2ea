"""Making, saving, describing and running networks."""

from __future__ import annotations

import copy
import json
import math
import pickle

import numpy as np
import pytest
from conftest import SMALL

import cnn


def test_linear_layer_is_a_product(linear, random):
    weight, bias = linear.parameters["y.weight"], linear.parameters["y.bias"]
    assert weight.shape == (2, 3)
    x = random.normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(linear.predict(x), x @ weight.T + bias, rtol=1e-5, atol=1e-6)


def test_graph_as_text_and_as_dictionary(model):
    again = cnn.Model(json.dumps(SMALL), seed=1)
    assert again.to_bytes() == model.to_bytes()
    assert cnn.Model(model.graph, seed=1).graph == model.graph


def test_description(model):
    assert [(i.name, i.shape, i.shape_nchw) for i in model.inputs] == [
        ("image", (8, 8, 1), (1, 8, 8))]
    assert [(o.name, o.shape) for o in model.outputs] == [("logits", (10,))]
    assert model.parameter_count == 8 * 9 + 8 + 2 * 8 + 128 * 10 + 10 == sum(
        value.size for value in model.parameters.values())
    assert "conv" in model.summary(batch=4) and len(model.summary().splitlines()) > 5
    assert repr(model) == "Model(6 layers, 1,386 parameters)"
    assert {a["name"] for a in cnn.architectures()} >= {"resnet18", "alexnet", "convnet"}
    assert {t["name"] for t in cnn.layer_types()} >= {"conv2d", "linear", "batch_norm"}


@pytest.mark.parametrize("name", ["resnet_small", "mnist"])
def test_named_architectures(name):
    given = cnn.Model.named(name, classes=3)
    assert given.outputs[0].shape == (3,)
    assert given.predict(np.zeros((2, *given.inputs[0].shape), np.float32)).shape == (2, 3)


def test_seed_decides_the_parameters():
    first, same, other = (cnn.Model(SMALL, seed=s).parameters["conv.weight"] for s in (3, 3, 4))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_files_and_bytes(model, tmp_path, random):
    x = random.random((3, 8, 8, 1), np.float32)
    model.class_names = [f"class {i}" for i in range(10)]
    model.set_metadata("author", "Ä. Nonymous")
    path = tmp_path / "mödel.cnn"
    model.save(path)
    for other in (cnn.Model.load(path), cnn.Model.load(str(path)),
                  cnn.Model.load(path.read_bytes()), cnn.Model.load(bytearray(model.to_bytes())),
                  pickle.loads(pickle.dumps(model)), model.copy(), copy.deepcopy(model)):
        assert np.array_equal(other.predict(x), model.predict(x))
        assert other.class_names == model.class_names
        assert other.metadata("author") == "Ä. Nonymous"
    assert path.read_bytes() == model.to_bytes()
    model.set_metadata("author", None)
    with pytest.raises(cnn.UnknownNameError):
        model.metadata("author")


def test_a_copy_is_independent(model):
    other = model.copy()
    other.parameters["logits.bias"] = np.arange(10)
    assert np.array_equal(other.parameters["logits.bias"], np.arange(10))
    assert not np.array_equal(model.parameters["logits.bias"], np.arange(10))


def test_safetensors_reads_model_files(model, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    model.save(tmp_path / "model.cnn")
    arrays = safetensors.load_file(tmp_path / "model.cnn")
    assert set(arrays) == set(model.parameters) | set(model.states)
    for name, value in {**model.parameters, **model.states}.items():
        assert arrays[name].shape == value.shape and np.array_equal(arrays[name], value)
    assert arrays["conv.weight"].shape == (8, 1, 3, 3)


def test_parameters_are_oihw_and_views_are_memory(random):
    model = cnn.Model({"inputs": [{"name": "x", "shape": [5, 6, 3]}], "layers": [
        {"name": "conv", "type": "conv2d", "out_channels": 4, "kernel_size": [2, 3]}]})
    weight = random.normal(size=(4, 3, 2, 3)).astype(np.float32)
    model.parameters["conv.weight"] = weight
    assert np.array_equal(model.parameters["conv.weight"], weight)
    view = model.parameters.view("conv.weight")
    assert np.array_equal(view, weight.transpose(0, 2, 3, 1))
    # The first output, worked out by hand.
    x = random.normal(size=(1, 5, 6, 3)).astype(np.float32)
    expected = np.sum(x[0, 0:2, 0:3] * view[1]) + model.parameters["conv.bias"][1]
    np.testing.assert_allclose(model.predict(x)[0, 0, 0, 1], expected, rtol=1e-4)
    before = model.predict(x)
    view *= 2
    model.parameters_changed()
    assert not np.allclose(model.predict(x), before)
    assert len(model.parameters) == 2 and "conv.weight" in model.parameters
    assert "conv.wieght" not in model.parameters and model.parameters.get("nothing") is None
    with pytest.raises(KeyError, match=r"did you mean 'conv\.weight'"):
        model.parameters["conv.wieght"]
    with pytest.raises(TypeError):
        del model.parameters["conv.weight"]
    with pytest.raises(cnn.ShapeMismatchError):
        model.parameters["conv.weight"] = view


def test_states(model):
    assert {name.split(".")[1]: value.shape for name, value in model.states.items()} == {
        "running_mean": (8,), "running_var": (8,)}


def test_layouts_and_kinds_of_arrays(random):
    model = cnn.Model({"inputs": [{"name": "x", "shape": [5, 6, 3]}], "layers": [
        {"name": "conv", "type": "conv2d", "out_channels": 4, "kernel_size": 3}]})
    x = random.normal(size=(2, 5, 6, 3)).astype(np.float32)
    y = model.predict(x)
    assert y.shape == (2, 3, 4, 4) and y.dtype == np.float32
    channels_first = model.predict(x.transpose(0, 3, 1, 2), layout="NCHW")
    assert np.array_equal(channels_first, y.transpose(0, 3, 1, 2))
    assert np.array_equal(model.predict(np.asfortranarray(x)), y)
    assert np.array_equal(model.predict(np.repeat(x, 2, 0)[::2]), y)
    assert np.array_equal(model.predict(x.astype(np.float64)), y)
    assert np.array_equal(model.predict(x.astype(">f4")), y)
    assert np.array_equal(model.predict(x.tolist()), y)
    unaligned = np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    assert np.array_equal(model.predict(unaligned), y)
    assert np.array_equal(model.predict(x[0]), y[:1])
    assert model.predict(x[:0]).shape == (0, 3, 4, 4)
    assert np.array_equal(model(x), y)
    read_only = x.copy()
    read_only.flags.writeable = False
    assert np.array_equal(model.predict(read_only), y)


@pytest.mark.parametrize("samples, problem", [
    (np.zeros((2, 3, 3, 3)), cnn.ShapeMismatchError), (np.zeros(()), cnn.ShapeMismatchError),
    (np.zeros((0, 1)), cnn.ShapeMismatchError), (np.zeros((1, 8, 8, 1), complex), TypeError),
    (np.array("text"), TypeError), (None, TypeError), ([[1], [2, 3]], ValueError),
])
def test_wrong_samples(model, samples, problem):
    with pytest.raises(problem):
        model.predict(samples)


def test_class_names(model):
    assert model.class_names == []
    model.class_names = (str(i) for i in range(10))
    assert model.class_names[9] == "9"
    with pytest.raises(cnn.ShapeMismatchError):
        model.class_names = ["one"]
    with pytest.raises(TypeError):
        model.class_names = "0123456789"
    model.class_names = []
    assert model.class_names == []


def test_preprocessing(model):
    value = {**model.preprocessing, "color": "grey", "mean": [0.5], "resize": "fit"}
    model.preprocessing = value
    assert model.preprocessing["mean"] == [0.5] and model.preprocessing["resize"] == "fit"
    with pytest.raises(cnn.UnknownNameError):
        model.preprocessing = {**value, "means": 1}


def test_recognise(model, tmp_path, random):
    pixels = random.integers(0, 256, (8, 8), np.uint8)
    cnn.Image(pixels).save(tmp_path / "a.png")
    best = model.recognise(pixels, top=3)
    logits = model.predict(pixels[:, :, None] / np.float32(255))[0].astype(float)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert [p.index for p in best] == list(np.argsort(-expected)[:3])
    np.testing.assert_allclose([p.probability for p in best], sorted(expected)[:-4:-1], rtol=1e-4)
    assert best[0].label == ""
    for other in (tmp_path / "a.png", str(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes(),
                  cnn.Image(pixels)):
        assert model.recognise(other, top=3) == best
    everything = model.recognise(pixels, top=10**15)
    assert len(everything) == 10 and math.isclose(
        sum(p.probability for p in everything), 1, rel_tol=1e-5)
    with pytest.raises(cnn.InvalidArgumentError):
        model.recognise(pixels, top=0)
    with pytest.raises(TypeError):
        model.recognise(pixels.astype(float))


def test_gradient_check(model):
    result = model.gradient_check(samples=10)
    assert result["passed"] and result["largest_error"] < 2e-2
