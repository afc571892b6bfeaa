"""Figures that answer: one picture for many values of its parameters.

`explore(draw, momentum=[0.01, 0.1, 0.5])` shows what `draw(momentum=0.01)` draws, and a control
that changes the value.  In a notebook with a kernel the control is an ipywidget, and a picture is
drawn when it is asked for.  For a static page all pictures are drawn at once, and the controls are
plain HTML: the page needs no kernel and no library, and without JavaScript the first picture stays.
"""

from __future__ import annotations

import html
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bncourse.figures import frames, svg

MINUS = re.compile(r"(?<![\w.)])-(?=[\d.])")  # before a number: read as minus, not as a hyphen
Draw = Callable[..., tuple[Figure, str]]
STATIC = "BNCOURSE_FIGURES"  # set to "static" by the build of the book
MAX_FRAMES = 80
MAX_BYTES = 400_000
WIDTH = 4.4  # inches: the writing stays legible on a phone


def canvas(rows: int = 1, height: float = 2.9) -> tuple[Figure, list[Axes]]:
    """A figure for `draw`: `rows` Axes below each other, `height` inches in all."""
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots(rows, 1, squeeze=False)
    return figure, list(axes[:, 0])


def explore(
    draw: Draw, /, *, start: Mapping[str, Any] | None = None, **parameters: Sequence[Any]
) -> Any:
    """Show `draw(**values)` with a control for each parameter.

    draw: gets one value of each parameter by its name; returns a Figure and a text of one or two
        sentences that says what this picture shows: it is announced when the value changes, and is
        the picture's text alternative.  All figures must have one size.
    start: the value that a parameter has at first, where it is not the first of its values.
    parameters: the values of each parameter, at least two.  Numbers and None make a slider,
        anything else (names, booleans) makes buttons.  Underscores in a name show as spaces.

    Returns what the notebook displays: a widget, or HTML if the environment variable
    BNCOURSE_FIGURES is "static".  Raises ValueError for too few values, for a start that is none of
    them, for more than 80 pictures (they would not fit into a page), and for pictures of more
    than 400 kB together.
    """
    values = {name: list(choices) for name, choices in parameters.items()}
    if not values:
        raise ValueError("need a parameter to change, got none: explore(draw, name=[...])")
    for name, choices in values.items():
        if len(choices) < 2:
            raise ValueError(f"{name}: need at least 2 values, got {choices}: pass more")
    count = math.prod(len(choices) for choices in values.values())
    if count > MAX_FRAMES:
        sizes = " x ".join(str(len(choices)) for choices in values.values())
        raise ValueError(f"need at most {MAX_FRAMES} pictures, got {sizes}: pass fewer values")
    first = dict.fromkeys(values, 0)
    for name, value in (start or {}).items():
        if value not in values.get(name, []):
            raise ValueError(f"start: {name}={value!r} is none of the values {values.get(name)}")
        first[name] = values[name].index(value)
    if os.environ.get(STATIC) == "static":
        return HTML(static(draw, values, first))
    return live(draw, values, first)


