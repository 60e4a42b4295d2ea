#!/usr/bin/env python3
"""Writes Sources/CNNData/Formats/DigitsData.swift from the digits that scikit-learn carries.

Needs scikit-learn: python3 -m venv v && v/bin/pip install scikit-learn && v/bin/python make-digits.py
"""

import base64
import gzip
import pathlib

import numpy
import sklearn.datasets

WIDTH = 92

digits = sklearn.datasets.load_digits()
images = digits.images.astype(numpy.uint8)
labels = digits.target.astype(numpy.uint8)
assert images.shape == (1797, 8, 8) and images.max() == 16 and labels.max() == 9

packed = gzip.compress(labels.tobytes() + images.tobytes(), compresslevel=9, mtime=0)
text = base64.b64encode(packed).decode()
lines = [text[i : i + WIDTH] for i in range(0, len(text), WIDTH)]

target = pathlib.Path(__file__).parent.parent / "Sources/CNNData/Formats/DigitsData.swift"
with target.open("w") as file:
    file.write(
        "// Written by Tools/make-digits.py; where the data comes from says docs/third-party.md.\n\n"
        "/// Labels, then pixels from 0 to 16, of 1,797 digits: a gzip file in base64.\n"
        "let digitsData: StaticString = \"\"\"\n"
    )
    file.write("".join(f"  {line}\\\n" for line in lines[:-1]))
    file.write(f"  {lines[-1]}\n  \"\"\"\n")
print(f"{target}: {len(packed)} bytes packed, {len(text)} in base64")
