"""Datasets and batches."""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
import tarfile

import numpy as np
import pytest
from conftest import SMALL

import cnn


def test_digits(digits, test_digits):
    assert (len(digits), len(test_digits)) == (1497, 300) and digits.shape == (8, 8, 1)
    assert digits.class_names == [str(i) for i in range(10)]
    assert repr(digits) == "Dataset(1,497 samples of shape (8, 8, 1))"
    samples, labels = digits.read([5, 0, 5])
    assert samples.shape == (3, 8, 8, 1) and np.array_equal(samples[0], samples[2])
    assert list(labels) == [digits.label(5), digits.label(0), digits.label(5)]
    np.testing.assert_allclose(samples[1] * 255, np.asarray(digits.image(0)), atol=1e-3)
    assert set(np.unique(test_digits.labels)) == set(range(10))


def test_pictures_from_arrays(random):
    pixels = random.integers(0, 256, (6, 4, 5, 3), np.uint8)
    data = cnn.Dataset.from_arrays(pixels, [0, 1, 2, 0, 1, 2], class_names=["a", "b", "c"])
    assert data.shape == (4, 5, 3) and data.class_names == ["a", "b", "c"]
    assert np.array_equal(np.asarray(data.image(3)), pixels[3])
    samples, labels = data.read(range(6))
    np.testing.assert_allclose(samples, pixels / 255, atol=1e-6)
    assert list(labels) == [0, 1, 2, 0, 1, 2]
    nchw = cnn.Dataset.from_arrays(pixels.transpose(0, 3, 1, 2), labels, layout="NCHW")
    assert np.array_equal(nchw.read(range(6))[0], samples) and len(nchw.class_names) == 3
    assert np.array_equal(
        data.read(range(6), layout="NCHW")[0], samples.transpose(0, 3, 1, 2))
    strided = cnn.Dataset.from_arrays(np.repeat(pixels, 2, 0)[::2], labels)
    assert np.array_equal(strided.read(range(6))[0], samples)
    grey = cnn.Dataset.from_arrays(pixels[..., 0], labels)
    assert grey.shape == (4, 5, 1)
    assert cnn.Dataset.from_arrays(pixels[..., 0], labels, layout="NCHW").shape == (4, 5, 1)


def test_numbers_from_arrays(random):
    numbers = random.normal(size=(5, 4, 3, 2))
    data = cnn.Dataset.from_arrays(numbers, [0, 1, 0, 1, 0])
    assert np.array_equal(data.read([4, 0])[0], numbers[[4, 0]].astype(np.float32))
    with pytest.raises(cnn.UnsupportedError):
        data.image(0)
    flat = cnn.Dataset.from_arrays(numbers.reshape(5, -1), [0, 1, 0, 1, 0])
    assert flat.shape == (24,) and flat.read([1], layout="NCHW")[0].shape == (1, 24)


def test_preprocessing_of_a_model(random):
    pixels = random.integers(0, 256, (3, 16, 16, 1), np.uint8)
    data, model = cnn.Dataset.from_arrays(pixels, [0, 1, 2]), cnn.Model(SMALL)
    samples, _ = data.read([0, 1, 2], model=model)
    assert samples.shape == (3, 8, 8, 1)
    np.testing.assert_array_equal(samples[2], cnn.Image(pixels[2]).to_tensor(model))
    standard = data.preprocessing("standard")
    np.testing.assert_allclose(standard["mean"], pixels.mean() / 255, rtol=1e-4)
    np.testing.assert_allclose(standard["standard_deviation"], pixels.std() / 255, rtol=1e-4)


