"""The example plugins: they compile without a warning, train from C, Python and the command, and keep
what layers promise."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from plugin_support import (COMMAND, EXAMPLES, LAYERS, ROOT, compile_plugin, compile_program, convnet,
                            has_compiler, python, run)

import cnn

pytestmark = pytest.mark.skipif(not has_compiler(), reason="there is no C compiler")
SOURCES = sorted(path.stem for path in EXAMPLES.glob("*.c") if path.stem != "train")


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The compiled plugins."""
    folder = tmp_path_factory.mktemp("plugins")
    return {name: compile_plugin(EXAMPLES / f"{name}.c", folder / f"{name}.so") for name in SOURCES}


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a digit that nothing was trained on."""
    path = tmp_path_factory.mktemp("pictures") / "digit.png"
    cnn.Dataset.named("digits", part="test").image(3).save(path)
    return path


# ---- Compiling


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_examples_compile(name: str, compiler: str, standard: str, tmp_path: Path) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    compile_plugin(EXAMPLES / f"{name}.c", tmp_path / "plugin.so", standard=standard,
                   compiler=compiler)


def test_the_makefile(tmp_path: Path) -> None:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    shutil.copytree(EXAMPLES, tmp_path / "examples" / "plugins",
                    ignore=shutil.ignore_patterns("mish", "*.so"))
    shutil.copytree(ROOT / "include", tmp_path / "include")
    run("make", "-C", tmp_path / "examples" / "plugins")
    assert {path.stem for path in tmp_path.glob("examples/plugins/*.so")} == set(SOURCES)


def test_swish_is_short() -> None:
    assert len((EXAMPLES / "swish.c").read_text().splitlines()) < 120


def test_plugins_need_nothing_of_the_library(plugins: dict[str, Path]) -> None:
    if not shutil.which("nm"):
        pytest.skip("nm is not installed")
    for path in plugins.values():
        lines = run("nm", "-D", path).stdout.splitlines()
        names = {(line.split()[-2], line.split()[-1]) for line in lines}
        assert {name for kind, name in names if name.startswith("cnn_")} == {"cnn_plugin_entry"}


def test_a_plugin_in_cpp(tmp_path: Path) -> None:
    plugin = compile_plugin(ROOT / "Tests" / "plugins" / "cpp.cc", tmp_path / "cpp.so",
                            standard="c++11", compiler="g++")
    assert python(TRAIN, plugin, json.dumps(convnet({"type": "org.example.cpp"})),
                  tmp_path / "m.cnn")["same"]


# ---- Training, saving, loading

TRAIN = """
import json, sys
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
model = cnn.Model(json.loads(sys.argv[2]), seed=7)
train, test = cnn.Dataset.named("digits"), cnn.Dataset.named("digits", part="test")
cnn.Trainer(model, epochs=4, learning_rate=0.003, seed=7).fit(train)
model.save(sys.argv[3])
again = cnn.Model.load(sys.argv[3])
samples = np.random.default_rng(1).random((7, 8, 8, 1), dtype=np.float32)
print(json.dumps({"same": bool((model.predict(samples) == again.predict(samples)).all()),
                  "accuracy": again.evaluate(test)["accuracy"]}))
"""

RECOGNISE = """
import json, sys
import cnn
cnn.load_plugin(sys.argv[1])
best = cnn.Model.load(sys.argv[2]).recognise(sys.argv[3], top=10)
print(json.dumps([[row.index, float(row.probability)] for row in best]))
"""

RECOGNISE_IN_C = r"""
#include <cnn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  cnn_model *model;
  cnn_prediction best[10];
  int64_t count;
  if (argc == 4 && cnn_plugin_load(argv[3]) != CNN_OK) goto failed;
  if (cnn_model_load(argv[1], &model) != CNN_OK) goto failed;
  if (cnn_recognise_file(model, argv[2], 10, best, &count) != CNN_OK) goto failed;
  for (int i = 0; i < count; i++) {
    printf("%s[%d, %.17g]%s", i ? ", " : "[", (int)best[i].index, (double)best[i].probability,
           i + 1 == count ? "]" : "");
  }
  cnn_model_free(model);
  return 0;
