"""A model that was trained for one task, used for another: through the C interface and Python."""

import cnn
import numpy as np
import pytest


def parameters(model):
    return {name: model.parameters[name] for name in model.parameters}


def test_replace_head_keeps_everything_but_the_head():
    model = cnn.Model.named("resnet_small", classes=3, input_shape=(16, 16, 3), seed=2)
    model.class_names = ["cat", "dog", "neither"]
    model.set_metadata("author", "somebody")
    model.preprocessing = {"width": 16, "height": 16, "mean": [0.4, 0.5, 0.6]}
    new = model.replace_head(["ragdoll", "sphynx"], seed=7)
    assert new.class_names == ["ragdoll", "sphynx"]
    assert new.preprocessing == model.preprocessing
    assert new.metadata("author") == "somebody"
    before, after = parameters(model), parameters(new)
    assert after["fc.weight"].shape == (2, 64)
    for name in set(before) - {"fc.weight", "fc.bias"}:
        np.testing.assert_array_equal(before[name], after[name])
    by_name = model.replace_head(5, layer="fc")
    assert by_name.class_names == [] and by_name.outputs[0].shape == (5,)
    assert model.outputs[0].shape == (3,)


@pytest.mark.parametrize(("classes", "options", "error", "hint"), [
    (0, {}, cnn.InvalidArgumentError, "classes"),
    (-1, {}, cnn.InvalidArgumentError, "classes"),
    (2**62, {}, cnn.InvalidArgumentError, "classes"),
    ([], {}, cnn.InvalidArgumentError, "classes"),
    (["a", "a"], {}, cnn.InvalidArgumentError, "twice"),
    (["a", ""], {}, cnn.InvalidArgumentError, "empty"),
    (2, {"layer": "fd"}, cnn.UnknownNameError, "fc"),
    (2, {"layer": "conv1"}, cnn.UnsupportedError, "conv1"),
    (2, {"seed": -1}, cnn.InvalidArgumentError, "seed"),
])
def test_replace_head_refuses(classes, options, error, hint):
    model = cnn.Model.named("resnet_small", classes=3, input_shape=(16, 16, 3))
    with pytest.raises(error, match=hint):
        model.replace_head(classes, **options)


def test_patterns_freeze_and_set_rates():
    model = cnn.Model.named("resnet_small", classes=3, input_shape=(8, 8, 1), widths=[4, 8],
                            blocks_per_stage=1)
    before = parameters(model)
    states = {name: model.states[name] for name in model.states}
    training = cnn.Training(
        model, frozen=["conv1.*", "bn1.*", "layer1.*"], optimizer="sgd", learning_rate=0.1,
        learning_rates={"layer2.*": 0.1, "layer2.*.bn?.*": 0, "fc.*": 1})
    rng = np.random.default_rng(1)
    training.step(rng.normal(size=(6, 8, 8, 1)), [0, 1, 2, 0, 1, 2])
    after = parameters(model)
    for name, old in before.items():
        trained = name.startswith("fc") or (name.startswith("layer2") and ".bn" not in name)
        assert (old == after[name]).all() != trained, name
    for name, old in states.items():
        assert (old == model.states[name]).all() != name.startswith("layer2"), name


@pytest.mark.parametrize(("options", "hint"), [
    ({"frozen": ["layr2.*"]}, r"layer2\.\*"),
    ({"learning_rates": {"fd.*": 1}}, r"fc\.\*"),
    ({"decay": {"*.bn7.bias": True}}, r"\*\.bn1\.bias"),
    ({"learning_rates": {"fc.*": -1}}, "learning_rates"),
    ({"freeze_statistics": "some"}, "freeze_statistics"),
])
def test_unfit_patterns_name_their_option(options, hint):
    model = cnn.Model.named("resnet_small", classes=3, input_shape=(8, 8, 1))
    with pytest.raises(cnn.CNNError, match=hint) as failure:
        cnn.Training(model, **options)
    assert next(iter(options)) in str(failure.value)
