"""Makes PNGFixtures.swift, JPEGFixtures.swift and ResizeFixtures.swift.

    pip install pillow numpy && python make_fixtures.py

PNG files are written here, bit by bit, in every colour type and depth, plain and interlaced; what
they decode to follows from the samples. JPEG files and resized pixels come from Pillow (made with
Pillow 13.0.0, libjpeg-turbo 3.1).
"""
import base64
import io
import struct
import zlib

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 5, 6


def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data)))


def pack_rows(samples, depth):
    """Packs samples (rows, columns, channels) with a filter byte of 0 before each row."""
    out = b""
    for row in samples:
        bits = "".join(format(int(v), f"0{depth}b") for v in row.reshape(-1))
        bits += "0" * (-len(bits) % 8)
        out += b"\0" + bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
    return out


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]


def png(samples, color, depth, interlaced, extra=b"", size=None):
    height, width = size or samples.shape[:2]
    if interlaced:
        parts = (samples[y::dy, x::dx] for x, y, dx, dy in ADAM7)
        rows = b"".join(pack_rows(p, depth) for p in parts if p.size)
    else:
        rows = pack_rows(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def to8(samples, depth):
    return ((samples.astype(np.int64) * 255 * 2 + 2**depth - 1) // (2 * (2**depth - 1))).astype(
        np.uint8)


def png_fixtures():
    rng = np.random.default_rng(1)
    palette = rng.integers(0, 256, (16, 3), dtype=np.uint8)
    for interlaced in (False, True):
        suffix = " interlaced" if interlaced else ""
        for color, name, channels, depths in ((0, "grey", 1, (1, 2, 4, 8, 16)),
                                              (2, "rgb", 3, (8, 16)),
                                              (4, "grey alpha", 2, (8, 16)),
                                              (6, "rgba", 4, (8, 16))):
            for depth in depths:
                samples = rng.integers(0, 2**depth, (HEIGHT, WIDTH, channels))
                want = to8(samples, depth)
                if color == 4:
                    want = np.concatenate([want[..., :1]] * 3 + [want[..., 1:]], axis=2)
                yield f"{name} {depth}{suffix}", png(samples, color, depth, interlaced), want
        samples = rng.integers(0, 16, (HEIGHT, WIDTH, 1))
        extra = chunk(b"PLTE", palette.tobytes())
        yield f"palette 4{suffix}", png(samples, 3, 4, interlaced, extra), palette[samples[..., 0]]
        extra += chunk(b"tRNS", bytes([0, 100, 200]))
        alpha = np.full(16, 255, np.uint8)
        alpha[:3] = (0, 100, 200)
        want = np.concatenate([palette, alpha[:, None]], axis=1)[samples[..., 0]]
        yield f"palette with alpha 4{suffix}", png(samples, 3, 4, interlaced, extra), want
        samples = rng.integers(0, 4, (HEIGHT, WIDTH, 1))
        grey = to8(samples, 2)
        want = np.concatenate([grey] * 3 + [np.where(samples == 2, 0, 255).astype(np.uint8)], 2)
        yield (f"grey with transparent value 2{suffix}",
               png(samples, 0, 2, interlaced, chunk(b"tRNS", struct.pack(">H", 2))), want)


def photo(width, height, channels):
    """Something smooth enough for JPEG."""
    y, x = np.mgrid[0:height, 0:width] / 16.0
    planes = [127 + 100 * np.sin(2 * x + c) * np.cos(3 * y - c) + 20 * np.sin(9 * x * y)
              for c in range(channels)]
    return np.clip(np.stack(planes, axis=2), 0, 255).astype(np.uint8).squeeze()


def exif(orientation):
    return (b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0))


def jpeg_fixtures():
    def encode(image, **options):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=80, **options)
        return buffer.getvalue()

    grey = Image.fromarray(photo(21, 13, 1))
    rgb = Image.fromarray(photo(21, 13, 3))
    files = [("grey", encode(grey)), ("baseline", encode(rgb)),
             ("444", encode(rgb, subsampling=0)), ("progressive", encode(rgb, progressive=True)),
             ("restart", encode(rgb, restart_marker_blocks=1)),
             ("cmyk", encode(Image.fromarray(photo(21, 13, 4), "CMYK")))]
    for name, data in files:
        image = Image.open(io.BytesIO(data))
        want = np.asarray(image if image.mode == "L" else image.convert("RGB"))
        yield name, data, want.reshape(13, 21, -1)
    from PIL import ImageOps
    for orientation in range(1, 9):
        data = encode(grey.resize((9, 5)), exif=exif(orientation))
        want = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        yield f"orientation {orientation}", data, want[..., None]


def pattern(width, height, channels):
    """The same numbers as `patternImage` in ResizeTests.swift."""
    i = np.arange(width * height * channels, dtype=np.int64)
    values = ((i * i * 7 + i * 31) // 5 % 256).astype(np.uint8)
    return values.reshape(height, width, channels)


FILTERS = {"nearest": Image.Resampling.NEAREST, "box": Image.Resampling.BOX,
           "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC,
           "lanczos3": Image.Resampling.LANCZOS}


def resize_fixtures():
    for name, filter in FILTERS.items():
        for (w, h, c), (new_w, new_h) in (((13, 11, 3), (5, 4)), ((7, 5, 1), (10, 8)),
                                          ((6, 7, 4), (4, 9)), ((40, 3, 3), (3, 3)),
                                          ((5, 37, 1), (5, 6)), ((9, 9, 3), (1, 1))):
            image = Image.fromarray(pattern(w, h, c).squeeze())
            result = np.asarray(image.resize((new_w, new_h), filter))
            yield name, (w, h, c), (new_w, new_h), result


def text(data):
    return base64.b64encode(data).decode()


def table(name, fixtures):
    lines = [f"let {name}: [ImageFixture] = ["]
    for label, data, want in fixtures:
        lines += ["  ImageFixture(", f'    name: "{label}", width: {want.shape[1]}, '
                  f"height: {want.shape[0]}, channels: {want.shape[2]},", "    file: base64(",
                  "      \"\"\"", *wrap(text(data)), "      \"\"\"),", "    pixels: base64(",
                  "      \"\"\"", *wrap(text(want.tobytes())), "      \"\"\")),"]
    return lines + ["]", ""]


def wrap(encoded):
    return ["      " + encoded[i:i + 88] for i in range(0, len(encoded), 88)]


def main():
    head = ["// Made by make_fixtures.py in this folder. Do not edit.", ""]
    for kind, fixtures in (("PNG", png_fixtures()), ("JPEG", jpeg_fixtures())):
        with open(f"{kind}Fixtures.swift", "w") as file:
            file.write("\n".join(head + table(f"{kind.lower()}Fixtures", fixtures)))
    lines = [head[0], "", "import CNNImaging", ""] + ["let resizeFixtures: [ResizeFixture] = ["]
    for name, (w, h, c), (new_w, new_h), result in resize_fixtures():
        lines += ["  ResizeFixture(", f"    filter: .{name}, from: ({w}, {h}, {c}), "
                  f"to: ({new_w}, {new_h}),", "    pixels: base64(", "      \"\"\"",
                  *wrap(text(result.tobytes())), "      \"\"\")),"]
    with open("ResizeFixtures.swift", "w") as file:
        file.write("\n".join(lines + ["]", ""]))


main()
