"""Pictures that matplotlib wrote as SVG, made small, and fit for light and dark pages.

Pure functions from text to text.  A group whose id starts with `fixed` (`Artist.set_gid`) stands on
colours that do not change, such as the cells of a heatmap: it keeps its own.
"""

import re
import string
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from itertools import count

from bncourse.figures.colours import on_dark

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREF = f"{{{_XLINK}}}href"
_FIXED = "fixed-colours"  # the class of a group that keeps its colours
_HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NOT_INHERITED = {"opacity", "clip-path", "filter", "mask"}

ET.register_namespace("", _SVG)
ET.register_namespace("xlink", _XLINK)


def compact(svg: str, digits: int = 2) -> str:
    """The same picture in fewer bytes, and transparent.

    Removed: declaration, doctype, metadata, comments, white space, ids that nothing refers to,
    the white behind the figure and its axes.  Coordinates are rounded to `digits` decimals.
    Raster images stay as they are.
    Raises ValueError if `svg` is not an SVG picture, or `digits` is negative.
    """
    if digits < 0:
        raise ValueError(f"digits must be 0 or more, got {digits}")
    root = _parse(svg)
    _drop_backgrounds(root)
    _sheet_to_root(root)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}metadata":
                parent.remove(child)
    for element in root.iter():
        _shorten(element, digits)
    used = dict.fromkeys(name for element in root.iter() for name in _references(element))
    for element in root.iter():
        if _is_fixed(element):
            element.set("class", _FIXED)
        if element.get("id") not in used:
            element.attrib.pop("id", None)
    _rename(root, dict(zip(used, _short_names(), strict=False)).__getitem__)
    _simplify(root)
    return _text(root)


def isolate(svg: str, prefix: str) -> str:
    """The same picture with `prefix` before every id and every reference to one.

    So two pictures can stand in one page.  Raises ValueError unless the prefix begins with a
    letter and goes on with letters, digits, `-` and `_`.
    """
    if not re.fullmatch(r"[A-Za-z][\w-]*", prefix, re.ASCII):
        raise ValueError(f"a prefix is a letter, then letters, digits, - and _, got {prefix!r}")
    root = _parse(svg)
    _rename(root, lambda name: prefix + name)
    return _text(root)


def darkened(svg: str) -> str:
    """The same picture for a dark page: each colour as `on_dark` says; raster images stay."""
    root = _parse(svg)
    _recolour(root, on_dark)
    return _text(root)


def with_variables(svg: str) -> tuple[str, dict[str, str]]:
    """The same picture with a CSS variable for each colour, for a page whose theme changes.

    Returns the picture, in which `#0072b2` is `var(--figure-0072b2, #0072b2)`, and the colour on a
    dark page by variable: `{"--figure-0072b2": "#..."}`.
    """
    variables: dict[str, str] = {}

    def variable(colour: str) -> str:
        if (dark := on_dark(colour)) == colour:
            return colour
        name = f"--figure-{colour[1:]}"
        variables[name] = dark
        return f"var({name}, {colour})"

    root = _parse(svg)
    _recolour(root, variable)
    return _text(root), variables


def colours(svg: str) -> set[str]:
    """The colours of a picture, as #rrggbb, without those of `fixed` groups and raster images."""
    found: set[str] = set()

    def note(colour: str) -> str:
        found.add(colour)
        return colour

    _recolour(_parse(svg), note)
    return found


def _parse(svg: str) -> ET.Element:
    try:
        root = ET.fromstring(svg.encode())  # bytes: a declaration may name their encoding
    except ET.ParseError as error:
        raise ValueError(f"not an SVG picture: {error}") from error
    if root.tag != f"{{{_SVG}}}svg":
        raise ValueError(f"not an SVG picture: its root is {root.tag}")
    return root


def _text(root: ET.Element) -> str:
    # ">" is escaped in texts and attributes, so that " />" only ends an element
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def _drop_backgrounds(root: ET.Element) -> None:
    """Remove the white behind the figure, and behind axes that stand on nothing else."""
    for figure in root.findall(f"{{{_SVG}}}g"):
        for group in [figure, *figure.findall(f"{{{_SVG}}}g")]:
            if not re.match(r"(?:figure|axes)_\d+$", group.get("id", "")) or not len(group):
                continue
            patch = group[0]
            if patch.get("id", "").startswith("patch_") and len(patch) == 1:
                style = _declarations(patch[0].get("style", ""))
                if style == {"fill": "#ffffff"}:
                    group.remove(patch)


def _sheet_to_root(root: ET.Element) -> None:
    """Let elements inherit what matplotlib's style sheet says of all of them."""
    for parent in list(root.iter(f"{{{_SVG}}}defs")):
        for sheet in parent.findall(f"{{{_SVG}}}style"):
            rule = re.fullmatch(r"\s*\*\s*\{([^{}]*)\}\s*", sheet.text or "")
            if rule:
                root.set("style", rule.group(1))
                parent.remove(sheet)


