"""Recognises photos with the model that ships, shows what it looked at, and teaches it something new.

    make demo                      photos that are part of the project
    make demo DATA=path/to/photos  teaches it your own classes: a folder with a folder of pictures for each

Everything is written to build/demo.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "release"
PHOTOS = ROOT / "examples" / "photos"
sys.path.insert(0, str(ROOT / "bindings" / "python"))
os.environ.setdefault("CNN_LIBRARY", str(BUILD / "libcnn.so"))

import cnn  # noqa: E402 - the path has to be set first

SHOWN = ["chelsea.jpg", "rocket.jpg"]


def recognise_from_c(picture: Path, folder: Path) -> str:
    """Compiles examples/c/recognise.c with the C compiler and runs it; returns its first answer."""
    program = folder / "recognise"
    if not program.exists():
        subprocess.run(
            ["gcc", "-std=c99", f"-I{ROOT / 'include'}", str(ROOT / "examples/c/recognise.c"), "-o",
             str(program), f"-L{BUILD}", "-lcnn"], check=True)
    result = subprocess.run(
        [str(program), str(ROOT / "models" / "pets.cnn"), str(picture)], check=True, text=True,
        capture_output=True, env={"LD_LIBRARY_PATH": str(BUILD)})
    return " ".join(result.stdout.splitlines()[0].split())


def recognise(folder: Path) -> None:
    """Prints what the photos show, from C and from Python, and draws where the network looked."""
    print("== recognising photos, from C and from Python", flush=True)
    model = cnn.Model.pretrained("pets")
    for name in SHOWN:
        photo = PHOTOS / name
        start = time.perf_counter()
        best = model.recognise(photo, top=1)[0]
        milliseconds = 1000 * (time.perf_counter() - start)
        heat_map = folder / f"{photo.stem}.grad_cam.png"
        model.explain(photo, method="grad_cam").overlay().save(heat_map)
        print(f"{name:14} C: {recognise_from_c(photo, folder):18} Python: {best.label} "
              f"{best.probability:.1%} in {milliseconds:.0f} ms   heat map {heat_map.relative_to(ROOT)}")


def teach(data: str, folder: Path) -> Path:
    """Fine-tunes the model with the command, which shows the progress and the accuracy."""
    own = folder / "finetuned.cnn"
    print(f"\n== teaching it the classes of {data}", flush=True)
    subprocess.run(
        [str(BUILD / "cnn-command"), "finetune", "--data", data, "--output", str(own)], check=True)
    return own


def main() -> None:
    """Runs the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(PHOTOS / "materials.csv"),
                        help="a folder with a folder of pictures for each class")
    arguments = parser.parse_args()
    folder = ROOT / "build" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    recognise(folder)
    own = teach(arguments.data, folder)
    print(f"\nfine-tuned model {own}")


if __name__ == "__main__":
    main()
