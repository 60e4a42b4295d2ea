"""Looking at a decision: maps, overlays and errors through the C interface, and the command."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import cnn
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".build" / "release" / "cnn-command"

GRAPH = {
    "inputs": [{"name": "image", "shape": [12, 16, 3]}],
    "layers": [
        {"name": "conv", "type": "conv2d", "out_channels": 6, "kernel_size": 3, "padding": "same"},
        {"name": "norm", "type": "batch_norm"},
        {"name": "relu", "type": "relu"},
        {"name": "pool", "type": "max_pool2d", "kernel_size": 2},
        {"name": "drop", "type": "dropout"},
        {"name": "mean", "type": "global_avg_pool2d"},
        {"name": "logits", "type": "linear", "out_features": 3},
    ],
}


@pytest.fixture
def model() -> cnn.Model:
    """A small model with class names."""
    return cnn.Model(GRAPH, seed=3, class_names=["cat", "dog", "neither"])


@pytest.fixture
def photo() -> np.ndarray:
    """A photo of another size than the model's input."""
    return np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize("method", ["grad_cam", "saliency", "occlusion"])
def test_an_explanation_goes_with_the_answer(
    model: cnn.Model, photo: np.ndarray, method: str, tmp_path: Path
) -> None:
    best = model.recognise(photo, top=1)[0]
    explanation = model.explain(photo, method)
    assert (explanation.index, explanation.label) == (best.index, best.label)
    assert explanation.probability == best.probability
    assert explanation.method == method and method in repr(explanation)
    values = explanation.map
    assert values.shape == (60, 80) and values.dtype == np.float32
    assert np.isfinite(values).all() and values.max() > 0
    # Interpolating can only bring extremes closer together.
    assert explanation.minimum == values.min() and explanation.maximum == values.max()
    overlay = explanation.overlay(opacity=0.4)
    assert overlay.shape == (60, 80, 3)
    overlay.save(tmp_path / "overlay.png")
    assert (np.asarray(cnn.Image(tmp_path / "overlay.png")) == np.asarray(overlay)).all()
    assert (np.asarray(explanation.overlay(opacity=0)) == photo).all()


def test_grad_cam_by_hand(model: cnn.Model) -> None:
    """On a linear layer of means, Grad-CAM is the class activation map."""
    model.states["norm.running_var"] = np.linspace(0.5, 2, 6)
    photo = np.random.default_rng(2).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    session = cnn.Session(model, keep=["pool"])
    session.run(cnn.Image(photo).to_tensor(model)[None])
    features = session.output("pool")[0]
    for index in range(3):
        weights = model.parameters["logits.weight"][index]
        expected = np.maximum(features @ weights / features[..., 0].size, 0)
        explanation = model.explain(photo, label=index)
        # A map of 6 x 8 over 12 x 16 pixels: the mean of the four pixels of a corner is its number.
        corner = explanation.map[0, 0]
        assert corner == pytest.approx(expected[0, 0], abs=1e-6)
        assert explanation.maximum <= expected.max() + 1e-6
        fine = model.explain(photo, label=index, layer="relu").map
        assert fine.shape == (12, 16)


def test_saliency_by_differences(model: cnn.Model) -> None:
    photo = np.random.default_rng(4).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    sample = cnn.Image(photo).to_tensor(model)
    found = model.explain(photo, "saliency", "dog").map
    for row, column in [(0, 0), (5, 9), (11, 15)]:
        slopes = []
        for channel in range(3):
            up, down = sample.copy(), sample.copy()
            up[row, column, channel] += 2e-3
            down[row, column, channel] -= 2e-3
            slopes.append(abs((model.predict(up) - model.predict(down))[0, 1]) / 4e-3)
        assert found[row, column] == pytest.approx(max(slopes), rel=0.2, abs=2e-4)


def test_occlusion_points_at_what_matters(model: cnn.Model) -> None:
    """A model that looks at the upper left corner only."""
    flat = cnn.Model({
        "inputs": [{"name": "image", "shape": [8, 8, 3]}],
        "layers": [{"name": "flat", "type": "flatten"},
                   {"name": "logits", "type": "linear", "out_features": 2}]})
    weights = np.zeros((2, 3, 8, 8), np.float32)
    weights[0, :, :2, :2] = 1
    flat.parameters["logits.weight"] = weights.reshape(2, -1)
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[:8, :8] = 255
    values = flat.explain(photo, "occlusion", 0, window=2, stride=2, fill=[0, 0, 0]).map
    assert values[:7, :7].min() > 0.1
    assert abs(values[12:, 12:]).max() < 1e-6


def test_smoothing_and_its_seed(model: cnn.Model, photo: np.ndarray) -> None:
    def smooth(**options: object) -> np.ndarray:
        return model.explain(photo, "saliency", "cat", smooth=5, **options).map

    assert (smooth() == smooth(seed=0)).all()
    assert (smooth() != smooth(seed=1)).any()
    assert (smooth() != smooth(noise=0.3)).any()


def test_the_way_back_onto_the_photo(model: cnn.Model) -> None:
    photo = np.random.default_rng(6).integers(0, 256, (48, 160, 3), dtype=np.uint8)
    model.preprocessing = {
        "width": 16, "height": 12, "resize": "shorter_side", "shorter_side": 16}
    seen = model.explain(photo, "saliency").map
    # 48 rows become 16, of which the network sees 12; 160 columns become 53, of which it sees 16.
    rows, columns = np.nonzero(seen)
    assert 5 <= rows.min() <= 7 and 40 <= rows.max() <= 42
    assert 52 <= columns.min() <= 58 and 100 <= columns.max() <= 106
    model.preprocessing = {"width": 16, "height": 12, "resize": "fit"}
    assert (model.explain(photo, "saliency").map > 0).all()