def picture(draw: Draw, values: dict[str, Any]) -> tuple[str, str]:
    """The SVG that `draw` makes for these values, and its text."""
    drawn = draw(**values)
    if not (isinstance(drawn, tuple) and len(drawn) == 2 and isinstance(drawn[0], Figure)):
        raise TypeError(f"draw must return a Figure and a text, got {type(drawn).__name__}")
    figure, text = drawn
    if not (isinstance(text, str) and text.strip()):
        raise TypeError(f"draw must return a text that says what is to be seen, got {text!r}")
    buffer = StringIO()
    with mpl.rc_context({"svg.hashsalt": "bnlib", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    return buffer.getvalue(), MINUS.sub("−", text.strip())


def written(value: Any) -> str:
    """A value as the reader sees it."""
    return MINUS.sub("−", f"{value:g}" if isinstance(value, float) else str(value))


def is_slider(choices: Sequence[Any]) -> bool:
    """Whether a row of values is one of numbers."""
    numbers = (isinstance(v, int | float) and not isinstance(v, bool) for v in choices)
    return all(number or v is None for number, v in zip(numbers, choices, strict=True))


def static(draw: Draw, values: dict[str, list[Any]], first: dict[str, int]) -> str:
    """All pictures and their controls as HTML; chapters/_static/explore.js moves them."""
    strides = dict.fromkeys(values, 1)
    for behind, name in itertools.pairwise(reversed(values)):
        strides[name] = strides[behind] * len(values[behind])
    shown = sum(first[name] * strides[name] for name in values)
    combinations = [dict(zip(values, c, strict=True)) for c in itertools.product(*values.values())]
    pictures = [picture(draw, chosen) for chosen in combinations]
    texts = [text for _, text in pictures]
    identity = f"explore-{frames.digest(*texts, *(drawn for drawn, _ in pictures))}"
    merged = svg.compact(frames.merge([drawn for drawn, _ in pictures], shown))
    merged, colours = svg.with_variables(svg.isolate(merged, f"{identity}-"))
    controls = "".join(
        control(identity, name, choices, strides[name], first[name])
        for name, choices in values.items()
    )
    dark = "".join(f"{name}:{colour};" for name, colour in sorted(colours.items()))
    page = (
        f'<div class="explore" id="{identity}">'
        f'<style>html[data-theme="dark"] #{identity}{{{dark}}}</style>'
        f'<div class="explore-controls" hidden>{controls}</div>'
        f'<div class="explore-picture">{frames.labelled(merged, texts[shown])}</div>'
        f'<p class="explore-text" role="status">{html.escape(texts[shown])}</p>'
        f'<script type="application/json" class="explore-texts">{encoded(texts)}</script></div>'
    )
    if (size := len(page.encode())) > MAX_BYTES:
        raise ValueError(
            f"need at most {MAX_BYTES / 1000:.0f} kB in a page, got {size / 1000:.0f} kB for "
            f"{len(texts)} pictures: draw less in each, or pass fewer values"
        )
    return page


def encoded(value: Any) -> str:
    """JSON that can stand inside an element of a page."""
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")


def control(identity: str, name: str, choices: Sequence[Any], stride: int, first: int) -> str:
    """The HTML of one control, a slider or a group of buttons, at its `first` value."""
    shown = [written(value) for value in choices]
    label = html.escape(name.replace("_", " "))
    field = f"{identity}-{name}"
    if is_slider(choices):
        return (
            f'<p class="explore-control"><label for="{field}">{label}</label> '
            f'<input type="range" id="{field}" min="0" max="{len(shown) - 1}" step="1" '
            f'value="{first}" autocomplete="off" data-stride="{stride}" '
            f"data-values='{html.escape(encoded(shown))}' "
            f'aria-valuetext="{html.escape(shown[first])}"> '
            f'<span class="explore-value" aria-hidden="true">{html.escape(shown[first])}</span></p>'
        )
    buttons = "".join(
        f'<label><input type="radio" name="{field}" value="{index}" autocomplete="off"'
        f"{' checked' if index == first else ''}> {html.escape(text)}</label> "
        for index, text in enumerate(shown)
    )
    return (
        f'<fieldset class="explore-control" data-stride="{stride}"><legend>{label}</legend>'
        f"{buttons}</fieldset>"
    )


def live(draw: Draw, values: dict[str, list[Any]], first: dict[str, int]) -> Any:
    """The same with ipywidgets; a picture is drawn when its values are first chosen."""
    import ipywidgets as widgets

    class Explorer(widgets.VBox):
        """Controls above a picture and its text."""

        def _repr_mimebundle_(self, **kwargs: Any) -> Any:
            bundle = super()._repr_mimebundle_(**kwargs)
            # for a viewer that knows no widgets
            bundle["text/html"] = shown.value + said.value
            return bundle

    drawn: dict[tuple[int, ...], tuple[str, str]] = {}
    shown, said = widgets.HTML(), widgets.HTML()
    controls = [chooser(widgets, name, choices, first[name]) for name, choices in values.items()]

    def update(change: object = None) -> None:
        chosen = tuple(control.index for control in controls)
        if chosen not in drawn:
            picked = {name: values[name][i] for name, i in zip(values, chosen, strict=True)}
            drawn[chosen] = picture(draw, picked)
        drawing, text = drawn[chosen]
        drawing = svg.isolate(svg.compact(drawing), f"frame-{frames.digest(drawing)}-")
        # on white, since a notebook's theme may be dark
        shown.value = f'<div style="background: white">{frames.labelled(drawing, text)}</div>'
        said.value = f'<p role="status">{html.escape(text)}</p>'

    for control_ in controls:
        control_.observe(update, "index")
    update()
    return Explorer([*controls, shown, said])


def chooser(widgets: Any, name: str, choices: Sequence[Any], first: int) -> Any:
    """The widget that chooses among the values of one parameter, at its `first` value."""
    options = [(written(value), index) for index, value in enumerate(choices)]
    label = name.replace("_", " ")
    kind = widgets.SelectionSlider if is_slider(choices) else widgets.ToggleButtons
    style = {"description_width": "initial"}
    return kind(options=options, value=first, description=label, style=style)
