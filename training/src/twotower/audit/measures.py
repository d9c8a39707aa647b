"""What a measure is: figures with intervals, what was found elsewhere, what to do about it, and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from twotower.evaluation.metrics import Figure, Floats, Ints, with_interval


@dataclass(frozen=True)
class Value:
    """A figure under a name; `beside` is what was published or is expected."""

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
    """A number to three figures or so: what intervals leave of it."""
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.1g}"


@dataclass(frozen=True)
class Example:
    """Something to look at: a text, and the pictures that it is about by their rows."""

    text: str
    pictures: tuple[int, ...] = ()


@dataclass(frozen=True)
class Measure:
    """One property of a data set."""

    key: str
    title: str
    # How it is computed, and what it means for people who search.
    definition: str
    why: str
    # The first is the one to name in one line.
    values: tuple[Value, ...]
    examples: tuple[Example, ...] = ()
    # Bars, where a picture says more than the values: names and heights, and what they count.
    bars: tuple[tuple[str, float], ...] = ()
    counted: str = ""
    # What follows for who trains or evaluates with this data set.
    advice: str = ""


@dataclass(frozen=True)
class Chapter:
    """Measures that answer one question."""

    title: str
    measures: Sequence[Measure]


def share(name: str, hits: Sequence[bool] | NDArray[np.bool_], owner: Ints, beside: str = "") -> Value:
    """A share of captions in percent, with its 95 % interval over pictures.

    Where none or all are hits, a bootstrap says that it is certain: there the interval is that of Clopper and Pearson
    (1934) for as many trials as pictures.
    """
    marks = np.asarray(hits, np.bool_)
    figure = with_interval(marks, owner)
    if marks.all() or not marks.any():
        pictures = len(np.unique(owner))
        exact = binomtest(pictures if marks.all() else 0, pictures).proportion_ci(0.95, "exact")
        figure = Figure(figure.value, 100 * exact.low, 100 * exact.high)
    return of_figure(name, figure, " %", beside)


def mean(name: str, values: Sequence[float] | Floats | Ints, owner: Ints, unit: str = "", beside: str = "") -> Value:
    """A mean over captions, with its 95 % interval over pictures."""
    return of_figure(name, with_interval(np.asarray(values, np.float64), owner, scale=1), unit, beside)


def of_figure(name: str, figure: Figure, unit: str = "", beside: str = "") -> Value:
    """A figure as a value."""
    return Value(name, figure.value, figure.low, figure.high, unit, beside)
