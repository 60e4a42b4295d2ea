"""The benchmark measures what its file of shapes says, and writes the tables it should.

No time is judged here.
"""

import json
import sys
from pathlib import Path

import cnn
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))

from harness import environment, passes, report, scaling, summary, workloads  # noqa: E402
from harness.graph import Graph, Weights  # noqa: E402
from harness.results import Results  # noqa: E402

SHAPES = workloads.load()
TINY = {"graph": {
    "inputs": [{"name": "input", "shape": [8, 8, 3]}],
    "layers": [{"name": "conv", "type": "conv2d", "out_channels": 4, "kernel_size": 3,
                "padding": "same"}, {"name": "bn", "type": "batch_norm"},
               {"name": "flatten", "type": "flatten"},
               {"name": "logits", "type": "linear", "out_features": 2}]}}
BRIEFLY = passes.Effort(rounds=1, runs=2, seconds=0.01, longest=1, patience=0, timeout=60)


def tiny(mode, **values):
    momentum = {"type": "momentum", "learning_rate": 0.01, "momentum": 0.9}
    return workloads.Workload("tiny", "Tiny", "tiny", TINY, mode, 2, at_least=1.5,
                              optimizer=momentum if mode == "train" else None, **values)


def test_every_workload_is_a_network_of_the_library():
    assert len(SHAPES.workloads) == 20
    assert {workload.mode for workload in SHAPES.workloads} == set(workloads.MODES)
    for name, network in {w.network_name: w.network for w in SHAPES.workloads}.items():
        model = cnn.Model.named(network["named"]) if "named" in network else cnn.Model(
            network["graph"])
        graph = Graph.read(model.graph)
        assert graph.shapes[graph.output_name] == model.outputs[0].shape, name
        assert graph.input_shape == model.inputs[0].shape, name


def test_scaling_changes_what_it_says():
    for one in SHAPES.scaling:
        for value, workload in zip(one.values, one.workloads):
            if one.axis == "batch":
                assert workload.batch == value
            else:
                assert workload.network["options"] == {"input_shape": [value, value, 3]}


def test_words_select_workloads():
    def names(words):
        return [workload.name for workload in workloads.select(SHAPES.workloads, words)]

    assert names("convnet-predict-1") == ["convnet-predict-1"]
    assert names("resnet50-predict, deep") == [
        "deep-train-100", "resnet50-predict-1", "resnet50-predict-8"]
    assert len(names(None)) == 20
    with pytest.raises(workloads.ShapesError, match="no workload is called 'vgg'"):
        names("vgg")


GOOD = {"name": "a", "title": "A", "network": "n", "mode": "predict", "batch": 1}


@pytest.mark.parametrize("change, message", [
    ({"mode": "dream"}, "mode 'dream'"),
    ({"batch": 0}, "batch is from 1"),
    ({"network": "m"}, "'m'"),
    ({"mode": "train"}, "needs an optimizer"),
    ({"mode": "train", "optimizer": {"type": "magic"}}, "needs an optimizer"),
    ({"colour": "red"}, "colour"),
])
def test_a_wrong_workload_is_refused(tmp_path, change, message):
    path = tmp_path / "shapes.json"
    path.write_text(json.dumps({
        "networks": {"n": {"named": "convnet"}}, "workloads": [{**GOOD, **change}],
        "scaling": []}))
    with pytest.raises(workloads.ShapesError, match=message):
        workloads.load(path)


@pytest.mark.parametrize("mode", workloads.MODES)
def test_our_side_runs(mode, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "BUILD", tmp_path)
    complaints = []
    measured = passes.compare(tiny(mode), [], 1, BRIEFLY, complaints.append)
    assert complaints == [] and measured["errors"] == {}
    (one,) = measured["passes"]["cnn"]["cnn"]
    assert len(one["times_ms"]) >= 2 and min(one["times_ms"]) > 0
    assert one["parameters"] == (3 * 9 * 4 + 4) + 2 * 4 + (256 * 2 + 2)
    assert one["peak_mb"] > 1
    if mode == "train":
        assert one["first_loss"] > 0
    else:
        assert len(one["result"]) == {"predict": 4, "gradients": 8}[mode]