def test_targets(random):
    x = random.normal(size=(60, 4)).astype(np.float32)
    kind = (x[:, 0] > 0).astype(int)
    data = cnn.Dataset.from_targets(
        x, {"kind": kind, "box": x[:, :2]}, class_names={"kind": ["low", "high"]})
    assert len(data) == 60 and data.shape == (4,)
    graph = {"inputs": [{"name": "x", "shape": [4]}], "outputs": ["kind", "box"], "layers": [
        {"name": "kind", "type": "linear", "out_features": 2, "inputs": ["x"]},
        {"name": "box", "type": "linear", "out_features": 2, "inputs": ["x"]}]}
    model = cnn.Model(graph)
    history = cnn.Trainer(model, epochs=60, learning_rate=0.05, loss={
        "kind": "softmax_cross_entropy", "box": "mean_squared_error"}).fit(data)
    assert history["epochs"][-1]["loss"] < 0.3 * history["epochs"][0]["loss"]
    np.testing.assert_allclose(cnn.Session(model).run(x[:1])["box"], x[:1, :2], atol=0.2)
    for wrong in ({"kind": kind[:5]}, {"kind": kind[:, None]}, {"box": np.float32(1)}):
        with pytest.raises(cnn.ShapeMismatchError):
            cnn.Dataset.from_targets(x, wrong)
    with pytest.raises(cnn.InvalidArgumentError):
        cnn.Dataset.from_targets(x, {})


def test_subset_and_split(digits):
    part = digits.subset(np.arange(100)[::-1])
    assert len(part) == 100 and part.label(0) == digits.label(99)
    first, second = digits.split(0.25, seed=2)
    assert len(first) + len(second) == 1497 and 350 < len(second) < 400
    again = digits.split(0.25, seed=2)[1]
    assert np.array_equal(second.read([0, 9])[0], again.read([0, 9])[0])
    shares = np.bincount(second.labels) / np.bincount(digits.labels)
    assert np.all(abs(shares - 0.25) < 0.02)
    digits.subset([3]).close()


def test_batches(digits):
    batches = digits.batches(batch_size=100, seed=4)
    epochs = [list(batches), list(batches)]
    for epoch in epochs:
        assert [len(labels) for _, labels in epoch] == [100] * 14 + [97]
        assert sorted(np.concatenate([labels for _, labels in epoch])) == sorted(digits.labels)
    assert not np.array_equal(epochs[0][0][1], epochs[1][0][1])
    again = list(digits.batches(batch_size=100, seed=4, workers=0))
    assert all(np.array_equal(a, b) for x, y in zip(epochs[0], again) for a, b in zip(x, y))
    ordered = next(iter(digits.batches(batch_size=7, shuffle=False)))
    assert np.array_equal(ordered[0], digits.read(range(7))[0])
    nchw = next(iter(cnn.Batches(digits, batch_size=7, shuffle=False, layout="NCHW")))
    assert np.array_equal(nchw[0], ordered[0].transpose(0, 3, 1, 2))
    assert len(list(digits.batches(batch_size=100, drop_last=True))) == 14
    model = cnn.Model.named("mnist")
    samples, _ = next(iter(digits.batches(model=model, batch_size=2)))
    assert samples.shape == (2, *model.inputs[0].shape)


def test_batches_end_while_reading_ahead(digits):
    for _ in range(20):
        next(iter(digits.batches(batch_size=8, prefetch=8, workers=4)))


def test_folders(tmp_path, random):
    for name in ("cat", "dog"):
        for part in ("train", "test"):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for i in range(3):
                cnn.Image(random.integers(0, 256, (9, 12, 3), np.uint8)).save(folder / f"{i}.png")
    data = cnn.Dataset.open(tmp_path, size=6)
    assert len(data) == 6 and data.shape == (6, 6, 3) and data.class_names == ["cat", "dog"]
    assert len(cnn.Dataset.open(tmp_path, size=6, part="test", limit=1)) == 2
    (tmp_path / "train" / "cat" / "1.png").write_bytes(b"no picture")
    with pytest.raises(cnn.CNNError, match=r"1\.png"):
        data.read(range(6))
    with pytest.raises(cnn.CNNError, match=r"1\.png"):
        list(data.batches(batch_size=2))


