"""Writes the tables of photos that the recogniser is trained on and judged by.

    python models/pets/make_tables.py ../shared/data

backgrounds.csv names rectangles of the photos of Oxford-IIIT Pet in which, by the pixel masks, no pet is:
sharp pictures of what is neither a cat nor a dog. The parts are those of the data set itself. imagenet.csv
names 30 photos of ImageNet classes, for judging alone.

The tables are in the repository, so this has to be run only if they should change.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

BACKGROUND = 2      # in the masks: 1 pet, 2 background, 3 border
CANDIDATES = 4000   # rectangles tried in each photo
MOST = 4            # rectangles kept of each photo
LEAST_SIDE = 56     # pixels


def rectangles(mask: np.ndarray, random: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """The largest rectangles without a pet that hardly overlap: top, left, height, width."""
    rows, columns = mask.shape
    integral = np.zeros((rows + 1, columns + 1), np.int64)
    integral[1:, 1:] = (mask != BACKGROUND).cumsum(0).cumsum(1)
    height = random.integers(LEAST_SIDE, rows + 1, CANDIDATES)
    width = (height * np.exp(random.uniform(np.log(0.6), np.log(1.7), CANDIDATES))).astype(int)
    fits = (width >= LEAST_SIDE) & (width <= columns)
    height, width = height[fits], width[fits]
    top = (random.random(len(height)) * (rows - height + 1)).astype(int)
    left = (random.random(len(height)) * (columns - width + 1)).astype(int)
    pets = (integral[top + height, left + width] - integral[top, left + width]
            - integral[top + height, left] + integral[top, left])
    kept: list[tuple[int, int, int, int]] = []
    for index in np.lexsort((left, top, -height * width)):
        if pets[index]:
            continue
        one = int(top[index]), int(left[index]), int(height[index]), int(width[index])
        if all(overlap(one, other) < 0.2 for other in kept):
            kept.append(one)
        if len(kept) == MOST:
            break
    return kept


def overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """The share of the smaller rectangle that lies in the other one."""
    height = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    width = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0, height) * max(0, width) / min(a[2] * a[3], b[2] * b[3])


def write_backgrounds(folder: Path, output: Path) -> None:
    """Writes backgrounds.csv."""
    random = np.random.default_rng(0)
    with (folder / "pets.csv").open(newline="") as photos, \
            (output / "backgrounds.csv").open("w", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["file", "class", "part", "top", "left", "height", "width"])
        for photo in csv.DictReader(photos):
            mask = np.asarray(Image.open(folder / "trimaps" / f"{photo['name']}.png"))
            for rectangle in rectangles(mask, random):
                writer.writerow(
                    [f"images/{photo['name']}.jpg", "neither", photo["official_split"], *rectangle])


def write_imagenet(folder: Path, output: Path) -> None:
    """Writes imagenet.csv. In the order of ImageNet's classes dogs are 151 to 268 and cats 281 to 285."""
    with (folder / "labels.tsv").open(newline="") as labels, \
            (output / "imagenet.csv").open("w", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["file", "class", "part", "name"])
        for file, number, _, name in csv.reader(labels, delimiter="\t"):
            if not number.isdigit():
                continue
            kind = ("dog" if 151 <= int(number) <= 268 else
                    "cat" if 281 <= int(number) <= 285 else "neither")
            writer.writerow([file, kind, "test", name])


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    write_backgrounds(Path(sys.argv[1]) / "pets-segmentation", here)
    write_imagenet(Path(sys.argv[1]) / "imagenet-samples", here)
