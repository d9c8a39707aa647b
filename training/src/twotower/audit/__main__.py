"""Audit a captioned data set: what it teaches a search engine, and what it does not.

    python -m twotower.audit --data flickr8k=DIR --split train --split dev --bundle var/bundle --out report
    python -m twotower.audit --data captions=test.json --against captions=val.json --out report

Writes OUT.html, OUT.md and OUT.json. Each measure comes with its definition, why it matters to search, its 95 %
interval, published values, and examples. Captions are enough; pictures add more measures, and a model (--bundle) adds
the rest. Last, known faults are planted in a copy of the data, and the recall and precision of the detectors on them is
printed. With --queries, words, phrases and sentences of the captions are written as a benchmark that
`twotower.evaluate --queries` reads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from twotower.audit import agreement, content, evaluation, overlap, positives, report, towers, words
from twotower.audit.corpus import Corpus, read, read_other
from twotower.audit.measures import Chapter
from twotower.audit.planted import planted
from twotower.audit.positives import neighbours
from twotower.bundles.embedder import BundleEmbedder
from twotower.data import READERS, DataError
from twotower.evaluation import queries
from twotower.evaluation.queries import QueriesError
from twotower.towers.embed import Embedder
from twotower.towers.texts import words_of
from twotower.training.sentences import SentenceEncoder


def audit(
    corpus: Corpus, others: Sequence[Corpus], sentence_encoder: SentenceEncoder, embedder: Embedder | None
) -> list[Chapter]:
    """Compute all measures that the inputs allow.

    Args:
        corpus: the data set; measures of pictures are skipped if it has captions only.
        others: data sets that may share pictures with it.
        sentence_encoder: computes sentence vectors of captions.
        embedder: two towers, for the measures that need a model; None to skip these.
    """
    steps = tqdm(total=7, desc="audit", unit="step")

    def step(what: str) -> None:
        steps.set_postfix_str(what)
        steps.update()

    step("captions as queries")
    asked = [measure(corpus) for measure in (words.length, words.typed, words.form, evaluation.ceiling)]
    step("sentence vectors")
    vectors = sentence_encoder(corpus.texts)
    step("other pictures that fit")
    found = neighbours(vectors, corpus.owner)
    fitting = [positives.by_meaning(corpus, found), positives.by_words(corpus)]
    fitting += [positives.repeated(corpus), positives.near_captions(corpus, found)]
    # Agreement between captions needs pictures with several captions.
    several = len(corpus.texts) > len(corpus.pictures)
    belonging = [agreement.agreement(corpus), agreement.mismatched(corpus, vectors)] if several else []
    step("scores of two towers" if embedder else "no towers")
    if embedder and corpus.images:
        seen = towers.scored(corpus, vectors, embedder)
        fitting.insert(0, towers.mistakes(seen))
        belonging.append(towers.mismatched(seen))
    step("what is shown")
    belonging.append(words.spelling(corpus))
    shown = [measure(corpus) for measure in (content.coverage, content.people, content.guesses, words.vocabulary)]
    judged = [evaluation.solvable(corpus)] if several else []
    judged.append(evaluation.resolution(corpus))
    step("pictures in two places")
    if others or len(set(corpus.splits)) > 1:
        judged.append(overlap.leaks(corpus, others))
    signs = overlap.hashes(corpus.images) if corpus.images else None
    if signs is not None:
        judged.append(overlap.near_pictures(corpus, signs, [other for other in others if other.images]))
    step("planted faults")
    judged.append(planted(corpus, sentence_encoder, signs))
    steps.close()
    return [
        Chapter("Captions as queries", asked),
        Chapter("Right answers that count as mistakes", fitting),
        Chapter("Captions and their pictures", belonging),
        Chapter("What is shown", shown),
        Chapter("What a figure on this set is worth", judged),
    ]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if the report is written, else 1 after an error message."""
    parser = argparse.ArgumentParser(
        "twotower.audit", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", required=True, metavar="READER=PATH", help=f"captions=FILE.json, or one of {', '.join(READERS)}"
    )
    parser.add_argument("--split", action="append", default=[], help="may be given again; a caption file has none")
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="READER=PATH:SPLIT",
        help="a set that may share pictures, or captions=FILE.json",
    )
    parser.add_argument("--bundle", type=Path, help="two towers that judge pictures and captions, where both are there")
    parser.add_argument("--wheels", type=Path, default=Path("var/base"), help="where the sentence encoder is kept")
    parser.add_argument("--out", type=Path, required=True, help="writes OUT.html, OUT.md and OUT.json")
    parser.add_argument("--queries", type=Path, metavar="FILE", help="writes queries with all that they are true of")
    options = parser.parse_args(arguments)
    if options.data.startswith("captions=") and options.bundle:
        parser.error("--bundle: a caption file has no pictures that two towers could judge")
    try:
        corpus = read(options.data, options.split)
        if len(corpus.pictures) < 2:
            raise DataError(f"{options.data}: one picture alone cannot be told from others")
        if not any(map(words_of, corpus.texts)):
            raise DataError(f"{options.data}: no caption holds a word that says what is in a picture")
        others = [read_other(other) for other in options.against]
        # Fail early: an invalid --out or --queries would otherwise fail only after minutes of work.
        for path in filter(None, (options.out, options.queries)):
            path.parent.mkdir(parents=True, exist_ok=True)
        if options.queries:
            queries.save(options.queries, queries.benchmark(corpus.captions), corpus.pictures)
        embedder = BundleEmbedder(options.bundle) if options.bundle else None
        chapters = audit(corpus, others, SentenceEncoder(options.wheels), embedder)
        for ending, write in (("html", report.html), ("md", report.markdown), ("json", report.document)):
            Path(f"{options.out}.{ending}").write_text(write(corpus, chapters), encoding="utf-8")
    except (DataError, QueriesError, RuntimeError, OSError) as error:
        sys.stderr.write(f"no audit: {error}\n")
        return 1
    sys.stdout.write("\n".join(report.table(chapters[-1].measures[-1])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
