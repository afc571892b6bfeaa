"""What an examination gives back: findings, and their table in a terminal and in a notebook."""

import html
import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

from torch import Tensor

from bnlib.doctor.kinds import KINDS

# Student's t, two-sided 95 %, by degrees of freedom from 1
_T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)
Level = Literal["fault", "note"]
MATERIAL = 0.05  # of the loss: what a mended loss must gain to count
SHOWN = 3  # findings of one kind in a table


@dataclass(frozen=True)
class Cost:
    """What a fault costs: the mean loss as it is and mended, and the gain with its 95 % interval.

    low and high are None where one batch, or a loss that is not finite, allows no interval.
    """

    loss: float
    mended: float
    gain: float
    low: float | None
    high: float | None
    batches: int

    @classmethod
    def of(cls, before: Tensor, after: Tensor) -> "Cost":
        """Compare the losses (B,) of the same B batches, as they are and mended."""
        gains = before - after
        loss, mended, gain = (float(values.mean()) for values in (before, after, gains))
        low = high = None
        if len(gains) > 1 and math.isfinite(gain):
            t = _T[len(gains) - 2] if len(gains) <= len(_T) + 1 else 2.1
            half = t * float(gains.std()) / math.sqrt(len(gains))
            low, high = gain - half, gain + half
        return cls(loss, mended, gain, low, high, len(gains))

    @property
    def material(self) -> bool:
        """Whether mending surely lowers the loss, and by more than MATERIAL of it."""
        if not math.isfinite(self.loss):
            return math.isfinite(self.mended)
        return self.low is not None and self.low > 0 and self.gain > MATERIAL * abs(self.loss)

    def __str__(self) -> str:
        text = f"loss {self.loss:.3g} → {self.mended:.3g}"
        if self.low is not None and self.high is not None:
            text += f" (gain {self.gain:.2g}, 95 %: {self.low:.2g} to {self.high:.2g})"
        return text


@dataclass(frozen=True)
class Finding:
    """One finding.

    kind: a key of KINDS; where: a module's path, "" for the model or the loader; level: "fault"
    where a consequence is measured or certain, else "note"; measured: a sentence with the number;
    remedy: the line that mends it; cost: what mending gains on the data, None if not measured.
    """

    kind: str
    where: str
    level: Level
    measured: str
    remedy: str
    cost: Cost | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of bnlib.doctor.KINDS, got {self.kind!r}")


class Report:
    """The findings, faults first, and what could not be judged.

    findings: of one examination; unknown: sentences on what needs more than was given.
    """

    def __init__(self, findings: Sequence[Finding], unknown: Sequence[str] = ()) -> None:
        order = {kind: i for i, kind in enumerate(KINDS)}
        self.findings = sorted(
            findings, key=lambda f: (f.level != "fault", order[f.kind], -_gain(f.cost))
        )
        self.unknown = list(unknown)

    @property
    def faults(self) -> list[Finding]:
        """The findings of level "fault"."""
        return [finding for finding in self.findings if finding.level == "fault"]

    @property
    def exit_status(self) -> int:
        """0 without a fault, 1 with one: for sys.exit in a test of a model."""
        return int(bool(self.faults))

    def to_dict(self) -> dict[str, Any]:
        """All of it in dicts and lists: "findings", "unknown" and "exit_status"."""
        findings = [asdict(finding) for finding in self.findings]
        return {"findings": findings, "unknown": self.unknown, "exit_status": self.exit_status}

    def __str__(self) -> str:
        notes = len(self.findings) - len(self.faults)
        lines = [f"{_count(len(self.faults), 'fault')}, {_count(notes, 'note')}"]
        for finding, more in self._shown():
            lines.append(f"\n{finding.level.upper():5}  {finding.kind}  {_place(finding)}{more}")
            rows = {"found": finding.measured, "costs": finding.cost, "mend": finding.remedy}
            for name, value in rows.items():
                if value is not None:
                    lines += textwrap.wrap(
                        str(value), 92, initial_indent=f"  {name:5}  ", subsequent_indent=" " * 9
                    )
        lines += [""] * bool(self.unknown)
        for sentence in self.unknown:
            lines += textwrap.wrap(
                sentence, 92, initial_indent="not judged: ", subsequent_indent="  "
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("level", "kind", "where", "found", "costs", "mend")
        rows = [
            (f.level, f.kind, _place(f) + more, f.measured, f.cost or "", f.remedy)
            for f, more in self._shown()
        ]
        head = "".join(f'<th scope="col">{name}</th>' for name in heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        unknown = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.unknown)
        return (
            f"<p>{html.escape(str(self).splitlines()[0])}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            + (f"<p>Not judged:</p><ul>{unknown}</ul>" if unknown else "")
        )

    def _shown(self) -> list[tuple[Finding, str]]:
        """At most SHOWN of each kind and level; the last of them says how many more there are."""
        shown = []
        for _, group in groupby(self.findings, key=lambda f: (f.level, f.kind)):
            findings = list(group)
            left = len(findings) - SHOWN
            shown += [(finding, "") for finding in findings[:SHOWN]]
            if left > 0:
                shown[-1] = (shown[-1][0], f" (and {left} more)")
        return shown


def _gain(cost: Cost | None) -> float:
    return 0.0 if cost is None or not math.isfinite(cost.gain) else cost.gain


def _place(finding: Finding) -> str:
    return finding.where or "(model or loader)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
