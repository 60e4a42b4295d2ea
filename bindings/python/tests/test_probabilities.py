"""Recognition settings, evaluation of probabilities, calibration, half precision."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnn

COMMAND = Path(__file__).resolve().parents[3] / ".build" / "release" / "cnn-command"


def softmax(logits, temperature=1.0):
    powers = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.fixture
def trained(digits):
    model = cnn.Model.named("mnist", classes=10, input_shape=digits.shape, seed=1)
    cnn.Trainer(model, epochs=1, seed=1, learning_rate=3e-3).fit(digits)
    return model


def test_settings_are_kept_with_the_model(model, tmp_path):
    assert model.recognition == {"temperature": 1.0, "average_flips": False}
    model.recognition = {"temperature": 1.25, "average_flips": True}
    model.save(tmp_path / "m.cnn")
    assert cnn.Model.load(tmp_path / "m.cnn").recognition == model.recognition
    assert model.copy().recognition == model.recognition
    for wrong in ({"temperature": 0}, {"temperature": -1}, {"temperature": "x"}, {"temp": 1},
                  {"average_flips": 3}):
        with pytest.raises(cnn.CNNError):
            model.recognition = wrong
    with pytest.raises(ValueError):
        model.recognition = {"temperature": float("nan")}
    with pytest.raises(cnn.InvalidArgumentError, match="cnn_model_set_recognition"):
        model.set_metadata("recognition", "{}")
    model.recognition = {}
    assert model.recognition == {"temperature": 1.0, "average_flips": False}


def test_mirror_images_need_pictures(linear):
    with pytest.raises(cnn.UnsupportedError, match="mirror"):
        linear.recognition = {"average_flips": True}


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.6, 2.5])
def test_probabilities_by_numpy(model, random, flips, temperature):
    samples = random.random((70, 8, 8, 1), np.float32)
    model.recognition = {"temperature": temperature, "average_flips": flips}
    logits = model.predict(samples).astype(np.float64)
    if flips:
        mirrored = model.predict(np.ascontiguousarray(samples[:, :, ::-1]))
        logits = (logits + mirrored) / 2
    expected = softmax(logits, temperature)
    before = samples.copy()
    np.testing.assert_allclose(model.probabilities(samples), expected, rtol=2e-6)
    assert np.array_equal(samples, before)
    channels_first = np.ascontiguousarray(samples.transpose(0, 3, 1, 2))
    assert np.array_equal(
        model.probabilities(channels_first, layout="NCHW"), model.probabilities(samples))
    assert model.probabilities(samples[:0]).shape == (0, 10)
    picture = cnn.Image((samples[0] * 255).astype(np.uint8))
    found = {p.index: p.probability for p in model.recognise(picture, 10)}
    again = model.probabilities(picture.to_tensor(model))[0]
    assert [found[index] for index in range(10)] == again.tolist()


@pytest.mark.skipif(not COMMAND.exists(), reason="the command is not built")
@pytest.mark.parametrize("flips", [False, True])
def test_python_and_the_command_give_the_same_bits(trained, test_digits, tmp_path, flips):
    trained.recognition = {"temperature": 1.7, "average_flips": flips}
    trained.save(tmp_path / "m.cnn", precision="float16")
    model = cnn.Model.load(tmp_path / "m.cnn")
    pictures = [str(tmp_path / f"{index}.png") for index in range(4)]
    for index, path in enumerate(pictures):
        test_digits.image(index).save(path)
    output = subprocess.run(
        [COMMAND, "predict", tmp_path / "m.cnn", *pictures, "--top", "10", "--json"],
        capture_output=True, check=True, text=True).stdout
    rows = {row["path"]: row["predictions"] for row in json.loads(output)}
    for path in pictures:
        ours = [(p.index, p.probability) for p in model.recognise(path, 10)]
        theirs = [(p["index"], float(np.float32(p["probability"]))) for p in rows[path]]
        assert ours == theirs
        tensor = cnn.Image(path).to_tensor(model)
        row = model.probabilities(tensor)[0]
        assert [p for _, p in ours] == [float(row[index]) for index, _ in ours]


def test_evaluation_by_numpy(trained, test_digits):
    temperature = 1.3
    trained.recognition = {"temperature": temperature}
    result = trained.evaluate(test_digits)
    samples, labels = test_digits.read(range(len(test_digits)), model=trained)
    p = softmax(trained.predict(samples).astype(np.float64), temperature)
    truth = np.eye(10)[labels]
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    edges = np.arange(16) / 15
    error = sum(
        abs(right[inside].mean() - confidence[inside].mean()) * inside.mean()
        for low, high in zip(edges, edges[1:], strict=False)
        if (inside := (confidence > low) & (confidence <= high)).any())
    assert result["accuracy"] == pytest.approx(right.mean())
    assert result["expected_calibration_error"] == pytest.approx(error, rel=1e-5)
    assert result["negative_log_likelihood"] == pytest.approx(
        -np.log(p[np.arange(len(labels)), labels]).mean(), rel=1e-5)
    assert result["brier_score"] == pytest.approx(((p - truth) ** 2).sum(axis=1).mean(), rel=1e-5)
    confusion = np.array(result["confusion"])
    assert confusion.sum() == len(labels) and result["class_names"] == test_digits.class_names
    precisions = [c / s if s else None
                  for c, s in zip(np.diag(confusion), confusion.sum(axis=0), strict=True)]
    assert result["class_precisions"] == pytest.approx(precisions)
    assert result["temperature"] == temperature and result["sources"] == []
    two = trained.evaluate(test_digits, classes=["3", "8"], temperature=1)
    chosen = np.isin(labels, [3, 8])
    expected = (p[chosen][:, [3, 8]].argmax(axis=1) == (labels[chosen] == 8)).mean()
    assert two["accuracy"] == pytest.approx(expected) and two["class_names"] == ["3", "8"]
    assert sum(map(sum, two["confusion"])) == chosen.sum() == two["count"]


def test_evaluating_a_model_that_ends_in_softmax(trained, test_digits):
    graph = trained.graph
    last = graph.get("outputs", [graph["layers"][-1]["name"]])[0]
    graph["layers"].append({"name": "probabilities", "type": "softmax", "inputs": [last]})
    graph["outputs"] = ["probabilities"]
    ending = cnn.Model(graph, class_names=trained.class_names)
    for name, value in trained.parameters.items():
        ending.parameters[name] = value
    for name, value in trained.states.items():
        ending.states[name] = value
    ours, theirs = trained.evaluate(test_digits), ending.evaluate(test_digits)
    assert theirs["confusion"] == ours["confusion"]
    for key in ("loss", "negative_log_likelihood", "brier_score"):
        assert theirs[key] == pytest.approx(ours[key], rel=1e-4)


def test_calibration(trained, test_digits):
    before = trained.evaluate(test_digits)
    report = trained.calibrate(test_digits)
    assert trained.recognition["temperature"] == report["temperature"] != 1
    assert report["before"]["negative_log_likelihood"] == before["negative_log_likelihood"]
    after = trained.evaluate(test_digits)
    assert after["negative_log_likelihood"] == report["after"]["negative_log_likelihood"]
    assert after["negative_log_likelihood"] < before["negative_log_likelihood"]
    assert after["confusion"] == before["confusion"]
    for factor in (0.99, 1.01):
        other = trained.evaluate(test_digits, temperature=report["temperature"] * factor)
        assert other["negative_log_likelihood"] > after["negative_log_likelihood"]
    assert trained.calibrate(test_digits, average_flips=True)["average_flips"]
    assert trained.recognition["average_flips"]
    with pytest.raises(cnn.UnknownNameError, match="batch_size"):
        trained.calibrate(test_digits, batchsize=3)


def test_sources_of_a_mixture(trained, test_digits, tmp_path):
    for source, first in (("one", 0), ("two", 40)):
        for index in range(first, first + 40):
            folder = tmp_path / source / str(test_digits.label(index))
            folder.mkdir(parents=True, exist_ok=True)
            test_digits.image(index).save(folder / f"{index}.png")
    names = [str(digit) for digit in range(10)]
    (tmp_path / "mixture.json").write_text(json.dumps({
        "classes": names, "sources": [{"data": "one"}, {"data": "two", "name": "other"}]}))
    mixture = cnn.Dataset.open(tmp_path / "mixture.json", size=test_digits.shape[0])
    result = trained.evaluate(mixture)
    whole = trained.evaluate(test_digits.subset(range(80)))
    assert [(s["name"], s["count"]) for s in result["sources"]] == [("one", 40), ("other", 40)]
    second = trained.evaluate(test_digits.subset(range(40, 80)))
    assert result["sources"][1]["confusion"] == second["confusion"]
    assert result["confusion"] == whole["confusion"]


# MARK: files


def saved(numbers, precision, tmp_path):
    """What comes back of numbers that a model file stores."""
    model = cnn.Model({"inputs": [{"name": "x", "shape": [1]}], "layers": [
        {"name": "y", "type": "linear", "out_features": len(numbers)}]})
    model.parameters["y.weight"] = numbers.reshape(-1, 1)
    model.save(tmp_path / "h.cnn", precision=precision)
    return cnn.Model.load(tmp_path / "h.cnn").parameters["y.weight"].reshape(-1)


def stored(path):
    """What Python's safetensors finds in that file."""
    from safetensors import safe_open

    with safe_open(path / "h.cnn", framework="numpy") as file:
        return file.get_tensor("y.weight").reshape(-1)


