"""A model with the classes of the one that ships, untrained: colours stand for pets."""

from __future__ import annotations

import numpy as np

COLORS = {"cat": (255, 0, 0), "dog": (0, 255, 0), "neither": (0, 0, 255)}


def pet_model():
    """Red pictures are cats, green ones dogs, blue ones neither; grey ones could be any of them."""
    import cnn

    model = cnn.Model({
        "inputs": [{"name": "image", "shape": [16, 16, 3]}],
        "layers": [
            {"name": "features", "type": "conv2d", "out_channels": 3, "kernel_size": 3,
             "padding": "same"},
            {"type": "relu"}, {"type": "global_avg_pool2d"},
            {"name": "head", "type": "linear", "out_features": 3}]},
        class_names=list(COLORS))
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[range(3), range(3), 1, 1] = 1
    model.parameters["features.weight"] = kernel
    model.parameters["features.bias"] = np.zeros(3, np.float32)
    model.parameters["head.weight"] = 20 * np.eye(3, dtype=np.float32)
    model.parameters["head.bias"] = np.zeros(3, np.float32)
    return model


def photo(pet: str, width: int = 120, height: int = 90) -> np.ndarray:
    """Pixels that show a pet, or with "unsure" what could be any."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[height // 4:, width // 4:] = COLORS.get(pet, (128, 128, 128))
    return pixels
