"""Uses the C library from Python without the package and without numpy: only ctypes.

    python examples/python/bare_ctypes.py libcnn.so digits.cnn digit.png

This is how any language with a foreign-function interface uses the library. The functions are
those of include/cnn.h, which explains each of them. (For real work in Python, use the package: it
checks what C cannot.)
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_float, c_int32, c_int64, c_void_p

NHWC = 0  # cnn_layout: channels last


class Prediction(ctypes.Structure):
    """cnn_prediction: a class that the picture may show."""

    _fields_ = [("index", c_int64), ("probability", c_float), ("label", c_char_p)]


class Tensor(ctypes.Structure):
    """cnn_tensor: a name, a shape, and where the numbers are."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("name", c_char_p), ("data", POINTER(c_float)),
        ("gradient", POINTER(c_float)), ("count", c_int64), ("rank", c_int64),
        ("shape", c_int64 * 9), ("shape_nchw", c_int64 * 9)]


def load_library(path: str) -> ctypes.CDLL:
    """Loads the library and says what its functions take: ctypes guesses wrong without."""
    library = ctypes.CDLL(path)
    library.cnn_last_error_message.restype = c_char_p
    library.cnn_model_load.argtypes = [c_char_p, POINTER(c_void_p)]
    library.cnn_model_free.argtypes = [c_void_p]
    library.cnn_model_free.restype = None
    library.cnn_model_input.argtypes = [c_void_p, c_int64, POINTER(Tensor)]
    library.cnn_model_output.argtypes = [c_void_p, c_int64, POINTER(Tensor)]
    library.cnn_recognise_file.argtypes = [
        c_void_p, c_char_p, c_int64, POINTER(Prediction), POINTER(c_int64)]
    library.cnn_forward.argtypes = [
        c_void_p, c_int64, c_int32, POINTER(c_float), c_int64, c_int64, POINTER(c_float)]
    return library


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} LIBRARY MODEL PICTURE")
    library = load_library(sys.argv[1])

    def check(status: int) -> None:
        """Every function that can fail returns 0, or a code, and then there is a message."""
        if status != 0:
            sys.exit(library.cnn_last_error_message().decode())

    # A model is a handle: a number that only the library can do something with.
    model = c_void_p()
    check(library.cnn_model_load(sys.argv[2].encode(), byref(model)))

    # What does the picture show? Room for three answers; the library says how many it wrote.
    predictions, count = (Prediction * 3)(), c_int64()
    check(library.cnn_recognise_file(model, sys.argv[3].encode(), 3, predictions, byref(count)))
    for prediction in predictions[: count.value]:
        print(f"{prediction.probability:6.1%}  {prediction.label.decode()}")

    # Numbers in, numbers out: a batch of two samples. Structs begin with their size.
    source = Tensor(struct_size=ctypes.sizeof(Tensor))
    target = Tensor(struct_size=ctypes.sizeof(Tensor))
    check(library.cnn_model_input(model, 0, byref(source)))
    check(library.cnn_model_output(model, 0, byref(target)))
    samples = (c_float * (2 * source.count))()  # all zero: black
    outputs = (c_float * (2 * target.count))()
    check(library.cnn_forward(model, 2, NHWC, samples, len(samples), len(outputs), outputs))
    shape = source.shape[: source.rank]
    print(f"input {shape}, outputs of the second sample:")
    print(" ".join(f"{value:.3f}" for value in outputs[target.count:]))

    library.cnn_model_free(model)


if __name__ == "__main__":
    main()
