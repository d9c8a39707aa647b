"""The folders of the library on the disk: what lies in them, what is left out, and whether they are there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from gateway.library.faults import Fault, Unread
from gateway.library.walk import (
    PICTURES,
    SIDECAR,
    SYSTEM_FOLDERS,
    LeftOut,
    Walk,
    is_inside,
    pictures_of,
    sidecar_of,
    sidecars_beside,
)

# Characters of a file's name in a record.
LONGEST_NAME = 1000
MOUNTS = Path("/proc/self/mountinfo")
ESCAPED = re.compile(rb"\\([0-7]{3})")
# How the identity of a folder begins that a link leads to.
LINK = "link "


class Seen(NamedTuple):
    """A file's id, size and times when its content was read."""

    path: Path
    id: str
    size: int
    mtime_ns: int
    # When the content, the name or the permissions were last changed: programs can set the modification time, and some
    # keep it when they edit a file. None in entries of earlier releases.
    ctime_ns: int | None = None
    # The modification time of its sidecar; None if it has none.
    sidecar_ns: int | None = None
    # When the file was found to be gone, in seconds since 1970; None while it is there.
    gone_at: int | None = None
    # 1 if the file now holds something that cannot be read as a picture; the other fields are those of before.
    unreadable: int | None = None

    @property
    def holds(self) -> bool:
        """Whether the file is there with the picture that its id names."""
        return self.gone_at is None and not self.unreadable

    def is_as(self, facts: os.stat_result, sidecar_ns: int | None) -> bool:
        """Whether a file and its sidecar have not changed since."""
        return (
            (self.size, self.mtime_ns, self.sidecar_ns) == (facts.st_size, facts.st_mtime_ns, sidecar_ns)
            and self.ctime_ns in (None, facts.st_ctime_ns)
            and not self.unreadable
        )


class Found(NamedTuple):
    """The files that a search of the folders found."""

    # Each with its sidecar, if it has one.
    files: dict[Path, Path | None]
    left_out: LeftOut
    # The folders that were found, and the mount points and followed links below them.
    mounts: list[Path]


class Folders:
    """The folders: read, never written to."""

    def __init__(
        self,
        paths: Sequence[Path],
        follow_links: bool = False,
        patterns: Sequence[str] = (),
        own: Sequence[Path] = (),
    ) -> None:
        """The folders at some paths.

        Args:
            paths: the folders.
            follow_links: whether links that lead out of the folders are followed.
            patterns: what to ignore, in gitignore's syntax.
            own: folders of the system's own data, which are left out where they lie in a folder of the library.
        """
        self.paths = [path.resolve() for path in paths]
        self.names = dict(zip(self.paths, distinct_names(self.paths), strict=True))
        self._follow, self._patterns = follow_links, patterns
        # A library that lies in the data folder would be left out as a whole.
        self._own = [
            path for path in (one.resolve() for one in own) if not any(f.is_relative_to(path) for f in self.paths)
        ]

    def find(self, scope: Sequence[Path] | None, disks: Mapping[Path, str], had: Callable[[Path], bool]) -> Found:
        """The picture files of the folders, and what was left out.

        A folder whose disk is away is left out as unread, so that its pictures are not taken for deleted.

        Args:
            scope: the files and folders to look at; None for everything.
            disks: the folders, mount points and links that the last search of everything found, with their identities.
            had: whether a file was a picture, or a folder had pictures, at the last scan.
        """
        found = Found({}, LeftOut(), [])
        unread = found.left_out.unread
        for folder in self.paths:
            below = [folder] if scope is None else outermost(path for path in scope if path.is_relative_to(folder))
            if not below:
                continue
            if not folder.is_dir():
                unread.append(Unread(folder, Fault.UNMOUNTED, "the folder is not there; is its disk mounted?"))
            elif had(folder) and is_away(folder, disks.get(folder)):
                why = "the folder had pictures and has none; is its disk mounted?"
                unread.append(Unread(folder, Fault.UNMOUNTED, why))
            else:
                self._walk(folder, below, found, had)
        for path, identity in disks.items():
            nested = any(path != folder and path.is_relative_to(folder) for folder in self.paths)
            if nested and had(path) and is_away(path, identity):
                why = "there were pictures on a disk that is not mounted any more"
                unread.append(Unread(path, Fault.UNMOUNTED, why))
        return found

    def _walk(self, folder: Path, below: Sequence[Path], found: Found, had: Callable[[Path], bool]) -> None:
        try:
            walk = Walk(folder, self.paths, self._follow, self._patterns, found.left_out, self._own)
        except (OSError, ValueError, re.error) as error:
            why = f"its file of patterns cannot be used: {error}"
            found.left_out.unread.append(Unread(folder, Fault.PATTERNS, why))
            return
        for path in below:
            found.files.update(walk.below(path))
        found.mounts.extend([folder, *walk.mounts])
        for link in walk.dangling:
            if had(link) and not is_inside(target := Path(os.path.realpath(link)), self.paths) and is_cut_off(target):
                why = "the link leads nowhere; is its disk mounted?"
                found.left_out.unread.append(Unread(link, Fault.UNMOUNTED, why))

    def mounts(self) -> list[Path]:
        """The mount points below the folders, as Linux lists them (proc_pid_mountinfo(5)); none on other systems."""
        try:
            lines = MOUNTS.read_bytes().splitlines()
        except OSError:
            return []
        # The fifth field; a space in it is written as \040.
        written = (line.split(b" ")[4] for line in lines)
        points = [Path(os.fsdecode(ESCAPED.sub(lambda code: bytes([int(code[1], 8)]), point))) for point in written]
        return [point for point in points if any(folder in point.parents for folder in self.paths)]

    def finds(self, path: Path) -> bool:
        """Whether a search would return a file now."""
        return path in self.find([path], {}, lambda _: False).files

    def is_never_searched(self, path: Path) -> bool:
        """Whether a file lies in a hidden folder, a folder of operating systems, or the system's own data."""
        if any(path.is_relative_to(own) for own in self._own):
            return True
        below = next((path.relative_to(f) for f in self.paths if path.is_relative_to(f)), Path())
        folders = below.parts[:-1]
        return any(part.startswith(".") or part.lower() in SYSTEM_FOLDERS for part in folders)

    def sidecar(self, path: Path) -> Path | None:
        """The sidecar of a picture's file, if it has one that may be read."""
        try:
            sidecar = sidecar_of(path, sidecars_beside(path))
        except OSError:  # its folder is gone
            return None
        return sidecar if sidecar and self.may_open(sidecar) else None

    def may_open(self, path: Path) -> bool:
        """Whether a file may be opened: it lies in a folder, and links lead nowhere else unless they are followed."""
        if self._follow:
            return any(path.is_relative_to(folder) for folder in self.paths)
        return is_inside(path, self.paths)

    def name(self, path: Path) -> str:
        """A file's path in the library: it is shown, and full-text search and the filter `folder` find its parts."""
        # Of folders in one another the innermost, in whatever order they are given.
        folder = max((f for f in self.paths if path.is_relative_to(f)), key=lambda f: len(f.parts), default=None)
        if folder is None:
            return shown(Path(path.name))
        name = f"{self.prefix(folder)}{shown(path.relative_to(folder))}"
        return shortened("".join(c for c in name if c.isprintable()))

    def prefix(self, folder: Path) -> str:
        """What the names of a folder's files begin with: its own name, where there are several folders."""
        return f"{self.names[folder]}/" if len(self.paths) > 1 else ""


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """The last part of each path; of several with the same one, the later are numbered."""
    names: list[str] = []
    for path in paths:
        base = name = shown(Path(path.name)) or "root"
        number = 2
        while name in names:
            name, number = f"{base} {number}", number + 1
        names.append(name)
    return names


