"""Watches a folder and sorts the photos that arrive in it: cats/, dogs/, neither/ and unsure/.

    python sort_photos.py ~/Pictures/incoming

The same as sort_photos.c: a photo is moved when it has not changed between two looks, what cannot
be read stays in place with a message, nothing is overwritten, Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import cnn

FOLDERS = {"cat": "cats", "dog": "dogs"}


def look(folder: Path) -> dict[str, tuple[int, int]]:
    """The photos of a folder, with what changes while they are written: size and time."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.lower()
            if name.startswith(".") or not name.endswith((".jpg", ".jpeg", ".png")):
                continue
            if entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found[entry.name] = (status.st_size, status.st_mtime_ns)
    return dict(sorted(found.items()))


def move(photo: Path, folder: Path) -> Path:
    """Moves a photo into a folder under a name that is free there."""
    folder.mkdir(exist_ok=True)
    for number in range(1, 10000):
        target = folder / (photo.name if number == 1 else f"{photo.stem}-{number}{photo.suffix}")
        try:
            # An empty file takes the name, and the photo replaces it: nobody can come between.
            target.touch(0o600, exist_ok=False)
        except FileExistsError:
            continue
        try:
            return photo.rename(target)
        except OSError:
            target.unlink()
            raise
    raise FileExistsError(f"no name is free for {photo.name} in {folder}")


def sort(model: cnn.Model, photo: Path, threshold: float) -> bool:
    """Recognises a photo and moves it; prints what happens."""
    try:
        best = model.recognise(photo, top=1)[0]
        name = FOLDERS.get(best.label, best.label) or f"class-{best.index}"
        if name.startswith(".") or "/" in name:
            name = f"class-{best.index}"
        target = move(photo, photo.parent / (name if best.probability >= threshold else "unsure"))
    except (cnn.CNNError, OSError) as problem:
        print(f"left in place: {problem}", file=sys.stderr)
        return False
    print(f"{photo.name} -> {target.parent.name}/{target.name} ({best.probability:.1%})",
          flush=True)
    return True


def main() -> int:
    """Looks and sorts until somebody stops it, or once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", help="the model; left out, the one that comes with the library")
    parser.add_argument("--threshold", type=float, default=0.8,
                        help="how sure the model has to be; otherwise a photo goes to unsure/")
    parser.add_argument("--interval", type=float, default=1, help="seconds between two looks")
    parser.add_argument("--once", action="store_true", help="sort what is there and end")
    given = parser.parse_args()
    try:
        model = cnn.Model.load(given.model) if given.model else cnn.Model.pretrained()
        before, failed = look(given.folder), {}
    except (cnn.CNNError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    while True:
        time.sleep(given.interval)
        try:
            now = look(given.folder)
        except OSError as problem:  # a network drive may be away for a while
            print(problem, file=sys.stderr)
            if given.once:
                return 1
            continue
        # Those that could not be sorted have another chance when they change.
        failed = {name: seen for name, seen in failed.items() if now.get(name) == seen}
        for name, seen in now.items():
            if before.get(name) == seen and name not in failed:
                if not sort(model, given.folder / name, given.threshold):
                    failed[name] = seen
        changing = [name for name, seen in now.items() if before.get(name) != seen]
        before = now
        if given.once:
            for name in changing:
                print(f"{name} is still being written", file=sys.stderr)
            return 1 if failed or changing else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        pass
