"""Pictures as people have them: every one gets the right answer or a clear error, never a crash."""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import picture_files as make
import pytest
from test_fuzz import in_child

import cnn

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

WIDE = make.quarter(203, 149, "top right", "blue")
GREY = make.quarter(203, 149, "bottom left", "white")
SMALL = make.quarter(37, 21, "bottom right", "green")


def saved(pixels: np.ndarray, kind: str, mode: str = "RGB", **options: object) -> bytes:
    """A file that Pillow writes."""
    buffer = io.BytesIO()
    pillow.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    """The same, transparent where it is black."""
    return np.concatenate([pixels, pixels.max(axis=2, keepdims=True)], axis=2)


def right_answers():
    """Files, and what they show."""
    blue, white, green = "top right blue", "bottom left white", "bottom right green"
    yield "jpeg", make.jpeg(WIDE), blue
    yield "jpeg 4:4:4", make.jpeg(WIDE, subsampling=0), blue
    yield "jpeg 4:2:2", make.jpeg(WIDE, subsampling=1), blue
    yield "jpeg progressive", make.jpeg(WIDE, progressive=True), blue
    yield "jpeg grey", make.jpeg(GREY, "L"), white
    yield "jpeg grey progressive", make.jpeg(GREY, "L", progressive=True), white
    yield "jpeg CMYK", make.jpeg(WIDE, "CMYK"), blue
    yield "jpeg CMYK progressive", make.jpeg(WIDE, "CMYK", progressive=True), blue
    yield "jpeg YCCK", make.ycck_jpeg(WIDE), blue
    yield "jpeg with restarts", make.jpeg(WIDE, restart_marker_blocks=3), blue
    yield "jpeg small", make.jpeg(SMALL), green
    yield "jpeg and garbage", make.jpeg(WIDE) + b"appended by a camera", blue
    for orientation in range(1, 9):
        pixels = make.stored(WIDE, orientation)
        block = make.exif(orientation)
        yield f"jpeg orientation {orientation}", make.jpeg(pixels, exif=block), blue
        yield (f"progressive orientation {orientation}",
               make.jpeg(pixels, exif=block, progressive=True), blue)
        extra = make.chunk(b"eXIf", block[6:])
        yield f"png orientation {orientation}", make.png(pixels, 2, extra=extra), blue
    turned = make.stored(WIDE, 6)
    yield "orientation, little-endian", make.jpeg(turned, exif=make.exif(6, little=True)), blue
    yield "orientation of 32 bits", make.jpeg(turned, exif=make.exif(6, wide=True)), blue
    yield "orientation 9 is none", make.jpeg(WIDE, exif=make.exif(9)), blue
    yield "a cut Exif block", make.jpeg(WIDE, exif=make.exif(6)[:12]), blue
    for interlaced in (False, True):
        how = " interlaced" if interlaced else ""
        yield f"png{how}", make.png(WIDE, 2, interlaced=interlaced), blue
        sixteen = WIDE.astype(np.uint16) * 257
        yield f"png 16 bits{how}", make.png(sixteen, 2, 16, interlaced=interlaced), blue
        yield (f"png 16 bits with alpha{how}",
               make.png(with_alpha(sixteen), 6, 16, interlaced=interlaced), blue)
        yield f"png alpha{how}", make.png(with_alpha(WIDE), 6, interlaced=interlaced), blue
        for depth in (1, 2, 4, 8):
            yield (f"png palette {depth}{how}",
                   make.png(make.indexed(WIDE), 3, depth, interlaced=interlaced,
                            extra=make.palette("blue")), blue)
            grey = make.indexed(GREY) * (2**depth - 1)
            yield f"png grey {depth}{how}", make.png(grey, 0, depth, interlaced=interlaced), white
        clear = make.palette("blue") + make.chunk(b"tRNS", b"\0")
        yield (f"png palette, transparent{how}",
               make.png(make.indexed(WIDE), 3, 1, interlaced=interlaced, extra=clear), blue)
    grey_alpha = np.concatenate([GREY[..., :1], np.full_like(GREY[..., :1], 255)], axis=2)
    yield "png grey with alpha", make.png(grey_alpha, 4), white
    other = make.quarter(203, 149, "top left", "red")
    yield "png animated", make.animated_png(WIDE, other), blue
    yield "png small", make.png(SMALL, 2), green
    yield "1x1 png", make.png(np.uint8([[[255, 0, 0]]]), 2), "top left red"
    yield "1x1 jpeg", make.jpeg(np.uint8([[[0, 255, 0]]])), "top left green"
    for kind, write in (("png", lambda pixels: make.png(pixels, 2)), ("jpeg", make.jpeg)):
        for width, height in ((1, 5000), (5000, 1), (2, 3)):
            pixels = np.full((height, width, 3), (0, 0, 255), np.uint8)
            yield f"{kind} {width}x{height}", write(pixels), "top left blue"
    yield "jpeg of 12,000 pixels", make.huge_jpeg(12000, "red"), "top left red"


