"""Picture files of every kind, made by hand or with Pillow: a coloured quarter on black."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np

PLACES = ["top left", "top right", "bottom left", "bottom right"]
COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def quarter(width: int, height: int, place: str, color: str) -> np.ndarray:
    """Pixels that are black but for one quarter."""
    pixels = np.zeros((height, width, 3), np.uint8)
    rows = slice(height // 2) if place.startswith("top") else slice(height // 2, height)
    columns = slice(width // 2) if place.endswith("left") else slice(width // 2, width)
    pixels[rows, columns] = COLORS[color]
    return pixels


def quarter_model():
    """A model that says which quarter of a picture has which colour, without being trained."""
    import cnn

    labels = [f"{place} {color}" for place in PLACES for color in COLORS]
    model = cnn.Model({
        "inputs": [{"name": "image", "shape": [8, 8, 3]}],
        "layers": [
            {"name": "conv", "type": "conv2d", "out_channels": len(labels), "kernel_size": 8},
            {"type": "flatten"}]}, class_names=labels)
    weights = np.zeros((len(labels), 3, 8, 8), np.float32)
    for index, label in enumerate(labels):
        place, color = label.rsplit(" ", 1)
        where = quarter(8, 8, place, "white")[..., 0] > 0
        for channel, value in enumerate(COLORS[color]):
            # A pixel of the colour counts 1, one of another colour 0; white 0.9, others then 0.3.
            weight = 0.3 if color == "white" else 1 if value else -0.5
            weights[index, channel][where] = weight
    model.parameters["conv.weight"] = weights
    model.parameters["conv.bias"] = np.zeros(len(labels), np.float32)
    return model


# ---- PNG, written bit by bit ---------------------------------------------------------------------

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _rows(samples: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        packed = samples.astype(">u2").view(np.uint8).reshape(len(samples), -1)
    else:
        flat = samples.reshape(len(samples), -1).astype(np.uint8)
        bits = np.unpackbits(flat[..., None], axis=2)[..., 8 - depth:]
        packed = np.packbits(bits.reshape(len(samples), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def png(
    samples: np.ndarray, color: int, depth: int = 8, *, interlaced: bool = False,
    extra: bytes = b"", after: bytes = b"",
) -> bytes:
    """A PNG file of samples of shape (rows, columns, channels), with chunks before and after."""
    height, width = samples.shape[:2]
    parts = [samples]
    if interlaced:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
    rows = b"".join(_rows(part, depth) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
            + chunk(b"IDAT", zlib.compress(rows)) + after + chunk(b"IEND", b""))


def indexed(pixels: np.ndarray) -> np.ndarray:
    """Indices for a palette of black and one colour."""
    return (pixels.max(axis=2, keepdims=True) > 0).astype(np.uint8)


def palette(color: str) -> bytes:
    """The palette for `indexed`."""
    return chunk(b"PLTE", bytes(3) + bytes(COLORS[color]))


def animated_png(first: np.ndarray, second: np.ndarray) -> bytes:
    """Two frames, of which the first is the picture for programs that know no animation."""
    height, width = first.shape[:2]

    def control(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 1, 0, 0))

    data = struct.pack(">I", 2) + zlib.compress(_rows(second, 8))
    return png(first, 2, extra=chunk(b"acTL", struct.pack(">II", 2, 0)) + control(0),
               after=control(1) + chunk(b"fdAT", data))


# ---- JPEG, by Pillow -----------------------------------------------------------------------------

def jpeg(pixels: np.ndarray, mode: str = "RGB", **options: object) -> bytes:
    """A JPEG file of pixels, which are converted to a mode of Pillow's."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", **{"quality": 90, **options})
    return buffer.getvalue()


def exif(orientation: int, *, little: bool = False, wide: bool = False) -> bytes:
    """An Exif block with an orientation, as 16 or 32 bits."""
    order = "<" if little else ">"
    start = b"II*\0" if little else b"MM\0*"
    value = struct.pack(order + ("I" if wide else "HH"), *([orientation] if wide
                                                           else [orientation, 0]))
    return (b"Exif\0\0" + start + struct.pack(order + "IHHHI", 8, 1, 274, 4 if wide else 3, 1)
            + value + bytes(4))


def stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels that are seen as `pixels` when they are turned as an orientation says."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def ycck_jpeg(pixels: np.ndarray) -> bytes:
    """A JPEG of four components, inverted and with colour differences, as Adobe writes it."""
    from PIL import Image

    differences = np.asarray(Image.fromarray(255 - pixels).convert("YCbCr"))
    black = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    planes = 255 - np.concatenate([differences, black], axis=2)
    buffer = io.BytesIO()
    Image.fromarray(planes, "CMYK").save(buffer, "JPEG", quality=95)
    data = bytearray(buffer.getvalue())
    marker = data.index(b"Adobe")
    data[marker + 11] = 2  # how colours are transformed: YCCK
    return bytes(data)


def huge_jpeg(side: int, color: str) -> bytes:
    """A square JPEG with the top left quarter coloured, put together from two encoded strips."""
    strips = []
    for row in (0, side - 8):
        strip = np.zeros((8, side, 3), np.uint8)
        if row == 0:
            strip[:, :side // 2] = COLORS[color]
        strips.append(jpeg(strip, subsampling=0, restart_marker_rows=1))
    frame = strips[0].index(b"\xff\xc0")
    scan = strips[0].index(b"\xff\xda")
    entropy = scan + 2 + struct.unpack(">H", strips[0][scan + 2:scan + 4])[0]
    head = strips[0][:frame + 5] + struct.pack(">H", side) + strips[0][frame + 7:entropy]
    coded = [data[data.index(b"\xff\xda") + entropy - scan:-2] for data in strips]
    rows = [coded[row >= side // 16] for row in range(side // 8)]
    body = b"".join(row + bytes([0xFF, 0xD0 + number % 8]) for number, row in enumerate(rows[:-1]))
    return head + body + rows[-1] + b"\xff\xd9"
