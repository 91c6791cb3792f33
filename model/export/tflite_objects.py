"""A .tflite file as objects that can be changed, and back."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils


def read_tflite(data: bytes) -> schema.ModelT:
    """Return the file's objects; their constants are views of `data`."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(data))


def write_tflite(model: schema.ModelT) -> bytes:
    """Return the objects as a file.

    A constant is copied as a whole where it is a NumPy array, and byte by byte where it is
    anything else, as in what the quantiser wrote: three minutes for the 49 MB of a ResNet-50.
    """
    for buffer in model.buffers:
        if buffer.data is not None and not isinstance(buffer.data, np.ndarray):
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
