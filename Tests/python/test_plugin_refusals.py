"""What is no plugin, or a bad one, is refused with a message that says why, and nothing else suffers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from plugin_support import EXAMPLES, FAULTS, compile_plugin, has_compiler, listed, python

pytestmark = pytest.mark.skipif(not has_compiler(), reason="there is no C compiler")

# Loads file after file in one process, and looks after each whether everything else is as it was.
LOAD_ALL = """
import ctypes, json, os, sys
import numpy as np
import cnn
library = ctypes.CDLL(os.environ["CNN_LIBRARY"])
library.cnn_plugin_load.restype = ctypes.c_int32
library.cnn_status_name.restype = library.cnn_last_error_message.restype = ctypes.c_char_p

def listing():
    texts = []
    for function in ("cnn_plugins", "cnn_layer_types", "cnn_loss_types", "cnn_optimizer_types"):
        text = ctypes.c_char_p()
        assert getattr(library, function)(ctypes.byref(text)) == 0
        texts.append(text.value)
    return texts

model = cnn.Model({"inputs": [{"name": "x", "shape": [6]}], "layers": [
    {"type": "linear", "out_features": 4}, {"type": "relu"}]}, seed=1)
samples = np.random.default_rng(1).standard_normal((5, 6), dtype=np.float32)
expected, types = model.predict(samples), listing()
results = []
for path in json.loads(sys.argv[1]):
    status = library.cnn_plugin_load(None if path is None else os.fsencode(path))
    results.append({
        "status": library.cnn_status_name(status).decode(),
        "message": "" if status == 0 else library.cnn_last_error_message().decode(),
        "unchanged": listing() == types and bool((model.predict(samples) == expected).all())})
print(json.dumps(results))
"""


def load_all(*paths: Path | str | None) -> list[dict[str, object]]:
    texts = [None if path is None else os.fsdecode(path) for path in paths]
    return python(LOAD_ALL, json.dumps(texts))


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A shared object for each reason, and the good one as NONE."""
    folder = tmp_path_factory.mktemp("refused")
    return {name: compile_plugin(FAULTS / "refused.c", folder / f"{name}.so", f"-DREASON={name}")
            for name, _, _ in listed(FAULTS / "refused.c")}


def test_bad_descriptions(refused: dict[str, Path]) -> None:
    rows = listed(FAULTS / "refused.c")
    bad = [row for row in rows if row[0] != "NONE"]
    assert len(bad) > 45
    results = load_all(*(refused[name] for name, _, _ in bad))
    wrong = []
    for (name, status, text), result in zip(bad, results, strict=True):
        if (result["status"] != status or text not in result["message"]
                or str(refused[name]) not in result["message"] or not result["unchanged"]):
            wrong.append(f"{name}: expected {status} with \"{text}\", got {result}")
    assert not wrong, "\n".join(wrong)


