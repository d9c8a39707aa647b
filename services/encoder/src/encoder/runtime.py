"""Runs one ONNX graph: the runtimes and precisions that there are, and the choice for the processor.

Measured by `python benchmarks/runtimes.py`: with bfloat16 instructions, OpenVINO in bf16 encodes twice as many pictures
as either runtime in fp32; without them, ONNX Runtime in fp32 is the faster one. bf16 keeps 8 bits of the significand:
the vectors have a cosine above 0.999 with those of fp32, and both may lie in one collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Inputs = Mapping[str, NDArray[Any]]
# The vectors (N, dim) of N texts or pictures.
Graph = Callable[[Inputs], Array]


class Runtime(StrEnum):
    """A runtime and its precision."""

    AUTO = "auto"
    ONNXRUNTIME_FP32 = "onnxruntime-fp32"
    OPENVINO_FP32 = "openvino-fp32"
    OPENVINO_BF16 = "openvino-bf16"


class RuntimeUnavailableError(Exception):
    """The runtime is not installed, or the processor lacks its instructions."""


def choose(wanted: Runtime) -> Runtime:
    """The runtime itself, or for AUTO the fastest one on this processor.

    Raises:
        RuntimeUnavailableError: it cannot be used here.
    """
    if wanted is Runtime.ONNXRUNTIME_FP32:
        return wanted
    if find_spec("openvino") is None:
        if wanted is Runtime.AUTO:
            return Runtime.ONNXRUNTIME_FP32
        raise RuntimeUnavailableError(f"{wanted}: OpenVINO is not installed; it has packages for x86-64")
    if wanted is Runtime.OPENVINO_FP32:
        return wanted
    import openvino

    # What the processor computes by its own instructions (AVX512_BF16, AMX); OpenVINO emulates the rest, slowly.
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return Runtime.OPENVINO_BF16
    if wanted is Runtime.AUTO:
        return Runtime.ONNXRUNTIME_FP32
    raise RuntimeUnavailableError(f"{wanted}: this processor has no instructions for bfloat16")


def load(path: Path, runtime: Runtime, threads: int) -> Graph:
    """Load a graph.

    Args:
        path: of the ONNX file; its output is called `vectors`.
        runtime: any but AUTO.
        threads: the number of threads that compute it.
    """
    if runtime is Runtime.ONNXRUNTIME_FP32:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # The arena would keep the memory of the largest batch for ever; a small server needs it back.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3  # errors only: an unoptimised graph logs many warnings at every start
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

        def with_onnxruntime(inputs: Inputs) -> Array:
            vectors: Array = session.run(["vectors"], dict(inputs))[0]
            return vectors

        return with_onnxruntime

    import openvino

    precision = "bf16" if runtime is Runtime.OPENVINO_BF16 else "f32"
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    core = openvino.Core()
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()

    def with_openvino(inputs: Inputs) -> Array:
        # The request reuses the memory of its outputs.
        vectors: Array = request.infer(dict(inputs), share_inputs=True)["vectors"].copy()
        return vectors

    return with_openvino
