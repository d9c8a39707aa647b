"""Random sequences of what happens to files and of what the user does, against a simple model (hypothesis)."""

import os
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.unit.gateway.conftest import body, get, ids, picture, stacks, upload

# Few contents and names, so that files often share, exchange and give back a content.
CONTENTS = [picture((40 * number, 90, 250 - 40 * number)) for number in range(5)]
IDS = ids(*CONTENTS)
NAMES = [f"{folder}{name}.png" for folder in ("", "2024/") for name in "abc"]
names, contents = st.sampled_from(NAMES), st.sampled_from(range(len(CONTENTS)))


class Library(RuleBasedStateMachine):
    """The rules: a scan shows the contents of the files, without those that the user deleted; the others are hidden.

    What the user said of a content goes with it, also while it is hidden. If a file is edited in place and no file
    holds the former content any more, it goes to the new content as well, unless that has a caption of its own; if the
    file becomes unreadable, it waits for what the file holds next. Nothing changes while the folder is away.
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
        # Files that hold something that is no picture.
        self.unreadable: set[str] = set()
        # The files as the last scan saw them; of one that is unreadable, what it held before.
        self.scanned: dict[str, int] = {}
        self.deleted: set[int] = set()
        # In the bin: captions by content.
        self.binned: dict[int, set[str]] = {}
        # Contents that the user added himself, which do not depend on files.
        self.stored: set[int] = set()
        # By content: the captions that it may have; several if two edited files hand one on.
        self.shown: dict[int, set[str]] = {}
        self.hidden: dict[int, set[str]] = {}
        self.time = 0

    def teardown(self) -> None:
        self.exit.close()

    def write(self, name: str, content: int) -> None:
        """Write a file with a time of its own: the file system's clock ticks only every few milliseconds."""
        self.time += 1
        (self.photos / name).write_bytes(CONTENTS[content])
        os.utime(self.photos / name, (self.time, self.time))
        self.files[name] = content
        self.unreadable.discard(name)

    @rule(name=names)
    def a_file_is_overwritten_by_something_unreadable(self, name: str) -> None:
        (self.photos / name).write_bytes(b"x")
        self.files.pop(name, None)
        self.unreadable.add(name)

    @rule(name=names, content=contents)
    def a_file_is_copied_in_or_edited_in_place(self, name: str, content: int) -> None:
        self.write(name, content)

    @rule(name=names, other=names)
    def a_file_is_renamed(self, name: str, other: str) -> None:
        if name in self.files and name != other:
            (self.photos / name).rename(self.photos / other)
            self.files[other] = self.files.pop(name)
            self.unreadable.discard(other)

    @rule(name=names)
    def a_file_is_deleted(self, name: str) -> None:
        if self.files.pop(name, None) is not None or name in self.unreadable:
            self.unreadable.discard(name)
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
            self.binned[content] = self.shown.pop(content)

    @rule(content=contents)
    def the_user_restores_what_he_deleted(self, content: int) -> None:
        if content not in self.binned:
            return
        answer = body(self.stack.client.post("/api/v1/selection/restore", json={"ids": [IDS[content]]}))
        if not answer["restored"]:
            # The file that held it is gone, or is no longer where the last scan saw it.
            assert content not in self.stored
            return
        self.deleted.remove(content)
        self.shown[content] = self.binned.pop(content)

    @rule(content=contents)
    def the_user_deletes_for_good(self, content: int) -> None:
        if self.binned.pop(content, None) is not None:
            assert self.stack.client.delete(f"/api/v1/bin/{IDS[content]}").status_code == 204
            self.stored.discard(content)

    @rule(content=contents)
    def the_user_adds_what_he_deleted(self, content: int) -> None:
        if content in self.deleted:
            assert body(upload(self.stack, CONTENTS[content]))["items"][0]["status"] == "added"
            self.deleted.remove(content)
            self.stored.add(content)
            self.shown[content] = self.binned.pop(content, {""})

    @rule()
    def the_folder_is_scanned_while_it_is_away(self) -> None:
        away = self.photos.with_name("away")
        self.photos.rename(away)
        job = self.stack.job("scan", remove=True)
        assert (job["status"], job["progress"]["failed"], job["progress"]["gone"]) == ("done", 1, 0)
        away.rename(self.photos)

    @rule(remove=st.booleans())
    def the_folder_is_scanned(self, remove: bool) -> None:
        job = self.stack.job("scan", remove=remove)
        assert (job["status"], job["progress"]["failed"]) == ("done", len(self.unreadable))
        held, before = set(self.files.values()), self.shown
        known = {**self.hidden, **before}
        # What edited files hand on to their contents.
        handed: dict[int, set[str]] = defaultdict(set)
        for name, content in self.files.items():
            former = self.scanned.get(name, content)
            if former not in held and former in known:
                handed[content] |= known[former]
        self.shown = {}
        for content in (held | self.stored) - self.deleted:
            own, given = before.get(content) or self.hidden.get(content, {""}), handed[content]
            # An empty caption gives way; if the former pictures may have had none, so may this one.
            self.shown[content] = (own - {""}) | ((given - {""} or {""}) if "" in own else set())
            if "" in own and "" in given:
                self.shown[content] |= given
        gone = {content: captions for content, captions in before.items() if content not in self.shown}
        waiting = {name: self.scanned[name] for name in self.unreadable if name in self.scanned}
        hidden = {c: s for c, s in {**self.hidden, **gone}.items() if c not in self.shown}
        self.hidden = {c: s for c, s in hidden.items() if not remove or c in waiting.values()}
        self.scanned = {**self.files, **waiting}

        found = {}
        for record in body(get(self.stack, "/api/v1/search?q=red&k=50"))["results"]:
            found[record["id"]] = record
        assert set(found) == {IDS[content] for content in self.shown}
        for content, captions in self.shown.items():
            record = found[IDS[content]]
            assert record["caption"] in captions
            self.shown[content] = {record["caption"]}
            assert get(self.stack, record["file_url"]).data == CONTENTS[content]
            assert content in self.stored or self.files[record["file_name"]] == content


def test_a_scan_shows_what_the_model_says_after_any_sequence() -> None:
    run_state_machine_as_test(
        Library,
        # A failing sequence is shown as it was found: making it shorter would take minutes.
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, database=None, phases=[Phase.generate]
        ),
    )