failed:
  fprintf(stderr, "%s: %s\n", cnn_status_name(cnn_model_load(argv[1], &model)),
          cnn_last_error_message());
  return 1;
}
"""


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recogniser")
    (folder / "recognise.c").write_text(RECOGNISE_IN_C)
    return compile_program(folder / "recognise.c", folder / "recognise")


def trained_by_c(name: str, plugins: dict[str, Path], folder: Path) -> Path:
    program = compile_program(EXAMPLES / "train.c", folder / "train")
    layer = LAYERS[name]
    attributes = json.dumps({key: value for key, value in layer.items() if key != "type"})[1:-1]
    model = folder / "c.cnn"
    output = run(program, plugins[name], layer["type"], model, attributes).stdout
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", output)]
    accuracies = [float(value) for value in re.findall(r"accuracy ([\d.]+) %", output)]
    assert len(losses) == 4 and losses[-1] < losses[0] / 2 and accuracies[-1] > 80
    assert f"saved and loaded {model}: the same" in output
    return model


def trained_by_python(name: str, plugins: dict[str, Path], folder: Path) -> Path:
    model = folder / "python.cnn"
    result = python(TRAIN, plugins[name], json.dumps(convnet(LAYERS[name])), model)
    assert result["same"] and result["accuracy"] > 0.8
    return model


def trained_by_command(name: str, plugins: dict[str, Path], folder: Path) -> Path:
    if not COMMAND.exists():
        pytest.skip("the command is not built")
    graph = folder / "graph.json"
    graph.write_text(json.dumps(convnet(LAYERS[name])))
    model = folder / "command.cnn"
    history = run(COMMAND, "train", "--plugin", plugins[name], "--model", graph, "--data", "digits",
                  "--epochs", 4, "--learning-rate", 0.003, "--json", "--plot", "none", "-o",
                  model).stdout
    assert json.loads(history)["epochs"][-1]["accuracy"] > 0.8
    return model


@pytest.mark.parametrize("trained", [trained_by_c, trained_by_python, trained_by_command])
@pytest.mark.parametrize("name", LAYERS)
def test_training_here_and_predicting_everywhere(
        name: str, trained, plugins: dict[str, Path], recogniser: Path, picture: Path,
        tmp_path: Path) -> None:
    model = trained(name, plugins, tmp_path)
    plugin = plugins[name]
    answers = {
        "C": json.loads(run(recogniser, model, picture, plugin).stdout),
        "Python": python(RECOGNISE, plugin, model, picture)}
    if COMMAND.exists():
        rows = json.loads(run(COMMAND, "predict", model, picture, "--top", 10, "--json", "--plugin",
                              plugin).stdout)
        answers["command"] = [[row["index"], row["probability"]] for row in rows[0]["predictions"]]
    bits = {where: [(index, np.float32(share).tobytes()) for index, share in rows]
            for where, rows in answers.items()}
    assert len(set(map(tuple, bits.values()))) == 1, answers

    # Without the plugin, everybody says what is missing.
    complaints = [run(recogniser, model, picture, status=1).stderr, python(LOAD_WITHOUT, model)]
    if COMMAND.exists():
        complaints.append(run(COMMAND, "predict", model, picture, status=64).stderr)
    for said in complaints:
        assert f"\"{LAYERS[name]['type']}\" version 1; load the plugin" in said, said


LOAD_WITHOUT = """
import json, sys
import cnn
try:
    cnn.Model.load(sys.argv[1])
except cnn.UnknownNameError as problem:
    print(json.dumps(str(problem)))
