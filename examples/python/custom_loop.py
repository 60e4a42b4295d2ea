"""Trains with a loop and a loss of its own: the library does the layers, numpy the loss.

    pip install bindings/python
    python examples/python/custom_loop.py

The loss is the focal loss (Lin et al., 2017), which the library does not have: cross entropy that
cares less about what is right already. To bring your own, you need its derivative by the outputs
of the network; everything before that is the library's.
"""

import argparse

import numpy as np

import cnn

# A network is a list of layers. Each takes the output of the one before it.
GRAPH = {
    "inputs": [{"name": "image", "shape": [8, 8, 1]}],
    "layers": [
        {"name": "conv1", "type": "conv2d", "out_channels": 16, "kernel_size": 3,
         "padding": "same"},
        {"name": "relu1", "type": "relu"},
        {"name": "conv2", "type": "conv2d", "out_channels": 32, "kernel_size": 3,
         "padding": "same"},
        {"name": "relu2", "type": "relu"},
        {"name": "pool", "type": "max_pool2d", "kernel_size": 2},
        {"name": "flat", "type": "flatten"},
        {"name": "logits", "type": "linear", "out_features": 10},
    ],
}
FOCUS = 2.0


def focal_loss(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean over the batch of -(1 - p)^FOCUS log p, and its derivative by the logits.

    p is the probability that the network gives the right class.
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    right = np.arange(len(labels)), labels
    p = np.clip(probabilities[right], 1e-7, 1)
    loss = np.mean(-((1 - p) ** FOCUS) * np.log(p))
    # By p times p: the derivative of p by logit j is p (1 if j is the right class else 0 - p_j).
    by_p = FOCUS * (1 - p) ** (FOCUS - 1) * np.log(p) * p - (1 - p) ** FOCUS
    gradient = -probabilities * by_p[:, None]
    gradient[right] += by_p
    return float(loss), gradient / len(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train with a loss in numpy.")
    parser.add_argument("--epochs", type=int, default=5)
    epochs = parser.parse_args().epochs

    train = cnn.Dataset.named("digits")
    test = cnn.Dataset.named("digits", part="test")
    model = cnn.Model(GRAPH, seed=1, class_names=train.class_names)

    # "none": the loss is ours. The rest of the options are as usual.
    training = cnn.Training(model, loss="none", optimizer="adam", batch_size=32)
    batches = train.batches(model=model, batch_size=32, seed=1)
    for epoch in range(1, epochs + 1):
        losses = []
        for samples, labels in batches:  # one epoch; the next one begins by itself
            training.set_input(samples)
            training.zero_gradients()
            training.forward()
            # output() and output_gradient() are the library's own memory: nothing is copied.
            loss, gradient = focal_loss(training.output(), labels)
            training.loss()  # zeroes the gradient of the output, which is ours to write
            training.output_gradient()[:] = gradient
            training.backward()
            # Here, training.gradients could be looked at, changed, or summed over machines.
            training.optimizer_step()
            losses.append(loss)
        training.end_epoch()
        accuracy = model.evaluate(test)["accuracy"]
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}, accuracy {accuracy:.1%}")


if __name__ == "__main__":
    main()
