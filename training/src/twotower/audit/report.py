"""Writes the measures as HTML (one self-contained file, light and dark), as Markdown, and as JSON."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Chapter, Measure, rounded

# Height of a thumbnail in pixels, twice the displayed height.
THUMBNAIL = 208
# Number of examples that are expanded initially: one row.
OPEN = 3
# Width of a letter of a bar's label, in units of the plot, which is 800 wide.
LETTER = 6.5


def html(corpus: Corpus, chapters: Sequence[Chapter]) -> str:
    """The report as a self-contained HTML page."""
    environment = Environment(
        loader=PackageLoader("twotower.audit", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(rounded=rounded, short=short, thumbnail=thumbnail, lie=lie)
    environment.globals.update(corpus=corpus, open=OPEN)
    return environment.get_template("report.html.jinja").render(summary=summary(corpus), chapters=chapters)


def summary(corpus: Corpus) -> str:
    """A sentence on the size of the data set, the intervals and the published values."""
    return (
        f"{len(corpus.pictures):,} pictures, {len(corpus.texts):,} captions; in brackets 95 % intervals over the "
        "pictures that captions belong to, those they are compared with being as they are. Figures elsewhere: "
        "Flickr30k (Karpathy's test split) and all of Flickr8k, where two are told; where lists of words "
        "decide, with other lists."
    )


def thumbnail(path: Path) -> str:
    """A picture's thumbnail as a data URL."""
    with Image.open(path) as picture:
        picture.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
        small = picture.convert("RGB")
    small.thumbnail((2 * THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def lie(bars: Sequence[tuple[str, float]]) -> bool:
    """Whether to draw horizontal bars, because the labels are too long for vertical ones."""
    return max(len(name) for name, _ in bars) * LETTER > 800 / len(bars)


def short(value: float) -> str:
    """A number in short form, for narrow bars: 21k for 21,361."""
    return f"{value / 1000:.0f}k" if value >= 10_000 else f"{value / 1000:.1f}k" if value >= 1000 else rounded(value)


def table(measure: Measure) -> list[str]:
    """The values of a measure as a Markdown table."""
    lines = ["| | here | elsewhere |", "|---|---|---|"]
    return lines + [f"| {plain(v.name)} | {plain(str(v))} | {plain(v.beside)} |" for v in measure.values]


def plain(text: str) -> str:
    """Escape a text for Markdown: one line, no HTML tags, no table cells."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def markdown(corpus: Corpus, chapters: Sequence[Chapter]) -> str:
    """The report as Markdown."""
    lines = [f"# Audit of {plain(corpus.name)}", "", summary(corpus), ""]
    for chapter in chapters:
        lines += [f"## {chapter.title}", ""]
        for m in chapter.measures:
            lines += [f"### {m.title}", "", m.why, "", m.definition, ""]
            if m.values:
                lines += [*table(m), ""]
            if m.bars:
                told = ", ".join(f"{plain(name)} {rounded(value)}" for name, value in m.bars)
                lines += [f"{m.counted[0].upper()}{m.counted[1:]}: {told}.", ""]
            if m.advice:
                lines += [m.advice, ""]
            for example in m.examples[:10]:
                names = ", ".join(corpus.pictures[row] for row in example.pictures)
                lines.append(f"- {plain(example.text)}{f' ({plain(names)})' if names else ''}")
            lines += [""] if m.examples else []
    return "\n".join(lines)


def document(corpus: Corpus, chapters: Sequence[Chapter]) -> str:
    """The report as JSON."""
    measures = []
    for chapter in chapters:
        for measure in chapter.measures:
            told = asdict(measure)
            for example in told["examples"]:
                example["pictures"] = [corpus.pictures[row] for row in example["pictures"]]
            measures.append({"chapter": chapter.title, **told})
    facts = {"name": corpus.name, "pictures": len(corpus.pictures), "captions": len(corpus.texts)}
    return json.dumps({**facts, "measures": measures}, indent=1, ensure_ascii=False) + "\n"
