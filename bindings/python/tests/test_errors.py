"""Exceptions: their types, their messages, and what Python adds."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL

import cnn
from cnn import _signatures, errors


def test_every_status_has_an_exception():
    kinds = [kind for kind in vars(errors).values()
             if isinstance(kind, type) and issubclass(kind, cnn.CNNError)]
    for kind in set(kinds) - {cnn.CNNError}:
        found = errors.error(kind.status, "what happened")
        assert type(found) is kind and str(found) == "what happened"
        assert cnn.status_name(kind.status) != "CNN_UNKNOWN_STATUS"
        again = pickle.loads(pickle.dumps(found))
        assert type(again) is kind and str(again) == "what happened"
        assert getattr(cnn, kind.__name__) is kind
    assert type(errors.error(12345, "?")) is cnn.InternalError
    assert cnn.status_name(12345) == "CNN_UNKNOWN_STATUS"


@pytest.mark.parametrize("kind, builtin", [
    (cnn.InvalidArgumentError, ValueError), (cnn.UnknownNameError, KeyError),
    (cnn.ShapeMismatchError, ValueError), (cnn.OutOfMemoryError, MemoryError),
    (cnn.InputOutputError, OSError), (cnn.MalformedDataError, ValueError),
    (cnn.UnsupportedError, NotImplementedError), (cnn.NonFiniteError, ArithmeticError)])
def test_exceptions_are_those_of_python_too(kind, builtin):
    assert issubclass(kind, builtin)


def layer(**attributes):
    return {**SMALL, "layers": [{"name": "conv", **attributes}]}


@pytest.mark.parametrize("graph, kind, parts", [
    (layer(type="conv2"), cnn.UnknownNameError, ["conv2", "conv2d"]),
    (layer(type="conv2d", out_chanels=3, kernel_size=3), cnn.UnknownNameError,
     ["conv", "out_chanels", "out_channels"]),
    (layer(type="conv2d", out_channels=3, kernel_size=30), cnn.ShapeMismatchError, ["conv", "30"]),
    (layer(type="conv2d", out_channels=-1, kernel_size=3), cnn.CNNError, ["out_channels", "-1"]),
    (layer(type="relu", inputs=["imag"]), cnn.UnknownNameError, ["imag", "image"]),
    ("{ no JSON", cnn.MalformedDataError, ["JSON"]),
    ("", cnn.CNNError, []), ("[]", cnn.CNNError, []), ({}, cnn.CNNError, []),
])
def test_messages_about_graphs(graph, kind, parts):
    with pytest.raises(kind) as caught:
        cnn.Model(graph)
    for part in parts:
        assert part in str(caught.value)


def test_other_messages(tmp_path):
    with pytest.raises(cnn.UnknownNameError, match="resnet18"):
        cnn.Model.named("resnet-18")
    with pytest.raises(cnn.UnknownNameError, match="classes"):
        cnn.Model.named("resnet18", clases=3)
    with pytest.raises(cnn.InputOutputError, match="nowhere"):
        cnn.Model.load(tmp_path / "nowhere.cnn")
    for data in (b"", b"\0" * 20, b"\xff" * 100, cnn.Model(SMALL).to_bytes()[:-5]):
        with pytest.raises(cnn.CNNError):
            cnn.Model.load(data)
    with pytest.raises(cnn.InputOutputError):
        cnn.Model(SMALL).save(tmp_path / "no" / "folder.cnn")


def test_texts_that_c_would_misread(model, tmp_path):
    for name in ("a\0b", "\0"):
        with pytest.raises(ValueError, match="zero"):
            cnn.Model.load(name)
        with pytest.raises(ValueError, match="zero"):
            model.metadata(name)
    with pytest.raises(TypeError):
        model.set_metadata("key", 5)
    with pytest.raises(TypeError):
        model.class_names = [1] * 10
    with pytest.raises(TypeError):
        cnn.Model.load(None)
    with pytest.raises(cnn.InvalidArgumentError, match="UTF-8"):
        model.save(bytes(tmp_path) + b"/\xff.cnn")


def test_numbers_that_ctypes_would_wrap(model):
    for call in (lambda: cnn.set_num_threads(2**64 + 1), lambda: model.summary(2**64 + 1),
                 lambda: cnn.set_memory_limit(2**64)):
        with pytest.raises(ValueError, match="64 bits"):
            call()
    for count in (0, -1, 65, 2**62):
        with pytest.raises(cnn.InvalidArgumentError):
            cnn.set_num_threads(count)
    with pytest.raises(TypeError):
        cnn.set_num_threads(1.5)


def test_closed_objects(model, digits):
    image = cnn.Image(np.zeros((2, 2), np.uint8))
    objects = [model, cnn.Session(model), cnn.Training(model), image, digits.batches(),
               digits.subset([0])]
    with image:
        pass
    for given in objects:
        given.close()
        given.close()
        assert given.closed and repr(given) == f"{type(given).__name__}(closed)"
        with pytest.raises(ValueError, match="closed"):
            _ = given._pointer
    with pytest.raises(ValueError, match="closed"):
        model.predict(np.zeros((1, 8, 8, 1)))
    with pytest.raises(ValueError, match="closed"):
        list(objects[4])
    parameters = cnn.Model(SMALL).parameters
    parameters._model.close()
    with pytest.raises(ValueError, match="closed"):
        parameters["conv.weight"]


def test_what_cannot_be_pickled_says_so(model, digits):
    for given in (digits, cnn.Session(model), cnn.Training(model), digits.batches()):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(given)


def test_out_of_memory(model):
    limit = cnn.memory_limit()
    try:
        cnn.set_memory_limit(cnn.memory_in_use() + 1000)
        assert cnn.memory_limit() == cnn.memory_in_use() + 1000
        with pytest.raises(MemoryError):
            cnn.Session(model, batch_size=1000)
    finally:
        cnn.set_memory_limit(limit)
    assert cnn.memory_limit() is None
    with pytest.raises(cnn.CNNError):
        cnn.Session(model, batch_size=2**62)


def test_log(model):
    heard = []
    cnn.set_log_callback(lambda level, message: heard.append((level, message)))
    cnn.set_log_callback(lambda *_: 1 / 0)
    cnn.set_log_callback(None)
    with pytest.raises(TypeError):
        cnn.set_log_callback("print")


def test_versions_and_the_header():
    assert cnn.version() == cnn.__version__ and cnn.abi_version() >= 1
    assert cnn.cpu_variant() and 1 <= cnn.num_threads() <= 64
    names = set(_signatures.STATUS_FUNCTIONS) | set(_signatures.VALUE_FUNCTIONS)
    include = Path(__file__).resolve().parents[3] / "include"
    if not include.exists():
        pytest.skip("cnn.h is not beside an installed package")
    declared = re.findall(r"\b(cnn_\w+)\(", (include / "cnn.h").read_text())
    declared += re.findall(
        r"^cnn_status (cnn_\w+)\(", (include / "cnn_plugin.h").read_text(), re.MULTILINE)
    assert names == set(declared)
