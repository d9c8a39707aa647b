"""The measures as a page for people (one file, light and dark), as Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Measure

STYLE = """
:root { color-scheme: light dark; --paper: light-dark(#fbfaf8, #121211); --ink: light-dark(#1d1c1a, #f0eee9);
  --soft: light-dark(#66635d, #a09c94); --line: light-dark(#dedbd4, #34322f); --bar: light-dark(#0b6b53, #63c9a8); }
body { margin: 0 auto; max-width: 860px; padding: 48px 24px 96px; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 32px; font-weight: 500; letter-spacing: -0.02em; line-height: 1.2; }
h2 { margin: 56px 0 8px; font-size: 19px; font-weight: 600; }
p { margin: 8px 0; max-width: 44em; } .soft, figcaption, summary { color: var(--soft); font-size: 13px; }
nav a { margin-right: 16px; color: inherit; text-underline-offset: 4px; text-decoration-color: var(--line); }
table { width: 100%; margin: 16px 0; border-collapse: collapse; }
th, td { padding: 7px 16px 7px 0; border-top: 1px solid var(--line); text-align: left; font-weight: 400;
  vertical-align: top; }
thead th { border: 0; color: var(--soft); font-size: 13px; } td:nth-child(2) { white-space: nowrap; }
figure { margin: 16px 0; } svg { display: block; width: 100%; height: auto; } rect { fill: var(--bar); }
svg text { fill: var(--soft); font-size: 11px; } details { margin: 12px 0; } li { overflow-wrap: anywhere; }
"""


def html(corpus: Corpus, measures: Sequence[Measure]) -> str:
    """A page that needs nothing else."""
    links = " ".join(f'<a href="#{m.key}">{escape(m.title)}</a>' for m in measures)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Audit of {escape(corpus.name)}</title><style>{STYLE}</style>"
        f"<h1>What “{escape(corpus.name)}” teaches a search engine, and what it does not</h1>"
        f'<p class="soft">{summary(corpus)}</p><nav>{links}</nav>{"".join(map(section, measures))}</html>\n'
    )


def summary(corpus: Corpus) -> str:
    """What was looked at."""
    return (
        f"{len(corpus.pictures):,} pictures, {len(corpus.texts):,} captions; in brackets 95 % bootstrap intervals over "
        "pictures. Figures beside: Flickr30k (Karpathy's test split) and Flickr8k, where two are told."
    )


def section(measure: Measure) -> str:
    """One measure."""
    rows = "".join(
        f"<tr><th scope=row>{escape(v.name)}</th><td>{escape(str(v))}</td><td class=soft>{escape(v.beside)}</td></tr>"
        for v in measure.values
    )
    table = (
        f"<table><thead><tr><th scope=col></th><th scope=col>here</th><th scope=col>elsewhere</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    items = "".join(f"<li>{escape(e)}</li>" for e in measure.examples)
    examples = (
        f"<details><summary>{len(measure.examples)} to look at</summary><ul>{items}</ul></details>" if items else ""
    )
    return (
        f'<section id="{measure.key}"><h2>{escape(measure.title)}</h2><p>{escape(measure.why)}</p>'
        f'<p class="soft">{escape(measure.definition)}</p>{table}{plot(measure)}{examples}</section>'
    )


def plot(measure: Measure) -> str:
    """The bars of a measure, named below."""
    if not measure.bars:
        return ""
    width, height, step = 800, 120, 800 / len(measure.bars)
    most = max(value for _, value in measure.bars) or 1
    parts = []
    for i, (name, value) in enumerate(measure.bars):
        tall = height * value / most
        parts.append(
            f'<rect x="{i * step + 1:.1f}" y="{height - tall:.1f}" width="{step - 3:.1f}" '
            f'height="{max(tall, 0.5):.1f}">'
            f"<title>{escape(name)}: {value:,.4g}</title></rect>"
            f'<text x="{i * step + step / 2:.1f}" y="{height + 14}" text-anchor="middle">{escape(name)}</text>'
        )
    return (
        f'<figure><svg viewBox="0 0 {width} {height + 20}" role="img" aria-label="{escape(measure.title)}">'
        f"{''.join(parts)}</svg></figure>"
    )


def markdown(corpus: Corpus, measures: Sequence[Measure]) -> str:
    """The same to be read as text."""
    lines = [f"# Audit of {corpus.name}", "", summary(corpus), ""]
    for m in measures:
        lines += [f"## {m.title}", "", m.why, "", m.definition, ""]
        if m.values:
            lines += ["| | here | elsewhere |", "|---|---|---|"]
            lines += [f"| {v.name} | {v} | {v.beside} |" for v in m.values]
            lines.append("")
        lines += [f"- {e}" for e in m.examples[:10]]
        lines += [""] if m.examples else []
    return "\n".join(lines)


def document(corpus: Corpus, measures: Sequence[Measure]) -> str:
    """The same for programs."""
    facts = {"name": corpus.name, "pictures": len(corpus.pictures), "captions": len(corpus.texts)}
    return json.dumps({**facts, "measures": [asdict(m) for m in measures]}, indent=1, ensure_ascii=False) + "\n"