def test_names_are_taken_once(refused: dict[str, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.so"
    copy.write_bytes(refused["NONE"].read_bytes())
    (tmp_path / "link.so").symlink_to(refused["NONE"])
    # All reasons for saying no come first: none of them takes a name.
    results = load_all(refused["TYPE_BUILT_IN"], refused["NULL_FORWARD"], refused["NONE"],
                       refused["NONE"], tmp_path / "link.so", copy)
    assert [result["status"] for result in results] == [
        "CNN_INVALID_ARGUMENT", "CNN_INVALID_ARGUMENT", "CNN_OK", "CNN_OK", "CNN_OK",
        "CNN_INVALID_ARGUMENT"]
    assert str(copy) in results[-1]["message"] and "org.example.refused" in results[-1]["message"]


def test_types_of_another_plugin(tmp_path: Path) -> None:
    """A second plugin with a type of the first one."""
    source = (EXAMPLES / "swish.c").read_text()
    other = tmp_path / "other.c"
    other.write_text(source.replace('cnn_plugin), .id = "org.example.swish"',
                                    'cnn_plugin), .id = "org.example.other"'))
    assert other.read_text() != source
    first = compile_plugin(EXAMPLES / "swish.c", tmp_path / "first.so")
    second = compile_plugin(other, tmp_path / "second.so")
    results = load_all(first, second)
    assert results[0]["status"] == "CNN_OK"
    assert results[1]["status"] == "CNN_INVALID_ARGUMENT"
    for word in (str(second), "org.example.other", "org.example.swish"):
        assert word in results[1]["message"]


def test_what_is_no_plugin(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("This is a text.\n")
    (tmp_path / "empty.so").touch()
    (tmp_path / "nothing.c").write_text("int nothing(void);\nint nothing(void) { return 1; }\n")
    shared = compile_plugin(tmp_path / "nothing.c", tmp_path / "nothing.so")
    cut = tmp_path / "cut.so"
    cut.write_bytes(shared.read_bytes()[:3000])
    os.mkfifo(tmp_path / "pipe.so")
    object_file = tmp_path / "object.o"
    subprocess.run(["cc", "-c", tmp_path / "nothing.c", "-o", object_file], check=True)
    undefined = tmp_path / "undefined.c"
    undefined.write_text("int no_such_function(void);\nint call(void);\n"
                         "int call(void) { return no_such_function(); }\n")
    needs = compile_plugin(undefined, tmp_path / "needs.so")
    expected = [
        (text, "CNN_MALFORMED_DATA", "shared object"),
        (tmp_path / "empty.so", "CNN_MALFORMED_DATA", "shared object"),
        (cut, "CNN_MALFORMED_DATA", "shared object"),
        (object_file, "CNN_MALFORMED_DATA", "shared object"),
        (tmp_path, "CNN_MALFORMED_DATA", "shared object"),
        (tmp_path / "pipe.so", "CNN_MALFORMED_DATA", "shared object"),
        (shared, "CNN_MALFORMED_DATA", "cnn_plugin_entry"),
        (needs, "CNN_MALFORMED_DATA", "no_such_function"),
        (tmp_path / "missing.so", "CNN_INPUT_OUTPUT", "No such file"),
        ("libc.so.6", "CNN_INPUT_OUTPUT", "libc.so.6"),
        ("", "CNN_INPUT_OUTPUT", "empty"),
        (None, "CNN_INVALID_ARGUMENT", "NULL"),
        (b"\xff\xfe.so", "CNN_INVALID_ARGUMENT", "UTF-8"),
    ]
    results = load_all(*(path for path, _, _ in expected))
    wrong = [f"{path}: expected {status} with \"{word}\", got {result}"
             for (path, status, word), result in zip(expected, results, strict=True)
             if result["status"] != status or word not in result["message"]
             or not result["unchanged"]]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("source", ["faults.c", "training_faults.c"])
def test_every_fault_compiles_and_is_documented(source: str, tmp_path: Path) -> None:
    faults = listed(FAULTS / source)
    assert len(faults) > 20 and len({name for name, _, _ in faults}) == len(faults)
    readme = (FAULTS / "README.md").read_text()
    for name, what, check in faults:
        assert what and (name == "NONE" or f"| `{check}` |" in readme)
    for name in ("NONE", faults[-1][0]):
        compile_plugin(FAULTS / source, tmp_path / f"{name}.so", f"-DFAULT={name}")


def test_the_layer_without_a_fault_is_right(tmp_path: Path) -> None:
    """What finds faults may not be led astray by something else that is wrong with it."""
    plugin = compile_plugin(FAULTS / "faults.c", tmp_path / "none.so")
    assert python(CHECK, plugin) == {"passed": True, "bits": 1, "state": 2}


CHECK = """
import json, sys
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
graph = {"inputs": [{"name": "x", "shape": [5, 3, 4]}], "layers": [
    {"name": "one", "type": "org.example.faulty"}, {"name": "two", "type": "org.example.faulty"}]}
passed = cnn.Model(graph, seed=1).gradient_check(batch_size=3)["passed"]
x = np.random.default_rng(1).standard_normal((4, 5, 3, 4), dtype=np.float32)
results = set()
for threads in (1, 2, 3, 8):
    cnn.set_num_threads(threads)
    model = cnn.Model(graph, seed=1)
    training = cnn.Training(model, batch_size=4, loss="mean_squared_error")
    training.set_input(x)
    training.set_targets(0 * x)
    for _ in range(3):
        training.run_step()
    results.add(model.predict(x).tobytes() + model.states["one.running_mean"].tobytes())
print(json.dumps({"passed": passed, "bits": len(results), "state": len(model.states)}))
"""


def test_the_loss_and_the_optimizer_without_a_fault_are_right(tmp_path: Path) -> None:
    plugin = compile_plugin(FAULTS / "training_faults.c", tmp_path / "none.so")
    assert python(CHECK_TRAINING, plugin) == {"gradients": True, "optimizer": True}


CHECK_TRAINING = """
import json, sys
import numpy as np
import cnn
cnn.load_plugin(sys.argv[1])
graph = {"inputs": [{"name": "x", "shape": [6]}], "layers": [
    {"name": "y", "type": "linear", "out_features": 4}]}
loss = {"type": "org.example.faulty_loss", "factor": 1, "weight": 0.5}
gradients = cnn.Model(graph, seed=1).gradient_check(loss=loss)["passed"]
x, y = np.random.default_rng(1).standard_normal((2, 5, 6), dtype=np.float32)
weights = []
for optimizer, loss in (({"type": "org.example.faulty_optimizer", "factor": 0.9}, loss),
                        ({"type": "momentum", "momentum": 0.9},
                         {"type": "mean_squared_error", "weight": 0.5})):
    model = cnn.Model(graph, seed=1)
    training = cnn.Training(model, batch_size=5, loss=loss, optimizer=optimizer,
                            learning_rate=0.1, weight_decay=0.01)
    training.set_input(x)
    training.set_targets(y[:, :4])
    for _ in range(6):
        training.run_step()
    weights.append(np.array(model.parameters["y.weight"]))
same = bool(np.allclose(*weights, rtol=1e-4, atol=1e-6))
print(json.dumps({"gradients": gradients, "optimizer": same}))
"""
