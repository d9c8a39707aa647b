"""Random sequences of what happens to files and of what the user does, against a simple model (hypothesis)."""

import os
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.unit.gateway.conftest import body, get, ids, picture, stacks

# Few contents and names, so that files often share, exchange and give back a content.
CONTENTS = [picture((40 * number, 90, 250 - 40 * number)) for number in range(5)]
IDS = ids(*CONTENTS)
NAMES = [f"{folder}{name}.png" for folder in ("", "2024/") for name in "abc"]
names, contents = st.sampled_from(NAMES), st.sampled_from(range(len(CONTENTS)))


class Library(RuleBasedStateMachine):
    """The rules: a scan shows the contents of the files, without those that the user deleted.

    What the user said of a content goes with it. If a file is edited in place and no file holds the former content any
    more, it goes to the new content, unless that has a caption of its own. A folder without a picture that had some
    before may be a disk that is not mounted, so nothing goes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.exit = ExitStack()
        place = Path(self.exit.enter_context(tempfile.TemporaryDirectory()))
        self.photos = place / "photos"
        (self.photos / "2024").mkdir(parents=True)
        make = self.exit.enter_context(stacks(place / "data"))
        self.stack = make(folders=str(self.photos))
        self.files: dict[str, int] = {}
        # The files as the last scan saw them.
        self.scanned: dict[str, int] = {}
        self.deleted: set[int] = set()
        # By content in the collection: the captions that it may have; several if two edited files hand one on.
        self.shown: dict[int, set[str]] = {}
        self.time = 0

    def teardown(self) -> None:
        self.exit.close()

    def write(self, name: str, content: int) -> None:
        """Write a file with a time of its own: the file system's clock ticks only every few milliseconds."""
        self.time += 1
        (self.photos / name).write_bytes(CONTENTS[content])
        os.utime(self.photos / name, (self.time, self.time))
        self.files[name] = content

    @rule(name=names, content=contents)
    def a_file_is_copied_in_or_edited_in_place(self, name: str, content: int) -> None:
        self.write(name, content)

    @rule(name=names, other=names)
    def a_file_is_renamed(self, name: str, other: str) -> None:
        if name in self.files and name != other:
            (self.photos / name).rename(self.photos / other)
            self.files[other] = self.files.pop(name)

    @rule(name=names)
    def a_file_is_deleted(self, name: str) -> None:
        if self.files.pop(name, None) is not None:
            (self.photos / name).unlink()

    @rule(name=names)
    def a_file_is_touched(self, name: str) -> None:
        if name in self.files:
            self.write(name, self.files[name])

    @rule(content=contents, caption=st.sampled_from(["a kite", "the sea"]))
    def the_user_says_something(self, content: int, caption: str) -> None:
        if content in self.shown:
            answer = self.stack.client.patch(f"/api/v1/images/{IDS[content]}", json={"caption": caption})
            assert answer.status_code == 200
            self.shown[content] = {caption}

    @rule(content=contents)
    def the_user_deletes(self, content: int) -> None:
        if content in self.shown:
            assert self.stack.client.delete(f"/api/v1/images/{IDS[content]}").status_code == 204
            self.deleted.add(content)
            del self.shown[content]

    @rule()
    def the_folder_is_scanned(self) -> None:
        job = self.stack.job("scan", remove=True)
        if self.scanned and not self.files:  # as if the disk were not mounted: nothing changes
            assert (job["status"], job["problem"]["status"]) == ("failed", 503)
            return
        assert (job["status"], job["progress"]["failed"]) == ("done", 0)
        held = set(self.files.values())
        before = self.shown
        handed: dict[int, set[str]] = defaultdict(set)
        for name, content in self.files.items():
            former = self.scanned.get(name, content)
            if former not in held and former in before:
                handed[content] |= before[former]
        self.shown = {}
        for content in held - self.deleted:
            own = before.get(content, {""})
            # An empty caption gives way; if the former pictures may have had none, so may this one.
            self.shown[content] = (own - {""}) | (handed[content] or {""} if "" in own else set())
        self.scanned = dict(self.files)

        found = {}
        for record in body(get(self.stack, "/api/v1/search?q=red&k=50"))["results"]:
            found[record["id"]] = record
        assert set(found) == {IDS[content] for content in self.shown}
        for content, captions in self.shown.items():
            record = found[IDS[content]]
            assert record["caption"] in captions
            self.shown[content] = {record["caption"]}
            assert get(self.stack, record["file_url"]).data == CONTENTS[content]
            assert self.files[record["file_name"]] == content


def test_a_scan_shows_what_the_model_says_after_any_sequence() -> None:
    run_state_machine_as_test(
        Library,
        # A failing sequence is shown as it was found: making it shorter would take minutes.
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, database=None, phases=[Phase.generate]
        ),
    )
