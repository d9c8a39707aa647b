"""Words for full-text search: of captions, tags and file names as they are indexed, and of what is searched for.

Both are normalised alike (NFKC, case folding; the tokenizer removes accents). Scripts without spaces between words are
indexed character by character, and searched by pairs of neighbouring characters (bigrams).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from importlib import resources
from itertools import pairwise

# Characters of scripts that are written without spaces: Thai, Lao, Burmese, Khmer, kana, and Han.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(f"[{_UNSPACED}\U00020000-\U0003ffff]+")
# A phrase in quotes of the usual kinds.
_QUOTED = re.compile(r'["“”„«»]([^"“”„«»]+)["“”„«»]')

# Articles, and the most common prepositions, conjunctions and auxiliary verbs of some languages, a line each: they say
# nothing of a picture, and in a small collection BM25 ranks by them. Left out are those that are a noun or a verb of
# another of the languages ("man", "die").
STOP_WORDS = frozenset((resources.files("search.catalogue") / "stop_words.txt").read_text("utf-8").split())


def normalised(text: str) -> str:
    """Equal texts in equal letters: NFKC and case folding (Unicode Standard Annex 15)."""
    return unicodedata.normalize("NFKC", text).casefold()


def searchable(text: str) -> str:
    """A text as the full-text index stores it."""
    return _RUN.sub(lambda run: f" {' '.join(characters(run[0]))} ", normalised(text))


def characters(run: str) -> list[str]:
    """The characters of an unspaced text, each with the marks that belong to it."""
    found: list[str] = []
    for character in run:
        if found and unicodedata.category(character).startswith("M"):
            found[-1] += character
        else:
            found.append(character)
    return found


def words_of(text: str) -> list[str]:
    """The words and phrases that full-text search looks for, each once: without stop words, if others remain.

    A phrase, several words with spaces between them, is found as it stands: what is in quotes, and each pair of
    neighbouring characters in scripts without spaces.
    """
    found: dict[str, None] = {}
    text = normalised(text)
    for phrase in _QUOTED.findall(text):
        found[" ".join(pieces(searchable(phrase)))] = None
    for word in pieces(_QUOTED.sub(" ", text)):
        for part in re.split(f"({_RUN.pattern})", word):
            if _RUN.fullmatch(part):
                single = characters(part)
                pairs = [" ".join(pair) for pair in pairwise(single)]
                found.update(dict.fromkeys(pairs or single))
            elif part:
                found[part] = None
    found.pop("", None)
    said = [word for word in found if word not in STOP_WORDS]
    return said or list(found)


def is_quoted(text: str) -> bool:
    """Whether a text has a phrase in quotes."""
    return bool(_QUOTED.search(normalised(text)))


def unspaced(text: str) -> int:
    """How many characters of a text are of scripts without spaces."""
    return sum(len(run) for run in _RUN.findall(text))


def has_all(words: Sequence[str], *texts: str) -> bool:
    """Whether some texts together hold each of some words and phrases, as `words_of` finds them, without stemming."""
    text = f" {' '.join(pieces(folded(searchable(' '.join(texts))).replace('_', ' ')))} "
    return all(f" {folded(word)} " in text for word in words)


def folded(text: str) -> str:
    """A normalised text without accents, which the full-text index does not tell apart."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not "\u0300" <= c <= "\u036f")


def pieces(text: str) -> list[str]:
    """The parts of a text that consist of letters, marks and numbers."""
    kept = (c if c == "_" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    return "".join(kept).split()


def any_of(words: Sequence[str]) -> str:
    """The FTS5 query for any of some words or phrases: quoted, so that none is an operator; quotes are doubled."""
    return " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