def shortened(name: str) -> str:
    """A name without its middle if it is too long: the folders at its beginning and the file's name stay."""
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[: half - 1]}…{name[-half:]}"


def is_away(path: Path, identity: str | None) -> bool:
    """Whether a folder looks as if its disk were not mounted: it is missing, or another one without a picture.

    Args:
        path: the folder.
        identity: its identity when it was found to hold something; None if that is not known.
    """
    linked = identity is not None and identity.startswith(LINK)
    if linked and not os.path.lexists(path):
        return False  # the user removed the link
    try:
        now = identity_of(path)
    except FileNotFoundError:
        return not linked or is_cut_off(Path(os.path.realpath(path)))
    except OSError:
        return False  # reading it will say why
    return now != identity and not holds_picture(path)


def is_cut_off(target: Path) -> bool:
    """Whether the missing target of a link seems to be on a disk that is not mounted: nothing else is there either."""
    try:
        return not os.listdir(target.parent)
    except OSError:
        return True


def holds_picture(folder: Path) -> bool:
    """Whether a file with a picture's name lies in a folder or below it."""
    return any(Path(name).suffix.lower() in PICTURES for _, _, names in os.walk(folder) for name in names)


def identity_of(path: Path) -> str:
    """What distinguishes a folder from the empty one at the same place that appears when its disk is unmounted.

    Raises:
        OSError: the folder is missing.
    """
    facts = path.stat()
    return f"{LINK if path.is_symlink() else ''}{facts.st_dev}:{facts.st_ino}"


def read(path: Path, sidecar: Path | None = None) -> Seen:
    """Read a file and compute its id.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        facts = os.fstat(stream.fileno())
        return Seen(path, digest_of(stream), facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, time_of(sidecar))


def digest_of(stream: IO[bytes]) -> str:
    """The id of the picture that a file holds; see `gateway.pictures.storage.picture_id`."""
    return hashlib.file_digest(stream, "sha256").hexdigest()[:32]  # type: ignore[arg-type]


def time_of(sidecar: Path | None) -> int | None:
    """The modification time of a sidecar, in ns; None if there is none."""
    try:
        return sidecar.stat().st_mtime_ns if sidecar else None
    except OSError:
        return None


def with_pictures(scope: Iterable[Path]) -> Iterator[Path]:
    """The paths, and the pictures of those that are sidecars."""
    for path in scope:
        yield path
        if path.suffix.lower() == SIDECAR:
            yield from pictures_of(path)


def outermost(paths: Iterable[Path]) -> list[Path]:
    """The paths without those that lie below another of them, sorted."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not kept or not path.is_relative_to(kept[-1]):
            kept.append(path)
    return kept


def shown(path: Path) -> str:
    """A path as text: bytes that are not UTF-8, which JSON cannot hold, are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