def test_the_parameters_reach_the_peers(tmp_path):
    model = cnn.Model(TINY["graph"])
    model.save(tmp_path / "model.cnn")
    weights = Weights(tmp_path / "model.cnn")
    assert "conv.weight" in weights and "conv.colour" not in weights
    assert (weights["conv.weight"] == model.parameters["conv.weight"]).all()


def one_pass(*times, peak=100.0, result=(1.0, 2.0), version="1"):
    return {"times_ms": list(times), "peak_mb": peak, "version": version, "result": list(result)}


MEASURED = {
    "passes": {
        "cnn": {"cnn": [one_pass(4, 5, 9, peak=50), one_pass(7, 8, 9, peak=60)]},
        "torch": {"eager": [one_pass(20, 20, 20, peak=400)],
                  "compile": [one_pass(10, 10, 40, peak=800)]},
        "onnxruntime": {"onnxruntime": [one_pass(12, 12, 12, result=(1.0, 2.1))]},
    },
    "errors": {"torch channels_last": "took more than 300 s"},
}


def test_a_summary_takes_the_quieter_pass_of_the_fastest_way():
    result = summary.summarize(MEASURED)
    sides = result["sides"]
    assert sides["cnn"]["median_ms"] == 5 and sides["cnn"]["fastest_ms"] == 4
    assert sides["torch"]["way"] == "compile" and sides["torch"]["leanest_mb"] == 400
    assert summary.best_peer(sides) == "torch" and summary.ratio(sides, "torch") == 2
    assert summary.memory_ratio(sides) == 0.5
    assert result["disagreeing"] == ["onnxruntime onnxruntime"]


def test_the_report_has_times_ratios_and_notes(tmp_path):
    machine = {"cpu": "Abacus", "cores": 2, "instructions": "AVX2", "system": "Linux",
               "date": "today", "commit": "abc"}
    results = Results(tmp_path / "results.json", machine)
    results.add("tiny", 2, summary.summarize(MEASURED))
    results.scaling = [{"axis": "batch", "network": "tiny", "mode": "predict", "batch": None,
                        "points": [{"value": 4, "median_ms": 8, "ms_per_unit": 2,
                                    "peak_mb": 30}]}]
    results.startup = {"median_ms": 12.34, "fastest_ms": 11, "runs": 20}
    text = report.markdown(results, [tiny("predict")])
    assert "| Tiny | 5.00 | 12.0 | 10.0 (compile) | **2.00** | 1.5 |  |  |" in text
    assert "| Tiny | 50 | 100 | 400 | 0.50 |" in text
    assert "| 4 | 8.00 | 2.00 | 30 |" in text and "12.3 ms" in text
    assert "torch channels_last: took more than 300 s" in text
    assert "outputs of onnxruntime onnxruntime differ" in text


    page = report.replace_between("a <!-- benchmark -->old<!-- end of benchmark --> z", "benchmark",
                                  report.short(results, [tiny("predict")]))
    assert "| Tiny | 5.00 |" in page and "old" not in page
    assert page.startswith("a ") and page.endswith(" z")
    with pytest.raises(ValueError, match="there is no <!-- table -->"):
        report.replace_between(page, "table", "")


def test_results_of_other_workloads_stay(tmp_path):
    machine = {"cpu": "Abacus", "cores": 2, "date": "monday", "commit": "abc"}
    Results(tmp_path / "r.json", machine).add("first", 1, {"sides": {}})
    Results(tmp_path / "r.json", {**machine, "date": "tuesday"}).add("second", 2, {"sides": {}})
    merged = Results(tmp_path / "r.json", machine)
    assert merged.get("first", 1)["date"] == "monday"
    assert merged.get("second", 2)["date"] == "tuesday"
    assert Results(tmp_path / "r.json", {**machine, "cpu": "other"}).workloads == {}


def test_scaling_divides_by_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "BUILD", tmp_path)
    one = workloads.Scaling("batch", "tiny", (2,), (tiny("predict"),))
    (point,) = scaling.measure(one, 1, BRIEFLY)["points"]
    assert point["value"] == 2 and point["ms_per_unit"] == point["median_ms"] / 2