def test_rounding_is_numpys(tmp_path, random):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    every = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
    bits = random.integers(0, 2**32, 200_000, np.uint64).astype(np.uint32)
    small = (random.standard_normal(200_000) * 10.0 ** random.integers(-9, 5, 200_000))
    some = np.concatenate([bits.view(np.float32), small.astype(np.float32)])
    with np.errstate(over="ignore", invalid="ignore"):
        some = some[~np.isfinite(some) | (np.abs(some) < 65520)]
        ties = every[np.isfinite(every)]
        ties = ((ties[:-1].astype(np.float64) + ties[1:]) / 2).astype(np.float32)
        numbers = np.concatenate([every, some, ties, [np.float32(1e-45), np.float32(-0.0)]])
        expected = numbers.astype(np.float16)
    loaded = saved(numbers, "float16", tmp_path)
    halves = stored(tmp_path)
    assert halves.dtype == np.float16
    numeric = ~np.isnan(numbers)
    assert np.array_equal(halves.view(np.uint16)[numeric], expected.view(np.uint16)[numeric])
    assert np.isnan(halves[~numeric]).all()
    assert np.array_equal(loaded, halves.astype(np.float32), equal_nan=True)


def test_numbers_out_of_range_stay_exact(tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    numbers = np.array([1e-3, 7e4], np.float32)
    loaded = saved(numbers, "float16", tmp_path)
    assert stored(tmp_path).dtype == np.float32 and np.array_equal(loaded, numbers)
    assert np.array_equal(
        saved(numbers, "bfloat16", tmp_path),
        ((numbers.view(np.uint32) + 0x7FFF + (numbers.view(np.uint32) >> 16 & 1))
                 & 0xFFFF0000).view(np.float32))


def test_unknown_precision(model, tmp_path):
    with pytest.raises(cnn.UnknownNameError, match="float16"):
        model.save(tmp_path / "m.cnn", precision="float61")
    assert not (tmp_path / "m.cnn").exists()


def test_half_the_size(model, tmp_path):
    sizes = {}
    for precision in ("float32", "float16", "bfloat16"):
        model.save(tmp_path / precision, precision=precision)
        sizes[precision] = (tmp_path / precision).stat().st_size
        assert cnn.Model.load(tmp_path / precision).graph == model.graph
    assert (tmp_path / "float32").read_bytes() == model.to_bytes()
    saved = sizes["float32"] - sizes["float16"]
    assert abs(saved - 2 * model.parameter_count) <= 16
    assert sizes["bfloat16"] - sizes["float16"] in range(-16, 17)


def test_every_process_writes_the_same_bytes():
    """Hash tables have another order in each process; files must not show it."""
    program = """if True:
        import cnn, hashlib
        model = cnn.Model.named("convnet", classes=3, input_shape=[16, 16, 3], seed=4)
        model.class_names = ["c", "a", "b"]
        model.preprocessing = {"width": 16, "height": 16, "mean": [0.1, 0.2, 0.3]}
        model.recognition = {"temperature": 1.1, "average_flips": True}
        for key in "qwertyuiop":
            model.set_metadata(key, key * 3)
        print(hashlib.sha256(model.to_bytes()).hexdigest())
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(cnn.__file__).parents[1])}
    found = {subprocess.run([sys.executable, "-c", program], env=environment, check=True,
                            capture_output=True, text=True).stdout for _ in range(4)}
    assert len(found) == 1 and len(found.pop().strip()) == len(hashlib.sha256().hexdigest())
