"""Finds pictures below a folder of the library by their file name endings, and counts what is left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from gateway.library.faults import Fault, Unread

# The command line, which is installed without this package, has the same two lists (a test compares them).
PICTURES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"}
)
# Previews, recycle bins and snapshots of Synology, QNAP, Windows, macOS and Linux, in lower case.
SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "@tmp", "@recycle", "@recently-snapshot", "$recycle.bin", "lost+found"}
    | {"system volume information", "__macosx"}
)
RAW = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".iiq", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2"}
    | {".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)
VIDEO = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv"}
)
SIDECAR = ".xmp"
# The user's own patterns, at the top of a folder of the library, in gitignore's syntax.
IGNORE_FILE = ".sightlineignore"


@dataclass
class LeftOut:
    """What a walk did not return."""

    # Folders that cannot be read, or whose disk is not mounted, with the reason.
    unread: list[Unread] = field(default_factory=list)
    # By kind: `hidden folder`, `hidden file`, `system folder`, `ignored`, `link`, `RAW` and `video`.
    counts: Counter[str] = field(default_factory=Counter)

    def covers(self, path: Path) -> bool:
        """Whether a file lies in a folder that was not read."""
        return any(path.is_relative_to(unread.path) for unread in self.unread)


class Walk:
    """A walk through one folder of the library."""

    def __init__(
        self,
        folder: Path,
        folders: Sequence[Path],
        follow_links: bool,
        patterns: Sequence[str],
        left_out: LeftOut,
        own: Sequence[Path] = (),
    ) -> None:
        """A walk that has found nothing yet.

        Args:
            folder: the folder of the library, without links in its path.
            folders: all folders of the library.
            follow_links: whether to follow links that lead out of the library.
            patterns: what to ignore, in gitignore's syntax, beside the folder's own file of patterns.
            left_out: receives what is not returned.
            own: folders of the system's own data, which has thumbnails of all pictures.

        Raises:
            OSError, ValueError: the folder's file of patterns cannot be read, or has a pattern that is not valid.
        """
        self._folder, self._folders, self._follow, self._left_out = folder, folders, follow_links, left_out
        self._own = own
        file = folder / IGNORE_FILE
        if file.exists() and not file.is_file():
            raise ValueError(f"{IGNORE_FILE} is not a regular file")
        # Windows's editors begin a file with a byte order mark.
        lines = file.read_text("utf-8-sig", "surrogateescape").splitlines() if file.exists() else []
        self._ignored = GitIgnoreSpec.from_lines([*patterns, *lines])
        # Devices and inodes of the folders that were entered: a link may lead to one of them again (a loop).
        self._entered: set[tuple[int, int]]
        # Mount points below the folder, and links to folders that were followed: a disk of each may go away.
        self.mounts: list[Path] = []
        # Links to pictures that lead nowhere, if links are followed.
        self.dangling: list[Path] = []

    def below(self, path: Path) -> Iterator[tuple[Path, Path | None]]:
        """The picture files at or below a file or folder, which may be gone: each with its sidecar, if it has one."""
        between = [parent for parent in path.parents if parent != self._folder and parent.is_relative_to(self._folder)]
        self._entered = set()
        chain = [self._folder, *reversed(between), *([path] if path != self._folder and path.is_dir() else [])]
        if not all(self._enters(one) and (one == self._folder or not self._kind(one)) for one in chain):
            return
        if not path.is_dir():
            if os.path.lexists(path) and self._is_picture(path):
                yield path, self._sidecar(path, sidecars_beside(path))
        else:
            yield from self._through(path)

    def _through(self, top: Path) -> Iterator[tuple[Path, Path | None]]:
        def note(error: OSError) -> None:
            self._left_out.unread.append(Unread(Path(error.filename), Fault.UNREADABLE, error.strerror or str(error)))

        for root, folders, names in os.walk(top, onerror=note, followlinks=self._follow):
            for name in sorted(folders):
                path = Path(root, name)
                kind = self._kind(path) or (None if self._enters(path) else "link")
                if kind:
                    folders.remove(name)
                    self._left_out.counts[kind] += 1
                elif os.path.ismount(path) or path.is_symlink():
                    self.mounts.append(path)
            folders.sort()
            by_lower = {name.lower(): name for name in names if name.lower().endswith(SIDECAR)}
            for name in sorted(names):
                if self._is_picture(path := Path(root, name)):
                    yield path, self._sidecar(path, by_lower)

    def _sidecar(self, path: Path, names: dict[str, str]) -> Path | None:
        """The sidecar of a picture, unless it is a link that leads to a place that may not be read."""
        sidecar = sidecar_of(path, names)
        return None if sidecar and sidecar.is_symlink() and not self._reaches_file(sidecar) else sidecar

    def _enters(self, path: Path) -> bool:
        """Note that a folder is entered; whether it was not entered before, through another link."""
        if not self._follow:
            return True
        try:
            facts = path.stat()
        except OSError:
            return True  # reading it will say why
        identity = (facts.st_dev, facts.st_ino)
        if identity in self._entered:
            return False
        self._entered.add(identity)
        return True

    def _kind(self, path: Path) -> str | None:
        """Why a folder is not searched; None if it is."""
        if path in self._own:
            return "system folder"
        if path.name.lower() in SYSTEM_FOLDERS:
            return "system folder"
        if path.name.startswith("."):
            return "hidden folder"
        if self._ignored.match_file(f"{path.relative_to(self._folder).as_posix()}/"):
            return "ignored"
        return "link" if path.is_symlink() and not (self._follow and self._leads_out(path)) else None

    def _is_picture(self, path: Path) -> bool:
        """Whether a file has a picture's file name ending and is not left out; counts what is."""
        ending = path.suffix.lower()
        if path.name.startswith("."):
            if ending in PICTURES | RAW | VIDEO:
                self._left_out.counts["hidden file"] += 1
        elif ending in RAW:
            self._left_out.counts["RAW"] += 1
        elif ending in VIDEO:
            self._left_out.counts["video"] += 1
        elif ending in PICTURES and self._ignored.match_file(path.relative_to(self._folder).as_posix()):
            self._left_out.counts["ignored"] += 1
        elif ending in PICTURES and path.is_symlink() and not self._reaches_file(path):
            self._left_out.counts["link"] += 1
            if self._follow:
                self.dangling.append(path)
        else:
            return ending in PICTURES
        return False

    def _reaches_file(self, link: Path) -> bool:
        """Whether a link leads to a file that may be read."""
        return (self._follow and link.exists()) or is_inside(link, self._folders)

    def _leads_out(self, link: Path) -> bool:
        """Whether a link to a folder leads to a place beside the library.

        What lies in the library is found where it lies. A link to a folder above the library would lead into the
        library again, and to everything else that lies there.
        """
        target = resolved(link)
        return target is not None and not any(
            target.is_relative_to(folder) or folder.is_relative_to(target) for folder in self._folders
        )


