"""The ledger as data.

python -m bncourse.ledger --csv > ledger.csv     measures every claim, in a few minutes
python -m bncourse.ledger --csv bias-redundant   one or several claims by name
"""

import argparse
import sys
from collections.abc import Sequence

from bncourse.ledger.table import write


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bncourse.ledger", description="The ledger as data."
    )
    parser.add_argument("claims", nargs="*", help="names of claims; without one, all of them")
    parser.add_argument("--csv", action="store_true", required=True, help="print a table as CSV")
    options = parser.parse_args(arguments)
    try:
        write(options.claims, sys.stdout)
    except ValueError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
