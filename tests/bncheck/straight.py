"""A small course about straight lines: the engine knows nothing of its subject."""

from __future__ import annotations

import sys
from pathlib import Path

OPENING = """\
---
title: straight lines
questions: [slope, middle]
---
You fit a line. It goes with chapter 1.

```python
import numpy as np
```
"""
SLOPE = """\
---
title: The slope of the best line
points: {line: 2}
read: 01_lines > Least squares
from_scratch: true
---
Fit a line to the points by least squares, and return its slope.

```python
def slope(x, y):
    \"\"\"x, y: (N,).  Returns a number.\"\"\"
    # answer
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
```

## Afterwards
The line goes through the means.

## Hints
1. What is left of x without its mean?

## Probes
```python
out = slope(x, y)
```
Keep `out`

| probe | points for | inputs |
|-|-|-|
| six points | line | `**noisy_line(rng, 6)` |
| more points | line | `**noisy_line(rng, 9), y=np.arange(9.0)` |

## Laws
- a number: `is_a_number`

## Mistakes

### the line goes through the origin
Take the means away first: only then
may the line have an intercept.
```diff
- x - x.mean()
+ x
```
→ 01_lines > The intercept · common mistake 3

### the slope of x on y
You divide by the spread of y. The line is to predict y from x.
```diff
-     centred = x - x.mean()
+     centred = x - x.mean()
+     y = y - y.mean()
-     return float(centred @ y / (centred @ centred))
+     return float(centred @ y / (y @ y))
```
"""
MIDDLE = """\
---
title: Where the line passes
points: 1
read: 01_lines > Least squares
---
The means are 2 and 5. Which y belongs to x = 2?

```python
middle = 10 / 2
```

## Hints
- Which point does every such line go through?

## Mistakes

### the mean of x
That is the mean of x.
```python
middle = 2
```
"""
INPUTS = """\
def noisy_line(rng, n):
    x = rng.normal(size=n).round(1) + 3
    return {"x": x, "y": 2 * x - 1 + rng.normal(size=n).round(1)}
"""
LAWS = """\
def is_a_number(inputs, values):
    return None if isinstance(values["out"], float) else "a slope is a number."
"""
HELPER = "import numpy as np\n\n\ndef fit(x, y):\n    return float(np.polyfit(x, y, 1)[0])\n"
FILES = {
    "straight/__init__.py": "",
    "straight/inputs.py": INPUTS,
    "straight/ex01_lines/exercise.md": OPENING,
    "straight/ex01_lines/slope.md": SLOPE,
    "straight/ex01_lines/middle.md": MIDDLE,
    "straight/ex01_lines/laws.py": LAWS,
    "helper/__init__.py": HELPER,
}


def write(folder: Path) -> None:
    """Write the course, and a package whose `fit` is ready-made."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def forget() -> None:
    """Let the next course of this name be imported anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("straight", "helper")]:
        del sys.modules[name]
