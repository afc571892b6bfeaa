"""What an operation did: the layers that it changed, and those that it left alone, with reasons."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from torch import nn


@dataclass(frozen=True)
class Report:
    """The layers of a model after an operation, by module path.

    operation: its name; changed: what became of each layer; left: why a layer was left alone.
    `print` shows it as a table, `to_dict` gives it to programs.
    """

    operation: str
    changed: dict[str, str]
    left: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        layers = "layer" if len(self.changed) == 1 else "layers"
        lines = [
            f"{self.operation}: {len(self.changed)} {layers} changed, {len(self.left)} left alone"
        ]
        width = max(map(len, [*self.changed, *self.left, "..."]), default=0)
        lines += [f"  {path:{width}}  {what}" for path, what in self.changed.items()]
        lines += [f"  {path:{width}}  left alone: {why}" for path, why in self.left.items()]
        return "\n".join(lines)


class Outcome(NamedTuple):
    """What every operation returns: `model, report = ...`. Printed, it is the report."""

    model: nn.Module
    report: Report

    def __repr__(self) -> str:
        return str(self.report)


def outcome(
    operation: str, model: nn.Module, changed: dict[str, str], left: dict[str, str]
) -> Outcome:
    """(model, report); ValueError where no layer could be changed."""
    if not changed:
        reasons = "; ".join(f"{path or 'the model'}: {why}" for path, why in left.items())
        raise ValueError(f"need a layer that {operation} can change, got none: {reasons}")
    return Outcome(model, Report(operation, changed, left))