"""


def test_the_command_shows_plugins(plugins: dict[str, Path]) -> None:
    if not COMMAND.exists():
        pytest.skip("the command is not built")
    said = run(COMMAND, "plugins", "--plugin", plugins["swish"], "--plugin", plugins["training"]).stdout
    for word in ("org.example.swish", "beta", "org.example.focal", "org.example.lion", "1.0.0"):
        assert word in said
    listed = json.loads(run(COMMAND, "plugins", "--json", "--plugin", plugins["swish"]).stdout)
    assert [plugin["id"] for plugin in listed["plugins"]] == ["org.example.swish"]
    assert listed["plugins"][0]["layer_types"] == ["org.example.swish"]


def test_the_environment_names_plugins_for_the_command_alone(
        plugins: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(plugins["swish"], folder)
    (folder / "notes.txt").write_text("not a plugin")
    places = f"{folder}:{plugins['relu']}"
    listing = "import cnn, json; print(json.dumps(len(cnn.plugins())))"
    assert python(listing, variables={"CNN_PLUGIN_PATH": places}) == 0
    if not COMMAND.exists():
        pytest.skip("the command is not built")
    environment = {**os.environ, "CNN_PLUGIN_PATH": places}
    shown = json.loads(run(COMMAND, "plugins", "--json", env=environment).stdout)
    assert [plugin["id"] for plugin in shown["plugins"]] == ["org.example.swish", "org.example.relu"]
    # Named twice, loaded once.
    run(COMMAND, "plugins", "--plugin", plugins["relu"], env=environment)
    bad = {**os.environ, "CNN_PLUGIN_PATH": str(tmp_path / "nowhere")}
    said = subprocess.run([COMMAND, "plugins"], env=bad, capture_output=True, text=True)
    assert said.returncode and "CNN_PLUGIN_PATH" in said.stderr and "nowhere" in said.stderr


def test_models_of_another_version(plugins: dict[str, Path], tmp_path: Path) -> None:
    """A model of a later version of a type is refused, one of an earlier version is not."""
    source = (EXAMPLES / "swish.c").read_text()
    later = tmp_path / "later.c"
    later.write_text(source.replace('"org.example.swish", .version = 1', '"org.example.swish", .version = 2'))
    assert later.read_text() != source
    second = compile_plugin(later, tmp_path / "later.so")
    graph = json.dumps(convnet(LAYERS["swish"]))
    python(SAVE, plugins["swish"], graph, tmp_path / "first.cnn")
    python(SAVE, second, graph, tmp_path / "second.cnn")
    assert python(LOAD, second, tmp_path / "first.cnn") == ""
    said = python(LOAD, plugins["swish"], tmp_path / "second.cnn")
    assert "org.example.swish" in said and "version 2" in said and "version 1" in said


SAVE = """
import json, sys
import cnn
cnn.load_plugin(sys.argv[1])
cnn.Model(json.loads(sys.argv[2])).save(sys.argv[3])
print("null")
"""
LOAD = """
import json, sys
import cnn
cnn.load_plugin(sys.argv[1])
try:
    cnn.Model.load(sys.argv[2])
    print(json.dumps(""))
except cnn.CNNError as problem:
    print(json.dumps(str(problem)))
"""

# ---- What layers promise

GRADIENTS = """
import json, sys
import cnn
cnn.load_plugin(sys.argv[1])
results = []
for layer in json.loads(sys.argv[2]):
    graph = {"inputs": [{"name": "x", "shape": [5, 7, 6]}], "layers": [{"name": "own", **layer}]}
    for options in ({}, {"batch_size": 1}, {"batch_size": 5, "seed": 3}):
        report = cnn.Model(graph, seed=2).gradient_check(**options)
        results.append({"layer": layer, "options": options, **report})
print(json.dumps(results))
"""


@pytest.mark.parametrize(("name", "layers"), [
    ("swish", [LAYERS["swish"], {"type": "org.example.swish"},
               {"type": "org.example.swish", "beta": 0}]),
    ("relu", [LAYERS["relu"], {"type": "org.example.relu"}]),
    ("squeeze_excitation", [LAYERS["squeeze_excitation"],
                            {"type": "org.example.squeeze_excitation"},
                            {"type": "org.example.squeeze_excitation", "reduction": 1}])])
def test_gradients(name: str, layers: list[dict[str, object]], plugins: dict[str, Path]) -> None:
    for report in python(GRADIENTS, plugins[name], json.dumps(layers)):
        assert report["passed"], report
        names = {array["name"] for array in report["arrays"]}
        if name == "squeeze_excitation":
            assert {f"own.{part}_{kind}" for part in ("reduce", "expand")
                    for kind in ("weight", "bias")} <= names
        assert all(array["checked"] + array["skipped"] > 0 for array in report["arrays"])


BITS = """
import hashlib, json, sys
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
random = np.random.default_rng(5)
samples = random.standard_normal((6, 24, 20, 3), dtype=np.float32)
labels = random.integers(0, 10, 6)
hashes = []
for threads in (1, 2, 3, 8):
    cnn.set_num_threads(threads)
    model = cnn.Model(json.loads(sys.argv[2]), seed=4)
    training = cnn.Training(model, batch_size=6, input_gradients=True)
    for _ in range(3):
        training.step(samples, labels)
    digest = hashlib.sha256(model.predict(samples).tobytes())
    training.set_input(samples)
    training.set_labels(labels)
    training.zero_gradients()
    training.forward()
    training.loss()
    training.backward()
    digest.update(training.input_gradient().tobytes())
    for gradient in training.gradients.values():
        digest.update(gradient.tobytes())
    hashes.append(digest.hexdigest())