def sidecar_of(path: Path, names: dict[str, str]) -> Path | None:
    """The XMP file of a picture: `a.jpg.xmp`, or `a.xmp` as Adobe's programs name it.

    Args:
        path: the picture's file.
        names: the names of sidecars beside it, by themselves in lower case.
    """
    for name in (f"{path.name}{SIDECAR}", f"{path.stem}{SIDECAR}"):
        if name.lower() in names:
            return path.with_name(names[name.lower()])
    return None


def sidecars_beside(path: Path) -> dict[str, str]:
    """The names of files beside a file that may be sidecars, by themselves in lower case."""
    with os.scandir(path.parent) as entries:
        return {
            entry.name.lower(): entry.name
            for entry in entries
            if entry.name.lower().endswith(SIDECAR) and not entry.is_dir()
        }


def pictures_of(sidecar: Path) -> list[Path]:
    """The picture files that an XMP file may belong to, as far as they are there."""
    stem = sidecar.stem.lower()
    try:
        beside = sorted(entry.name for entry in os.scandir(sidecar.parent))
    except OSError:
        return []
    return [
        path
        for path in map(sidecar.with_name, beside)
        if path.suffix.lower() in PICTURES and stem in (path.name.lower(), path.stem.lower())
    ]


def is_inside(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a file lies in one of some folders, also after links in its path are followed."""
    target = resolved(path)
    return target is not None and any(target.is_relative_to(folder) for folder in folders)


def resolved(path: Path) -> Path | None:
    """The path without links; None for a link that leads nowhere, or to itself."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):  # a link to itself: RuntimeError before Python 3.13
        return None
