"""Whole runs: progress, stopping, history, resuming, determinism."""

from __future__ import annotations

import math
import os
import signal
import threading

import numpy as np
import pytest
from conftest import LINEAR, SMALL

import cnn


def test_a_run_learns_and_reports(digits, test_digits):
    model, seen = cnn.Model(SMALL), []
    trainer = cnn.Trainer(model, epochs=3, learning_rate=0.01)
    history = trainer.fit(digits, test_digits, progress=seen.append)
    assert history is trainer.history and history["stopped"] == "finished"
    assert [epoch["epoch"] for epoch in history["epochs"]] == [0, 1, 2]
    assert len(history["steps"]) == 3 * 47
    assert history["epochs"][-1]["validation_accuracy"] > 0.8
    steps = [p for p in seen if p.event == "step"]
    epochs = [p for p in seen if p.event == "epoch"]
    assert len(steps) == 3 * 47 and len(epochs) == 3
    assert isinstance(steps[0], cnn.Progress)
    assert (steps[0].epoch, steps[0].step, steps[0].step_count, steps[0].epoch_count) == (
        0, 1, 47, 3)
    assert math.isnan(steps[0].validation_loss)
    assert epochs[-1].validation_accuracy == history["epochs"][-1]["validation_accuracy"]
    assert all(p.samples_per_second >= 0 and p.seconds >= 0 for p in seen)
    assert model.class_names == digits.class_names
    result = model.evaluate(test_digits, top=2)
    best = history["epochs"][history["best_epoch"]]
    assert math.isclose(result["accuracy"], best["validation_accuracy"])
    assert result["count"] == len(test_digits) == np.sum(result["confusion"])
    assert result["top_accuracy"] >= result["accuracy"]


def test_the_function_can_stop_the_run(digits):
    trainer = cnn.Trainer(cnn.Model(SMALL), epochs=5)
    with pytest.raises(cnn.CancelledError):
        trainer.fit(digits, progress=lambda p: p.epoch == 1 and p.step == 3)
    assert trainer.history["stopped"] == "cancelled" and len(trainer.history["epochs"]) == 1
    # The model is free again.
    cnn.Trainer(trainer.model, epochs=1).fit(digits)