def _shorten(element: ET.Element, digits: int) -> None:
    """Less white space and fewer decimals in one element."""

    def rounded(match: re.Match[str]) -> str:
        return _number(float(match.group()), digits)

    if element.tag not in {f"{{{_SVG}}}{name}" for name in ("text", "tspan", "style")}:
        element.text = (element.text or "").strip() or None
    element.tail = (element.tail or "").strip() or None
    values = element.attrib
    for name in {"x", "y", "width", "height", "viewBox", "cx", "cy", "r"} & set(values):
        values[name] = _NUMBER.sub(rounded, values[name])
    if "d" in values:
        values["d"] = _path(values["d"], digits)
    if "points" in values:
        values["points"] = " ".join(_NUMBER.sub(rounded, values["points"]).split())
    if "transform" in values:
        values["transform"] = re.sub(
            r"translate\([^)]*\)",
            lambda match: _NUMBER.sub(rounded, match.group()),
            values["transform"],
        )
        moved = re.fullmatch(r"translate\((\S+)[ ,]+(\S+)\)", values["transform"])
        if element.tag == f"{{{_SVG}}}use" and moved and not {"x", "y"} & set(values):
            del values["transform"]
            values["x"], values["y"] = moved.groups()
            if values["y"] == "0":
                del values["y"]
    if "style" in values:
        pairs = _declarations(values["style"]).items()
        values["style"] = ";".join(f"{name}:{value}" for name, value in pairs)


def _path(data: str, digits: int) -> str:
    """The data of a path with rounded numbers, and no more separators than it needs."""
    out: list[str] = []
    command = ""
    for token in re.findall(rf"[A-Za-z]|{_NUMBER.pattern}", data):
        if token.isalpha():
            # a command that repeats may be left out, but for a new start and an end
            if token != command or token in "MmZz":
                out.append(token)
            command = token
        else:
            number = _number(float(token), digits)
            bare = not out or out[-1].isalpha() or number.startswith("-")
            out.append(number if bare else f" {number}")
    return "".join(out)


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else re.sub(r"^(-?)0\.", r"\1.", text)


def _declarations(style: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in style.split(";") if part.strip())
    return {name.strip(): value.strip() for name, value in pairs}


def _references(element: ET.Element) -> Iterator[str]:
    for name, value in element.attrib.items():
        if name in (_HREF, "href"):
            if value.startswith("#"):
                yield value[1:]
        else:
            yield from re.findall(r"url\(#([^)]+)\)", value)


def _rename(root: ET.Element, new: Callable[[str], str]) -> None:
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, new(value))
            elif name in (_HREF, "href"):
                if value.startswith("#"):
                    element.set(name, f"#{new(value[1:])}")
            else:
                element.set(
                    name, re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{new(m.group(1))})", value)
                )


def _short_names() -> Iterator[str]:
    for number in count():
        high, low = divmod(number, 26)
        yield string.ascii_lowercase[low] + (str(high) if high else "")


def _simplify(element: ET.Element) -> None:
    """Below `element`: a style that all members of a group share moves to the group; groups that
    say nothing, and definitions that hold nothing, give way to what they hold."""
    for position, child in reversed(list(enumerate(element))):
        _simplify(child)
        members = [member for member in child if member.tag != f"{{{_SVG}}}defs"]
        styles = {"" if _is_fixed(member) else member.get("style", "") for member in members}
        group = child.tag == f"{{{_SVG}}}g"
        if group and "style" not in child.attrib and len(members) > 1 and len(styles) == 1:
            style = styles.pop()
            if style and not _NOT_INHERITED & set(_declarations(style)):
                child.set("style", style)
                for member in members:
                    del member.attrib["style"]
        empty = child.tag == f"{{{_SVG}}}defs" and not len(child)
        if empty or (group and not child.attrib):
            element[position : position + 1] = list(child)


def _is_fixed(element: ET.Element) -> bool:
    return element.get("class") == _FIXED or element.get("id", "").startswith("fixed")


def _recolour(root: ET.Element, new: Callable[[str], str]) -> None:
    """Replace each colour below `root`, and the black of what names none; not in fixed groups."""

    def visit(element: ET.Element) -> None:
        if _is_fixed(element):
            _fill(element, lambda: "#000000")
            return
        for name in {"style", "fill", "stroke"} & set(element.attrib):
            element.set(name, _HEX.sub(lambda m: new(m.group().lower()), element.attrib[name]))
        for child in element:
            visit(child)

    visit(root)
    _fill(root, lambda: new("#000000"))


def _fill(element: ET.Element, colour: Callable[[], str]) -> None:
    """Let `element` name the colour that fills it, if it does not."""
    style = element.get("style", "")
    if "fill" not in _declarations(style) and "fill" not in element.attrib:
        element.set("style", ";".join(filter(None, [style.rstrip("; "), f"fill:{colour()}"])))