def clear_errors():
    """Files that cannot be read, and what the message has to say."""
    png, jpeg = make.png(WIDE, 2), make.jpeg(WIDE)
    accepted = "PNG and JPEG"
    yield "empty", b"", ["empty", accepted]
    yield "text", "Grüße aus dem Urlaub\n".encode() * 99, ["text", accepted]
    yield "html", b"<!DOCTYPE html>\n<html><body>404</body></html>", ["HTML", accepted]
    yield "svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', ["SVG", accepted]
    yield "zeros", bytes(5000), ["zero", accepted]
    yield "random", np.random.default_rng(1).bytes(5000), ["neither", accepted]
    yield "gif", saved(WIDE, "GIF", "P"), ["GIF", accepted]
    yield "webp", b"RIFF\x24\0\0\0WEBPVP8 " + bytes(24), ["WebP", accepted]
    yield "bmp", saved(WIDE, "BMP"), ["BMP", accepted]
    yield "tiff", saved(WIDE, "TIFF"), ["TIFF", accepted]
    yield "heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), ["HEIC", accepted]
    yield "avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + bytes(99), ["AVIF", accepted]
    yield "video", b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(99), ["video", accepted]
    yield "pdf", saved(WIDE, "PDF"), ["PDF", accepted]
    yield "zip", b"PK\x03\x04" + bytes(99), ["ZIP", accepted]
    yield "gzip", gzip.compress(png), ["gzip", accepted]
    yield "png signature alone", png[:8], ["PNG", "truncated or corrupt"]
    yield "png without its end", png[:-12], ["PNG", "truncated or corrupt"]
    yield "half of a png", png[:len(png) // 2], ["PNG", "truncated or corrupt"]
    broken = bytearray(png)
    broken[len(broken) // 2] ^= 0x55
    yield "png with a changed byte", bytes(broken), ["PNG", "truncated or corrupt"]
    yield "png of no pixels", png.replace(make.chunk(b"IHDR", png[16:29]), make.chunk(
        b"IHDR", bytes(4) + png[20:29])), ["PNG", "truncated or corrupt"]
    yield "jpeg signature alone", jpeg[:3], ["JPEG", "truncated or corrupt"]
    yield "half of a jpeg", jpeg[:len(jpeg) // 2], ["JPEG", "truncated or corrupt"]
    progressive = make.jpeg(WIDE, progressive=True)
    yield "half of a progressive jpeg", progressive[:len(progressive) // 2], ["JPEG", "truncated"]
    yield "half of a huge jpeg", make.huge_jpeg(12000, "red")[:90000], ["JPEG", "truncated"]
    many = bytearray(progressive)
    frame = many.index(b"\xff\xc2")
    many[frame + 5:frame + 9] = b"\x2e\xe0\x2e\xe0"
    yield "progressive jpeg of 12,000 pixels", bytes(many), ["12000 x 12000", "limit of 67108864"]
    yield "png of 12,000 pixels", huge_png(), ["12000 x 12000", "limit of 67108864"]


def huge_png() -> bytes:
    """A PNG of 12,000 x 12,000 pixels, one bit each."""
    header = struct.pack(">IIBBBBB", 12000, 12000, 1, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + make.chunk(b"IHDR", header)
            + make.chunk(b"IDAT", zlib.compress(bytes(1501 * 12000))) + make.chunk(b"IEND", b""))


RIGHT = {name: (data, label) for name, data, label in right_answers()}
WRONG = {name: (data, words) for name, data, words in clear_errors()}


@pytest.fixture(scope="module")
def model() -> cnn.Model:
    """What says where the colour is."""
    return make.quarter_model()


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_answer(name: str, model: cnn.Model, tmp_path: Path) -> None:
    data, label = RIGHT[name]
    path = tmp_path / "picture"
    path.write_bytes(data)
    answers = model.recognise(path, top=16)
    assert answers[0].label == label
    # From memory the bits are the same.
    assert model.recognise(data, top=16) == answers


@pytest.mark.parametrize("name", WRONG)
def test_a_clear_error(name: str, model: cnn.Model, tmp_path: Path) -> None:
    data, words = WRONG[name]
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    with pytest.raises(cnn.CNNError) as caught:
        model.recognise(path)
    for word in [*words, str(path)]:
        assert word in str(caught.value)
    with pytest.raises(cnn.CNNError):
        model.recognise(data)
    # Afterwards all is well.
    assert model.recognise(RIGHT["jpeg small"][0])[0].label == RIGHT["jpeg small"][1]


def test_what_is_no_file(model: cnn.Model, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(cnn.InputOutputError, match=str(path)):
            model.recognise(path)


@pytest.mark.parametrize("kind", ["jpeg", "jpeg progressive", "png", "png palette, transparent"])
def test_every_prefix_is_an_error(kind: str, model: cnn.Model) -> None:
    data = RIGHT[kind][0]
    for count in [*range(1, min(400, len(data))), *range(400, len(data), 37)]:
        with pytest.raises(cnn.MalformedDataError):
            model.recognise(data[:count])


FUZZED = ["jpeg", "jpeg progressive", "jpeg CMYK", "jpeg YCCK", "jpeg with restarts",
          "progressive orientation 6", "png", "png 16 bits interlaced",
          "png palette, transparent interlaced", "png animated", "png orientation 7"]


@pytest.mark.parametrize("name", FUZZED)
def test_damaged_files_end_nothing(name: str) -> None:
    """Bytes are changed, cut out and doubled: an answer or an error, and no memory is kept."""
    data = RIGHT[name][0]

    def work() -> None:
        model = make.quarter_model()
        model.recognise(data)
        before = cnn.memory_in_use()
        source = random.Random(name)
        for _ in range(700):
            damaged = bytearray(data)
            for _ in range(source.choice((1, 1, 2, 5, 20))):
                place = source.randrange(len(damaged))
                kind = source.randrange(4)
                if kind == 0:
                    damaged[place] ^= 1 << source.randrange(8)
                elif kind == 1:
                    damaged[place] = source.choice((0, 1, 0x7F, 0x80, 0xD8, 0xFE, 0xFF))
                elif kind == 2:
                    del damaged[place:place + source.randrange(1, 40)]
                else:
                    damaged[place:place] = damaged[place:place + source.randrange(1, 40)]
                damaged = damaged or bytearray(1)
            try:
                answers = model.recognise(bytes(damaged), top=16)
                assert abs(sum(answer.probability for answer in answers) - 1) < 1e-4
            except cnn.CNNError as problem:
                assert str(problem)
        assert cnn.memory_in_use() == before

    in_child(work)


def test_memory_for_a_huge_photo(tmp_path: Path) -> None:
    """12,000 x 12,000 pixels take 432 MB as a whole."""
    (tmp_path / "huge.jpg").write_bytes(make.huge_jpeg(12000, "red"))
    program = ("import sys, cnn, picture_files\n"
               "model = picture_files.quarter_model()\n"
               "small = picture_files.quarter(9, 9, 'top left', 'red')\n"
               "model.recognise(picture_files.jpeg(small))\n"
               "def peak(): return int(next(line for line in open('/proc/self/status') "
               "if line.startswith('VmHWM')).split()[1])\n"
               "before = peak()\n"
               "print(model.recognise(sys.argv[1])[0].label, peak() - before, sep=';')\n")
    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "huge.jpg"], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(
            [str(Path(__file__).parent), str(Path(cnn.__file__).parents[1])])})
    assert result.returncode == 0, result.stderr
    label, kilobytes = result.stdout.split(";")
    assert label == "top left red" and int(kilobytes) < 64 * 1024


def photo(width: int, height: int) -> np.ndarray:
    """Something like a photo: soft shapes, an edge, and noise."""
    random = np.random.default_rng(width * 10000 + height)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    planes = [127 + 70 * np.sin(9 * x + c) * np.cos(7 * y - c) + 30 * np.sin(40 * x * y)
              + 40 * (x + y > 1) for c in range(3)]
    noise = random.normal(size=(height, width, 1)) * 6
    return np.clip(np.stack(planes, axis=2) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(500, 375), (333, 517), (1203, 801)])
def test_decoding_small_is_close_to_decoding_all(size: tuple[int, int], orientation: int) -> None:
    data = make.jpeg(make.stored(photo(*size), orientation), quality=85,
                     exif=make.exif(orientation))
    whole = cnn.Image(data)
    assert whole.shape == (size[1], size[0], 3)
    for side in (24, 50, 93):
        reduced = np.asarray(cnn.Image(data, max_side=side), int)
        assert max(reduced.shape) == side
        exact = np.asarray(whole.resize(*reduced.shape[:2]), int)
        difference = np.abs(reduced - exact)
        # Shifted by a quarter of a pixel only, the mean would be above 2.
        assert difference.max() <= 16 and difference.mean() < 1


def test_a_longer_side_is_a_limit_and_no_wish() -> None:
    small = RIGHT["jpeg small"][0]
    for side in (37, 38, 5000):
        assert np.array_equal(np.asarray(cnn.Image(small, max_side=side)),
                              np.asarray(cnn.Image(small)))
    assert cnn.Image(small, max_side=1).shape == (1, 1, 3)
    assert cnn.Image(RIGHT["png alpha"][0], max_side=20).shape == (15, 20, 4)
    assert cnn.Image(RIGHT["jpeg grey"][0], max_side=20, channels=3).shape == (15, 20, 3)
    for wrong in (0, -1, 2**40):
        with pytest.raises(cnn.InvalidArgumentError, match="max_side"):
            cnn.Image(small, max_side=wrong)
    huge = make.huge_jpeg(12000, "red")
    assert cnn.Image(huge, max_side=100).shape == (100, 100, 3)
    with pytest.raises(cnn.MalformedDataError, match="limit of 67108864"):
        cnn.Image(huge)
    with pytest.raises(cnn.MalformedDataError, match="limit of 1000"):
        cnn.Image(huge, max_side=100, max_pixels=1000)


@pytest.mark.parametrize("resize", ["stretch", "shorter_side", "fit"])
def test_data_sets_see_what_recognising_sees(resize: str, tmp_path: Path) -> None:
    """A folder of photos gives the numbers from which the answer for each file is computed."""
    folder = tmp_path / "photos" / "things"
    folder.mkdir(parents=True)
    for size in ((500, 375), (90, 120), (9, 7)):
        (folder / f"{size[0]}.jpg").write_bytes(make.jpeg(photo(*size), exif=make.exif(6)))
    model = cnn.Model({
        "inputs": [{"name": "image", "shape": [20, 24, 3]}],
        "layers": [{"type": "flatten"}, {"name": "head", "type": "linear", "out_features": 3}]})
    model.preprocessing = {
        "width": 24, "height": 20, "resize": resize,
        **({"shorter_side": 26} if resize == "shorter_side" else {})}
    data = cnn.Dataset.open(tmp_path / "photos", preprocessing=model.preprocessing)
    paths = sorted(folder.iterdir())
    assert len(data) == len(paths) == 3
    for index, path in enumerate(paths):
        samples, _ = data.read([index])
        logits = model.predict(samples)[0].astype(np.float64)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        answers = {answer.index: answer.probability for answer in model.recognise(path)}
        assert [np.float32(answers[k]) for k in range(3)] == list(shares.astype(np.float32))
        # In full, the picture gives nearly the same.
        exact = cnn.Image(path).to_tensor(model)
        assert np.abs(samples[0] - exact).max() < 20 / 255
