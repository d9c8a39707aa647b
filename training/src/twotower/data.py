"""Pictures with their captions, from each of the sources that the released model learns from."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A picture and every text that describes it."""

    image: Path
    texts: tuple[str, ...]
    # Texts that are true of it too, but are not learnt from it: it is no counterexample to them.
    also: tuple[str, ...] = ()


class DataError(Exception):
    """A data folder is not laid out as its reader expects; the message names the file."""


def flickr8k(folder: Path, split: str) -> list[Pair]:
    """Flickr8k (Hodosh et al., 2013): `images/`, `captions.csv` (image,caption), `<split>.txt`."""
    captions: dict[str, list[str]] = defaultdict(list)
    for row in rows(folder / "captions.csv", {"image", "caption"}):
        captions[row["image"]].append(row["caption"])
    names = (folder / f"{split}.txt").read_text().split()
    if missing := [n for n in names if n not in captions]:
        raise DataError(f"{folder / 'captions.csv'}: no caption for {len(missing)} of {split}.txt, first {missing[0]}")
    return [Pair(folder / "images" / n, tuple(captions[n])) for n in names]


def objects(folder: Path, split: str) -> list[Pair]:
    """Everyday things: `images/`, `captions.csv` (image,caption,set,split), each caption "a photo of <label>".

    The bare label is a second text of each picture, since people search with one word, and what several labels have in
    common is a third: whoever looks for a dog does not name its breed.
    """
    chosen = [r for r in rows(folder / "captions.csv", {"image", "caption", "set", "split"}) if r["split"] == split]
    labels = [r["caption"].removeprefix("a photo of ") for r in chosen]
    shared = shared_heads(labels)
    return [
        Pair(
            folder / "images" / r["image"],
            (r["caption"], label, *(with_article(h) for h in [head(label)] if h in shared)),
        )
        for r, label in zip(chosen, labels, strict=True)
    ]


def head(label: str) -> str | None:
    """The noun that a label of several words is about, in the singular: "a Siberian husky dog" is a dog.

    English puts it last. A label of one word, or with a preposition in it, has none that this can tell.
    """
    words = re.sub(r",.*|\(.*?\)", "", label).lower().split()
    words = words[1:] if words[0] in ("a", "an", "the") else words
    if len(words) < 2 or {"of", "from", "or"} & set(words):
        return None
    last = "dog" if words[-1].endswith("dog") else words[-1]
    for plural, singular in (("oes", "o"), ("ies", "y"), ("ches", "ch"), ("s", "")):
        if last.endswith(plural) and not last.endswith("ss"):
            return last.removesuffix(plural) + singular
    return last


def shared_heads(labels: Iterable[str]) -> set[str]:
    """The heads that at least three different labels have: dog, bird, apple, but not the engine of a fire engine."""
    counts = Counter(head(label) for label in set(labels))
    return {noun for noun, count in counts.items() if noun and count >= 3}


def with_article(noun: str) -> str:
    """A noun as somebody would search for it: "an apple"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def mark_heads(pairs: Iterable[Pair], nouns: set[str]) -> list[Pair]:
    """Note which of the nouns each picture shows: those that at least two of its captions name."""
    marked = []
    for pair in pairs:
        counts = Counter(word for text in pair.texts for word in set(re.findall("[a-z]+", text.lower())))
        named = tuple(with_article(noun) for noun in sorted(nouns) if counts[noun] >= 2)
        marked.append(replace(pair, also=named))
    return marked


def stamps(folder: Path, gallery: Path) -> list[Pair]:
    """Pictures of Debian's tuxpaint-stamps-default that are not in the sample gallery's manifest.

    Each lies beside a `.txt` whose first line describes it.
    """
    taken = {e["source_file"] for e in json.loads(gallery.read_text())["pictures"]}
    pairs = []
    for path in sorted(folder.rglob("*.png")):
        relative = path.relative_to(folder)
        described = path.with_suffix(".txt")
        # Comics and letter-like symbols look like nothing that people photograph.
        if described.exists() and str(relative) not in taken and not {"cartoon", "symbols"} & set(relative.parts[:-1]):
            pairs.append(Pair(path, (described.read_text(encoding="utf-8").splitlines()[0].strip(),)))
    return pairs


def rows(path: Path, columns: set[str]) -> Iterable[dict[str, str]]:
    """The rows of a CSV file that has these columns.

    Raises:
        DataError: the file is missing or lacks a column.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing")
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if missing := columns - set(reader.fieldnames or []):
            raise DataError(f"{path} lacks the column {', '.join(sorted(missing))}")
        yield from reader
