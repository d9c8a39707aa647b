"""The measures as a page for people (one file, light and dark), as Markdown, and as JSON."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from PIL import Image

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Chapter, Example, Measure, rounded

# Pixels; twice what a picture is shown at.
THUMBNAIL = 208
# Examples that are open from the start: a row.
OPEN = 3
# Of a letter below a bar, in units of the plot.
LETTER = 6.5

STYLE = """
:root { color-scheme: light dark; --paper: light-dark(#fbfaf8, #121211); --ink: light-dark(#1d1c1a, #f0eee9);
  --soft: light-dark(#66635d, #a09c94); --line: light-dark(#dedbd4, #34322f); --bar: light-dark(#0b6b53, #63c9a8); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; } main { margin: 0 auto; max-width: 900px; padding: 56px 24px 96px; }
h1 { margin: 0 0 12px; max-width: 22em; font-size: 32px; font-weight: 500; letter-spacing: -0.02em; line-height: 1.2; }
h2 { margin: 88px 0 0; padding-top: 24px; border-top: 1px solid var(--ink); font-size: 24px; font-weight: 500;
  letter-spacing: -0.01em; } h3 { margin: 48px 0 8px; font-size: 17px; font-weight: 600; }
p { margin: 8px 0; max-width: 44em; } .soft, figcaption, summary, thead { color: var(--soft); font-size: 13px; }
summary { cursor: pointer; } a { color: inherit; text-underline-offset: 4px; text-decoration-color: var(--line); }
a:hover { text-decoration-color: currentColor; } :focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
.advice { padding-left: 14px; border-left: 2px solid var(--bar); }
table { width: 100%; margin: 16px 0; border-collapse: collapse; }
th, td { padding: 7px 16px 7px 0; border-top: 1px solid var(--line); text-align: left; font-weight: 400;
  vertical-align: top; } thead th { border: 0; } .values td:nth-child(2) { white-space: nowrap; }
.contents th { width: 50%; } .contents .chapter { padding-top: 20px; border-top: 0; color: var(--soft);
  font-size: 13px; }
figure { margin: 16px 0; } .plot { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 600px; height: auto; } rect { fill: var(--bar); }
svg text { fill: var(--soft); font-size: 11px; } details { margin: 12px 0; }
ul { display: grid; gap: 14px 24px; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); margin: 12px 0;
  padding: 0; list-style: none; } li { overflow-wrap: anywhere; font-size: 13px; line-height: 1.45; }
.words { display: block; columns: 220px; } .words li { margin: 0 0 4px; }
.pictures { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 4px; }
.pictures img { height: 104px; border-radius: 3px; } code { font-size: 0.92em; }
@media (max-width: 600px) { .values thead { display: none; } .values th, .values td { display: block; padding: 0; }
  .values th { padding-top: 7px; } .values td { border: 0; } .values td:last-child { padding-bottom: 7px; } }
"""


def html(corpus: Corpus, chapters: Sequence[Chapter]) -> str:
    """A page that needs nothing else."""
    body = "".join(
        f"<h2>{escape(chapter.title)}</h2>{''.join(section(corpus, m) for m in chapter.measures)}"
        for chapter in chapters
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Audit of {escape(corpus.name)}</title><style>{STYLE}</style>"
        f"<main><h1>What “{escape(corpus.name)}” teaches a search engine, and what it does not</h1>"
        f'<p class="soft">{summary(corpus)}</p>{contents(chapters)}{body}</main></html>\n'
    )


def summary(corpus: Corpus) -> str:
    """What was looked at."""
    return (
        f"{len(corpus.pictures):,} pictures, {len(corpus.texts):,} captions; in brackets 95 % intervals over the "
        "pictures that captions belong to, those they are compared with being as they are. Figures elsewhere: "
        "Flickr30k (Karpathy's test split) and all of Flickr8k, where two are told; where lists of words "
        "decide, with other lists."
    )


def contents(chapters: Sequence[Chapter]) -> str:
    """Every measure in a line: its first figure says how it stands."""
    parts = []
    for chapter in chapters:
        parts.append(f'<tbody><tr><th class="chapter" colspan=2 scope=rowgroup>{escape(chapter.title)}</th></tr>')
        for m in chapter.measures:
            told = f"{rounded(m.values[0].value)}{m.values[0].unit}, {m.values[0].name}" if m.values else ""
            parts.append(f'<tr><th scope=row><a href="#{m.key}">{escape(m.title)}</a></th><td>{escape(told)}</td></tr>')
        parts.append("</tbody>")
    return f'<table class="contents">{"".join(parts)}</table>'


def section(corpus: Corpus, measure: Measure) -> str:
    """One measure."""
    advice = f'<p class="advice">{code(measure.advice)}</p>' if measure.advice else ""
    return (
        f'<section id="{measure.key}"><h3>{escape(measure.title)}</h3><p>{escape(measure.why)}</p>'
        f'<p class="soft">{escape(measure.definition)}</p>{values(measure)}{plot(measure)}{advice}'
        f"{examples(corpus, measure.examples)}</section>"
    )


def values(measure: Measure) -> str:
    """The figures of a measure, beside those from elsewhere if there are any."""
    if not measure.values:
        return ""
    beside = any(v.beside for v in measure.values)
    head = "<th scope=col>what</th><th scope=col>here</th>" + ("<th scope=col>elsewhere</th>" if beside else "")
    rows = "".join(
        f"<tr><th scope=row>{escape(v.name)}</th><td>{escape(str(v))}</td>"
        + (f"<td class=soft>{escape(v.beside)}</td>" if beside else "")
        + "</tr>"
        for v in measure.values
    )
    return f'<table class="values"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def code(text: str) -> str:
    """A text with what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(part if i % 2 == 0 else f"<code>{part}</code>" for i, part in enumerate(parts))


def examples(corpus: Corpus, given: Sequence[Example]) -> str:
    """What there is to look at: a few are shown, the others on demand; texts alone all on demand."""
    if not given:
        return ""
    seen = bool(corpus.images) and any(e.pictures for e in given)
    items = [item(corpus, example) for example in given]
    shown, rest = (items[:OPEN], items[OPEN:]) if seen else ([], items)
    kind = "" if seen else ' class="words"'
    told = f"<ul>{''.join(shown)}</ul>" if shown else ""
    more = f"{len(rest)} more" if shown else f"{len(rest)} to look at"
    return told + (f"<details><summary>{more}</summary><ul{kind}>{''.join(rest)}</ul></details>" if rest else "")


def item(corpus: Corpus, example: Example) -> str:
    """One example, with its pictures or, without them at hand, their names."""
    if not corpus.images:
        names = ", ".join(corpus.pictures[row] for row in example.pictures)
        return f"<li>{escape(example.text)}{f' <span class=soft>{escape(names)}</span>' if names else ''}</li>"
    pictures = "".join(
        f'<img src="{thumbnail(corpus.images[row])}" alt="{escape(corpus.captions[row][0])}" loading="lazy" '
        f'title="{escape(corpus.pictures[row])}">'
        for row in example.pictures
    )
    return f"<li>{f'<div class=pictures>{pictures}</div>' if pictures else ''}{escape(example.text)}</li>"


def thumbnail(path: Path) -> str:
    """A picture, small, as a data URL."""
    with Image.open(path) as picture:
        picture.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
        small = picture.convert("RGB")
    small.thumbnail((2 * THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def plot(measure: Measure) -> str:
    """The bars of a measure: side by side, or below each other where names are long."""
    if not measure.bars:
        return ""
    longest = max(len(name) for name, _ in measure.bars)
    draw = lying if longest * LETTER > 800 / len(measure.bars) else standing
    height, parts = draw(measure.bars)
    told = escape("; ".join(f"{name}: {rounded(value)}" for name, value in measure.bars))
    return (
        f'<figure><div class="plot" tabindex=0><svg viewBox="0 0 800 {height}" role="img" aria-label="{told}">'
        f"{''.join(parts)}</svg></div><figcaption>{escape(measure.counted)}</figcaption></figure>"
    )


def standing(bars: Sequence[tuple[str, float]]) -> tuple[int, list[str]]:
    """Bars side by side, their values above and their names below."""
    top, tallest, step = 16, 120, 800 / len(bars)
    most = max(value for _, value in bars) or 1
    parts = []
    for i, (name, value) in enumerate(bars):
        tall = tallest * value / most
        middle, y = f'x="{i * step + step / 2:.1f}" text-anchor="middle"', top + tallest - tall
        parts.append(
            f'<text {middle} y="{y - 4:.1f}">{short(value)}</text>'
            f'<rect x="{i * step + 1:.1f}" y="{y:.1f}" width="{step - 3:.1f}" height="{max(tall, 0.5):.1f}"></rect>'
            f'<text {middle} y="{top + tallest + 14}">{escape(name)}</text>'
        )
    return top + tallest + 20, parts


def lying(bars: Sequence[tuple[str, float]]) -> tuple[int, list[str]]:
    """Bars below each other, their names before them and their values behind."""
    row, start, longest = 22, 170, 560
    most = max(value for _, value in bars) or 1
    parts = []
    for i, (name, value) in enumerate(bars):
        long = longest * value / most
        parts.append(
            f'<text x="{start - 10}" y="{i * row + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{start}" y="{i * row + 4}" width="{max(long, 0.5):.1f}" height="{row - 8}"></rect>'
            f'<text x="{start + long + 8:.1f}" y="{i * row + 14}">{short(value)}</text>'
        )
    return row * len(bars), parts


def short(value: float) -> str:
    """A number above a narrow bar: 21k for 21,361."""
    return f"{value / 1000:.0f}k" if value >= 10_000 else f"{value / 1000:.1f}k" if value >= 1000 else rounded(value)


def table(measure: Measure) -> list[str]:
    """The values of a measure as lines of Markdown."""
    lines = ["| | here | elsewhere |", "|---|---|---|"]
    return lines + [f"| {plain(v.name)} | {plain(str(v))} | {plain(v.beside)} |" for v in measure.values]


def plain(text: str) -> str:
    """A text that Markdown takes for nothing else: in one line, without tags or cells of its own."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def markdown(corpus: Corpus, chapters: Sequence[Chapter]) -> str:
    """The same to be read as text."""
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
    """The same for programs."""
    measures = []
    for chapter in chapters:
        for measure in chapter.measures:
            told = asdict(measure)
            for example in told["examples"]:
                example["pictures"] = [corpus.pictures[row] for row in example["pictures"]]
            measures.append({"chapter": chapter.title, **told})
    facts = {"name": corpus.name, "pictures": len(corpus.pictures), "captions": len(corpus.texts)}
    return json.dumps({**facts, "measures": measures}, indent=1, ensure_ascii=False) + "\n"
