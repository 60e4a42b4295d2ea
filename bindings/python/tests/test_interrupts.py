"""Ctrl-C and the end of the interpreter, with Python layers in the library."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from plugin_classes import (
    Identity,
    predict,
    registered,
)

INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np
import cnn

@cnn.register
class Slow(cnn.Layer):
    id = "org.example.slow"

    def forward(self, call, x):
        if sys.argv[1] == "inside":
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(100):
                time.sleep(0.1)
        return x

    def backward(self, call, gradient):
        return gradient

layers = [{"type": "conv2d", "out_channels": 64, "kernel_size": 5, "padding": "same"}] * 4
model = cnn.Model({
    "inputs": [{"name": "x", "shape": [128, 128, 8]}],
    "layers": [*layers, {"type": "org.example.slow"}, {"type": "flatten"},
               {"type": "linear", "out_features": 2}]})
x = np.zeros((8, 128, 128, 8), np.float32)
before = signal.getsignal(signal.SIGINT)
if sys.argv[1] == "outside":
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
started = time.monotonic()
try:
    while time.monotonic() < started + 30:
        if sys.argv[2] == "predict":
            model.predict(x)
        else:
            data = cnn.Dataset.from_arrays(x, np.arange(8) % 2)
            cnn.Trainer(model, epochs=1, batch_size=8).fit(data)
except KeyboardInterrupt:
    assert signal.getsignal(signal.SIGINT) is before
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are other ones there")
@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize("call", ["predict", "fit"])
def test_ctrl_c_is_not_lost(where, call):
    result = subprocess.run([sys.executable, "-c", INTERRUPTED, where, call], capture_output=True,
                            text=True, timeout=120)
    assert result.stdout == "interrupted\n" and not result.stderr, result.stderr


def test_other_handlers_of_signals_are_called_at_once():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(len(calls)))
    calls = []

    def forward(self, call, x):
        calls.append(1)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return x

    try:
        predict(registered(Identity, forward=forward))
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1]


def test_the_interpreter_ends_while_models_are_there():
    program = (
        "import numpy as np, cnn\n"
        "class Ending(cnn.Layer):\n"
        "    id = 'org.example.ending'\n"
        "    def forward(self, call, x):\n"
        "        return x\n"
        "    def __del__(self):\n"
        "        pass\n"
        "cnn.register(Ending)\n"
        "graph = {'inputs': [{'name': 'x', 'shape': [3]}],\n"
        "         'layers': [{'type': 'org.example.ending'}]}\n"
        "models = [cnn.Model(graph) for _ in range(3)]\n"
        "models.append(models)\n"
        "models[0].predict(np.zeros((1, 3)))\n"
        "cnn.kept_for_the_end = models[0]\n")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0 and not result.stderr, result.stderr
