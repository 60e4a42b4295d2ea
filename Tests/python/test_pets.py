"""The recogniser that ships: what its card says is true, and all ways to ask it give the same answer."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import cnn

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build" / "release"
MODEL = ROOT / "models" / "pets.cnn"
PHOTOS = ROOT / "examples" / "photos"
DATA = ROOT.parent / "shared" / "data" / "catdog-photos" / "val"

C_PROGRAM = r"""
#include <cnn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  cnn_model *model;
  cnn_prediction answers[3];
  if (cnn_model_load(argv[1], &model) != CNN_OK) return 1;
  for (int i = 2; i < argc; i++) {
    if (cnn_recognise_file(model, argv[i], 3, answers, NULL) != CNN_OK) return 1;
    for (int k = 0; k < 3; k++) printf("%s %a ", answers[k].label, answers[k].probability);
    puts("");
  }
  cnn_model_free(model);
  return 0;
}
"""


@pytest.fixture(scope="module")
def pets() -> cnn.Model:
    return cnn.Model.load(MODEL)


def test_the_file_is_that_of_the_card() -> None:
    contents = MODEL.read_bytes()
    card = (ROOT / "models" / "pets.md").read_text(encoding="utf-8")
    assert len(contents) <= 10_000_000
    assert hashlib.sha256(contents).hexdigest() in card
    assert f"{len(contents):,} bytes" in card


def test_it_is_found_without_a_name(pets: cnn.Model) -> None:
    assert pets.class_names == ["cat", "dog", "neither"]
    assert cnn.Model.pretrained().to_bytes() == pets.to_bytes()


@pytest.mark.parametrize("photo,label", [("chelsea.jpg", "cat"), ("rocket.jpg", "neither")])
def test_photos_that_ship(pets: cnn.Model, photo: str, label: str) -> None:
    assert pets.recognise(PHOTOS / photo, top=1)[0].label == label


def test_c_python_and_the_command_agree_to_the_last_bit(pets: cnn.Model, tmp_path: Path) -> None:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    photos = sorted(PHOTOS.glob("*.jpg"))
    python = [[(answer.label, np.float32(answer.probability)) for answer in pets.recognise(photo)]
              for photo in photos]
    result = subprocess.run(
        [BUILD / "cnn-command", "predict", "--model", MODEL, "--json", *photos], check=True,
        capture_output=True, text=True)
    command = [[(answer["label"], np.float32(answer["probability"])) for answer in row["predictions"]]
               for row in json.loads(result.stdout)]
    (tmp_path / "ask.c").write_text(C_PROGRAM)
    subprocess.run(
        ["gcc", "-std=c99", f"-I{ROOT / 'include'}", tmp_path / "ask.c", "-o", tmp_path / "ask",
         f"-L{BUILD}", "-lcnn"], check=True)
    result = subprocess.run(
        [tmp_path / "ask", MODEL, *photos], check=True, capture_output=True, text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(BUILD)})
    c = [[(label, np.float32(float.fromhex(number)))
          for label, number in re.findall(r"(\w+) (0x\S+)", line)]
         for line in result.stdout.splitlines()]
    assert len(python) == len(photos) == 7 and python == command == c


def test_photos_that_training_never_saw(pets: cnn.Model) -> None:
    if not DATA.is_dir():
        pytest.skip(f"the photos are not there: {DATA}")
    result = pets.evaluate(
        cnn.Dataset.open(DATA, preprocessing=pets.preprocessing), classes=["cat", "dog"])
    assert result["accuracy"] >= 0.9, result
