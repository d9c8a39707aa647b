"""What a measure is: figures with intervals, what was found elsewhere, and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twotower.metrics import Figure, Ints, with_interval


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
        told = f"{self.value:,.2f}".rstrip("0").rstrip(".")
        interval = "" if self.low is None or self.high is None else f" ({self.low:,.2f} to {self.high:,.2f})"
        return f"{told}{self.unit}{interval}"


@dataclass(frozen=True)
class Measure:
    """One property of a data set."""

    key: str
    title: str
    # How it is computed, and why somebody who searches should care.
    definition: str
    why: str
    values: tuple[Value, ...]
    examples: tuple[str, ...] = ()
    # Bars, where a picture says more than the values: names and heights.
    bars: tuple[tuple[str, float], ...] = field(default=())


def share(name: str, hits: Sequence[bool] | NDArray[np.bool_], owner: Ints, beside: str = "") -> Value:
    """A share of captions in percent, with its 95 % interval over pictures."""
    return of_figure(name, with_interval(np.asarray(hits, np.bool_), owner), "%", beside)


def of_figure(name: str, figure: Figure, unit: str = "", beside: str = "") -> Value:
    """A figure as a value."""
    return Value(name, figure.value, figure.low, figure.high, unit, beside)
