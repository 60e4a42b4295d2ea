"""Trains a network on handwritten digits, saves it, and lets it recognise a picture.

    pip install bindings/python
    python examples/python/train_digits.py

The digits are part of the library, so there is nothing to download. It takes some seconds, and
writes digits.cnn, a picture and (if matplotlib is installed) a plot to the folder given by
--output.
"""

import argparse
from pathlib import Path

import cnn


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a network on handwritten digits.")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path("."), help="folder for what is written")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    # 1. The data: 1,497 pictures to learn from and 300 to judge by, of 8 by 8 pixels.
    train = cnn.Dataset.named("digits")
    test = cnn.Dataset.named("digits", part="test")
    print(train)

    # 2. The network: a small residual one. Your own is a list of layers; see custom_loop.py.
    model = cnn.Model.named("resnet_small", classes=10, input_shape=train.shape, seed=1)
    print(model.summary())

    # 3. Training. "augment" shifts each picture a little every time it is shown, which is what
    #    keeps a network from learning the pictures by heart.
    trainer = cnn.Trainer(
        model, epochs=arguments.epochs, optimizer="adamw", learning_rate=0.003, weight_decay=0.01,
        schedule="cosine", augment={"random_crop": {"padding": 1}}, seed=1)
    history = trainer.fit(train, test, progress=True)

    # 4. How good is it? The table counts, for each true digit (row), what the network said.
    result = model.evaluate(test)
    print(f"\naccuracy {result['accuracy']:.1%} on pictures that it never saw")
    for digit, row in enumerate(result["confusion"]):
        print(digit, " ".join(f"{count:3}" for count in row))

    # 5. The file holds all that is needed to use the network, from C and Swift too.
    path = arguments.output / "digits.cnn"
    model.save(path)

    # 6. Using it, as another program would.
    picture = arguments.output / "digit.png"
    test.image(0).save(picture)
    for prediction in cnn.Model.load(path).recognise(picture, top=3):
        print(f"{prediction.probability:6.1%}  {prediction.label}")

    plot(history, arguments.output / "digits.png")


def plot(history: dict, path: Path) -> None:
    """Draws accuracy by epoch, if matplotlib is there to do it."""
    try:
        import matplotlib
    except ImportError:
        print("no plot: matplotlib is not installed")
        return
    matplotlib.use("Agg")  # to a file; there may be no screen
    import matplotlib.pyplot as pyplot

    figure, axes = pyplot.subplots()
    for key in ("accuracy", "validation_accuracy"):
        axes.plot([epoch[key] for epoch in history["epochs"]], label=key.replace("_", " "))
    axes.set_xlabel("epoch")
    axes.legend()
    figure.savefig(path)
    print(f"plot in {path}")


if __name__ == "__main__":
    main()
