"""A layer type in Python: swish in place of ReLU in a network that reads handwritten digits.

    pip install bindings/python
    python examples/plugins/swish.py

Trains, saves, and lets a second process load the model and predict the same. Only that process's
`import` of this file makes the layer known to it: a model file names what it needs and never
brings it.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import cnn


# The whole layer type. Arrays are the library's own memory, with the batch first.
@cnn.register
class Swish(cnn.Layer):
    """x times the sigmoid of beta times x (Ramachandran et al. 2017)."""

    id = "org.example.swish"
    backward_reads = "inputs"
    beta = cnn.Attribute(float, 1.0, minimum=0, maximum=100, doc="how steep the sigmoid is")

    def sigmoid(self, x):
        return (1 + np.tanh(self.beta / 2 * x)) / 2

    def forward(self, call, x):
        return x * self.sigmoid(x)

    def backward(self, call, gradient):
        x, s = call.input, self.sigmoid(call.input)
        return gradient * (s + self.beta * x * s * (1 - s))


def with_swish(graph: dict) -> dict:
    """The same network with swish wherever it has ReLU."""
    layers = [{**layer, "type": Swish.id} if layer["type"] == "relu" else layer
              for layer in graph["layers"]]
    return {**graph, "layers": layers}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train ConvNet with a layer in Python.")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--predict", type=Path, help="only load this model and predict")
    arguments = parser.parse_args()

    test = cnn.Dataset.named("digits", part="test")
    samples, _ = test.read(range(len(test)))
    if arguments.predict:
        print(cnn.Model.load(arguments.predict).predict(samples).tobytes().hex())
        return

    train = cnn.Dataset.named("digits")
    plain = cnn.Model.named("convnet", classes=10, input_shape=train.shape)
    model = cnn.Model(with_swish(plain.graph), seed=1)

    # Are the derivatives right? The library compares them with finite differences.
    check = model.gradient_check()
    print(f"gradients {'right' if check['passed'] else 'WRONG'}, "
          f"largest error {check['largest_error']:.1e}")
    history = cnn.Trainer(model, epochs=arguments.epochs, learning_rate=0.003, seed=1).fit(
        train, test)
    losses = [epoch["loss"] for epoch in history["epochs"]]
    print(f"loss from {losses[0]:.3f} to {losses[-1]:.3f}, "
          f"accuracy {model.evaluate(test)['accuracy']:.1%} on pictures that it never saw")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "swish.cnn"
        model.save(path)
        command = [sys.executable, __file__, "--predict", path]
        other = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    same = bytes.fromhex(other.strip()) == model.predict(samples).tobytes()
    print(f"another process predicts {'the same bits' if same else 'SOMETHING ELSE'}")


if __name__ == "__main__":
    main()
