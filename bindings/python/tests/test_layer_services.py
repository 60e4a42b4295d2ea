"""What the library gives to Python layers: random numbers, memory, threads, products."""

from __future__ import annotations

import numpy as np
import pytest
from plugin_classes import Dense, Dropout, Swish, graph, numbers, unique

import cnn


def test_random_numbers_do_not_depend_on_threads(random, digits):
    before, results = cnn.num_threads(), []
    layers = [{"type": "flatten"}, {"type": "linear", "out_features": 64},
              {"type": Dropout.id, "rate": 0.25}, {"type": Swish.id},
              {"type": Dense.id, "features": 10}]
    try:
        for count in (1, 4):
            cnn.set_num_threads(count)
            model = cnn.Model(graph(*layers, shape=(8, 8, 1)), seed=1)
            cnn.Trainer(model, epochs=1, seed=5).fit(digits)
            results.append(model.to_bytes())
    finally:
        cnn.set_num_threads(before)
    assert results[0] == results[1]


def test_random_numbers():
    seen = []

    @cnn.register
    class Noise(cnn.Layer):
        id = unique("noise")

        def forward(self, call, x):
            normal = call.random_normal((call.batch, 2000))
            uniform = call.random_uniform(100, stream=1)
            tail = call.random_uniform(40, stream=1, offset=60)
            out = call.random_uniform(out=np.empty(100, np.float32), stream=2)
            assert np.array_equal(uniform[60:], tail) and not np.array_equal(uniform, out)
            seen.append((call.random_key, normal, uniform))
            return x

        def backward(self, call, gradient):
            assert np.array_equal(call.random_uniform(100, stream=1), seen[-1][2])
            return gradient

    def steps(seed):
        seen.clear()
        training = cnn.Training(cnn.Model(graph(
            {"type": "linear", "out_features": 3}, {"type": Noise.id})), seed=seed, batch_size=2)
        training.step(np.ones((2, 6)), [0, 1])
        training.step(np.ones((2, 6)), [0, 1])
        return list(seen)

    first, second = steps(1)
    assert abs(first[1].mean()) < 0.1 and abs(first[1].std() - 1) < 0.1
    assert first[2].min() >= 0 and first[2].max() < 1 and abs(first[2].mean() - 0.5) < 0.15
    assert not np.array_equal(first[1], second[1]) and first[0] != second[0]
    assert np.array_equal(steps(1)[1][1], second[1])
    assert not np.array_equal(steps(2)[0][1], first[1])


def test_dropout_like_layers_are_left_out_when_predicting(random):
    model = cnn.Model(graph({"type": Dropout.id, "rate": 0.9}))
    x = random.normal(size=(3, 6)).astype(np.float32)
    assert np.array_equal(model.predict(x), x)


def test_an_elementary_function_is_computed_by_the_library(random):
    calls = []

    @cnn.register
    class Rectifier(cnn.Layer):
        id = unique("rectifier")
        function = "rectifier"

        def forward(self, call, x):
            calls.append(call.training)
            np.maximum(x, 0, out=call.output)

        def backward(self, call, gradient):
            return gradient * (call.input > 0)

    def model(kind):
        return cnn.Model(graph(
            {"type": "conv2d", "out_channels": 4, "kernel_size": 3}, {"type": kind},
            shape=(6, 6, 2)))

    x = random.normal(size=(2, 6, 6, 2))
    assert np.array_equal(model(Rectifier.id).predict(x), model("relu").predict(x))
    assert model(Rectifier.id).gradient_check()["passed"]


def test_workspaces_of_any_size(random):
    @cnn.register
    class Powers(cnn.Layer):
        id = unique()

        def workspace(self, batch, training, concurrency):
            assert concurrency >= 1
            return cnn.Workspace(cache=3 * batch if training else 0, forward_scratch=7,
                                 backward_scratch=5 + batch)

        def forward(self, call, x):
            assert call.scratch_memory.shape == (7,) and not call.scratch
            call.scratch_memory[:] = 2
            if call.training:
                call.cache_memory[:] = np.arange(3 * call.batch)
            else:
                assert call.cache_memory is None
            return x ** call.scratch_memory[0]

        def backward(self, call, gradient):
            assert call.scratch_memory.shape == (5 + call.batch,)
            assert np.array_equal(call.cache_memory, np.arange(3 * call.batch))
            call.input_gradient[:] = 2 * gradient * call.input

    model = cnn.Model(graph({"type": Powers.id}))
    assert model.gradient_check()["passed"]
    x = random.normal(size=(3, 6)).astype(np.float32)
    np.testing.assert_allclose(model.predict(x), x * x, rtol=1e-5)


def test_work_on_the_threads_of_the_library(random):
    @cnn.register
    class Doubled(cnn.Layer):
        id = unique()

        def forward(self, call, x):
            output, slots = call.output, set()

            def double(chunk, slot):
                slots.add(slot)
                output[chunk] = 2 * x[chunk]

            call.parallel_for(len(x), double)
            assert slots <= set(range(call.concurrency))

    x = random.normal(size=(50, 6)).astype(np.float32)
    assert np.array_equal(cnn.Model(graph({"type": Doubled.id})).predict(x), 2 * x)


@pytest.mark.parametrize("m, n, k", [(1, 1, 1), (3, 1, 5), (4, 7, 6), (1, 9, 2), (20, 30, 40)])
def test_products_of_matrices(m, n, k):
    done = []

    @cnn.register
    class Products(cnn.Layer):
        id = unique()

        def forward(self, call, x):
            a, b = numbers((m, k)), numbers((k, n), 1)
            wider = numbers((m, k + 3))[:, :k]
            for left in (a, np.asfortranarray(a), wider, a[::-1], a.astype(float)):
                for right in (b, np.asfortranarray(b), numbers((k, n, 2))[..., 0]):
                    np.testing.assert_allclose(
                        call.matmul(left, right), left @ right, rtol=1e-4, atol=1e-5)
            out = numbers((m, n + 2), 5)[:, :n]
            expected = 2 * (a @ b) + 3 * out
            assert call.matmul(a, b, out=out, alpha=2, beta=3) is out
            np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
            for wrong in (np.empty((m, n)), np.empty((m + 1, n), np.float32)):
                with pytest.raises(cnn.ShapeMismatchError):
                    call.matmul(a, b, out=wrong)
            with pytest.raises(cnn.ShapeMismatchError):
                call.matmul(a, numbers((k + 1, n)))
            with pytest.raises(cnn.ShapeMismatchError):
                call.matmul(a, b[0])
            done.append(True)
            return x

    cnn.Model(graph({"type": Products.id})).predict(np.zeros((1, 6)))
    assert done
