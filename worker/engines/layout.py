"""Takes transposes out of a converted model.

Keras converts each layer on its own, channels last, while OpenVINO computes with channels first: around every
convolution the whole picture is turned twice. OpenVINO leaves these turns in, where they take a third of the time and
keep it from joining a convolution with its bias and ReLU.
"""

from typing import Any

_TO_LAST, _TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
_EACH_BY_ITSELF = ("Convert", "Relu", "Add")
"""What computes the same, whichever way the picture is turned."""


def keep_channels_first(model: Any) -> None:
    """Change a model in place: what is turned to channels last and soon back is not turned at all."""
    for op in model.get_ordered_ops():
        if _turns(op, _TO_LAST):
            between, end = _until_next(op)
            if end is not None:
                _leave_out(op)
                _leave_out(end)
                for step in between:
                    if step.get_type_name() == "Add":
                        _turn_bias(step)
    model.validate_nodes_and_infer_types()


def _turns(op: Any, order: list[int]) -> bool:
    return op.get_type_name() == "Transpose" and list(op.input_value(1).get_node().get_vector()) == order


def _until_next(op: Any) -> tuple[list[Any], Any | None]:
    """Return what lies between a turn and the turn back; None for that where something else comes first."""
    between: list[Any] = []
    while len(readers := op.output(0).get_target_inputs()) == 1:
        op = next(iter(readers)).get_node()
        if _turns(op, _TO_FIRST):
            return between, op
        if op.get_type_name() not in _EACH_BY_ITSELF:
            break
        between.append(op)
    return between, None


def _leave_out(op: Any) -> None:
    for reader in op.output(0).get_target_inputs():
        reader.replace_source_output(op.input_value(0))


def _turn_bias(add: Any) -> None:
    """A bias has the shape (1, 1, 1, channels)."""
    from openvino import opset13 as ops

    turned = ops.transpose(add.input_value(1), ops.constant(_TO_FIRST))
    add.input(1).replace_source_output(turned.output(0))
