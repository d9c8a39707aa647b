"""The process of a tower: its runtimes, its priority, faults of a batch, and its death."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from encoder.runtime import Runtime, RuntimeUnavailableError, choose
from encoder.tower import TowerProcess
from onnx import TensorProto, helper
from servicekit.server.child import ChildDiedError, ChildError
from servicekit.server.processor import NICE

Start = Callable[..., TowerProcess]


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A graph whose vectors are twice its pixels, (N, 3)."""
    node = helper.make_node("Add", ["pixels", "pixels"], ["vectors"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("pixels", "vectors")]
    model = helper.make_model(
        helper.make_graph([node], "double", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    onnx.save(model, tmp_path / "image.onnx")
    return tmp_path / "image.onnx"


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[TowerProcess] = []

    def begin(graph: Path, runtime: Runtime = Runtime.ONNXRUNTIME_FP32, nice: int = 0) -> TowerProcess:
        started.append(TowerProcess(graph, runtime, threads=1, nice=nice))
        return started[-1]

    yield begin
    for tower in started:
        tower.close()


PIXELS = np.array([[1, 2, 3], [0.5, 0, -1]], np.float32)


def usable() -> list[Runtime]:
    """The runtimes that this machine has."""
    found = []
    for runtime in Runtime:
        try:
            choose(runtime)
        except RuntimeUnavailableError:
            continue
        found.append(runtime)
    return found


def test_every_runtime_computes_the_graph(graph: Path, start: Start) -> None:
    assert {Runtime.AUTO, Runtime.ONNXRUNTIME_FP32} <= set(usable())
    for runtime in usable():
        tower = start(graph, runtime)
        tower.wait()
        assert tower.runtime == choose(runtime) != Runtime.AUTO
        vectors = tower.run({"pixels": PIXELS})
        assert (str(vectors.dtype), vectors.tolist()) == ("float32", (2 * PIXELS).tolist())
        # The next batch does not change the vectors of this one.
        tower.run({"pixels": 0 * PIXELS})
        assert vectors.tolist() == (2 * PIXELS).tolist()


def test_it_has_the_priority_that_is_asked_for(graph: Path, start: Start) -> None:
    tower = start(graph, nice=NICE)
    tower.wait()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    # ONNX Runtime's own threads too.
    threads = [int(thread) for thread in os.listdir(f"/proc/{tower.pid}/task")]
    assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {own + NICE}


def test_a_batch_that_cannot_be_computed_leaves_it_running(graph: Path, start: Start) -> None:
    tower = start(graph)
    tower.wait()
    with pytest.raises(ChildError, match=r"image\.onnx: .*pixels"):
        tower.run({"pixels": np.zeros((1, 4), np.float32)})
    assert tower.run({"pixels": PIXELS}).tolist() == (2 * PIXELS).tolist()


def test_its_death_is_noticed_and_mended(graph: Path, start: Start) -> None:
    tower = start(graph)
    tower.wait()
    assert tower.alive()
    os.kill(tower.pid, signal.SIGKILL)
    with pytest.raises(ChildDiedError, match=r"the process of image\.onnx has ended \(status -9\)"):
        tower.run({"pixels": PIXELS})
    assert not tower.alive()
    with pytest.raises(ChildDiedError):
        tower.run({"pixels": PIXELS})
    tower.restart()
    assert tower.alive()
    assert tower.run({"pixels": PIXELS}).tolist() == (2 * PIXELS).tolist()


def test_a_signal_to_stop_is_the_service_s_affair(graph: Path, start: Start) -> None:
    tower = start(graph)
    tower.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(tower.pid, number)
    assert tower.run({"pixels": PIXELS}).tolist() == (2 * PIXELS).tolist()


def test_it_ends_with_the_connection(graph: Path, start: Start) -> None:
    tower = start(graph)
    tower.wait()
    tower._connection.close()
    assert tower._process.wait(10) == 0


def test_a_graph_that_cannot_be_loaded_is_told(tmp_path: Path, start: Start) -> None:
    for runtime in set(usable()) - {Runtime.AUTO}:
        broken = tmp_path / "text.onnx"
        broken.write_bytes(b"no graph")
        tower = start(broken, runtime)
        with pytest.raises(ChildDiedError, match=r"text\.onnx cannot be loaded"):
            tower.wait()
        assert not tower.alive()


def test_a_runtime_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encoder.runtime.find_spec", lambda _: None)
    assert choose(Runtime.AUTO) is Runtime.ONNXRUNTIME_FP32
    for runtime in (Runtime.OPENVINO_FP32, Runtime.OPENVINO_BF16):
        with pytest.raises(RuntimeUnavailableError, match=f"{runtime}: OpenVINO is not installed"):
            choose(runtime)


def test_bf16_needs_a_processor_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    has = ["FP32", "INT8"]
    core = SimpleNamespace(get_property=lambda *_: has)
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=lambda: core, __spec__=object()))
    assert choose(Runtime.AUTO) is Runtime.ONNXRUNTIME_FP32
    with pytest.raises(RuntimeUnavailableError, match="this processor has no instructions for bfloat16"):
        choose(Runtime.OPENVINO_BF16)
    has.append("BF16")
    assert choose(Runtime.AUTO) is choose(Runtime.OPENVINO_BF16) is Runtime.OPENVINO_BF16
