"""Which operators of the network's .tflite are int8, by the scopes that TensorFlow named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer.qtyping import TFLOperationName as Op
from ai_edge_quantizer.utils.tfl_flatbuffer_utils import TFL_OP_CODE_TO_NAME

# Name scopes of the network, and what is int8 inside them.
LAYERS = r"(^|;)(backbone|fpn|rpn_head|box_head|mask_head)(_\d+)?/"
LAYER_OPS = (
    Op.CONV_2D,
    Op.DEPTHWISE_CONV_2D,
    Op.FULLY_CONNECTED,
    Op.ADD,
    Op.MAX_POOL_2D,
    Op.PAD,
    Op.RESHAPE,
    Op.RESIZE_NEAREST_NEIGHBOR,
)
LEVELS = r"(^|;)pyramid/"
NORMALIZATION = "normalize/"
CORNERS = r"(^|;)roi_align/corners(_\d+)?/"
BINS = r"(^|;)roi_align(_\d+)?/bins(_\d+)?/"

# (scope, operator): what is int8 in every signature.
CHOSEN: tuple[tuple[str, Op], ...] = (
    *((LAYERS, op) for op in LAYER_OPS),
    (LEVELS, Op.RESHAPE),
    (CORNERS, Op.GATHER),
    *((BINS, op) for op in (Op.MUL, Op.SUM, Op.RESHAPE)),
)


def int8_operators(model: schema.ModelT, graph: schema.SubGraphT) -> Iterator[tuple[Op, Any]]:
    """Yield the kind and the object of every operator of a subgraph that CHOSEN names."""
    for operator in graph.operators:
        kind = TFL_OP_CODE_TO_NAME.get(model.operatorCodes[operator.opcodeIndex].builtinCode)
        names = [graph.tensors[index].name.decode() for index in operator.outputs]
        scope = ";".join(names)
        if any(kind == op and re.search(pattern, scope) for pattern, op in CHOSEN):
            yield kind, operator
