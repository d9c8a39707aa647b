"""What the user corrected of a file's facts, its camera and its time: it stays when the file is edited.

Where the user says otherwise than the file, the attribute `file_NAME` holds what the file says, as `file_caption` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.pictures import exif, metadata

TIME = "taken_at"
# The attribute that says what the file says, by the name of what can be corrected.
MARKS = {name: f"file_{name}" for name in [*sorted(exif.NAMES - {exif.DAMAGE}), TIME]}
# What a file says belongs to the system: an edit that replaces all attributes does not remove it.
SAID_BY_FILES = frozenset(MARKS.values()) | metadata.NAMES


def noted(record: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """An edit, with what the file says of what it corrects.

    Args:
        record: the record before.
        changes: new values by field.
    """
    before = record["attributes"]
    given = changes.get("attributes", before)
    attributes = {**{name: value for name, value in before.items() if name in SAID_BY_FILES}, **given}
    # A fact that an edit leaves out was not corrected.
    pairs = {name: (before.get(name), given[name]) for name in MARKS if name in given}
    pairs[TIME] = (record["taken_at"], changes.get("taken_at", record["taken_at"]))
    for name, (old, new) in pairs.items():
        if old != new:
            attributes.setdefault(MARKS[name], "" if old is None else old)
        if attributes.get(MARKS[name]) == ("" if new is None else new):  # as the file says again
            del attributes[MARKS[name]]
    return dict(changes) if attributes == before else {**changes, "attributes": metadata.within_limit(attributes, {})}


def own(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes without the facts of the file that the user did not correct."""
    return {n: v for n, v in attributes.items() if n not in exif.NAMES or MARKS.get(n) in attributes}


def with_facts(attributes: Mapping[str, Any], camera: Mapping[str, Any], when: str | None) -> dict[str, Any]:
    """The user's attributes and a file's facts: where the user corrected the former file, his correction stays.

    Args:
        attributes: see `own`.
        camera: see `gateway.pictures.exif.attributes`.
        when: when the picture was taken, by its file.
    """
    facts = {**camera, **({TIME: when} if when else {})}
    marks = {mark: facts.get(name, "") for name, mark in MARKS.items() if mark in attributes}
    corrected = {name for name, mark in MARKS.items() if mark in marks}
    return metadata.within_limit({**attributes, **marks}, {n: v for n, v in camera.items() if n not in corrected})


def time(said: Mapping[str, Any], when: str | None) -> str | None:
    """When a picture was taken: as the user said if he corrected it, else by its file, else as is known."""
    known: str | None = said["taken_at"]
    return known if MARKS[TIME] in said["attributes"] else when or known
