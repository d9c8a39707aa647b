"""Audit a captioned data set by its captions.

    python -m twotower.audit --data flickr8k=DIR --split train --split dev --out report
    python -m twotower.audit --data captions=test.json --against captions=val.json --out report

Writes OUT.html, OUT.md and OUT.json. Each measure has its definition, why it matters to search, its interval, what was
measured elsewhere, and examples. Captions are enough: nothing here looks at a picture.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from twotower.audit import queries, report, words
from twotower.audit.corpus import read
from twotower.data import READERS, DataError

MEASURES = (
    words.length,
    words.form,
    queries.ceiling,
    queries.repeated,
    queries.solvable,
    queries.agreement,
    words.people,
    words.vocabulary,
    words.spelling,
    queries.resolution,
)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        "twotower.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", required=True, metavar="READER=PATH", help=f"captions=FILE.json, or one of {', '.join(READERS)}"
    )
    parser.add_argument("--split", action="append", default=[], help="may be given again; a caption file has none")
    parser.add_argument(
        "--against", action="append", default=[], metavar="captions=FILE.json", help="a set that may share pictures"
    )
    parser.add_argument("--out", type=Path, required=True, help="writes OUT.html, OUT.md and OUT.json")
    options = parser.parse_args(arguments)
    if options.data.startswith("captions=") == bool(options.split):
        parser.error("--split: a caption file has no splits, and every other data set is read by them")
    try:
        corpus = read(options.data, options.split)
        others = [read(other, []) for other in options.against]
        measures = [measure(corpus) for measure in tqdm(MEASURES, desc="measuring")]
        if others or len(set(corpus.splits)) > 1:
            measures.append(queries.leaks(corpus, others))
        for ending, write in (("html", report.html), ("md", report.markdown), ("json", report.document)):
            options.out.with_suffix(f".{ending}").write_text(write(corpus, measures), encoding="utf-8")
    except (DataError, OSError) as error:
        sys.stderr.write(f"no audit: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
