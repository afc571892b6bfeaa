"""The doctor on the command line, for a checkpoint alone.

python -m bnlib.doctor checkpoint.pt [--json]

Exit status: 0 without a fault, 1 with one, 2 for a file that it cannot read.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from bnlib.doctor.checkpoint import examine_state, read_checkpoint


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine one checkpoint, print the report, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bnlib.doctor",
        description="Look for faults of batch normalization in a checkpoint alone.",
        epilog="Exit status: 0 without a fault, 1 with one, 2 for a file that it cannot read.",
    )
    parser.add_argument("checkpoint", help="a file that torch.save(model.state_dict(), …) wrote")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        report = examine_state(read_checkpoint(options.checkpoint))
    except (OSError, ValueError) as error:
        print(f"bnlib.doctor: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report.to_dict(), indent=2) if options.json else report)
    return report.exit_status


if __name__ == "__main__":
    sys.exit(main())