def test_mnist_and_cifar10(tmp_path, random):
    pixels, labels = random.integers(0, 256, (5, 28, 28), np.uint8), bytes([3, 1, 4, 1, 5])
    images = struct.pack(">4i", 2051, 5, 28, 28) + pixels.tobytes()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 5) + labels)
    mnist = cnn.Dataset.open(tmp_path)
    assert list(mnist.labels) == list(labels)
    assert np.array_equal(np.asarray(mnist.image(2))[..., 0], pixels[2])
    colours = random.integers(0, 256, (4, 3, 32, 32), np.uint8)
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(b"".join(bytes([i]) + colours[i].tobytes() for i in range(4)))
    cifar = cnn.Dataset.open(path)
    assert cifar.shape == (32, 32, 3) and cifar.class_names[3] == "cat"
    assert np.array_equal(np.asarray(cifar.image(3)), colours[3].transpose(1, 2, 0))


@pytest.mark.parametrize("samples, labels, problem", [
    (np.zeros((0, 4, 4, 1), np.uint8), [], ValueError),
    (np.zeros((0, 4)), [], ValueError),
    (np.zeros((2, 4, 4, 2), np.uint8), [0, 1], ValueError),
    (np.zeros((2, 4)), [0], ValueError), (np.zeros(2), [0, 1], ValueError),
    (np.zeros((2, 4)), [0, -1], ValueError), (np.zeros((2, 4)), ["a", "b"], TypeError),
    (np.zeros((2, 4)), [0, 10**15], cnn.CNNError), (np.zeros((2, 4)), [0, 1.5], ValueError),
    (np.array([["a"], ["b"]]), [0, 1], TypeError), (np.zeros((1, *[1] * 20)), [0], ValueError),
])
def test_wrong_arrays(samples, labels, problem):
    with pytest.raises(problem):
        cnn.Dataset.from_arrays(samples, labels)


def test_wrong_uses(digits, tmp_path):
    with pytest.raises(TypeError, match="from_arrays"):
        cnn.Dataset()
    for index in (-1, 1497, 2**62):
        with pytest.raises(cnn.InvalidArgumentError):
            digits.read([index])
        with pytest.raises(cnn.InvalidArgumentError):
            digits.label(index)
    with pytest.raises(cnn.InvalidArgumentError):
        digits.read([])
    with pytest.raises(cnn.InvalidArgumentError):
        digits.subset(np.array([]))
    with pytest.raises(ValueError):
        digits.read([[1]])
    for fraction in (0, 1, -1, 2, np.nan):
        with pytest.raises(cnn.InvalidArgumentError):
            digits.split(fraction)
    with pytest.raises(cnn.UnknownNameError, match="digits"):
        cnn.Dataset.named("digit")
    with pytest.raises(cnn.InputOutputError, match="nowhere"):
        cnn.Dataset.open(tmp_path / "nowhere")
    with pytest.raises(cnn.UnknownNameError, match="batch_size"):
        digits.batches(batchsize=3)
    with pytest.raises(cnn.CNNError):
        digits.batches(batch_size=-1)


def picture(random):
    return cnn.Image(random.integers(0, 256, (9, 8, 3), np.uint8))


@pytest.fixture
def photos(tmp_path, random):
    """A folder of photos: train/cat, train/dog and val/cat."""
    for part, name, count in [("train", "cat", 3), ("train", "dog", 2), ("val", "cat", 2)]:
        folder = tmp_path / "photos" / part / name
        folder.mkdir(parents=True)
        for index in range(count):
            picture(random).save(folder / f"{index}.png")
    return tmp_path / "photos"


FORMATS = [("w", tarfile.USTAR_FORMAT), ("w:gz", tarfile.GNU_FORMAT), ("w:gz", tarfile.PAX_FORMAT)]


