"""The memory of pictures that are decoded: how much there is, what each file takes, and who waits."""

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import decoding_bytes
from servicekit.server.memory import LEAST, DecodeMemory, memory_left

MIB = 2**20


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
@pytest.mark.parametrize(
    ("limit", "left"),
    [
        *((str(512 * MIB), 320 * MIB), (str(200 * MIB), LEAST)),
        *(("max", None), ("9223372036854771712", None), (None, None)),
    ],
)
def test_it_is_what_the_container_leaves_or_a_quarter_of_the_machines(
    tmp_path: Path, file: str, limit: str | None, left: int | None
) -> None:
    if limit is not None:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(f"{limit}\n")
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory_left(192 * MIB, tmp_path) == (left or machine // 4)


def file(form: str, mode: str = "RGB", side: int = 2400, **options: Any) -> bytes:
    pillow_heif.register_heif_opener(thumbnails=False)
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((side, side)).convert(mode).save(stream, form, **options)
    return stream.getvalue()


# Prints by how many bytes the memory of a process grows at most while it decodes a file.
PEAK = """
import io, resource, sys
from PIL import Image
from servicekit.pictures import decoding_bytes, open_picture
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
content = sys.stdin.buffer.read()
decoding_bytes(content)
before = peak()
open_picture(content, 10**9, draft=480)
print(peak() - before)
"""


@pytest.mark.parametrize(
    "options",
    [
        {"form": "JPEG"},
        {"form": "JPEG", "progressive": True, "subsampling": 0},
        {"form": "PNG", "mode": "RGBA"},
        {"form": "PNG", "mode": "I;16"},
        {"form": "WEBP", "quality": 50},
        {"form": "HEIF", "quality": 50},
        {"form": "AVIF", "quality": 50, "speed": 10},
        {"form": "TIFF", "mode": "CMYK"},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_a_file_takes_no_more_than_is_kept_free_for_it(options: dict[str, Any]) -> None:
    content = file(**options)
    asked = subprocess.run([sys.executable, "-c", PEAK], input=content, capture_output=True, check=True, timeout=60)
    # Libraries that are loaded with the first picture take some megabytes.
    assert int(asked.stdout) < decoding_bytes(content, 480) + 8 * MIB


def test_what_is_no_picture_takes_nothing() -> None:
    assert decoding_bytes(b"GIF89a, and then no picture") == 0


@pytest.mark.parametrize(("pictures", "together"), [(1.9, False), (2.0, True)])
def test_as_many_pictures_are_decoded_at_once_as_fit(pictures: float, together: bool) -> None:
    content = file("PNG", side=100)
    memory = DecodeMemory(int(pictures * decoding_bytes(content)))
    meeting = threading.Barrier(2)

    def decode() -> bool:
        with memory.room_for(content):
            try:
                meeting.wait(5 if together else 0.3)
            except threading.BrokenBarrierError:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        met = [asked.result() for asked in [pool.submit(decode), pool.submit(decode)]]
    assert met == [together, together]


def test_a_block_that_fails_gives_its_memory_back() -> None:
    content = file("PNG", side=100)
    memory = DecodeMemory(decoding_bytes(content))
    with pytest.raises(RuntimeError), memory.room_for(content):
        raise RuntimeError
    with memory.room_for(content):
        pass


def test_a_picture_beyond_the_limit_is_refused_with_both_figures() -> None:
    content = file("PNG", side=1000)
    refused = pytest.raises(ServiceError, match="takes 8 MiB of memory; there are 4 MiB")
    with refused as raised, DecodeMemory(4 * MIB).room_for(content):
        pass
    assert raised.value.kind is Kind.TOO_LARGE
    assert raised.value.extra == {"limit": 4 * MIB, "unit": "bytes-of-memory"}
