"""Classes and attributes that make no sense are refused when they are registered."""

from __future__ import annotations

import numpy as np
import pytest
from plugin_classes import Identity, Swish, graph, registered, unique

import cnn


def forward(self, call, x):
    return x


@pytest.mark.parametrize("base, members, part", [
    (cnn.Layer, {"id": "", "forward": forward}, "needs an id"),
    (cnn.Layer, {"id": 5, "forward": forward}, "needs an id"),
    (cnn.Layer, {}, "needs a method forward"),
    (cnn.Loss, {}, "needs a method evaluate"),
    (cnn.Optimizer, {}, "needs a method update"),
    (cnn.Layer, {"forward": 5}, "forward = 5"),
    (cnn.Layer, {"forward": forward, "build": None}, "build = None"),
    (cnn.Layer, {"forward": forward, "__init__": forward}, "__init__"),
    (cnn.Layer, {"forward": forward, "__slots__": ()}, "__slots__"),
    (cnn.Layer, {"forward": forward, "inputs": 0}, "inputs"),
    (cnn.Layer, {"forward": forward, "inputs": (2, 1)}, "inputs"),
    (cnn.Layer, {"forward": forward, "inputs": "two"}, "inputs"),
    (cnn.Layer, {"forward": forward, "version": 0}, "version"),
    (cnn.Layer, {"forward": forward, "version": 2**40}, "version"),
    (cnn.Layer, {"forward": forward, "in_place": cnn.Attribute(bool)}, "hides Layer.in_place"),
    (cnn.Loss, {"evaluate": forward, "targets": "numbers"}, "targets"),
    (cnn.Loss, {"evaluate": forward, "targets": ()}, "targets"),
    (cnn.Optimizer, {"update": forward, "state_names": "buffer"}, "buffer"),
])
def test_definitions_that_make_no_sense_to_python(base, members, part):
    with pytest.raises(TypeError) as caught:
        registered(base, **members)
    assert part in str(caught.value)


@pytest.mark.parametrize("members, part", [
    ({"id": "swish"}, "domain"), ({"id": "org example.swish"}, "org example"),
    ({"id": "org." + "x" * 200}, "xxx"), ({"id": Swish.id}, "already"),
    ({"type_": cnn.Attribute(int, 1, name="type")}, "type"),
    ({"a": cnn.Attribute(int, 1, name="b"), "b": cnn.Attribute(int, 1)}, "b"),
    ({"a": cnn.Attribute(int, "x")}, "a"), ({"a": cnn.Attribute(int, 6, maximum=5)}, "6"),
    ({"a": cnn.Attribute("choice", "x", choices=["y"])}, "x"),
])
def test_definitions_that_the_library_refuses(members, part):
    with pytest.raises(cnn.CNNError) as caught:
        registered(Identity, **members)
    assert part in str(caught.value)
    assert isinstance(caught.value, (cnn.InvalidArgumentError, cnn.UnknownNameError))


def test_a_class_may_be_replaced_while_one_experiments():
    name = unique("replaced")

    def define(factor, **members):
        @cnn.register(replace=True)
        class Scaled(cnn.Layer):
            id = name
            locals().update(members)

            def forward(self, call, x):
                return factor * x

        return Scaled

    x = np.ones((1, 6), np.float32)
    assert define(2).id == name
    first = cnn.Model(graph({"type": name}))
    define(3)
    second = cnn.Model(graph({"type": name}))
    assert np.all(first.predict(x) == 2) and np.all(second.predict(x) == 3)
    for members in ({"version": 2}, {"beta": cnn.Attribute(float, 1.0)}, {"inputs": 2},
                    {"backward": lambda self, call, gradient: gradient}):
        with pytest.raises(cnn.InvalidArgumentError, match="another id"):
            define(4, **members)
    with pytest.raises(cnn.InvalidArgumentError, match="already"):
        registered(Identity, id=name)


def test_other_things_cannot_be_registered():
    for wrong in (5, None, int, Swish.forward, cnn.Model):
        with pytest.raises(TypeError, match=r"cnn\.Layer"):
            cnn.register(wrong)
    with pytest.raises(TypeError, match="id"):
        cnn.register(cnn.Layer)
    with pytest.raises(TypeError, match="made by the library"):
        Swish()


@pytest.mark.parametrize("arguments, options, kind", [
    ((complex,), {}, TypeError), (("number",), {}, TypeError),
    ((int, 1), {"choices": ["a"]}, TypeError),
    (("choice",), {}, TypeError), ((str,), {"choices": "ab"}, TypeError),
    ((bool,), {"minimum": 0}, TypeError), ((int,), {"minimum": 2, "maximum": 1}, ValueError),
    ((int,), {"minimum": 0, "maximum": 0}, ValueError),
])
def test_attributes_that_make_no_sense(arguments, options, kind):
    with pytest.raises(kind):
        cnn.Attribute(*arguments, **options)
