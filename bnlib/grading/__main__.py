"""Grade a class: `python -m bnlib.grading SUBMISSIONS... --out grades/`."""

import sys

from bnlib.grading.command import main

if __name__ == "__main__":
    sys.exit(main())