print(json.dumps(hashes))
"""


@pytest.mark.parametrize("name", LAYERS)
def test_the_same_bits_with_any_number_of_threads(name: str, plugins: dict[str, Path]) -> None:
    hashes = python(BITS, plugins[name], json.dumps(convnet(LAYERS[name], (24, 20, 3))))
    assert len(hashes) == 4 and len(set(hashes)) == 1


OTHER_LANGUAGE = """
import json, sys
import numpy as np
import cnn
if sys.argv[1].endswith(".so"):
    cnn.load_plugin(sys.argv[1])
else:
    sys.path.insert(0, sys.argv[1])
    import swish
    cnn.Model(json.loads(sys.argv[3]), seed=3).save(sys.argv[2])
samples = np.random.default_rng(1).random((7, 8, 8, 1), dtype=np.float32)
print(json.dumps(cnn.Model.load(sys.argv[2]).predict(samples).tolist()))
"""


def test_a_model_of_the_layer_in_python_runs_with_the_one_in_c(
        plugins: dict[str, Path], tmp_path: Path) -> None:
    model, graph = tmp_path / "m.cnn", json.dumps(convnet(LAYERS["swish"]))
    made = python(OTHER_LANGUAGE, EXAMPLES, model, graph)
    assert np.allclose(made, python(OTHER_LANGUAGE, plugins["swish"], model), rtol=1e-4, atol=1e-5)


COMPARE = """
import json, sys
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
random = np.random.default_rng(5)
samples = random.standard_normal((6, 24, 20, 3), dtype=np.float32)
labels = random.integers(0, 10, 6)
outputs = []
for graph in json.loads(sys.argv[2]):
    model = cnn.Model(graph, seed=4)
    training = cnn.Training(model, batch_size=6)
    losses = [training.step(samples, labels) for _ in range(3)]
    outputs.append((losses, model.predict(samples).tobytes()))
print(json.dumps(all(output == outputs[0] for output in outputs)))
"""


def test_the_rectifier_has_the_bits_of_the_built_in_one(plugins: dict[str, Path]) -> None:
    """Declared or not, fused into the convolution or not."""
    graphs = [convnet(layer, (24, 20, 3)) for layer in (
        {"type": "relu"}, {"type": "org.example.relu"},
        {"type": "org.example.relu", "declare": False})]
    assert python(COMPARE, plugins["relu"], json.dumps(graphs)) is True


def test_squeeze_and_excitation_against_numpy(plugins: dict[str, Path]) -> None:
    assert python(REFERENCE, plugins["squeeze_excitation"]) < 1e-5


REFERENCE = """
import json, sys
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
model = cnn.Model({"inputs": [{"name": "x", "shape": [3, 5, 8]}], "layers": [
    {"name": "own", "type": "org.example.squeeze_excitation", "reduction": 2}]}, seed=1)
random = np.random.default_rng(2)
for name in list(model.parameters):
    model.parameters[name] = random.standard_normal(model.parameters[name].shape)
p = {name.split(".")[1]: np.array(value, np.float64) for name, value in model.parameters.items()}
x = random.standard_normal((4, 3, 5, 8))
hidden = np.maximum(x.mean((1, 2)) @ p["reduce_weight"].T + p["reduce_bias"], 0)
gate = 1 / (1 + np.exp(-(hidden @ p["expand_weight"].T + p["expand_bias"])))
print(json.dumps(float(np.abs(model.predict(x) - x * gate[:, None, None]).max())))
"""

# ---- The loss and the optimizer

FOCAL = """
import json, sys
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
graph = {"inputs": [{"name": "x", "shape": [6]}], "layers": [
    {"name": "y", "type": "linear", "out_features": 4}]}
