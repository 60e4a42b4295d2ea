"""`cnn predict`: many pictures, folders, bad ones among them, and where the model comes from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import picture_files as make
import pytest

import cnn

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".build" / "release" / "cnn-command"
LIBRARY = Path(os.environ.get("CNN_LIBRARY", ROOT / ".build" / "release" / "libcnn.so")).absolute()

pytest.importorskip("PIL", reason="Pillow is not installed")
pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="the command is not built")


def run(*arguments: object, status: int = 0, command: Path = COMMAND, **options):
    """Runs the command and checks its exit status."""
    result = subprocess.run([str(command), *map(str, arguments)], capture_output=True, text=True,
                            timeout=120, **options)
    assert result.returncode == status, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model and a folder of pictures; in it another one, and things that are no pictures."""
    folder = tmp_path_factory.mktemp("predict")
    make.quarter_model().save(folder / "quarters.cnn")
    pictures = folder / "pictures"
    (pictures / "more" / "deep").mkdir(parents=True)
    for number in range(40):
        place, color = make.PLACES[number % 4], list(make.COLORS)[number // 4 % 4]
        pixels = make.quarter(40 + number, 30, place, color)
        if number % 2:
            (pictures / f"{number:02d}.png").write_bytes(make.png(pixels, 2))
        else:
            (pictures / f"{number:02d}.JPG").write_bytes(make.jpeg(pixels))
    blue = make.png(make.quarter(30, 30, "top left", "blue"), 2)
    (pictures / "more" / "a.png").write_bytes(blue)
    (pictures / "more" / "deep" / "b.png").write_bytes(blue)
    (pictures / "more" / "deep" / "up").symlink_to("..")
    (pictures / "notes.txt").write_text("no picture")
    (pictures / ".hidden.png").write_bytes(blue)
    return folder


def expected(number: int) -> str:
    """What a picture of the folder shows."""
    return f"{make.PLACES[number % 4]} {list(make.COLORS)[number // 4 % 4]}"


@pytest.mark.parametrize("threads", [1, 3])
def test_a_folder_in_order(files: Path, threads: int) -> None:
    result = run("predict", "--model", files / "quarters.cnn", files / "pictures", "--threads",
                 threads, "--top", 1)
    lines = result.stdout.splitlines()
    assert len(lines) == 40
    for number, line in enumerate(lines):
        name = f"{number:02d}.{'png' if number % 2 else 'JPG'}"
        assert line.startswith(f"{files / 'pictures' / name}: {expected(number)} ")


def test_folders_in_folders(files: Path) -> None:
    flat = run("predict", files / "quarters.cnn", files / "pictures").stdout
    assert "more" not in flat
    shown = run("predict", files / "quarters.cnn", f"{files}/pictures/more/", "-r", "--json-lines")
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    paths = [row["path"] for row in rows]
    # A link that leads back to a folder is not followed.
    assert paths == [f"{files}/pictures/more/a.png", f"{files}/pictures/more/deep/b.png"]
    assert {row["predictions"][0]["label"] for row in rows} == {"top left blue"}


def test_the_same_bits_as_in_python(files: Path) -> None:
    model = cnn.Model.load(files / "quarters.cnn")
    rows = json.loads(run("predict", files / "quarters.cnn", files / "pictures", "--json",
                          "--top", 16).stdout)
    for row in rows:
        answers = model.recognise(row["path"], top=16)
        assert [p["label"] for p in row["predictions"]] == [a.label for a in answers]
        assert [np.float32(p["probability"]) for p in row["predictions"]] == [
            np.float32(a.probability) for a in answers]


def test_bad_ones_do_not_stop_the_rest(files: Path, tmp_path: Path) -> None:
    for name, data in (("a.png", b""), ("b.jpg", b"GIF89a..."), ("d.png", make.png(
            make.quarter(9, 9, "top left", "red"), 2)[:60])):
        (tmp_path / name).write_bytes(data)
    shutil.copy(files / "pictures" / "01.png", tmp_path / "c.png")
    model = files / "quarters.cnn"
    result = run("predict", model, tmp_path, "nowhere.png", status=65)
    assert result.stdout.startswith(f"{tmp_path}/c.png: {expected(1)}")
    assert len(result.stdout.splitlines()) == 1
    for words in ("a.png", "empty", "GIF", "d.png", "nowhere.png", "4 of 5"):
        assert words in result.stderr
    rows = json.loads(run("predict", model, "nowhere.png", tmp_path, "--json", status=66).stdout)
    assert ["error" in row for row in rows] == [True, True, True, False, True]
    lines = run("predict", model, tmp_path, "--json-lines", status=65).stdout.splitlines()
    assert [json.loads(line)["path"][-5:] for line in lines] == [
        "a.png", "b.jpg", "c.png", "d.png"]
    (tmp_path / "none").mkdir()
    assert "none" in run("predict", model, tmp_path / "none", status=66).stderr


# ---- Where the model comes from ------------------------------------------------------------------

@pytest.fixture()
def models(files: Path, tmp_path: Path) -> Path:
    """A folder with a model called pets; it says which quarter is coloured."""
    (tmp_path / "models").mkdir()
    shutil.copy(files / "quarters.cnn", tmp_path / "models" / "pets.cnn")
    return tmp_path / "models"


def test_the_environment_names_folders(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    monkeypatch.setenv("CNN_MODEL_PATH", f"/nowhere::{tmp_path}:{models}")
    assert cnn.Model.pretrained().class_names == cnn.Model.pretrained("pets").class_names
    assert cnn.Model.pretrained().class_names[0] == "top left red"
    other = cnn.Model.named("mnist", classes=2)
    other.class_names = ["other", "one"]
    other.save(tmp_path / "pets.cnn")
    assert cnn.Model.pretrained().class_names == ["other", "one"]
    with pytest.raises(cnn.InputOutputError) as caught:
        cnn.Model.pretrained("no-such")
    for place in ("/nowhere/no-such.cnn", f"{models}/no-such.cnn", "share/cnn/models/no-such.cnn",
                  "CNN_MODEL_PATH"):
        assert place in str(caught.value)
    (tmp_path / "broken.cnn").write_bytes(b"no model")
    with pytest.raises(cnn.MalformedDataError, match=r"broken\.cnn"):
        cnn.Model.pretrained("broken")
    for name in ("", "../models/pets", "/etc/passwd", ".hidden", "a b", "x" * 200, "pets\n", "ä"):
        with pytest.raises(cnn.InvalidArgumentError):
            cnn.Model.pretrained(name)


def test_the_command_finds_its_model(files: Path, models: Path, tmp_path: Path) -> None:
    picture = files / "pictures" / "01.png"
    found = {"CNN_MODEL_PATH": str(models)}
    assert expected(1) in run("predict", picture, env=found).stdout
    assert expected(1) in run("predict", "--model", "pets", picture, env=found).stdout
    named = {"CNN_MODEL": str(models / "pets.cnn")}
    assert expected(1) in run("predict", picture, env=named).stdout
    assert expected(1) in run("predict", picture, env={**found, "CNN_MODEL": "pets"}).stdout
    message = run("predict", picture, env={"CNN_MODEL": "/nowhere.cnn"}, status=66).stderr
    assert "CNN_MODEL" in message and "/nowhere.cnn" in message
    # A model that has a picture's name is a model all the same.
    shutil.copy(models / "pets.cnn", tmp_path / "model.png")
    assert expected(1) in run("predict", tmp_path / "model.png", picture).stdout


FIRST_C_PROGRAM = r"""
#include <cnn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  cnn_model *model;
  cnn_prediction best;
  if (cnn_model_load_pretrained(argc > 2 ? argv[2] : NULL, &model) != CNN_OK ||
      cnn_recognise_file(model, argv[1], 1, &best, NULL) != CNN_OK) {
    fprintf(stderr, "%s\n", cnn_last_error_message());
    return 1;
  }
  puts(best.label);
  cnn_model_free(model);
  return 0;
}
"""


def test_beside_library_and_command(files: Path, tmp_path: Path) -> None:
    """As `make install` lays it out: only the places of files tell where the model is."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    prefix = tmp_path / "a prefix"
    for folder in ("bin", "lib", "lib/x86_64-linux-gnu", "share/cnn/models"):
        (prefix / folder).mkdir(parents=True)
    shutil.copy(LIBRARY, prefix / "lib" / "libcnn.so.0")
    shutil.copy(COMMAND, prefix / "bin" / "cnn")
    subprocess.run(["strip", prefix / "bin" / "cnn", prefix / "lib" / "libcnn.so.0"], check=True)
    (prefix / "lib" / "libcnn.so").symlink_to("libcnn.so.0")
    program = tmp_path / "program"
    (tmp_path / "first.c").write_text(FIRST_C_PROGRAM)
    subprocess.run(["gcc", "-std=c99", f"-I{ROOT / 'include'}", tmp_path / "first.c", "-o", program,
                    f"-L{prefix / 'lib'}", "-lcnn", f"-Wl,-rpath,{prefix / 'lib'}"], check=True)
    picture = files / "pictures" / "01.png"
    model = prefix / "share" / "cnn" / "models" / "pets.cnn"

    def from_c(**options) -> subprocess.CompletedProcess:
        return subprocess.run([program, picture], capture_output=True, text=True, **options)

    missing = from_c(env={})
    assert missing.returncode == 1 and str(model) in missing.stderr
    shutil.copy(files / "quarters.cnn", model)
    assert from_c(env={}).stdout.strip() == expected(1)
    assert expected(1) in run("predict", picture, command=prefix / "bin" / "cnn", env={}).stdout
    # Called by another name, through a link, from another folder that has a file of that name.
    (tmp_path / "elsewhere" / "bin").mkdir(parents=True)
    link = tmp_path / "elsewhere" / "bin" / "recogniser"
    link.symlink_to(prefix / "bin" / "cnn")
    assert expected(1) in run("predict", picture, command=link, env={}, cwd=tmp_path).stdout
    # A library that was loaded by a path that no longer leads to it.
    relative = from_c(env={"LD_LIBRARY_PATH": "lib"}, cwd=prefix)
    assert relative.stdout.strip() == expected(1), relative.stderr
    # Beside the library, as in a wheel and for programs that bring both.
    model.unlink()
    (prefix / "lib" / "models").mkdir()
    shutil.copy(files / "quarters.cnn", prefix / "lib" / "models" / "pets.cnn")
    assert from_c(env={}).stdout.strip() == expected(1)
    # Never from the current folder.
    shutil.rmtree(prefix / "lib" / "models")
    (tmp_path / "models").mkdir()
    shutil.copy(files / "quarters.cnn", tmp_path / "models" / "pets.cnn")
    assert from_c(env={}, cwd=tmp_path).returncode == 1
