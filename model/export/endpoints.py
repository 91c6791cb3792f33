"""The inputs and outputs of a .tflite's signatures, and what is changed about them."""

from __future__ import annotations

from typing import Literal

from ai_edge_litert import schema_py_generated as schema

from model.export.int8_scopes import NORMALIZATION
from model.runtime.manifest import Preprocessing


class Endpoint:
    """One input or output of a signature, by name."""

    def __init__(
        self, model: schema.ModelT, signature: str, side: Literal["inputs", "outputs"], name: str
    ) -> None:
        [definition] = [d for d in model.signatureDefs if d.signatureKey.decode() == signature]
        [self._entry] = [e for e in getattr(definition, side) if e.name.decode() == name]
        self._graph = model.subgraphs[definition.subgraphIndex]
        self._side = side

    @property
    def tensor(self) -> schema.TensorT:
        return self._graph.tensors[self._entry.tensorIndex]

    @property
    def tensor_name(self) -> str:
        return str(self.tensor.name.decode())

    def unwrap(self) -> None:
        """Hand the int8 tensor itself in or out, without the (de)quantising operator."""
        index = self._entry.tensorIndex
        inner, outer = ("outputs", "inputs") if self._side == "inputs" else ("inputs", "outputs")
        [wrapper] = [op for op in self._graph.operators if index in getattr(op, outer)]
        [bare] = getattr(wrapper, inner)
        self._graph.operators = [op for op in self._graph.operators if op is not wrapper]
        indices = [bare if each == index else each for each in getattr(self._graph, self._side)]
        setattr(self._graph, self._side, indices)
        self._entry.tensorIndex = bare

    def shift_pixels(self, preprocessing: Preprocessing) -> None:
        """Quantise the uint8 image itself, which is one addition, and drop the normalisation.

        Over float it is five passes over the image, a tenth of the time of all the network.
        """
        graph, image = self._graph, self._entry.tensorIndex
        in_scope = [op for op in graph.operators if self._is_normalization(op)]
        quantize = in_scope[-1]
        if graph.tensors[quantize.outputs[0]].type != schema.TensorType.INT8:
            return  # The first layer was asked to stay float.
        quantize.inputs = [image]
        self.tensor.quantization = schema.QuantizationParametersT(
            scale=[1 / preprocessing.std[0]], zeroPoint=[round(preprocessing.mean[0])]
        )
        dropped = {id(op) for op in in_scope} - {id(quantize)}
        graph.operators = [op for op in graph.operators if id(op) not in dropped]

    def _is_normalization(self, operator: schema.OperatorT) -> bool:
        name = self._graph.tensors[operator.outputs[0]].name.decode()
        return bool(name.startswith(NORMALIZATION))
