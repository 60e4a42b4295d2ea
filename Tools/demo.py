"""Trains a network on real pictures and recognises pictures that training never saw.

    make demo                      the handwritten digits that are part of the library
    make demo DATA=path/to/photos  your own: a folder with a folder of pictures for each class

Shows the progress of training, the accuracy, a plot, and then the same predictions from C and from
Python. Everything is written to build/demo.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "release"
sys.path.insert(0, str(ROOT / "bindings" / "python"))
os.environ.setdefault("CNN_LIBRARY", str(BUILD / "libcnn.so"))

import cnn  # noqa: E402 - the path has to be set first

# What decides how well small networks learn from few pictures: shifting them about.
DIGIT_AUGMENTATION = '{"random_crop": {"padding": 1}}'
PHOTO_AUGMENTATION = '{"random_crop": {"padding": 4}, "horizontal_flip": 0.5}'
UNSEEN = 8


def train(data: str, epochs: int, folder: Path) -> Path:
    """Trains with the command, which shows the progress, and returns the model's file."""
    model = folder / "model.cnn"
    command = [
        str(BUILD / "cnn-command"), "train", "--data", data, "--model", "resnet_small",
        "--epochs", str(epochs), "--schedule", "cosine", "--output", str(model),
    ]
    if data == "digits":
        command += ["--augment", DIGIT_AUGMENTATION]
    else:
        command += ["--augment", PHOTO_AUGMENTATION, "--size", "64"]
        if not any((Path(data) / part).exists() for part in ("test", "test_batch.bin")):
            command += ["--validation-share", "0.1"]
    subprocess.run(command, check=True)
    return model


def unseen_pictures(data: str, model: cnn.Model, folder: Path) -> list[tuple[Path, str]]:
    """Writes some pictures that training did not see as PNG; returns them with their classes."""
    if data == "digits":
        dataset = cnn.Dataset.named("digits", part="test")
    else:
        dataset = cnn.Dataset.open(data, preprocessing=model.preprocessing)
    step = max(1, len(dataset) // UNSEEN)
    pictures = []
    for index in range(0, len(dataset), step)[:UNSEEN]:
        path = folder / f"picture-{index}.png"
        dataset.image(index).save(path)
        pictures.append((path, dataset.class_names[dataset.label(index)]))
    return pictures


def recognise_from_c(model: Path, pictures: list[Path], folder: Path) -> list[str]:
    """Compiles examples/c/recognise.c with the C compiler and runs it; returns what it prints."""
    program = folder / "recognise"
    subprocess.run(
        ["gcc", "-std=c99", f"-I{ROOT / 'include'}", str(ROOT / "examples/c/recognise.c"), "-o",
         str(program), f"-L{BUILD}", "-lcnn"], check=True)
    environment = {"LD_LIBRARY_PATH": str(BUILD)}
    return [
        subprocess.run([str(program), str(model), str(picture)], check=True, text=True,
                       capture_output=True, env=environment).stdout.splitlines()[0].strip()
        for picture in pictures
    ]


def main() -> None:
    """Runs the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits", help='"digits", or a folder of pictures')
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    folder = ROOT / "build" / "demo"
    folder.mkdir(parents=True, exist_ok=True)

    print(f"== training a residual network on {arguments.data}", flush=True)
    path = train(arguments.data, arguments.epochs, folder)
    model = cnn.Model.load(path)

    pictures = unseen_pictures(arguments.data, model, folder)
    print("\n== recognising pictures, from C and from Python", flush=True)
    from_c = recognise_from_c(path, [picture for picture, _ in pictures], folder)
    width = max(len(name) for _, name in pictures)
    for (picture, truth), line in zip(pictures, from_c):
        best = model.recognise(picture, top=1)[0]
        mark = "right" if best.label == truth else "WRONG"
        print(f"{picture.name:16}  is {truth:{width}}  C: {line}   "
              f"Python: {best.label} {best.probability:.1%}   {mark}")
    print(f"\nmodel {path}\nplot  {path.with_suffix('.png')}")


if __name__ == "__main__":
    main()
