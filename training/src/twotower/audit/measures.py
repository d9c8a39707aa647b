"""Data classes of a measure: values with intervals, published values, advice, and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from twotower.evaluation.metrics import Figure, Floats, Ints, with_interval


@dataclass(frozen=True)
class Value:
    """A named value with an optional interval; `beside` is a published or expected value."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    beside: str = ""

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{rounded(self.value)}{self.unit}"
        return f"{rounded(self.value)}{self.unit} ({rounded(self.low)} to {rounded(self.high)})"


def rounded(value: float) -> str:
    """A number with about three significant digits; the intervals are wider than the rest."""
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.1g}"


@dataclass(frozen=True)
class Example:
    """An example: a text, and the rows of the pictures that it is about."""

    text: str
    pictures: tuple[int, ...] = ()


@dataclass(frozen=True)
class Measure:
    """One property of a data set."""

    key: str
    title: str
    # How it is computed, and why it matters to search.
    definition: str
    why: str
    # The first one is the headline value.
    values: tuple[Value, ...]
    examples: tuple[Example, ...] = ()
    # A bar chart, if any: names and heights; `counted` is what the heights count.
    bars: tuple[tuple[str, float], ...] = ()
    counted: str = ""
    # Advice for training or evaluating with this data set.
    advice: str = ""


@dataclass(frozen=True)
class Chapter:
    """Measures that answer one question."""

    title: str
    measures: Sequence[Measure]


def share(name: str, hits: Sequence[bool] | NDArray[np.bool_], owner: Ints, beside: str = "") -> Value:
    """A share of captions in percent, with its 95 % bootstrap interval over pictures.

    If none or all are hits, a bootstrap interval has width 0; then it is the exact interval of Clopper and Pearson
    (1934), with pictures as trials.

    Args:
        name: of the value.
        hits: (C,) whether each caption is a hit.
        owner: (C,) the picture of each caption.
        beside: a published value.
    """
    marks = np.asarray(hits, np.bool_)
    figure = with_interval(marks, owner)
    if marks.all() or not marks.any():
        pictures = len(np.unique(owner))
        exact = binomtest(pictures if marks.all() else 0, pictures).proportion_ci(0.95, "exact")
        figure = Figure(figure.value, 100 * exact.low, 100 * exact.high)
    return of_figure(name, figure, " %", beside)


def mean(name: str, values: Sequence[float] | Floats | Ints, owner: Ints, unit: str = "", beside: str = "") -> Value:
    """A mean over captions, with its 95 % bootstrap interval over pictures.

    Args:
        name: of the value.
        values: (C,) one per caption.
        owner: (C,) the picture of each caption.
        unit: appended to the number.
        beside: a published value.
    """
    return of_figure(name, with_interval(np.asarray(values, np.float64), owner, scale=1), unit, beside)


def of_figure(name: str, figure: Figure, unit: str = "", beside: str = "") -> Value:
    """Convert a `Figure` to a `Value`."""
    return Value(name, figure.value, figure.low, figure.high, unit, beside)
