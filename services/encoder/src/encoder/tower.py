"""One tower in a process of its own: it computes batches, and its death is noticed at once and mended by a new one.

Texts and pictures have a process each, so that the system can put texts first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from servicekit.server.child import ChildProcess, serve

from encoder.runtime import Array, Inputs, Runtime, choose, load


class TowerProcess(ChildProcess):
    """The process of one tower, seen from the service. One thread uses it at a time."""

    def __init__(self, graph: Path, wanted: Runtime, threads: int, nice: int = 0) -> None:
        """Start the process, without waiting until it has loaded the graph.

        Args:
            graph: the ONNX file.
            wanted: the runtime, or AUTO.
            threads: the number of threads that compute it.
            nice: how much lower its priority is.
        """
        self.runtime = wanted
        super().__init__("encoder.tower", [str(graph), wanted, str(threads)], graph.name, nice)

    def wait(self) -> None:
        """Wait until the graph is loaded; afterwards, `runtime` is the one that was chosen.

        Raises:
            ChildDiedError: it cannot be loaded.
        """
        self.runtime = Runtime(super().wait())

    def run(self, inputs: Inputs) -> Array:
        """Compute a batch: the vectors (N, dim) of its N items.

        Raises:
            ChildError: this batch cannot be computed.
            ChildDiedError: the process has ended, or hangs.
        """
        vectors: Array = self.ask(dict(inputs))
        return vectors


def start(arguments: list[str]) -> tuple[str, Callable[[Inputs], Array]]:
    """Load a graph; return its runtime, and what computes batches."""
    graph, wanted, threads = arguments
    runtime = choose(Runtime(wanted))
    return runtime.value, load(Path(graph), runtime, int(threads))


if __name__ == "__main__":
    serve(Path(sys.argv[3]).name, start)
