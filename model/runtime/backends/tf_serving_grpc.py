"""TensorFlow Serving's PredictionService, by gRPC.

The package tensorflow-serving-api has these messages, but importing it imports TensorFlow
whole. On the wire a field is its number, so the few fields that a prediction needs are named
here instead, in a pool of descriptors of their own; tests call the package's server side.

Numbers: tensorflow/core/framework/tensor.proto, tensor_shape.proto, types.proto;
tensorflow_serving/apis/predict.proto, model.proto.
"""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from numpy.typing import NDArray

from model.runtime.errors import ServerError

METHOD = "/tensorflow.serving.PredictionService/Predict"

# DataType -> NumPy's type, and the field that holds its values when tensor_content does not.
_TYPES: dict[int, tuple[type[np.generic], str]] = {
    1: (np.float32, "float_val"),
    3: (np.int32, "int_val"),
    4: (np.uint8, "int_val"),
    9: (np.int64, "int64_val"),
}
_NUMBERS = {np.dtype(kind): number for number, (kind, _) in _TYPES.items()}

_ONE, _MANY = "LABEL_OPTIONAL", "LABEL_REPEATED"


def _field(name: str, number: int, kind: str, label: str = _ONE) -> dict[str, Any]:
    """One field; `kind` is a scalar's name, or a message's with a dot before it."""
    shape = {"name": name, "number": number, "label": label}
    if kind.startswith("."):
        return shape | {"type": "TYPE_MESSAGE", "typeName": kind}
    return shape | {"type": f"TYPE_{kind.upper()}"}


def _message(name: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "field": fields, **more}


_TENSOR_ENTRY = _message(
    "TensorEntry",
    _field("key", 1, "string"),
    _field("value", 2, ".m.Tensor"),
    options={"mapEntry": True},
)
_FILE = {
    "name": "maskdrop/tf_serving.proto",
    "package": "m",
    "syntax": "proto3",
    "messageType": [
        _message("Dim", _field("size", 1, "int64")),
        _message("Shape", _field("dim", 2, ".m.Dim", _MANY)),
        _message(
            "Tensor",
            _field("dtype", 1, "int32"),
            _field("tensor_shape", 2, ".m.Shape"),
            _field("tensor_content", 4, "bytes"),
            _field("float_val", 5, "float", _MANY),
            _field("int_val", 7, "int32", _MANY),
            _field("int64_val", 10, "int64", _MANY),
        ),
        _message("Version", _field("value", 1, "int64")),
        _message(
            "ModelSpec",
            _field("name", 1, "string"),
            _field("version", 2, ".m.Version"),
            _field("signature_name", 3, "string"),
        ),
        _message(
            "PredictRequest",
            _field("model_spec", 1, ".m.ModelSpec"),
            _field("inputs", 2, ".m.PredictRequest.TensorEntry", _MANY),
            nestedType=[_TENSOR_ENTRY],
        ),
        _message(
            "PredictResponse",
            _field("outputs", 1, ".m.PredictResponse.TensorEntry", _MANY),
            nestedType=[_TENSOR_ENTRY],
        ),
    ],
}
_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(ParseDict(_FILE, descriptor_pb2.FileDescriptorProto()))
PredictRequest: Any = message_factory.GetMessageClass(
    _POOL.FindMessageTypeByName("m.PredictRequest")
)
PredictResponse: Any = message_factory.GetMessageClass(
    _POOL.FindMessageTypeByName("m.PredictResponse")
)


class GRPCClient:
    """One channel, which reconnects automatically and may be shared between threads."""

    def __init__(
        self, target: str, name: str, version: int, signature: str, timeout_seconds: float
    ) -> None:
        # Answers hold 100 masks; the default limit is 4 MiB.
        channel = grpc.insecure_channel(target, [("grpc.max_receive_message_length", -1)])
        self._predict = channel.unary_unary(
            METHOD, PredictRequest.SerializeToString, PredictResponse.FromString
        )
        self._target = target
        self._timeout = timeout_seconds
        self._spec = {"name": name, "version": {"value": version}, "signature_name": signature}

    def predict(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the model; raises ServerError."""
        request = PredictRequest(model_spec=self._spec)
        for name, values in inputs.items():
            _write_tensor(request.inputs[name], values)
        try:
            response = self._predict(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise ServerError(f"grpc://{self._target} answers {_words(error)}.") from None
        return {name: _read_tensor(name, tensor) for name, tensor in response.outputs.items()}


def _words(error: Any) -> str:
    """The status and what the server says; gRPC's errors are calls too, which its types hide."""
    return f"{error.code().name}: {error.details().rstrip('.')}"


def _write_tensor(tensor: Message, values: NDArray[Any]) -> None:
    """Fill `tensor` with the bytes of `values`."""
    shape = {"dim": [{"size": size} for size in values.shape]}
    filled = {"dtype": _NUMBERS[values.dtype], "tensor_shape": shape}
    ParseDict(filled, tensor)
    tensor.tensor_content = values.tobytes()  # type: ignore[attr-defined]  # made at run time


def _read_tensor(name: str, tensor: Any) -> NDArray[Any]:
    """The values of `tensor`, which are its bytes, or a list whose last one repeats."""
    if tensor.dtype not in _TYPES:
        raise ServerError(f"The server answers {name} as DataType {tensor.dtype}, not as numbers.")
    kind, field = _TYPES[tensor.dtype]
    shape = [each.size for each in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, kind).reshape(shape)
    values = np.array(getattr(tensor, field), kind)
    missing = int(np.prod(shape)) - len(values)
    return np.pad(values, (0, missing), mode="edge" if len(values) else "constant").reshape(shape)
