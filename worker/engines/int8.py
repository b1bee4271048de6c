"""A converted model's int8 form: activations rounded per tensor, by the ranges of its manifest, weights per channel.

What goes into the graph are FakeQuantize nodes; compiling it, OpenVINO makes 8-bit convolutions of them. The first
convolution and the dense layers stay as they are: they cost next to nothing, and rounding them the most accuracy.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]

_LEVELS, _SIGNED_LEVELS = 256, 255


def quantise(core: Any, model: Any, ranges: Sequence[float]) -> None:
    """Change a model in place. ``ranges``: the greatest input of each padded convolution but the first, none below 0.

    Raises ValueError where that is not how many the model has.
    """
    convolutions = [op for op in model.get_ordered_ops() if _is_padded_convolution(op)][1:]
    if not ranges:
        raise ValueError("its manifest has no int8 ranges; `moodline models quantise` measures them")
    if len(ranges) != len(convolutions):
        raise ValueError(f"its manifest has {len(ranges)} int8 ranges for {len(convolutions)} convolutions")
    weights = _values(core, [convolution.input_value(1) for convolution in convolutions])
    for convolution, values, greatest in zip(convolutions, weights, ranges, strict=True):
        source = _before_pooling(convolution.input_value(0))
        readers = source.get_target_inputs()
        given = rounded(source, np.zeros(1), np.full(1, greatest), _LEVELS)
        for reader in readers:
            reader.replace_source_output(given)
        convolution.input(1).replace_source_output(_rounded_weights(values))
    model.validate_nodes_and_infer_types()


def _is_padded_convolution(op: Any) -> bool:
    """Whether an operation is a convolution of a block. One without padding is a dense layer over a whole map."""
    return op.get_type_name() == "Convolution" and op.get_attributes()["auto_pad"] in ("same_upper", "same_lower")


def _before_pooling(source: Any) -> Any:
    """Return what is pooled: rounding before or after is the same, and before is where the convolution can do it."""
    while source.get_node().get_type_name() == "MaxPool":
        source = source.get_node().input_value(0)
    return source


def _values(core: Any, sources: Sequence[Any]) -> list[Weights]:
    """Return what constant parts of the graph give."""
    import openvino as ov
    from openvino import opset13 as ops

    constant = core.compile_model(ov.Model([ops.result(source) for source in sources], []), "CPU")
    answer = constant([])
    return [np.array(answer[number], np.float32) for number in range(len(sources))]


def _rounded_weights(weights: Weights) -> Any:
    """Return weights (out, in, height, width), rounded by the greatest of each that leads to the same output."""
    from openvino import opset13 as ops

    greatest = np.maximum(np.abs(weights).max(axis=(1, 2, 3), keepdims=True), np.finfo(np.float32).tiny)
    return rounded(ops.constant(weights).output(0), -greatest, greatest, _SIGNED_LEVELS)


def rounded(source: Any, least: Any, greatest: Any, levels: int) -> Any:
    """Return an output of a graph, rounded to so many levels from ``least`` to ``greatest``."""
    from openvino import opset13 as ops

    low, high = ops.constant(np.float32(least)), ops.constant(np.float32(greatest))
    return ops.fake_quantize(source, low, high, low, high, levels).output(0)
