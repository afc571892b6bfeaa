"""What all tests share: one thread, a fixed backend, no stored results, reproducible examples.

Where several processes share the work (-n 2), one of them has all tests of a question: what its
mistakes show is worked out once in a process, and takes most of the time; and all tests of a page,
which is opened once.
"""

import os
import re
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("BNCOURSE_RESULTS", None)  # a test measures, it does not look up

from hypothesis import settings

# derandomize: the examples are a function of the test, so that two runs agree
settings.register_profile("course", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("course")


def together(nodeid: str) -> str:
    """What names the tests that run in one process: a question, a page, or a file."""
    found = re.search(r"\[(ex\d\d\.\w+|[\w/]+\.html)", nodeid)
    return found[1] if found else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """For --dist loadfile, xdist's scheduler by `together` in place of the file alone."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return Together(config, log) if config.option.dist == "loadfile" else None
