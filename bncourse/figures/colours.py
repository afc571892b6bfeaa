"""Contrast, and colours for a dark page.

A colour is a text #rrggbb.  Every public function raises ValueError for another form.
"""

import re
from functools import cache

LIGHT_PAGE = "#ffffff"
DARK_PAGE = "#121212"
READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3: writing against what is behind it

Triple = tuple[float, float, float]


def contrast(a: str, b: str) -> float:
    """The contrast ratio of two colours, from 1 to 21.  WCAG 2.2, "contrast ratio"."""
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


@cache
def on_dark(colour: str) -> str:
    """The colour that does on a dark page (#121212) what `colour` does on a white one.

    1. A grey (chroma below 0.02) keeps its contrast with the page, up to 15.2:1: white becomes
       #121212, black #e8e8e8.
    2. A light tint (chroma below 0.08, contrast with white below 1.8:1) lies behind something: it
       keeps hue and contrast, and becomes a dark tint.
    3. Any other colour keeps its hue and, as far as screens can show it, its chroma.  It becomes
       lighter until its contrast is at least 4.6:1; the darker it was, the more, so that two
       colours of one hue stay apart.

    Hue, chroma and lightness are those of OKLab (Ottosson 2020, "A perceptual color space").
    """
    _, a, b = to_oklab(colour)
    chroma = (a * a + b * b) ** 0.5
    on_white = contrast(colour, LIGHT_PAGE)
    if chroma < 0.02:
        return _lightened(min(on_white, 15.2), 0.0, 0.0)
    if chroma < 0.08 and on_white < 1.8:
        return _lightened(on_white, a, b)
    wanted = 4.6 * max(1.0, on_white / READABLE) ** 0.5
    if contrast(colour, DARK_PAGE) >= wanted:
        return colour.lower()
    return _lightened(wanted, a, b)


def to_oklab(colour: str) -> Triple:
    """Lightness from 0 to 1, and the two axes of colour, in OKLab."""
    r, g, b = _linear(colour)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> Triple:
    """Linear red, green and blue; outside of 0 to 1 where no screen shows the colour."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _lightened(wanted: float, a: float, b: float) -> str:
    """The darkest colour of this hue whose contrast with the dark page is `wanted` or more."""
    low, high = to_oklab(DARK_PAGE)[0], 1.0
    for _ in range(16):
        middle = (low + high) / 2
        enough = contrast(_shown(middle, a, b), DARK_PAGE) >= wanted
        low, high = (low, middle) if enough else (middle, high)
    return _shown(high, a, b)


def _shown(lightness: float, a: float, b: float) -> str:
    """The colour with this lightness and hue, and the chroma of (a, b) or the most there is."""
    low, high = 0.0, 2.0
    share = 1.0
    for _ in range(12):
        inside = all(-1e-4 < c < 1 + 1e-4 for c in _from_oklab(lightness, share * a, share * b))
        low, high = (share, high) if inside else (low, share)
        share = min(1.0, (low + high) / 2)
    return _hex(_from_oklab(lightness, low * a, low * b))


def _luminance(colour: str) -> float:
    r, g, b = _linear(colour)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _linear(colour: str) -> Triple:
    """Linear red, green and blue from 0 to 1.  IEC 61966-2-1 (sRGB)."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"a colour is written #rrggbb, got {colour!r}")
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return _decoded(r), _decoded(g), _decoded(b)


def _decoded(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _hex(linear: Triple) -> str:
    clipped = [min(1.0, max(0.0, value)) for value in linear]
    encoded = [12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in clipped]
    return "#" + "".join(f"{round(255 * value):02x}" for value in encoded)
