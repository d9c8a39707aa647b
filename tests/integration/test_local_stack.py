"""What `make up` starts: real towers, index and pictures; search quality, `doctor`, CSP header, shutdown, busy ports.

Needs the bundle that `make test` composes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

SIGHTLINE = str(Path(sys.executable).with_name("sightline"))
GALLERY = Path(__file__).parents[2] / "deploy" / "gallery"


def sightline(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SIGHTLINE, "--url", url, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


# Vector search does not read captions: these pictures are found by their content.
@pytest.mark.parametrize(
    ("sentence", "right"),
    [
        ("a red apple", {"food-fruit-apple_red.webp"}),
        ("a dog", {"golden-retriever-dog.webp", "black-dog-grey.webp", "black-dog-fallen.webp", "animals-dog.webp"}),
        (
            "something to play music with",
            {
                "hobbies-music-percussion-drumkit.webp",
                "hobbies-music-string-guitar_classical.webp",
                "hobbies-music-string-guitar_electric.webp",
                "hobbies-music-string-cello.webp",
                "hobbies-music-string-violin.webp",
                "hobbies-music-brass-trumpet.webp",
            },
        ),
        ("a vehicle for emergencies", {"vehicles-emergency-firetruck.webp"}),
    ],
)
def test_a_sentence_puts_a_right_picture_among_the_first_five(local_stack: Any, sentence: str, right: set[str]) -> None:
    done = sightline(local_stack.url, "search", sentence, "-k", "5", "--json")
    assert done.returncode == 0, done.stderr
    assert {r["file_name"] for r in json.loads(done.stdout)["results"]} & right


# Thirty things that the gallery shows, chosen before any model was run.
WORDS = (
    "dog cat rabbit tiger owl parrot butterfly bee snake chameleon jellyfish turtle starfish beach sunset forest lake "
    "bridge lighthouse castle kitchen playground car astronaut rocket coffee pancakes sushi sunflower tulips"
)
# Synonyms in captions of correct pictures.
ALSO = {"sunset": ("twilight",), "car": ("vw beetle",), "coffee": ("espresso",), "rocket": ("space shuttle",)}


def test_one_word_puts_a_right_picture_first_for_two_thirds_of_thirty_things(local_stack: Any) -> None:
    right = []
    for word in WORDS.split():
        with urllib.request.urlopen(f"{local_stack.url}/api/v1/search?q={word}&k=1", timeout=60) as answer:
            (best,) = json.load(answer)["results"]
        # The caption decides whether the result is correct; the search does not use it.
        said = set(re.findall(r"\w+", best["caption"].lower()))
        if word in said or any(also in best["caption"].lower() for also in ALSO.get(word, ())):
            right.append(word)
    assert len(right) >= 20, right


def test_the_gallery_is_whole_and_adding_it_again_adds_nothing(local_stack: Any) -> None:
    done = sightline(local_stack.url, "add", str(GALLERY / "pictures"))
    assert (done.returncode, done.stdout) == (0, "0 added, 377 already there, 0 could not be read.\n")


def test_doctor_finds_nothing_wrong(local_stack: Any) -> None:
    done = sightline(local_stack.url, "doctor")
    assert done.returncode == 0
    assert "377 pictures can be found." in done.stdout
    assert "FAILED" not in done.stdout


def test_the_page_is_served_with_a_policy(local_stack: Any) -> None:
    with urllib.request.urlopen(local_stack.url) as answer:
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert b'<div id="root">' in answer.read()


def test_closing_the_terminal_ends_every_process(tmp_path: Path, free_ports: Any) -> None:
    (tmp_path / "photos").mkdir()
    port = free_ports(4)
    command = [sys.executable, "deploy/local.py", "run", "--port", str(port), "--data", str(tmp_path / "data")]
    stack = subprocess.Popen(
        [*command, "--photos", str(tmp_path / "photos")], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert stack.stdout
    assert any(f"Open http://127.0.0.1:{port}" in line for line in stack.stdout)
    os.killpg(stack.pid, signal.SIGHUP)
    assert stack.wait(30) == 0
    stack.stdout.close()
    for p in range(port, port + 4):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", p)).close()


def test_a_port_that_is_taken_is_told_before_anything_is_done(local_stack: Any) -> None:
    port = local_stack.url.rpartition(":")[2]
    for asked, says in [(port, "Sightline already runs: open"), (str(int(port) - 1), "is taken by another program")]:
        done = subprocess.run(
            [sys.executable, "deploy/local.py", "check", "--port", asked], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert says in done.stdout


def test_a_folder_that_cannot_be_a_library_is_told_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    for folder, says in [("a:b", "has a ':' in its path"), ("missing", "is not a folder")]:
        command = [sys.executable, "deploy/local.py", "check", "--port", "9000", "--photos", str(tmp_path / folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert says in done.stdout
