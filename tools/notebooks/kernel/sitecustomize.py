"""In the kernel of a notebook that is executed for the book: note which files it reads.

Python imports this by itself where its folder is on the path; `execution` puts it there.  A line
for each file goes to the file that BNCOURSE_LOADED names, as it is opened: a kernel may be killed.
"""

import os
import sys
from typing import Any


def record(target: str) -> None:
    """Write the name of each file that this process opens to read; of modules, the compiled one."""
    seen: set[str] = set()
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[0] not in seen:
            _, mode, flags = arguments
            writes = set(mode) & set("wax") if isinstance(mode, str) else flags & os.O_ACCMODE
            if not writes:
                seen.add(arguments[0])
                os.write(out, f"{os.path.abspath(arguments[0])}\n".encode())

    sys.addaudithook(hear)


if name := os.environ.pop("BNCOURSE_LOADED", ""):  # not for the processes that it starts
    record(name)