def test_the_model_stays_as_it_is_and_is_shared(model: cnn.Model, photo: np.ndarray) -> None:
    before = model.to_bytes()
    expected = {name: model.explain(photo, name).map for name in ("grad_cam", "saliency")}
    wrong: list[str] = []

    def work(name: str) -> None:
        for _ in range(5):
            if not (model.explain(photo, name).map == expected[name]).all():
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in [*expected] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and model.to_bytes() == before


def test_an_explanation_outlives_its_model(model: cnn.Model, photo: np.ndarray) -> None:
    explanation = model.explain(photo)
    model.close()
    assert explanation.overlay().shape == (60, 80, 3)
    explanation.close()
    with pytest.raises(ValueError, match="closed"):
        explanation.overlay()


@pytest.mark.parametrize(("arguments", "kind", "message"), [
    ({"method": "gradcam"}, cnn.UnknownNameError, "grad_cam"),
    ({"label": "dgo"}, cnn.UnknownNameError, "dog"),
    ({"label": 3}, cnn.InvalidArgumentError, "3 classes"),
    ({"layer": "rellu"}, cnn.UnknownNameError, "relu"),
    ({"layer": "logits"}, cnn.InvalidArgumentError, r"\[3\]"),
    ({"window": 3}, cnn.UnknownNameError, "window"),
    ({"method": "occlusion", "window": 13}, cnn.InvalidArgumentError, "1 to 12"),
    ({"method": "occlusion", "fill": "meann"}, cnn.UnknownNameError, "mean"),
])
def test_mistakes(
    model: cnn.Model, photo: np.ndarray, arguments: dict, kind: type, message: str
) -> None:
    with pytest.raises(kind, match=message):
        model.explain(photo, **arguments)


def test_mistakes_of_overlays(model: cnn.Model, photo: np.ndarray) -> None:
    explanation = model.explain(photo)
    with pytest.raises(cnn.InvalidArgumentError, match="opacity"):
        explanation.overlay(2)
    with pytest.raises(cnn.UnknownNameError, match="viridis"):
        explanation.overlay(color_map="virids")
    with pytest.raises(cnn.InputOutputError, match="nowhere"):
        model.explain("/nowhere.jpg")


def run(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command and checks its exit status."""
    result = subprocess.run(
        [str(COMMAND), "explain", *map(str, arguments)], capture_output=True, text=True,
        timeout=120)
    assert result.returncode == status, result.stdout + result.stderr
    return result


@pytest.mark.skipif(not COMMAND.exists(), reason="the command is not built")
class TestCommand:
    """``cnn explain``."""

    @pytest.fixture
    def files(self, model: cnn.Model, photo: np.ndarray, tmp_path: Path) -> tuple[Path, Path]:
        model.save(tmp_path / "pets.cnn")
        cnn.Image(photo).save(tmp_path / "photo.one.png")
        return tmp_path / "pets.cnn", tmp_path / "photo.one.png"

    def test_every_method_writes_a_picture(
        self, files: tuple[Path, Path], model: cnn.Model, photo: np.ndarray, tmp_path: Path
    ) -> None:
        path, picture = files
        folder = tmp_path / "maps"
        result = run("--model", path, picture, "--method", "all", "--class", "dog", "-o", folder)
        lines = result.stdout.splitlines()
        assert len(lines) == 3 and all(line.startswith(f"{picture}: dog ") for line in lines)
        for method in ("grad_cam", "saliency", "occlusion"):
            written = cnn.Image(folder / f"photo.one.{method}.png")
            expected = model.explain(photo, method, "dog").overlay()
            assert (np.asarray(written) == np.asarray(expected)).all()

    def test_json(self, files: tuple[Path, Path], model: cnn.Model, tmp_path: Path) -> None:
        path, picture = files
        result = run("--model", path, picture, picture, "missing.png", "--json", "-o", tmp_path,
                     "--layer", "conv", "--class", 0, status=66)
        rows = json.loads(result.stdout)
        assert [Path(row["output"]).name for row in rows] == [
            "photo.one.grad_cam.png", "photo.one-2.grad_cam.png"]
        expected = model.explain(picture, label=0, layer="conv")
        assert rows[0]["label"] == "cat" and rows[0]["index"] == 0
        assert rows[0]["probability"] == pytest.approx(expected.probability, abs=1e-7)
        assert rows[0]["maximum"] == pytest.approx(expected.maximum, rel=1e-6)
        assert "missing.png" in result.stderr

    @pytest.mark.parametrize(("arguments", "status", "fragment"), [
        (["--method", "al"], 64, "all"),
        (["--class", "cta"], 64, "cat"),
        (["--opacity", "3"], 64, "opacity"),
        (["--options", '{"windw": 3}', "--method", "all"], 64, "window"),
        (["--options", "{"], 65, "--options"),
        (["-o", "/proc/nothing"], 66, "/proc/nothing"),
    ])
    def test_mistakes(
        self, files: tuple[Path, Path], arguments: list[str], status: int, fragment: str
    ) -> None:
        path, picture = files
        assert fragment in run("--model", path, picture, *arguments, status=status).stderr
