"""Where a network's time goes, stage by stage, beside the least that this machine could need.

A stage is a name scope of the .tflite. The graph is cut behind each stage, and what the cut
graphs take is told apart: milliseconds of a stage are those up to its end less those up to its
beginning. The floor is the larger of multiplications over the processor's measured peak and bytes
over its measured bandwidth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray

# Stage -> the scopes that end it, in the graph's order.
_STAGES: dict[str, tuple[str, ...]] = {
    "normalize": ("normalize",),
    "backbone": ("backbone",),
    "fpn": ("fpn", "pyramid"),
    "proposals": ("rpn_head", "rpn_predictor", "proposals"),
    "roi_align": ("roi_align",),
    "box_head": ("box_head",),
    "detections": (),
}
_BYTES = {
    schema.TensorType.FLOAT32: 4,
    schema.TensorType.INT32: 4,
    schema.TensorType.INT64: 8,
    schema.TensorType.FLOAT16: 2,
}
_INT8 = schema.TensorType.INT8
_OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if name[0] != "_"}
# Output elements × this product of the filter's sides = multiplications.
_FILTER_SIDES = {"CONV_2D": slice(1, 4), "DEPTHWISE_CONV_2D": slice(1, 3)}


@dataclass(frozen=True, slots=True)
class Work:
    """What a stage has to do: multiplications in int8 and in float, and bytes in and out."""

    operators: int
    int8_macs: int
    float_macs: int
    bytes_moved: int


class Network:
    """One signature of a .tflite, which can be cut."""

    def __init__(self, data: bytes, signature: str) -> None:
        self._model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
        found = {each.signatureKey.decode(): each for each in self._model.signatureDefs}
        self._graph: Any = self._model.subgraphs[found[signature].subgraphIndex]
        self._names = [each.name.decode() for each in self._graph.tensors]

    @property
    def ends(self) -> dict[str, int]:
        """Each stage of this graph, and how many operators there are up to its end."""
        last: dict[str, int] = {}
        for place, operator in enumerate(self._graph.operators):
            scope = re.sub(r"(_\d+)?/.*", "", self._names[operator.outputs[0]], flags=re.S)
            for stage, scopes in _STAGES.items():
                if scope in scopes:
                    last[stage] = place + 1
        ends = {stage: last[stage] for stage in _STAGES if stage in last}
        return {**ends, "detections": len(self._graph.operators)}

    def work(self, start: int, end: int) -> Work:
        """Count what the operators from `start` up to `end` do."""
        operators = self._graph.operators[start:end]
        macs = {True: 0, False: 0}
        for operator in operators:
            first = self._graph.tensors[operator.inputs[0]]
            macs[first.type == _INT8] += self._macs(operator)
        moved = sum(
            self._size(each) for op in operators for each in (*op.inputs, *op.outputs) if each >= 0
        )
        return Work(len(operators), macs[True], macs[False], moved)

    def cut(self, start: int, end: int) -> bytes:
        """Write a .tflite of the operators from `start` up to `end` alone.

        Its inputs are what came before, its outputs what is wanted afterwards.
        """
        graph, model = self._graph, self._model
        inside, later = graph.operators[start:end], graph.operators[end:]
        made = {each for op in inside for each in op.outputs}
        used = {each for op in inside for each in op.inputs if each >= 0}
        wanted = {each for op in later for each in op.inputs} | set(graph.outputs)
        part = schema.SubGraphT()
        part.tensors, part.operators, part.name = graph.tensors, inside, graph.name
        part.inputs = [each for each in sorted(used - made) if not self._is_constant(each)]
        part.outputs = sorted(made & wanted)
        whole = (model.subgraphs, model.signatureDefs)
        model.subgraphs, model.signatureDefs = [part], []
        try:
            return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
        finally:
            model.subgraphs, model.signatureDefs = whole

    def heaviest(self) -> tuple[int, int]:
        """Place of the int8 operator with the most multiplications, and their number."""
        operators = self._graph.operators
        int8 = [
            self._macs(each) if self._graph.tensors[each.inputs[0]].type == _INT8 else 0
            for each in operators
        ]
        place = int(np.argmax(int8))
        return place, int8[place]

    def _macs(self, operator: Any) -> int:
        code = self._model.operatorCodes[operator.opcodeIndex]
        name = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        out = prod(self._shape(operator.outputs[0]))
        if name == "FULLY_CONNECTED":
            return out * self._shape(operator.inputs[1])[-1]
        if name == "TRANSPOSE_CONV":
            # Its filter is (out, height, width, in), and each input meets all of it.
            filters, image = (self._shape(each) for each in operator.inputs[1:3])
            return prod(filters) * prod(image[:3])
        if name in _FILTER_SIDES:
            return out * prod(self._shape(operator.inputs[1])[_FILTER_SIDES[name]])
        return 0

    def _size(self, tensor: int) -> int:
        found = self._graph.tensors[tensor]
        return prod(self._shape(tensor)) * _BYTES.get(found.type, 1)

    def _shape(self, tensor: int) -> list[int]:
        return [int(each) for each in self._graph.tensors[tensor].shape]

    def _is_constant(self, tensor: int) -> bool:
        data = self._model.buffers[self._graph.tensors[tensor].buffer].data
        return data is not None and len(data) > 0


class Part:
    """A cut graph, ready to run."""

    def __init__(self, data: bytes, threads: int) -> None:
        self._interpreter = Interpreter(model_content=data, num_threads=threads)
        self._interpreter.allocate_tensors()

    def fill(self, given: Mapping[str, NDArray[Any]]) -> None:
        """Give every input the array of its NumPy type's name; zeros without one."""
        for each in self._interpreter.get_input_details():
            value = given.get(np.dtype(each["dtype"]).name)
            fits = value is not None and value.shape == tuple(each["shape"])
            array = value if fits else np.zeros(each["shape"], each["dtype"])
            self._interpreter.set_tensor(each["index"], array)

    def run(self) -> None:
        """Run once, on what `fill` gave."""
        self._interpreter.invoke()
