"""Values that can be compared, printed and sent, and that cannot do anything.

What a learner's code returns may be any object, with any behaviour.  `plain` copies what counts
of it: an array's numbers, shape and dtype, a number, a text, the parts of a tuple.
`to_json` and `from_json` carry such values to another process, which needs to execute nothing.
"""

from __future__ import annotations

import base64
import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

DEPTH = 6
PARTS = 1000
ELEMENTS = 1_000_000


@dataclass(frozen=True, eq=False)
class Plain:
    """A value without behaviour.

    kind: "array" (of NumPy), "tensor" (of torch), "number", "bool", "text", "none", "tuple",
    "dict", or "object" for anything else.
    data: the array, number (int or float) or text; a tuple of Plain; a dict from str to Plain;
    for an object, the name of its type.
    """

    kind: str
    data: Any = None


def plain(value: Any, depth: int = DEPTH) -> Plain:
    """Copy what counts of `value`; never raises.

    A NumPy scalar or array without axes counts as a number, a list as a tuple.  What is too
    deep, too long or too large counts as an object.
    """
    if value is None:
        return Plain("none")
    if isinstance(value, (bool, np.bool_)):
        return Plain("bool", bool(value))
    if isinstance(value, numbers.Real):
        return _plain_number(value)
    if isinstance(value, str):
        return Plain("text", str(value[:10_000]))
    try:
        array, kind = _array(value)
        if array is not None:
            return _plain_array(array, kind)
        if depth and isinstance(value, (tuple, list)) and len(value) <= PARTS:
            return Plain("tuple", tuple(plain(part, depth - 1) for part in value))
        if depth and isinstance(value, dict) and len(value) <= PARTS:
            parts = {str(key): plain(part, depth - 1) for key, part in value.items()}
            return Plain("dict", parts)
    except Exception:
        pass  # an object that cannot be read is an object
    return Plain("object", type(value).__name__)


def _plain_number(value: Any) -> Plain:
    try:
        if isinstance(value, numbers.Integral) and abs(int(value)) < 2**53:
            return Plain("number", int(value))
        return Plain("number", float(value))
    except OverflowError:
        return Plain("object", "int too large for a float")


def _array(value: Any) -> tuple[npt.NDArray[Any] | None, str]:
    if isinstance(value, np.ndarray):
        return np.array(value, copy=True, subok=False), "array"
    if "torch" in type(value).__module__:
        import torch

        if isinstance(value, torch.Tensor):
            value = value.detach()
            if value.dtype == torch.bfloat16:
                value = value.float()
            return np.array(value.cpu().resolve_conj().numpy(), copy=True), "tensor"
    return None, ""


def _plain_array(array: npt.NDArray[Any], kind: str) -> Plain:
    if array.dtype.kind not in "biuf" or array.size > ELEMENTS:
        return Plain("object", f"{kind} of {array.dtype}")
    if kind == "array" and array.ndim == 0:
        return plain(array.item())
    return Plain(kind, array)


def bare(value: Plain) -> Any:
    """`value` as Python and NumPy know it: arrays, numbers, tuples, dicts."""
    if value.kind == "tuple":
        return tuple(bare(part) for part in value.data)
    if value.kind == "dict":
        return {key: bare(part) for key, part in value.data.items()}
    return value.data


def to_json(value: Plain) -> dict[str, Any]:
    """`value` as what JSON can hold: arrays as base64 of their bytes."""
    data = value.data
    if value.kind in ("array", "tensor"):
        data = {
            "dtype": data.dtype.str,
            "shape": list(data.shape),
            "bytes": base64.b64encode(np.ascontiguousarray(data).tobytes()).decode("ascii"),
        }
    elif value.kind == "tuple":
        data = [to_json(part) for part in data]
    elif value.kind == "dict":
        data = {key: to_json(part) for key, part in data.items()}
    elif value.kind == "number" and not math.isfinite(data):
        data = str(data)
    return {"kind": value.kind, "data": data}


def from_json(sent: Any, depth: int = DEPTH + 1) -> Plain:
    """The value that to_json wrote.  Raises ValueError for anything that it cannot have written."""
    try:
        kind, data = sent["kind"], sent["data"]
        if kind in ("array", "tensor"):
            dtype = np.dtype(str(data["dtype"]))
            shape = tuple(int(length) for length in data["shape"])
            if dtype.kind not in "biuf" or min(shape, default=0) < 0:
                raise ValueError(f"need an array of numbers, got {dtype} of shape {shape}")
            if math.prod(shape) > ELEMENTS:
                raise ValueError(f"need at most {ELEMENTS} elements, got shape {shape}")
            raw = base64.b64decode(data["bytes"], validate=True)
            return Plain(kind, np.frombuffer(raw, dtype).reshape(shape).copy())
        if kind == "tuple" and depth and isinstance(data, list) and len(data) <= PARTS:
            return Plain(kind, tuple(from_json(part, depth - 1) for part in data))
        if kind == "dict" and depth and isinstance(data, dict) and len(data) <= PARTS:
            return Plain(kind, {str(k): from_json(part, depth - 1) for k, part in data.items()})
        if kind == "number" and isinstance(data, (int, float, str)):
            return Plain(kind, data if type(data) is int else float(data))
        known = {"bool": bool, "text": str, "object": str, "none": type(None)}
        if kind in known and isinstance(data, known[kind]):
            return Plain(kind, data)
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"need a plain value, got {error!r}") from None
    raise ValueError(f"need a plain value, got one of kind {kind!r}")
