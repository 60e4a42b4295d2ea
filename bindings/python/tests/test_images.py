"""Pictures, against numpy and Pillow."""

from __future__ import annotations

import copy
import gc
import io
import pickle

import numpy as np
import pytest
from conftest import SMALL

import cnn


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_arrays_and_png(channels, tmp_path, random):
    pixels = random.integers(0, 256, (5, 7, channels), np.uint8)
    image = cnn.Image(pixels)
    assert image.shape == pixels.shape and np.array_equal(np.asarray(image), pixels)
    path = tmp_path / "ä.png"
    image.save(path)
    for other in (cnn.Image(path), cnn.Image(str(path)), cnn.Image(image.png()),
                  cnn.Image(memoryview(path.read_bytes())), pickle.loads(pickle.dumps(image)),
                  copy.deepcopy(image)):
        assert np.array_equal(np.asarray(other), pixels)
    assert image._repr_png_() == path.read_bytes()
    assert repr(image) == f"Image(height=5, width=7, channels={channels})"


def test_the_array_is_a_view_to_read():
    image = cnn.Image(np.full((2, 3, 1), 9, np.uint8))
    view, copied = np.asarray(image), np.array(image)
    with pytest.raises(ValueError):
        view[0] = 1
    copied[0] = 1
    assert np.asarray(image, dtype=np.float32).dtype == np.float32
    image.close()
    gc.collect()
    assert np.all(view == 9)
    with pytest.raises(ValueError, match="closed"):
        np.asarray(image)


def test_kinds_of_arrays(random):
    pixels = random.integers(0, 256, (6, 8, 3), np.uint8)
    assert np.array_equal(np.asarray(cnn.Image(pixels[::2, ::-1])), pixels[::2, ::-1])
    assert cnn.Image(pixels[..., 0]).shape == (6, 8, 1)
    for wrong, problem in ((pixels.astype(float), TypeError), (pixels[None], ValueError),
                           (pixels[..., :2], ValueError), (pixels[:0], ValueError)):
        with pytest.raises(problem):
            cnn.Image(wrong)
    with pytest.raises(TypeError, match="files"):
        cnn.Image(pixels, channels=1)


def test_crop_and_resize(random):
    pixels = random.integers(0, 256, (6, 8, 3), np.uint8)
    image = cnn.Image(pixels)
    assert np.array_equal(np.asarray(image.crop(1, 2, 3, 4)), pixels[1:4, 2:6])
    halves = pixels.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(np.asarray(image.resize(3, 4, filter="box")) - halves).max() <= 1
    assert np.array_equal(np.asarray(image.resize(12, 16, filter="nearest")),
                          pixels.repeat(2, 0).repeat(2, 1))
    for size in ((0, 1), (-1, 1), (2**40, 2**40)):
        with pytest.raises(cnn.CNNError):
            image.resize(*size)
    with pytest.raises(ValueError):
        image.resize(2**64 + 3, 3)
    with pytest.raises(cnn.CNNError, match="bilinear"):
        image.resize(3, 3, filter="bilinaer")
    for rectangle in ((0, 0, 7, 1), (-1, 0, 1, 1), (5, 0, 2, 1), (0, 0, 0, 1)):
        with pytest.raises(cnn.InvalidArgumentError):
            image.crop(*rectangle)
    with pytest.raises(TypeError):
        image.crop(0, 0, 1.5, 1)


@pytest.mark.parametrize("name, filter", [
    ("BILINEAR", "bilinear"), ("BICUBIC", "bicubic"), ("LANCZOS", "lanczos3")])
def test_resizing_as_pillow_does(name, filter, random):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    pixels = random.integers(0, 256, (40, 30, 3), np.uint8)
    expected = np.asarray(
        pillow.fromarray(pixels).resize((13, 17), getattr(pillow.Resampling, name)), int)
    got = np.asarray(cnn.Image(pixels).resize(17, 13, filter=filter))
    assert np.abs(got - expected).max() <= 1


def test_jpeg_and_options(random):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    smooth = np.add.outer(np.arange(32) * 4, np.arange(24) * 5).astype(np.uint8)
    buffer = io.BytesIO()
    pillow.fromarray(smooth).convert("RGB").save(buffer, "JPEG", quality=95)
    image = cnn.Image(buffer.getvalue())
    expected = np.asarray(pillow.open(buffer), int)
    assert np.abs(np.asarray(image) - expected).max() <= 2
    assert cnn.Image(buffer.getvalue(), channels=1).shape == (32, 24, 1)
    with pytest.raises(cnn.CNNError, match="limit of 100"):
        cnn.Image(buffer.getvalue(), max_pixels=100)


def test_to_tensor(random):
    model = cnn.Model(SMALL)
    pixels = random.integers(0, 256, (8, 8), np.uint8)
    tensor = cnn.Image(pixels).to_tensor(model)
    np.testing.assert_allclose(tensor[..., 0], pixels / 255, atol=1e-6)
    assert np.array_equal(
        cnn.Image(pixels).to_tensor(model, layout="NCHW"), tensor.transpose(2, 0, 1))


def test_wrong_files(tmp_path):
    with pytest.raises(cnn.InputOutputError, match="nowhere"):
        cnn.Image(tmp_path / "nowhere.png")
    for content in (b"", b"text", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\xff\xd8\xff" + bytes(50)):
        with pytest.raises(cnn.CNNError):
            cnn.Image(content)
    with pytest.raises(ValueError, match="zero"):
        cnn.Image("a\0b.png")
    with pytest.raises(TypeError):
        cnn.Image(5)
    with pytest.raises(OSError):
        cnn.Image(np.zeros((1, 1), np.uint8)).save(tmp_path / "no" / "folder.png")
