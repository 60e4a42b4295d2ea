"""Threads and processes: the same bits, and no crash whatever they do."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import SMALL

import cnn


def test_64_threads_predict_the_same_bits(random):
    model = cnn.Model.named("resnet_small", classes=10, input_shape=[16, 16, 3])
    x = random.normal(size=(4, 16, 16, 3)).astype(np.float32)
    expected = model.predict(x)
    barrier = threading.Barrier(64)

    def predict(_):
        barrier.wait()
        return [model.predict(x) for _ in range(5)]

    with ThreadPoolExecutor(64) as pool:
        for results in pool.map(predict, range(64)):
            assert all(np.array_equal(result, expected) for result in results)


def test_bits_do_not_depend_on_the_number_of_threads(digits, test_digits):
    before, models = cnn.num_threads(), []
    try:
        for count in (1, 2, 3):
            cnn.set_num_threads(count)
            assert cnn.num_threads() == count
            model = cnn.Model(SMALL)
            cnn.Trainer(model, epochs=1, batch_size=64).fit(digits, test_digits)
            models.append((model.to_bytes(), model.predict(test_digits.read([0, 1])[0]).tobytes()))
    finally:
        cnn.set_num_threads(before)
    assert models[0] == models[1] == models[2]


def test_python_runs_while_the_library_computes():
    model = cnn.Model.named("resnet18", classes=10, input_shape=[64, 64, 3])
    done, ticks = threading.Event(), []

    def tick():
        while not done.wait(0.001):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    model.predict(np.zeros((16, 64, 64, 3), np.float32))
    done.set()
    thread.join()
    assert len(ticks) > 5


def test_one_session_is_for_one_thread_at_a_time(model, random):
    session = cnn.Session(model, batch_size=64)
    x = random.normal(size=(64, 8, 8, 1)).astype(np.float32)

    def run(_):
        try:
            for _ in range(20):
                session.run(x)
        except cnn.BusyError:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))  # busy or not: no crash
    np.testing.assert_array_equal(session.run(x)["logits"], model.predict(x))


def test_closing_while_others_use_it(random):
    x = random.normal(size=(2, 8, 8, 1)).astype(np.float32)
    for _ in range(20):
        model = cnn.Model(SMALL)
        expected = model.predict(x)

        def use(model=model, expected=expected):
            try:
                while True:
                    assert np.array_equal(model.predict(x), expected)
            except (ValueError, cnn.CNNError) as problem:
                return str(problem)

        with ThreadPoolExecutor(4) as pool:
            uses = [pool.submit(use) for _ in range(4)]
            model.close()
            assert all("closed" in u.result() or "freed" in u.result() for u in uses)


def test_closing_while_others_read_names():
    for _ in range(20):
        model = cnn.Model(SMALL, class_names=[f"a long name of class {i}" for i in range(10)])

        def read(model=model):
            try:
                while True:
                    assert all(name.startswith("a long name") for name in model.class_names)
                    assert all("." in name for name in model.parameters)
            except (ValueError, cnn.CNNError) as problem:
                return str(problem)

        with ThreadPoolExecutor(4) as pool:
            reads = [pool.submit(read) for _ in range(4)]
            model.close()
            assert all("closed" in r.result() or "freed" in r.result() for r in reads)


def test_predicting_while_training(digits):
    model = cnn.Model(SMALL)
    x, stop, failures = digits.read([0, 1])[0], threading.Event(), []

    def predict():
        while not stop.is_set():
            try:
                assert np.isfinite(model.predict(x)).all()
            except cnn.BusyError:
                continue
            except Exception as failure:
                failures.append(failure)

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        cnn.Trainer(model, epochs=2).fit(digits)
    except cnn.BusyError:
        pass
    finally:
        stop.set()
        thread.join()
    assert not failures


def _predict(model, x):
    return model.predict(x).tobytes()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method, random):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system does not start processes by {method}")
    model = cnn.Model(SMALL)
    x = random.normal(size=(64, 8, 8, 1)).astype(np.float32)
    expected = _predict(model, x)  # so that the parent has threads
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_predict, [(model, x)] * 4) == [expected] * 4


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_forked_child_goes_on(digits):
    model = cnn.Model(SMALL)
    expected = model.predict(digits.read([0])[0]).tobytes()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def child():
        session = cnn.Session(model)
        cnn.Trainer(cnn.Model(SMALL), epochs=1).fit(digits.subset(range(64)))
        queue.put(session.run(digits.read([0])[0])["logits"].tobytes())

    process = context.Process(target=child)
    process.start()
    result = queue.get(timeout=60)
    process.join(60)
    assert process.exitcode == 0
    np.testing.assert_allclose(
        np.frombuffer(result, np.float32), np.frombuffer(expected, np.float32), rtol=1e-5,
        atol=1e-6)
