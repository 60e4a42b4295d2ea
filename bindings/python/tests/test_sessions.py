"""Sessions, and what happens to arrays over memory of the library."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import cnn


def test_two_inputs_and_outputs(two_outputs, random):
    left, right = random.normal(size=(2, 3, 4, 6, 2)).astype(np.float32)
    session = cnn.Session(two_outputs, batch_size=3)
    outputs = session.run({"left": left, "right": right})
    np.testing.assert_allclose(outputs["sum"], left + right, rtol=1e-6)
    np.testing.assert_allclose(outputs["product"], left * right, rtol=1e-6)
    nchw = session.run({"left": left.transpose(0, 3, 1, 2), "right": right.transpose(0, 3, 1, 2)},
                       layout="NCHW")
    assert np.array_equal(nchw["sum"], outputs["sum"].transpose(0, 3, 1, 2))
    assert np.array_equal(session.output("product"), outputs["product"])
    assert "left (4, 6, 2)" in repr(session)


def test_kept_layers(model, random):
    x = random.normal(size=(2, 8, 8, 1)).astype(np.float32)
    session = cnn.Session(model, keep=["relu", "pool"])
    outputs = session.run(x)
    np.testing.assert_allclose(outputs["logits"], model.predict(x), rtol=1e-5, atol=1e-6)
    relu, pool = session.output("relu"), session.output("pool")
    assert relu.shape == (2, 8, 8, 8) and relu.min() == 0
    assert np.array_equal(pool, relu.reshape(2, 4, 2, 4, 2, 8).max(axis=(2, 4)))
    with pytest.raises(cnn.InvalidArgumentError, match='name it in "keep"'):
        session.output("conv")
    with pytest.raises(cnn.UnknownNameError):
        session.output("convolution")


def test_views_do_not_copy(model, random):
    x = random.normal(size=(2, 8, 8, 1)).astype(np.float32)
    session = cnn.Session(model, batch_size=2)
    filled = session.input_view(batch=2)
    assert filled.shape == x.shape and type(filled) is np.ndarray
    filled[:] = x
    session.run_views()
    output = session.output_view()
    np.testing.assert_array_equal(output, session.output())
    with pytest.raises(ValueError):
        output[0, 0] = 1
    with pytest.raises(ValueError):
        output.flags.writeable = True
    filled[:] = 0
    session.run_views()
    assert not np.array_equal(output[0], model.predict(x)[0])


def test_a_session_does_not_move_memory_that_is_looked_at(model, random):
    x = random.normal(size=(5, 8, 8, 1)).astype(np.float32)
    session = cnn.Session(model)
    view = session.input_view(batch=1)[0, 0]  # a part of it keeps the whole
    with pytest.raises(BufferError, match="batch_size=5"):
        session.run(x)
    with pytest.raises(BufferError):
        session.input_view(batch=2)
    session.run(x[:1])
    assert np.array_equal(view, x[0, 0])
    del view
    gc.collect()
    np.testing.assert_array_equal(session.run(x)["logits"], model.predict(x))
    session.input_view(batch=5)


def test_views_outlive_what_they_show(model, random):
    x = random.normal(size=(2, 8, 8, 1)).astype(np.float32)
    session = cnn.Session(model, batch_size=2)
    expected = session.run(x)["logits"]
    output, weight = session.output_view(), model.parameters.view("conv.weight")
    copy = model.parameters["conv.weight"]
    session.close()
    model.close()
    del session
    gc.collect()
    for _ in range(50):  # freed memory would be taken by these
        cnn.Session(cnn.Model.named("mnist"), batch_size=2)
    assert np.array_equal(output, expected)
    assert np.array_equal(weight.transpose(0, 3, 1, 2), copy)


def test_memory_is_given_back():
    before = cnn.memory_in_use()
    model = cnn.Model.named("mnist")
    view = model.parameters.view(next(iter(model.parameters)))
    model.close()
    assert cnn.memory_in_use() > before
    del view
    gc.collect()
    assert cnn.memory_in_use() <= before


def test_dlpack(model, random):
    session = cnn.Session(model)
    shared = np.from_dlpack(session.input_view())
    shared[:] = random.normal(size=shared.shape)
    assert np.array_equal(session.input_view(), shared)
    assert np.array_equal(
        np.from_dlpack(model.parameters.view("conv.weight")), model.parameters.view("conv.weight"))


def test_dlpack_with_torch(model):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    weight = torch.from_dlpack(model.parameters.view("conv.weight"))
    weight.fill_(0.5)
    assert np.all(model.parameters["conv.weight"] == 0.5)


def test_wrong_inputs(model, two_outputs):
    session = cnn.Session(model)
    with pytest.raises(cnn.InvalidArgumentError):
        session.run_views()
    with pytest.raises(cnn.InvalidArgumentError):
        session.output()
    with pytest.raises(cnn.ShapeMismatchError):
        session.run(np.zeros((1, 4, 4, 1)))
    with pytest.raises(cnn.UnknownNameError, match="image"):
        session.run({"imege": np.zeros((1, 8, 8, 1))})
    with pytest.raises(TypeError, match="list of texts"):
        cnn.Session(model, keep="relu")
    for batch in (0, -1, 2**70):
        with pytest.raises(ValueError):
            session.input_view(batch=batch)
    with pytest.raises(cnn.ShapeMismatchError):
        cnn.Session(two_outputs).run(
            {"left": np.zeros((1, 4, 6, 2)), "right": np.zeros((2, 4, 6, 2))})
    with pytest.raises(cnn.UnsupportedError):
        two_outputs.predict(np.zeros((1, 4, 6, 2)))
    with pytest.raises(ValueError, match="layout"):
        session.run(np.zeros((1, 8, 8, 1)), layout="HWC")
