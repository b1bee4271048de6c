"""What this machine's arithmetic allows: a large matrix product, in each precision that the processor computes in."""

import time
from typing import Any

import numpy as np

from worker.engines.int8 import rounded

_SIDE = 4096
_GIGA = 1e9


def matrix_gflops(precision: str, seconds: float) -> float:
    """Return GFLOP/s of a product of two square matrices in f32, bf16 or int8, by OpenVINO on all cores."""
    import openvino as ov
    from openvino import opset13 as ops

    weights = np.random.default_rng(0).uniform(-1, 1, (_SIDE, _SIDE)).astype(np.float32)
    given = ops.parameter([_SIDE, _SIDE], np.float32)
    factors: list[Any] = [given.output(0), ops.constant(weights).output(0)]
    if precision == "int8":
        factors = [rounded(factor, np.full(1, -1.0), np.ones(1), 255) for factor in factors]
    model = ov.Model([ops.matmul(*factors, False, False)], [given])
    hint = "f32" if precision == "int8" else precision
    options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    request = ov.Core().compile_model(model, "CPU", options).create_infer_request()
    factor = weights.T.copy()
    request.infer([factor])
    runs, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        request.infer([factor])
        runs += 1
    return float(runs * 2 * _SIDE**3 / (time.perf_counter() - began) / _GIGA)
