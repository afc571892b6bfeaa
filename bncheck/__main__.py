"""The commands: `python -m bncheck grade SUBMISSIONS... --out grades/`, and others."""

import sys

from bncheck.grading.outside.command import main

if __name__ == "__main__":
    sys.exit(main())
