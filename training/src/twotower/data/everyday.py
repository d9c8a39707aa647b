"""Everyday things and stamps: the breadth in the released model's mixture, beyond what Flickr scenes show."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from twotower.data.pairs import DataError, Pair, rows
from twotower.towers.texts import words_of

# How many labels the split `seen` leaves out, for `unseen` to be measured on.
LEFT_OUT = 100


def objects(folder: Path, split: str) -> list[Pair]:
    """Everyday things: `images/`, `captions.csv` (image,caption,set,split), each caption "a photo of <label>".

    The label alone is a text of each picture too, with its article and without, since people search with one word; and
    so is what several labels have in common: people who look for a dog do not name its breed. The splits are train and
    dev, and for an experiment on words never trained on `seen` and `unseen`: train without a hundred of its labels, and
    those.
    """
    every = list(rows(folder / "captions.csv", {"image", "caption", "set", "split"}))
    if split in ("seen", "unseen"):
        chosen = [r for r in every if r["split"] == "train"]
        labels = sorted({r["caption"] for r in chosen}, key=lambda label: hashlib.sha256(label.encode()).digest())
        left_out = set(labels[:LEFT_OUT])
        chosen = [r for r in chosen if (r["caption"] in left_out) == (split == "unseen")]
    else:
        chosen = [r for r in every if r["split"] == split]
    if not chosen:
        raise DataError(f"{folder / 'captions.csv'} has no split {split}; there are train, dev, seen and unseen")
    labels = [r["caption"].removeprefix("a photo of ") for r in chosen]
    shared = shared_heads(labels)
    return [
        Pair(
            folder / "images" / r["image"],
            tuple(dict.fromkeys([r["caption"], label, bare(label), *shared_names(label, shared)])),
        )
        for r, label in zip(chosen, labels, strict=True)
    ]


def head(label: str) -> str | None:
    """The noun that a label of several words is about, in the singular: "a Siberian husky dog" is a dog.

    English puts it last. A label of one word, or with a preposition in it, has none that this can tell.
    """
    words = re.sub(r",.*|\(.*?\)", "", label).lower().split()
    words = words[1:] if words[0] in ("a", "an", "the") else words
    if len(words) < 2 or {"of", "from", "or", "with", "behind", "on"} & set(words):
        return None
    last = "dog" if words[-1].endswith("dog") else words[-1]
    return singular(last)


def bare(label: str) -> str:
    """A label as one word or two are typed into a search box: "a banana" and "bananas" are "banana"."""
    words = label.split()
    if words[0] in ("a", "an", "the"):
        return " ".join(words[1:])
    if {"of", "on", "from", "or"} & set(words) or "," in label:
        return " ".join(words)
    return " ".join([*words[:-1], singular(words[-1])])


def shared_names(label: str, shared: set[str]) -> list[str]:
    """What a label has in common with others, with and without its article."""
    noun = head(label)
    return [with_article(noun), noun] if noun in shared and noun is not None else []


def singular(noun: str) -> str:
    """A noun in the singular, as English mostly makes it: tomatoes, cherries, peaches, apples."""
    for plural, one in (("oes", "o"), ("ies", "y"), ("ches", "ch"), ("s", "")):
        if noun.endswith(plural) and not noun.endswith("ss"):
            return noun.removesuffix(plural) + one
    return noun


def shared_heads(labels: Iterable[str]) -> set[str]:
    """The heads that at least three different labels have: dog, bird, apple, but not the engine of a fire engine."""
    counts = Counter(head(label) for label in set(labels))
    return {noun for noun, count in counts.items() if noun and count >= 3}


def with_article(noun: str) -> str:
    """A noun as a search query: "an apple"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def stamps(folder: Path, split: str, gallery: Path = Path("deploy/gallery/manifest.json")) -> list[Pair]:
    """Pictures of Debian's tuxpaint-stamps-default: `gallery`, those of the sample gallery, or `train`, the others.

    Each lies beside a `.txt` whose first line describes it.
    """
    if split not in ("train", "gallery"):
        raise DataError(f"the stamps have no split {split}; there are train and gallery")
    taken = {e["source_file"] for e in json.loads(gallery.read_text())["pictures"]}
    pairs = []
    for path in sorted(folder.rglob("*.png")):
        relative = path.relative_to(folder)
        described = path.with_suffix(".txt")
        # Comics and letter-like symbols look like nothing that people photograph.
        if not described.exists() or {"cartoon", "symbols"} & set(relative.parts[:-1]):
            continue
        if (str(relative) in taken) == (split == "gallery"):
            text = described.read_text(encoding="utf-8").splitlines()[0].strip()
            words = words_of(text)
            # A short description also as a search query: "An owl." is "owl".
            pairs.append(Pair(path, (text, " ".join(words)) if 0 < len(words) <= 3 else (text,)))
    return pairs
