"""examples/embed: the programs that sort photos, in C and in Python, do the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import picture_files as make
import pytest
from pet_model import pet_model, photo

import cnn

ROOT = Path(__file__).resolve().parents[2]
EMBED = ROOT / "examples" / "embed"
LIBRARY = Path(os.environ.get("CNN_LIBRARY", ROOT / ".build" / "release" / "libcnn.so")).absolute()

pytest.importorskip("PIL", reason="Pillow is not installed")


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """The model, and what starts each program; all a user has is header and library."""
    folder = tmp_path_factory.mktemp("embed")
    pet_model().save(folder / "pets.cnn")
    shutil.copy(ROOT / "include" / "cnn.h", folder)
    shutil.copy(LIBRARY, folder / "libcnn.so.0")
    (folder / "libcnn.so").symlink_to("libcnn.so.0")
    commands = {"python": [sys.executable, EMBED / "sort_photos.py"]}
    if shutil.which("gcc"):
        subprocess.run(
            ["gcc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1", f"-I{folder}",
             EMBED / "sort_photos.c", "-o", folder / "sort_photos", f"-L{folder}", "-lcnn",
             f"-Wl,-rpath,{folder}"], check=True)
        commands["c"] = [folder / "sort_photos"]
    return folder / "pets.cnn", commands


@pytest.fixture(params=["c", "python"])
def start(request, tools, monkeypatch):
    """Starts the program in one of the languages."""
    model, commands = tools
    if request.param not in commands:
        pytest.skip("gcc is not installed")
    monkeypatch.setenv("PYTHONPATH", str(Path(cnn.__file__).parents[1]))

    def begin(*arguments: object, with_model: bool = True) -> subprocess.Popen:
        chosen = ["--model", model, "--interval", "0.1"] if with_model else []
        return subprocess.Popen(
            [str(word) for word in [*commands[request.param], *chosen, *arguments]],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return begin


def finish(process: subprocess.Popen, status: int = 0) -> tuple[str, str]:
    """Waits for the end and returns what was printed."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == status, output + errors
    return output, errors


def tree(folder: Path) -> list[str]:
    """All files of a folder, by their paths in it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def jpeg(pet: str) -> bytes:
    """A photo of a pet."""
    return make.jpeg(photo(pet))


def test_sorting_once(start, tmp_path):
    for name, pet in (("a.jpg", "cat"), ("b.JPEG", "dog"), ("c d.jpg", "neither"),
                      ("e.jpg", "unsure")):
        (tmp_path / name).write_bytes(jpeg(pet))
    (tmp_path / "f.PNG").write_bytes(make.png(photo("dog"), 2))
    output, _ = finish(start("--once", tmp_path))
    assert tree(tmp_path) == ["cats/a.jpg", "dogs/b.JPEG", "dogs/f.PNG", "neither/c d.jpg",
                              "unsure/e.jpg"]
    assert (tmp_path / "cats" / "a.jpg").read_bytes() == jpeg("cat")
    assert "a.jpg -> cats/a.jpg (" in output and len(output.splitlines()) == 5
    # With nothing to do, nothing happens.
    output, _ = finish(start("--once", tmp_path))
    assert output == "" and len(tree(tmp_path)) == 5


def test_the_threshold(start, tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg("unsure"))
    finish(start("--once", "--threshold", "0", tmp_path))
    assert tree(tmp_path)[0].split("/")[0] in ("cats", "dogs", "neither")


def test_names_that_are_taken(start, tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "a.jpg").write_bytes(b"the first")
    (tmp_path / "cats" / "a-2.jpg").write_bytes(b"the second")
    (tmp_path / "a.jpg").write_bytes(jpeg("cat"))
    finish(start("--once", tmp_path))
    assert tree(tmp_path) == ["cats/a-2.jpg", "cats/a-3.jpg", "cats/a.jpg"]
    assert (tmp_path / "cats" / "a.jpg").read_bytes() == b"the first"
    assert (tmp_path / "cats" / "a-3.jpg").read_bytes() == jpeg("cat")


def test_what_is_left_in_place(start, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(jpeg("cat")[:500])
    (tmp_path / "really-a-gif.png").write_bytes(b"GIF89a and so on")
    (tmp_path / "good.jpg").write_bytes(jpeg("dog"))
    for name in ("notes.txt", ".hidden.jpg", "jpg"):
        (tmp_path / name).write_bytes(jpeg("cat"))
    (tmp_path / "album.jpg").mkdir()
    (tmp_path / "album.jpg" / "x.jpg").write_bytes(jpeg("cat"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(jpeg("cat"))
    (tmp_path / "link.jpg").symlink_to(elsewhere)
    _, errors = finish(start("--once", tmp_path), status=1)
    assert tree(tmp_path) == [".hidden.jpg", "album.jpg/x.jpg", "broken.jpg", "dogs/good.jpg",
                              "elsewhere", "jpg", "link.jpg", "notes.txt", "really-a-gif.png"]
    assert "broken.jpg" in errors and "truncated" in errors
    assert "really-a-gif.png" in errors and "GIF" in errors


def test_a_folder_that_cannot_be_made(start, tmp_path):
    (tmp_path / "cats").write_text("a file is in the way")
    (tmp_path / "a.jpg").write_bytes(jpeg("cat"))
    _, errors = finish(start("--once", tmp_path), status=1)
    assert tree(tmp_path) == ["a.jpg", "cats"] and "cats" in errors


def wait_until(condition, process: subprocess.Popen) -> None:
    """Waits until something is true, as long as the program runs."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


def test_watching(start, tmp_path):
    # Far apart, so that a busy machine does not make a growing file look complete.
    process = start("--interval", "0.7", tmp_path)
    try:
        (tmp_path / "broken.jpg").write_bytes(jpeg("cat")[:700])
        (tmp_path / "a.jpg").write_bytes(jpeg("cat"))
        wait_until((tmp_path / "cats" / "a.jpg").exists, process)
        # A file that grows is left alone until it is complete; a broken one has another chance.
        data = make.jpeg(photo("dog", 800, 600), quality=100)
        with open(tmp_path / "slow.jpg", "wb") as file:
            for begin in range(0, len(data), len(data) // 8 + 1):
                file.write(data[begin:begin + len(data) // 8 + 1])
                file.flush()
                time.sleep(0.05)
        (tmp_path / "broken.jpg").write_bytes(jpeg("neither"))
        wait_until((tmp_path / "neither" / "broken.jpg").exists, process)
        # The name is taken, by an empty file, before the photo is there: moved is what has left.
        wait_until(lambda: not (tmp_path / "slow.jpg").exists(), process)
        assert (tmp_path / "dogs" / "slow.jpg").read_bytes() == data
        # Each is reported after it was moved, so nothing is interrupted in between.
        moved = [process.stdout.readline() for _ in range(3)]
    finally:
        process.send_signal(signal.SIGINT)
    output, errors = finish(process)
    assert errors.count("broken.jpg") == 1 and "slow.jpg" not in errors
    assert all(" -> " in line for line in moved) and not output and "Traceback" not in errors
    assert tree(tmp_path) == ["cats/a.jpg", "dogs/slow.jpg", "neither/broken.jpg"]


def test_mistakes(start, tmp_path):
    for arguments, status, words in (
            ([], 2, "usage"), (["--threshold", "much", tmp_path], 2, "usage"),
            (["--nonsense", tmp_path], 2, "usage"), (["--once", tmp_path / "none"], 1, "none")):
        assert words in finish(start(*arguments), status)[1]
    _, errors = finish(start("--once", "--model", "/nowhere.cnn", tmp_path), 1)
    assert "/nowhere.cnn" in errors