results = {}
for gamma in (0, 0.5, 2):
    report = cnn.Model(graph, seed=1).gradient_check(
        batch_size=3, loss={"type": "org.example.focal", "gamma": gamma})
    results[f"gradient {gamma}"] = report["passed"]
random = np.random.default_rng(1)
x, labels = random.standard_normal((5, 6), dtype=np.float32), random.integers(0, 4, 5)
losses = []
for loss in ("softmax_cross_entropy", {"type": "org.example.focal", "gamma": 0}):
    training = cnn.Training(cnn.Model(graph, seed=1), batch_size=5, loss=loss)
    losses.append([training.step(x, labels) for _ in range(5)])
results["cross entropy"] = bool(np.allclose(*losses, rtol=1e-5))
model = cnn.Model(graph, seed=1)
logits = model.predict(x).astype(np.float64)
p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
p = p[np.arange(5), labels]
training = cnn.Training(model, batch_size=5, loss={"type": "org.example.focal"})
results["value"] = bool(np.isclose(training.step(x, labels), np.mean(-(1 - p) ** 2 * np.log(p)),
                                   rtol=1e-5))
print(json.dumps(results))
"""

LION = """
import json, sys, os
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
graph = {"inputs": [{"name": "x", "shape": [6]}], "layers": [
    {"name": "y", "type": "linear", "out_features": 4}]}
options = dict(batch_size=5, optimizer={"type": "org.example.lion", "beta1": 0.8},
               learning_rate=0.02, weight_decay=0.1)
random = np.random.default_rng(1)
x, labels = random.standard_normal((5, 6), dtype=np.float32), random.integers(0, 4, 5)
model = cnn.Model(graph, seed=1)
weight = {name: np.array(value, np.float64) for name, value in model.parameters.items()}
average = {name: np.zeros_like(value) for name, value in weight.items()}
training = cnn.Training(model, **options)
training.set_input(x)
training.set_labels(labels)
worst = 0
for step in range(6):
    training.zero_gradients(); training.forward(); training.loss(); training.backward()
    for name, gradient in training.gradients.items():
        gradient = np.array(gradient, np.float64)
        direction = np.sign(0.8 * average[name] + 0.2 * gradient)
        decay = 0.1 if name == "y.weight" else 0
        weight[name] = (1 - 0.02 * decay) * weight[name] - 0.02 * direction
        average[name] = 0.99 * average[name] + 0.01 * gradient
    training.optimizer_step()
    for name, value in training.parameters.items():
        worst = max(worst, float(np.abs(weight[name] - value).max()))
    if step == 2:
        training.save(sys.argv[2])
other = cnn.Training(cnn.Model(graph, seed=9), **options)
other.load(sys.argv[2])
other.set_input(x)
other.set_labels(labels)
for _ in range(3):
    other.run_step()
same = all((other.parameters[name] == value).all() for name, value in training.parameters.items())
print(json.dumps({"worst": worst, "same": bool(same)}))
"""


def test_the_focal_loss(plugins: dict[str, Path]) -> None:
    results = python(FOCAL, plugins["training"])
    assert len(results) == 5 and all(results.values()), results


def test_lion_against_numpy_and_from_a_checkpoint(plugins: dict[str, Path], tmp_path: Path) -> None:
    results = python(LION, plugins["training"], tmp_path / "checkpoint")
    assert results["worst"] < 1e-5 and results["same"], results


def test_training_with_both_from_the_command(plugins: dict[str, Path], tmp_path: Path) -> None:
    if not COMMAND.exists():
        pytest.skip("the command is not built")
    history = run(COMMAND, "train", "--plugin", plugins["training"], "--model", "mnist", "--data",
                  "digits", "--epochs", 3, "--optimizer", "org.example.lion", "--learning-rate",
                  0.001, "--json", "--plot", "none", "-o", tmp_path / "m.cnn").stdout
    assert json.loads(history)["epochs"][-1]["accuracy"] > 0.8
