"""A model that was trained for one task, used for another: through the C interface and Python."""

import json
import subprocess
from pathlib import Path

import cnn
import numpy as np
import pytest

COMMAND = Path(__file__).resolve().parents[2] / ".build" / "release" / "cnn-command"


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


COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200),
           "grey": (120, 120, 120)}


def coloured(names, count, seed):
    """Noisy pictures of 24 by 24 of one colour each, and their classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count * len(names)) % len(names)
    means = np.array([COLOURS[name] for name in names])[labels]
    noise = rng.normal(scale=60, size=(len(labels), 24, 24, 3))
    return np.clip(means[:, None, None] + noise, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def base():
    """A network that tells red from grey."""
    model = cnn.Model.named("resnet_small", classes=2, input_shape=(24, 24, 3), widths=[4, 8],
                            blocks_per_stage=1, dropout=0.1)
    data = cnn.Dataset.from_arrays(*coloured(["red", "grey"], 20, 1), class_names=["red", "grey"])
    cnn.Trainer(model, epochs=4, learning_rate=0.01, batch_size=8).fit(data)
    return model


def test_finetune_learns_other_classes(base):
    names = ["green", "blue", "red"]
    data = cnn.Dataset.from_arrays(*coloured(names, 20, 2), class_names=names)
    seen = []
    before = parameters(base)
    options = {"seed": 3, "epochs": 8, "learning_rate": 0.01}
    mine, history = cnn.finetune(base, data, progress=seen.append, **options)
    unseen = cnn.Dataset.from_arrays(*coloured(names, 20, 4), class_names=names)
    assert mine.evaluate(unseen)["accuracy"] > 0.9
    assert mine.class_names == names and mine.preprocessing == base.preprocessing
    assert [phase["name"] for phase in history["phases"]] == ["head", "body"]
    assert history["validation_count"] == 12
    assert all(name.startswith("layer2.") for name in history["unfrozen"])
    after = parameters(mine)
    for name, old in before.items():
        np.testing.assert_array_equal(old, parameters(base)[name])
        if not name.startswith(("layer2", "fc")):
            np.testing.assert_array_equal(old, after[name])
    # Features first, without a loss, then the epochs of both phases.
    assert np.isnan(seen[0].loss) and seen[0].event == "step"
    assert [p.epoch for p in seen if p.event == "epoch"] == list(range(38))
    again, _ = cnn.finetune(base, data, **options)
    for name, old in after.items():
        np.testing.assert_array_equal(old, again.parameters[name])


def test_finetune_is_stopped_and_refuses(base):
    names = ["green", "blue"]
    data = cnn.Dataset.from_arrays(*coloured(names, 5, 2), class_names=names)
    with pytest.raises(cnn.CancelledError):
        cnn.finetune(base, data, progress=lambda progress: progress.epoch == 2)
    with pytest.raises(ZeroDivisionError):
        cnn.finetune(base, data, progress=lambda progress: 1 / 0)
    with pytest.raises(cnn.UnknownNameError, match="epochs"):
        cnn.finetune(base, data, epoch=3)
    with pytest.raises(cnn.InvalidArgumentError, match="views"):
        cnn.finetune(base, data, views=0)
    with pytest.raises(cnn.UnknownNameError, match=r"unfreeze.*layer2\.\*"):
        cnn.finetune(base, data, unfreeze=["layr2.*"])
    other = cnn.Dataset.from_arrays(*coloured(["red", "blue"], 5, 2), class_names=["red", "blue"])
    with pytest.raises(cnn.ShapeMismatchError, match="must be the same"):
        cnn.finetune(base, data, other)


@pytest.fixture
def folders(base, tmp_path):
    """Two folders of pictures, and a model file."""
    for name in ["green", "blue"]:
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index, picture in enumerate(coloured([name], 10, 5)[0]):
            cnn.Image(picture).save(tmp_path / "pets" / name / f"{index}.png")
    base.save(tmp_path / "base.cnn")
    return tmp_path


def run(folder, *arguments):
    if not COMMAND.exists():
        pytest.skip(f"{COMMAND} is not built; run \"make build\"")
    return subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, text=True)


def test_the_command_finetunes(folders, base):
    result = run(folders, "finetune", "--data", "pets", "--model", "base.cnn", "--output", "mine.cnn",
                 "--epochs", "2", "--seed", "1")
    assert result.returncode == 0, result.stderr
    assert "held-out samples" in result.stdout and "4 held-out" in result.stdout
    assert "finetuning base.cnn: 16 samples of blue, green, judged by 4 more" in result.stderr
    mine = cnn.Model.load(folders / "mine.cnn")
    assert mine.class_names == ["blue", "green"]
    assert mine.recognise(folders / "pets" / "green" / "0.png")[0].label == "green"
    # Python gives the same bits.
    data = cnn.Dataset.open(folders / "pets", size=24)
    again, _ = cnn.finetune(base, data, epochs=2, seed=1)
    for name in mine.parameters:
        np.testing.assert_array_equal(mine.parameters[name], again.parameters[name])


def test_the_command_judges_by_other_data_and_writes_json(folders):
    result = run(folders, "finetune", "--data", "pets", "--model", "base.cnn", "--epochs", "1",
                 "--validation", "pets", "--unfreeze", "layer1.*", "--unfreeze", "layer2.*", "--json")
    assert result.returncode == 0, result.stderr
    history = json.loads(result.stdout)
    assert history["validation_count"] == 20
    assert {name.split(".")[0] for name in history["unfrozen"]} == {"layer1", "layer2"}
    assert (folders / "finetuned.cnn").exists()


@pytest.mark.parametrize(("arguments", "hint"), [
    (["--unfreeze", "layr2.*"], "layer2.*"), (["--epochs", "-1"], "epochs"),
    (["--options", '{"view": 3}'], "views"), (["--model", "nothing.cnn"], "nothing.cnn"),
])
def test_the_command_refuses(folders, arguments, hint):
    given = ["finetune", "--data", "pets", "--model", "base.cnn"]
    result = run(folders, *given, *arguments)
    assert result.returncode != 0 and hint in result.stderr
