"""Everyday things and stamps: object words in the released model's training data that Flickr scenes lack."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from twotower.data.pairs import DataError, Pair, rows
from twotower.towers.texts import words_of

# Number of labels that the split `seen` excludes and that form the split `unseen`.
LEFT_OUT = 100


def objects(folder: Path, split: str) -> list[Pair]:
    """Everyday things: `images/`, `captions.csv` (image,caption,set,split), each caption "a photo of <label>".

    Each picture's further texts are the label with and without its article, since users search with single words, and
    the head noun that several labels share, since users search for "dog" and not for the breed. The splits are train
    and dev; for experiments on unseen words, `seen` is train without a hundred labels, and `unseen` is these labels.
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
    """The head noun of a label of several words, in the singular: "a Siberian husky dog" is a dog.

    In English it is the last word. None for labels of one word or with a preposition.
    """
    words = re.sub(r",.*|\(.*?\)", "", label).lower().split()
    words = words[1:] if words[0] in ("a", "an", "the") else words
    if len(words) < 2 or {"of", "from", "or", "with", "behind", "on"} & set(words):
        return None
    last = "dog" if words[-1].endswith("dog") else words[-1]
    return singular(last)


def bare(label: str) -> str:
    """A label as a search query: without its article, or else in the singular; "a banana", "bananas" are "banana"."""
    words = label.split()
    if words[0] in ("a", "an", "the"):
        return " ".join(words[1:])
    if {"of", "on", "from", "or"} & set(words) or "," in label:
        return " ".join(words)
    return " ".join([*words[:-1], singular(words[-1])])


def shared_names(label: str, shared: set[str]) -> list[str]:
    """The head noun that a label shares with others, with and without an article; none if it shares none."""
    noun = head(label)
    return [with_article(noun), noun] if noun in shared and noun is not None else []


def singular(noun: str) -> str:
    """A noun in the singular, by the regular rules of English: tomatoes, cherries, peaches, apples."""
    for plural, one in (("oes", "o"), ("ies", "y"), ("ches", "ch"), ("s", "")):
        if noun.endswith(plural) and not noun.endswith("ss"):
            return noun.removesuffix(plural) + one
    return noun


def shared_heads(labels: Iterable[str]) -> set[str]:
    """The head nouns of at least three different labels: dog, bird, apple, but not the engine of a fire engine."""
    counts = Counter(head(label) for label in set(labels))
    return {noun for noun, count in counts.items() if noun and count >= 3}


def with_article(noun: str) -> str:
    """A noun with its indefinite article: "an apple"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def stamps(folder: Path, split: str, gallery: Path = Path("deploy/gallery/manifest.json")) -> list[Pair]:
    """Pictures of Debian's tuxpaint-stamps-default, described by the first line of the `.txt` file next to each.

    Args:
        folder: the folder of stamps.
        split: `gallery` for those in the sample gallery, `train` for all others.
        gallery: the manifest of the sample gallery.
    """
    if split not in ("train", "gallery"):
        raise DataError(f"the stamps have no split {split}; there are train and gallery")
    taken = {e["source_file"] for e in json.loads(gallery.read_text())["pictures"]}
    pairs = []
    for path in sorted(folder.rglob("*.png")):
        relative = path.relative_to(folder)
        described = path.with_suffix(".txt")
        # Skip cartoons and letter-like symbols, which do not resemble photographs.
        if not described.exists() or {"cartoon", "symbols"} & set(relative.parts[:-1]):
            continue
        if (str(relative) in taken) == (split == "gallery"):
            text = described.read_text(encoding="utf-8").splitlines()[0].strip()
            words = words_of(text)
            # A short description is also used as a query: "An owl." is "owl".
            pairs.append(Pair(path, (text, " ".join(words)) if 0 < len(words) <= 3 else (text,)))
    return pairs
