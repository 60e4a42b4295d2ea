"""Python layers, losses and optimizers that raise: errors with their text, and no crash."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import SMALL
from plugin_classes import (
    Identity,
    Momentum,
    SquaredError,
    Swish,
    Trouble,
    graph,
    predict,
    raising,
    registered,
    train,
)

import cnn

FAILING = [
    (Identity, "build", predict), (Identity, "workspace", predict),
    (Identity, "prepare", predict), (Identity, "forward", predict), (Identity, "forward", train),
    (Identity, "backward", train),
    (SquaredError, "build", lambda kind: train(loss=kind.id)),
    (SquaredError, "check", lambda kind: train(loss=kind.id)),
    (SquaredError, "evaluate", lambda kind: train(loss=kind.id)),
    (Momentum, "build", lambda kind: train(optimizer=kind.id)),
    (Momentum, "update", lambda kind: train(optimizer=kind.id)),
]


@pytest.mark.parametrize("base, method, use", FAILING)
def test_each_callback_fails_in_turn(base, method, use):
    failure = Trouble(f"é in {method}")
    kind = registered(base, **{method: raising(failure)})
    with pytest.raises(cnn.LayerFailedError) as caught:
        use(kind)
    message = str(caught.value)
    assert f"Trouble: é in {method}" in message and "plugin_classes.py:" in message
    assert f"in {method}, " in message
    assert caught.value.__cause__ is failure
    # Everything else goes on working.
    assert predict(Swish).shape == (2, 6) and train() > 0


@pytest.mark.parametrize("base, method, use", FAILING)
@pytest.mark.parametrize("failure", [
    cnn.ShapeMismatchError("the shape is odd"), cnn.InvalidArgumentError("the argument is odd"),
    cnn.UnsupportedError("cannot do that")])
def test_exceptions_of_the_library_keep_their_status(base, method, use, failure):
    kind = registered(base, **{method: raising(failure)})
    with pytest.raises(type(failure), match=str(failure)) as caught:
        use(kind)
    assert type(caught.value) is type(failure) and caught.value.__cause__ is failure


@pytest.mark.parametrize("base, method, use", FAILING)
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), SystemExit(3)])
def test_interrupts_come_back_as_themselves(base, method, use, failure):
    kind = registered(base, **{method: raising(failure)})
    with pytest.raises(type(failure)) as caught:
        use(kind)
    assert caught.value is failure


def test_odd_exceptions():
    class Unprintable(Exception):
        def __str__(self):
            raise ValueError

    class UnprintableError(cnn.LayerFailedError):
        def __str__(self):
            raise ValueError

    for failure in (Unprintable(), UnprintableError(), Trouble(), Trouble("\0 \ud800"),
                    Trouble("x" * 100_000), Trouble("\U0001f600" * 100_000),
                    Trouble("{} %s %n")):
        with pytest.raises(cnn.LayerFailedError) as caught:
            predict(registered(Identity, forward=raising(failure)))
        assert caught.value.__cause__ is failure
    with pytest.raises(MemoryError) as caught:
        predict(registered(Identity, forward=raising(MemoryError("no room"))))
    assert isinstance(caught.value, cnn.OutOfMemoryError) and "no room" in str(caught.value)


def test_errors_of_the_library_itself_have_no_cause():
    with pytest.raises(cnn.LayerFailedError):
        predict(registered(Identity, forward=raising(Trouble("one"))))
    with pytest.raises(cnn.UnknownNameError) as caught:
        cnn.Model(graph({"type": "org.example.nobody"}))
    assert caught.value.__cause__ is None


def test_exceptions_of_many_threads_find_their_way():
    kinds = [registered(Identity, forward=raising(Trouble(f"number {i};"))) for i in range(8)]
    models = [cnn.Model(graph({"type": kind.id})) for kind in kinds]
    barrier = threading.Barrier(8)

    def fail(index):
        barrier.wait()
        for _ in range(20):
            with pytest.raises(cnn.LayerFailedError) as caught:
                models[index].predict(np.ones((1, 6)))
            assert str(caught.value.__cause__) == f"number {index};"
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(fail, range(8)))


@pytest.mark.parametrize("failure, kind", [
    (Trouble("elsewhere"), cnn.LayerFailedError), (SystemExit(4), SystemExit)])
def test_exceptions_on_threads_of_the_library(failure, kind):
    def update(self, call, parameters, gradients, velocity):
        if threading.current_thread() is not threading.main_thread():
            raise failure
        time.sleep(0.001)  # so that other threads get their share

    own, before = registered(Momentum, update=update), cnn.num_threads()
    cnn.set_num_threads(4)
    try:
        sizes = [{"type": "linear", "out_features": 1000} for _ in range(3)]
        training = cnn.Training(cnn.Model(graph(*sizes, shape=(1000,))),
                                loss="mean_squared_error", optimizer=own.id, batch_size=2)
        training.set_input(np.ones((2, 1000)))
        training.set_targets(np.ones((2, 1000)))
        with pytest.raises(kind) as caught:
            training.run_step()
        assert failure in (caught.value, caught.value.__cause__)
    finally:
        cnn.set_num_threads(before)


def test_an_exception_in_work_on_other_threads():
    def forward(self, call, x):
        def body(chunk, slot):
            if chunk >= 3:
                raise Trouble(f"chunk {chunk}")

        call.parallel_for(10, body)
        return x

    with pytest.raises(cnn.LayerFailedError, match="Trouble: chunk 3"):
        predict(registered(Identity, forward=forward))


def test_a_trainer_reports_the_failure(digits):
    state = []

    def update(self, call, parameters, gradients, velocity):
        state.append(1)
        if len(state) > 20:
            raise Trouble("enough")

    kind = registered(Momentum, update=update)
    model = cnn.Model(SMALL)
    with pytest.raises(cnn.LayerFailedError, match="enough") as caught:
        cnn.Trainer(model, optimizer=kind.id, epochs=1).fit(digits)
    assert isinstance(caught.value.__cause__, Trouble)
    model.evaluate(digits)


def test_layers_may_use_the_library():
    inner = cnn.Model(graph({"type": Swish.id}))

    def fail(self, call, x):
        raise Trouble("inner")

    broken = cnn.Model(graph({"type": registered(Identity, forward=fail).id}))

    def forward(self, call, x):
        with pytest.raises(cnn.LayerFailedError, match="inner"):
            broken.predict(x)
        return inner.predict(x)

    assert np.array_equal(predict(registered(Identity, forward=forward)),
                          inner.predict(np.ones((2, 6))))
