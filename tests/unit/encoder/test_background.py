"""The threads that compute pictures have a lower priority than those that compute texts."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from encoder.background import NICE, background_threads

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@linux
def test_they_have_a_lower_priority_and_the_others_keep_theirs() -> None:
    before = priority()
    with background_threads("pictures", 2) as pool:
        assert pool.submit(priority).result() == before + NICE
    assert priority() == before


@linux
def test_threads_that_they_start_have_it_too() -> None:
    """As those of ONNX Runtime, which a session starts when it is created."""

    def of_another() -> int:
        with ThreadPoolExecutor(1) as inner:
            return inner.submit(priority).result()

    with background_threads("pictures", 1) as pool:
        assert pool.submit(of_another).result() == priority() + NICE