@pytest.mark.parametrize(("mode", "form"), FORMATS)
def test_archives(photos, tmp_path, mode, form):
    long = photos / "train" / "dog" / ("x" * 120 + "é.png")
    if form != tarfile.USTAR_FORMAT:
        (photos / "train" / "dog" / "1.png").rename(long)
    path = tmp_path / ("photos.tar" if mode == "w" else "photos.tgz")
    with tarfile.open(path, mode, format=form) as archive:
        archive.add(photos / "val", "val")
        archive.add(photos / "train", "train")
        link = tarfile.TarInfo("train/dog/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    for part in ("train", "validation", "all"):
        packed = cnn.Dataset.open(path, part=part, size=6)
        unpacked = cnn.Dataset.open(photos, part=part, size=6)
        assert packed.class_names == unpacked.class_names
        everything = range(len(unpacked))
        for a, b in zip(packed.read(everything), unpacked.read(everything)):
            np.testing.assert_array_equal(a, b)


def test_an_archive_that_grows_out_of_proportion(tmp_path):
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(80):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    with pytest.raises(cnn.MalformedDataError, match="100 times its size"):
        cnn.Dataset.open(path, size=8)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(cnn.MalformedDataError):
        cnn.Dataset.open(path, size=8)


def test_an_archive_beyond_the_memory_limit(photos, tmp_path):
    path = tmp_path / "large.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(photos / "train", "train")
        entry = tarfile.TarInfo("train/cat/empty.bin")
        entry.size = 32 << 20
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    assert len(cnn.Dataset.open(path, size=8)) == 5
    cnn.set_memory_limit(cnn.memory_in_use() + (16 << 20))
    try:
        with pytest.raises(cnn.OutOfMemoryError, match="memory limit"):
            cnn.Dataset.open(path, size=8)
    finally:
        cnn.set_memory_limit(None)


def test_tables(photos, tmp_path):
    table = tmp_path / "table.csv"
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["note", "file", "class", "top", "left", "height", "width"])
        writer.writerow(['a "quoted"\nnote, with a comma', "train/cat/0.png", "cat", "", "", "", ""])
        writer.writerow(["", "train/cat/0.png", "ear", 1, 2, 4, 4])
    data = cnn.Dataset.open(table, root=photos, size=4)
    assert data.class_names == ["cat", "ear"] and list(data.labels) == [0, 1]
    whole = np.asarray(cnn.Image(photos / "train" / "cat" / "0.png"))
    np.testing.assert_array_equal(np.asarray(data.image(1)), whole[1:5, 2:6])
    with pytest.raises(cnn.InputOutputError, match="line 2|line 3"):
        cnn.Dataset.open(table, size=4)


def test_mixtures(photos, tmp_path):
    with tarfile.open(tmp_path / "things.tar", "w") as archive:
        archive.add(photos / "train" / "cat" / "0.png", "train/car/0.png")
        archive.add(photos / "train" / "dog" / "0.png", "train/cat/1.png")
    mixture = tmp_path / "mixture.json"
    mixture.write_text(json.dumps({
        "classes": ["cat", "dog", "neither"],
        "sources": [
            {"data": "photos", "part": "train", "weight": 1},
            {"data": "things.tar", "weight": 3, "classes": {"cat": "cat", "*": "neither"}}],
        "samples_per_epoch": 40,
        "validation": [{"data": "photos", "part": "validation"}]}))
    data = cnn.Dataset.open(mixture, size=8)
    assert data.class_names == ["cat", "dog", "neither"]
    assert list(data.labels) == [0, 0, 0, 1, 1, 2, 0]
    assert len(cnn.Dataset.open(mixture, part="validation", size=8)) == 2
    labels = np.concatenate([labels for _, labels in data.batches(batch_size=10, seed=1)])
    assert list(np.bincount(labels)) == [6 + 15, 4, 15]
    augment = {"random_resized_crop": {"scale": [0.5, 1]}, "grayscale": 0.5,
               "downscale": {"probability": 0.5, "scale": [0.3, 0.8]}}
    first, again = (
        [samples.copy() for samples, _ in data.batches(batch_size=8, seed=1, augment=augment)]
        for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    with pytest.raises(cnn.UnknownNameError, match="did you mean"):
        cnn.Dataset.open(mixture, size=8, clases=["cat"])
    with pytest.raises(cnn.CNNError, match="source \"photos\""):
        cnn.Dataset.open(mixture, size=8, root=tmp_path / "photos")
