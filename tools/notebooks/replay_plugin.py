"""A plugin of pytest that lets nbval run cells as a reader's kernel does.

nbval executes cells without storing them in IPython's history.  But IPython looks there for a
semicolon at the end of a cell, which says that its value is not to be shown.
"""

from typing import Any

import nbval.kernel

_start = nbval.kernel.start_new_kernel


def start_new_kernel(*args: Any, **kwargs: Any) -> Any:
    """As nbval's, with the history in memory: kernels at work side by side share no file."""
    return _start(*args, extra_arguments=["--HistoryManager.hist_file=:memory:"], **kwargs)


def execute_cell_input(self: Any, cell_input: str, allow_stdin: bool | None = None) -> str:
    """As nbval's, storing the cell in the history."""
    return str(self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False))


nbval.kernel.start_new_kernel = start_new_kernel
nbval.kernel.RunningKernel.execute_cell_input = execute_cell_input
