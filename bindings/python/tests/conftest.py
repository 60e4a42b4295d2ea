"""Networks and data that several tests use."""

from __future__ import annotations

import numpy as np
import pytest

import cnn

SMALL = {
    "inputs": [{"name": "image", "shape": [8, 8, 1]}],
    "layers": [
        {"name": "conv", "type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": "same"},
        {"name": "bn", "type": "batch_norm"},
        {"name": "relu", "type": "relu"},
        {"name": "pool", "type": "max_pool2d", "kernel_size": 2},
        {"name": "flat", "type": "flatten"},
        {"name": "logits", "type": "linear", "out_features": 10},
    ],
}

LINEAR = {
    "inputs": [{"name": "x", "shape": [3]}],
    "layers": [{"name": "y", "type": "linear", "out_features": 2}],
}

TWO_OUTPUTS = {
    "inputs": [{"name": "left", "shape": [4, 6, 2]}, {"name": "right", "shape": [4, 6, 2]}],
    "layers": [
        {"name": "sum", "type": "add", "inputs": ["left", "right"]},
        {"name": "product", "type": "multiply", "inputs": ["left", "right"]},
    ],
    "outputs": ["sum", "product"],
}


@pytest.fixture
def model() -> cnn.Model:
    return cnn.Model(SMALL, seed=1)


@pytest.fixture
def linear() -> cnn.Model:
    return cnn.Model(LINEAR, seed=1)


@pytest.fixture
def two_outputs() -> cnn.Model:
    return cnn.Model(TWO_OUTPUTS)


@pytest.fixture(scope="session")
def digits() -> cnn.Dataset:
    return cnn.Dataset.named("digits")


@pytest.fixture(scope="session")
def test_digits() -> cnn.Dataset:
    return cnn.Dataset.named("digits", part="test")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)
