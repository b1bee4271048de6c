"""What this machine's arithmetic allows: a large matrix product, in each precision that the processor computes in."""

import time
from typing import Any

import numpy as np

_SIDE = 1024
_GIGA = 1e9


def matrix_gflops(precision: str, seconds: float) -> float:
    """Return GFLOP/s of a product of two square matrices in ``f32`` or ``bf16``, by OpenVINO on all cores."""
    import openvino as ov
    from openvino import opset13 as ops

    weights = np.random.default_rng(0).standard_normal((_SIDE, _SIDE), np.float32)
    given = ops.parameter([_SIDE, _SIDE], np.float32)
    model = ov.Model([ops.matmul(given, ops.constant(weights), False, False)], [given])
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    request = ov.Core().compile_model(model, "CPU", options).create_infer_request()
    factor = weights.T.copy()
    request.infer([factor])
    runs, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        request.infer([factor])
        runs += 1
    return float(runs * 2 * _SIDE**3 / (time.perf_counter() - began) / _GIGA)