@pytest.mark.parametrize("failure", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_exceptions_of_the_function_come_out(digits, failure):
    calls = []

    def progress(event):
        calls.append(event)
        raise failure("mine")

    with pytest.raises(failure, match="mine"):
        cnn.Trainer(cnn.Model(SMALL), epochs=5).fit(digits, progress=progress)
    assert len(calls) == 1


@pytest.mark.skipif(not hasattr(os, "kill"), reason="needs signals")
def test_ctrl_c_stops_a_run_without_a_function(digits):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            cnn.Trainer(cnn.Model(SMALL), epochs=100_000).fit(digits)
    finally:
        timer.cancel()


def test_using_the_model_within_the_function_is_no_deadlock(digits):
    model = cnn.Model(SMALL)

    def progress(_):
        try:
            return not np.isfinite(model.predict(np.zeros((1, 8, 8, 1)))).all()
        except cnn.BusyError:
            return False

    history = cnn.Trainer(model, epochs=1).fit(digits, progress=progress)
    assert history["stopped"] == "finished"


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_progress_bar(digits, with_tqdm, capsys, monkeypatch):
    if with_tqdm:
        pytest.importorskip("tqdm", reason="tqdm is not installed")
    else:
        monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    cnn.Trainer(cnn.Model(SMALL), epochs=2).fit(digits, progress=True)
    captured = capsys.readouterr()
    output = captured.err if with_tqdm else captured.out
    assert "epoch 2" in output and "nan" not in output


@pytest.mark.parametrize("threads", [1, 2])
def test_resuming_ends_with_the_same_bits(digits, test_digits, tmp_path, threads):
    before = cnn.num_threads()
    options = {"epochs": 4, "optimizer": "adam", "seed": 3,
               "augment": {"random_crop": {"padding": 1}}}
    data = digits.subset(range(300))
    try:
        cnn.set_num_threads(1)
        straight = cnn.Model(SMALL)
        history = cnn.Trainer(straight, **options).fit(data, test_digits)
        cnn.set_num_threads(threads)
        checkpoint = tmp_path / "checkpoint"
        first = cnn.Trainer(cnn.Model(SMALL), **options, checkpoint=checkpoint, resume=True)
        with pytest.raises(cnn.CancelledError):
            first.fit(data, test_digits, progress=lambda p: p.epoch == 2)
        second = cnn.Trainer(
            cnn.Model(SMALL, seed=9), **options, checkpoint=checkpoint, resume=True)
        resumed = second.fit(data, test_digits)
    finally:
        cnn.set_num_threads(before)
    assert second.model.to_bytes() == straight.to_bytes()
    assert resumed["steps"] == history["steps"]


RECIPE = {
    "epochs": 4, "optimizer": "momentum", "learning_rate": 0.01, "seed": 3,
    "augment": {"random_crop": {"padding": 1}}, "mixup": {"alpha": 0.3},
    "cutmix": {"probability": 0.5}, "ema": {"decay": 0.95}, "class_balance": True,
    "loss": {"type": "softmax_cross_entropy", "label_smoothing": 0.1},
    "schedule": {"type": "cosine", "warmup_epochs": 1},
}


def test_a_whole_recipe_learns_and_resumes(digits, test_digits, tmp_path):
    straight = cnn.Model(SMALL)
    cnn.Trainer(straight, **RECIPE).fit(digits, test_digits)
    assert straight.evaluate(test_digits)["accuracy"] > 0.7
    checkpoint = tmp_path / "checkpoint"
    options = {**RECIPE, "checkpoint": checkpoint, "resume": True}
    with pytest.raises(cnn.CancelledError):
        cnn.Trainer(cnn.Model(SMALL), **options).fit(
            digits, test_digits, progress=lambda p: p.epoch == 1 and p.step == 20)
    resumed = cnn.Model(SMALL, seed=9)
    cnn.Trainer(resumed, **options).fit(digits, test_digits)
    assert resumed.to_bytes() == straight.to_bytes()


def test_presets_fill_in_what_is_not_given(digits):
    presets = {preset["name"]: preset["options"] for preset in cnn.training_presets()}
    assert set(presets) == {"alexnet", "modern"}
    assert presets["alexnet"]["batch_size"] == 128
    # None takes an option out of the preset: these pictures are grey.
    options = {"preset": "alexnet", "epochs": 1, "augment": None, "seed": 2}
    model = cnn.Model(SMALL)
    history = cnn.Trainer(model, **options).fit(digits)
    assert len(history["steps"]) == 12 and history["epochs"][0]["learning_rate"] == 0.01
    same = cnn.Model(SMALL)
    cnn.Trainer(same, **{**presets["alexnet"], **options, "preset": None}).fit(digits)
    assert same.to_bytes() == model.to_bytes()
    with pytest.raises(cnn.UnsupportedError, match="lighting"):
        cnn.Trainer(cnn.Model(SMALL), preset="alexnet", epochs=1).fit(digits)


def test_balanced_batches(digits):
    few = digits.subset([i for i, label in enumerate(digits.labels) if label == 0 or i % 7 == 0])
    labels = np.concatenate(
        [batch for _, batch in few.batches(batch_size=16, seed=1, class_balance=True)])
    counts = np.bincount(labels, minlength=10)
    assert counts.max() - counts.min() <= 1 and counts.sum() == len(few)
    with pytest.raises(cnn.UnsupportedError, match="mixup"):
        few.batches(batch_size=16, mixup={"alpha": 1})


def test_patience_and_best_parameters(digits, test_digits):
    model = cnn.Model(SMALL)
    history = cnn.Trainer(model, epochs=50, patience=2, learning_rate=0.02).fit(
        digits.subset(range(200)), test_digits)
    assert history["stopped"] in ("patience", "finished")
    best = max(epoch["validation_accuracy"] for epoch in history["epochs"])
    assert math.isclose(model.evaluate(test_digits)["accuracy"], best)


@pytest.mark.parametrize("options, problem, message", [
    ({"epoch": 1}, cnn.UnknownNameError, "epochs"),
    ({"optimizer": "adamm"}, cnn.UnknownNameError, "adam"),
    ({"epochs": 0}, cnn.CNNError, "epochs"),
    ({"epochs": -1}, cnn.CNNError, "epochs"),
    ({"epochs": 2**70}, cnn.CNNError, "epochs"),
    ({"learning_rate": math.nan}, ValueError, "JSON"),
    ({"learning_rate": np.inf}, ValueError, "JSON"),
    ({"learning_rate": "fast"}, cnn.CNNError, "learning_rate"),
    ({"learning_rate": object()}, TypeError, "JSON"),
    ({"preset": "alexnett"}, cnn.UnknownNameError, "alexnet"),
    ({"ema": {"decay": 2}}, cnn.CNNError, "ema.decay"),
    ({"mixup": {"alpha": -1}}, cnn.CNNError, "mixup.alpha"),
    ({"cutmix": {"probability": 2}}, cnn.CNNError, "cutmix.probability"),
    ({"class_balance": 1}, cnn.CNNError, "class_balance"),
    ({"batch_size": 2.5}, cnn.CNNError, "batch_size"),
    ({"checkpoint": "/nowhere/at/all"}, cnn.InputOutputError, "nowhere"),
])
def test_wrong_options(digits, options, problem, message):
    with pytest.raises(problem, match=message):
        cnn.Trainer(cnn.Model(SMALL), **{"epochs": 1, **options}).fit(digits)


def test_options_may_be_numpy_numbers_and_none(digits):
    history = cnn.Trainer(
        cnn.Model(SMALL), epochs=np.int64(1), learning_rate=np.float32(0.01), augment=None,
        drop_last=np.bool_(True)).fit(digits)
    assert len(history["steps"]) == 46


def test_data_that_does_not_fit(digits):
    with pytest.raises(cnn.ShapeMismatchError):
        cnn.Trainer(cnn.Model(LINEAR), epochs=1).fit(
            cnn.Dataset.from_arrays(np.zeros((4, 5)), [0, 1, 0, 1]))
    with pytest.raises(cnn.UnsupportedError):
        cnn.Trainer(cnn.Model(LINEAR), epochs=1).fit(digits)
    with pytest.raises(cnn.CNNError):
        cnn.Trainer(cnn.Model(SMALL), epochs=1).fit(cnn.Model(SMALL))
