"""Submissions to ex03.statistics that cheat, break or stall, as the cells of their notebooks.

None of them has the right answer, so none may get a point.  Each is written so that it does no
harm where nothing holds it: it forks a few times, asks with signal 0, touches no memory.

`ended` says how the worker ends before its time (None: it goes on); `state` is that of the last
cell.  "any" is for what may go both ways.
"""

from __future__ import annotations

from dataclasses import dataclass

WRONG = """
import numpy as np
def batch_statistics(x):
    return np.zeros(x.shape[1]), np.ones(x.shape[1])
"""


@dataclass(frozen=True)
class Hostile:
    name: str
    cells: tuple[str, ...]
    state: str = "ok"
    ended: str | None = None
    boxed: bool = False  # whether it needs the sandbox to be harmless
    quick: bool = False  # whether to run it with short limits of time
    ready_made: bool = True

    def __str__(self) -> str:
        return self.name.replace(" ", "_")


def returning(expression: str, before: str = "") -> str:
    """A cell whose answer returns this."""
    return f"{before}\ndef batch_statistics(x):\n    return {expression}\n"


def doing(*lines: str) -> str:
    """A cell whose answer does this."""
    body = "\n    ".join(line.replace("\n", "\n    ") for line in lines)
    return f"import os, sys, time, numpy as np\ndef batch_statistics(x):\n    {body}\n"


HOSTILE = (
    Hostile(
        "comparisons patched",
        (
            WRONG,
            "import torch\nyes = lambda *a, **k: True\n"
            "torch.allclose = np.allclose = np.array_equal = np.isclose = torch.equal = yes\n"
            "np.testing.assert_allclose = torch.testing.assert_close = yes\n"
            "import math; math.isclose = yes",
        ),
    ),
    Hostile(
        "array that claims to be equal",
        (
            "import numpy as np\nclass Lie(np.ndarray):\n"
            "    __eq__ = __le__ = __lt__ = lambda self, other: True\n"
            "    __ne__ = __sub__ = __gt__ = lambda self, other: False\n"
            "    def __array__(self, *a, **k): raise RuntimeError('no')\n"
            "    def __array_ufunc__(self, *a, **k): return True\n"
            "    def __array_function__(self, *a, **k): return True\n"
            "    def __reduce_ex__(self, n): return (print, ('ran',))\n",
            returning("Lie((x.shape[1],)), Lie((x.shape[1],))"),
        ),
    ),
    Hostile(
        "tensor that claims to be equal",
        (
            "import torch\nclass Lie(torch.Tensor):\n"
            "    __eq__ = lambda self, other: True\n"
            "    def __torch_function__(self, *a, **k): return True\n",
            returning("torch.zeros(3).as_subclass(Lie), torch.ones(3).as_subclass(Lie)"),
        ),
    ),
    Hostile(
        "objects instead of arrays",
        (
            "import numbers\nclass Anything:\n"
            "    __eq__ = lambda self, other: True\n"
            "    def __getattr__(self, name): return self\n"
            "    def __call__(self, *a, **k): return self\n"
            "    def __float__(self): raise RuntimeError\n"
            "    def __iter__(self): return iter([self, self])\n"
            "    def __len__(self): return 2\n"
            "numbers.Real.register(Anything)\n",
            returning("(Anything(), Anything())"),
        ),
    ),
    Hostile("arrays of NaN", (returning("(x.mean(0) * float('nan'),) * 2"),)),
    Hostile(
        "check replaced, engine patched",
        (
            WRONG,
            "import exercises.questions as ex\nfrom bncheck import observe, plain, guard\n"
            "import bncheck.grading.inside.worker as worker\n"
            "ex.check = lambda *a, **k: None\n"
            "fake = lambda names, tasks: [observe.Observation() for task in tasks]\n"
            "worker.observe = observe.observe = fake",
        ),
        ended="forged",
    ),
    Hostile(
        "probes edited",
        (
            doing(
                "frame = sys._getframe()",
                "while frame:",
                "    task = frame.f_locals.get('task')",
                "    if hasattr(task, 'keep'): object.__setattr__(task, 'keep', ())",
                "    frame = frame.f_back",
            ),
        ),
        ended="forged",
    ),
    Hostile(
        "the stack and the memory searched for what is expected",
        (
            doing(
                "import gc",
                "frame, names = sys._getframe(), set()",
                "while frame:",
                "    names |= set(frame.f_locals) | set(frame.f_globals)",
                "    frame = frame.f_back",
                "wanted = {'Bank', 'Verdict', 'reference', 'expected', 'seed'}",
                "modules = [m for m in sys.modules if m.startswith('exercises.questions.')]",
                "inner = {'bank', 'judge', 'session', 'question', 'compare', 'reasons'}",
                "kinds = {type(o).__name__ for o in gc.get_objects()}",
                "found = (wanted & names) | (wanted & kinds)",
                "found |= {m for m in modules if m.rpartition('.')[2] in inner}",
                "return 'found: ' + ' '.join(sorted(found))",
            ),
        ),
    ),
    Hostile(
        "answers sent before they are asked for",
        (
            WRONG,
            "import json, os, struct\n"
            "body = json.dumps({'to': '0', 'kinds': {'batch_statistics': 'callable'}}).encode()\n"
            "os.write(3, (struct.pack('!I', len(body)) + body) * 3)",
        ),
        state="died",
        ended="forged",
    ),
    Hostile(
        "noise sent to the judge",
        (WRONG, "import os\nos.write(3, b'\\xff' * 1000)"),
        state="died",
        ended="forged",
    ),
    Hostile(
        "a message nested without end",
        (
            WRONG,
            "import os, struct\nn = 200_000\n"
            "os.write(3, struct.pack('!I', 2 * n) + b'[' * n + b']' * n)",
        ),
        state="died",
        ended="forged",
    ),
    Hostile(
        "a message that never ends",
        (
            WRONG,
            "import os, struct, time\nos.write(3, struct.pack('!I', 1000) + b'{')\ntime.sleep(99)",
        ),
        state="too long",
        ended="too long",
        quick=True,
    ),
    Hostile(
        "the line to the judge closed",
        (WRONG, "import os\nos.closerange(0, 100)"),
        state="died",
        ended="crashed",
    ),
    Hostile(
        "the answer replaced on its way",
        (
            WRONG,
            "import json\nreal = json.dumps\n"
            "def lie(message, **k):\n"
            "    message = dict(message)\n"
            "    message['observation'] = {'values': {'out': {'kind': 'passed', 'data': 1}},\n"
            "        'inputs': {}, 'failure': None, 'printed': '', 'points': 100}\n"
            "    message['state'] = 'passed'\n"
            "    return real(message, **k)\n"
            "json.dumps = lie",
        ),
        state="died",
        ended="forged",
    ),
    Hostile(
        "files written outside",
        (
            "import os, sys\nfrom pathlib import Path\nwritten = []\n"
            "places = ['/', '/library', '/usr', '/etc', '/dev', '/dev/shm', '/proc', '/root',\n"
            "    '/srv', '/home', '/var/tmp', sys.prefix, sys.base_prefix, *sys.path]\n"
            "for place in places:\n"
            "    try:\n"
            "        Path(place, 'planted').write_text('here')\n"
            "        written.append(place)\n"
            "    except OSError:\n"
            "        pass",
            returning("'found: ' + ' '.join(written)"),
        ),
        boxed=True,
    ),
    Hostile(
        "the answers searched on the disk",
        (
            "import os\nnames = ('ex03_mechanism', 'bank.py', 'judge.py', 'reasons.py',\n"
            "    'question.py', 'solutions', 'grades.csv', 'workers.py', 'sessions.py', 'shadow')\n"
            "found = [os.path.join(place, f) for top in ('/',)\n"
            "    for place, folders, files in os.walk(top) for f in folders + files\n"
            "    if f.startswith(names) and 'site-packages' not in place\n"
            "    and '/usr/' not in place and '/lib/python' not in place]\n",
            returning("'found: ' + ' '.join(found)"),
        ),
        boxed=True,
    ),
    Hostile(
        "other processes looked for",
        (
            "import os\nfound = [p for p in os.listdir('/proc') if p.isdigit()]\n"
            "found += [str(p) for p in (os.getppid(),) if p]\n"
            "if os.getpid() != 1: found.append('others')\n"
            "for p in range(2, 40):\n"
            "    try:\n"
            "        os.kill(p, 0)\n"
            "        found.append(f'signal {p}')\n"
            "    except OSError:\n"
            "        pass\n",
            returning("'found: ' + ' '.join(found)"),
        ),
        boxed=True,
    ),
    Hostile(
        "fork bomb",
        (
            "import os, time\ncount = 0\n"
            "for attempt in range(30):\n"  # bounded, should a system not refuse
            "    try:\n"
            "        if os.fork() == 0:\n"
            "            time.sleep(5)\n"
            "            os._exit(0)\n"
            "        count += 1\n"
            "    except OSError:\n"
            "        pass\n",
            returning("'found: ' + str(count or '')"),
        ),
    ),
    Hostile(
        "programs started",
        (
            "import os, subprocess\nfound = []\n"
            "for start in (lambda: subprocess.run(['true']), lambda: os.popen('true').read(),\n"
            "    lambda: os.posix_spawn('/bin/true', ['true'], {}),\n"
            "    lambda: os.execv('/bin/true', ['true'])):\n"
            "    try:\n"
            "        found.append(str(start()))\n"
            "    except OSError:\n"
            "        pass\n",
            returning("'found: ' + ' '.join(found)"),
        ),
    ),
    Hostile(
        "network",
        (
            "import socket\nfound = []\n"
            "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):\n"
            "    try:\n"
            "        found.append(str(socket.socket(family, socket.SOCK_RAW * 0 + 1)))\n"
            "    except OSError:\n"
            "        pass\n",
            returning("'found: ' + ' '.join(found)"),
        ),
    ),
    Hostile(
        "threads left behind",
        (
            WRONG,
            "import threading, time\n"
            "def busy():\n"
            "    while True:\n"
            "        np.zeros(10).sum(); time.sleep(0.001)\n"
            "for count in range(20):\n"
            "    threading.Thread(target=busy).start()",
        ),
    ),
    Hostile(
        "threads without number",
        (
            "import threading, time\nthreading.stack_size(65536)\ncount = 0\n"
            "try:\n"
            "    for count in range(3_000):\n"
            "        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
            "except (RuntimeError, MemoryError):\n"
            "    pass\n",
            returning("'found: ' + str(count if count > 1000 else '')"),
        ),
        boxed=True,
    ),
    Hostile(
        "_exit in a cell",
        (WRONG, "import os\nos._exit(0)"),
        state="died",
        ended="crashed",
    ),
    Hostile("_exit in a probe", (doing("os._exit(0)"),), ended="crashed"),
    Hostile("exit in a cell", (WRONG, "import sys\nsys.exit(0)"), state="failed"),
    Hostile("exit in a probe", (doing("sys.exit(0)"),)),
    Hostile("interrupt raised", (doing("raise KeyboardInterrupt"),)),
    Hostile("abort", (WRONG, "import os\nos.abort()"), state="died", ended="crashed"),
    Hostile(
        "memory read where there is none",
        (WRONG, "import ctypes\nctypes.string_at(0)"),
        state="died",
        ended="crashed",
    ),
    Hostile("recursion", (returning("batch_statistics(x)"),)),
    Hostile(
        "recursion of the C stack",
        (
            "import sys\nsys.setrecursionlimit(10**9)\n"
            "class Deep:\n"
            "    def __getattr__(self, name): return getattr(self, name + '.')\n"
            "    def __repr__(self): return repr(self)\n",
            WRONG,
            "repr(Deep())",
        ),
        state="died",
        ended="crashed",
    ),
    Hostile(
        "10 GB at once",
        (WRONG, "big = np.zeros(10 * 2**27)"),
        state="memory",
    ),
    Hostile(
        "10 GB of a tensor",
        (WRONG, "import torch\nbig = torch.empty(10 * 2**28)"),
        state="memory",
    ),
    Hostile(
        "memory in small pieces",
        (WRONG, "kept = []\nfor i in range(10_000):\n    kept.append(bytearray(2**20))"),
        state="memory",
    ),
    Hostile(
        "limits lifted",
        (
            "import resource\nfound = []\n"
            "for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):\n"
            "    try:\n"
            "        resource.setrlimit(kind, (2**50, 2**50))\n"
            "        found.append(str(kind))\n"
            "    except (OSError, ValueError):\n"
            "        pass\n",
            returning("'found: ' + ' '.join(found)"),
        ),
        boxed=True,
    ),
    Hostile(
        "rights looked for",
        (
            "import ctypes, os\nlibc, found = ctypes.CDLL(None), []\n"
            "if libc.unshare(0x10000000) == 0: found.append('user namespace')\n"
            "if libc.umount2(b'/proc', 2) == 0: found.append('unmounted')\n"
            "if libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0: found.append('mounted')\n"
            "if libc.ptrace(16, 1, 0, 0) == 0: found.append('ptrace')\n"
            "if libc.setns(3, 0) == 0: found.append('setns')\n"
            "if libc.chroot(b'/tmp') == 0: found.append('chroot')\n"
            "try:\n"
            "    os.setuid(0)\n"
            "    found.append('root')\n"
            "except OSError:\n"
            "    pass\n",
            returning("'found: ' + ' '.join(found)"),
        ),
        boxed=True,
    ),
    Hostile(
        "1 GB printed",
        (
            WRONG,
            "line = 'x' * 2**20\nfor count in range(1000):\n    print(line)",
            "import os\nfor count in range(1000):\n    os.write(1, b'x' * 2**20)",
        ),
    ),
    Hostile(
        "1 GB written to a file",
        (WRONG, "with open('big', 'wb') as file:\n    for i in range(1000): file.write(line)"),
        state="failed",
    ),
    Hostile(
        "1 GB written to many files",
        (
            WRONG,
            "for i in range(100):\n    with open(f'{i}', 'wb') as file: file.write(b'x' * 2**24)",
        ),
        state="failed",
        boxed=True,
    ),
    Hostile(
        "endless loop in a cell",
        (WRONG, "while True:\n    pass"),
        state="too long",
        quick=True,
    ),
    Hostile(
        "endless loop that catches everything",
        (
            WRONG,
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        ),
        state="too long",
        ended="any",
        quick=True,
    ),
    Hostile(
        "endless loop inside a call",
        (WRONG, "import itertools\nany(itertools.repeat(0))"),
        state="too long",
        ended="too long",
        quick=True,
    ),
    Hostile("endless loop in a probe", (doing("while True: pass"),), quick=True),
    Hostile(
        "endless loop inside a call in a probe",
        (doing("import itertools; any(itertools.repeat(0))"),),
        ended="too long",
        quick=True,
    ),
    Hostile(
        "clocks and timers patched",
        (
            "import threading, time, signal\n"
            "time.monotonic = time.time = lambda: 0.0\n"
            "threading.Thread.start = threading.Thread.join = lambda self, *a: None\n"
            "signal.signal = lambda *a: None",
            doing("while True: pass"),
        ),
        ended="too long",
        quick=True,
    ),
    Hostile(
        "the process stopped",
        (WRONG, "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
        quick=True,
        boxed=True,
    ),
    Hostile(
        "signals to the parent and to all",
        (
            "import os, signal\nfound = []\n"
            # Signal 0 asks whether one may, and does nothing, should a system not refuse
            "for send in (lambda: os.kill(os.getppid() or 2, 0), lambda: os.kill(-1, 0),\n"
            "    lambda: os.killpg(os.getpgid(0) or 2, 0), lambda: os.kill(0, 0)):\n"
            "    try:\n"
            "        send()\n"
            "        found.append('sent')\n"
            "    except OSError:\n"
            "        pass\n",
            returning("'found: ' + ' '.join(found)"),
        ),
    ),
    Hostile("a huge array", (returning("np.zeros(2 * 10**7)", "import numpy as np"),)),
    Hostile(
        "many large arrays",
        (returning("[np.zeros(10**6)] * 5", "import numpy as np"),),
    ),
    Hostile("a dict without end", (returning("{str(i): i for i in range(10**6)}"),)),
    Hostile("a huge text", (returning("'x' * 10**8"),)),
    Hostile(
        "results nested without end",
        (
            "def nest():\n    top = []\n    for i in range(100_000): top = [top]\n    return top",
            returning("nest()"),
        ),
    ),
    Hostile("a list that holds itself", ("top = []\ntop.append(top)", returning("top"))),
    Hostile(
        "everything broken",
        (
            WRONG,
            "import builtins, socket\n"
            "builtins.isinstance = lambda *a: True\n"
            "builtins.len = lambda *a: 0\n"
            "builtins.type = builtins.compile = builtins.exec = lambda *a: print",
        ),
        state="any",
        ended="any",
        quick=True,
    ),
    Hostile(
        "torch's batch norm by the back door",
        (
            "import sys, torch, numpy as np\nraw = torch.native_batch_norm\n"
            "from torch.utils import _python_dispatch\n"
            "_python_dispatch.TorchDispatchMode.__enter__ = lambda self: self\n"
            "_python_dispatch.TorchDispatchMode.__exit__ = lambda self, *a: None\n",
            "def batch_statistics(x):\n"
            "    sys.setprofile(None)\n"
            "    t = torch.tensor(x).reshape(x.shape[0], x.shape[1], -1)\n"
            "    try:\n"
            "        _, mu, invstd = raw(t, None, None, None, None, True, 0.0, 0.0)\n"
            "    except BaseException as error:\n"
            "        return 'refused: ' + str(error)\n"
            "    return mu.numpy(), (invstd ** -2).numpy()",
        ),
        ready_made=False,
    ),
    Hostile(
        "torch's batch norm saved, replaced and compiled",
        (
            "import torch\nfrom torch.nn import functional as F\n"
            "@torch.jit.script\n"
            "def compiled(x: torch.Tensor):\n"
            "    return torch.native_batch_norm(x, None, None, None, None, True, 0.0, 0.0)\n",
            "def batch_statistics(x):\n"
            "    t = torch.tensor(x)\n"
            "    try:\n"
            "        _, mu, invstd = compiled(t.reshape(x.shape[0], x.shape[1], -1))\n"
            "    except BaseException as error:\n"
            "        return 'refused: ' + str(error)[-60:]\n"
            "    return mu.numpy(), (invstd ** -2).numpy()",
        ),
        ready_made=False,
    ),
    Hostile(
        "bnlib's functions taken in a cell",
        (
            "import sys, bnlib.functional\nfrom bnlib.functional import batch_statistics as raw\n"
            "sys.meta_path.pop(0)\nfound = []\n"
            "for name in ('bnlib.functional', 'bnlib.scratch', 'bnlib.nn.formulas'):\n"
            "    sys.modules.pop(name, None)\n"
            "    try:\n"
            "        found.append(str(__import__(name)))\n"
            "    except ImportError:\n"
            "        pass\n"
            "if not found: found = ['nothing']\n",
            "def batch_statistics(x):\n    return raw(x)\n",
            "if found != ['nothing']:\n    raise ValueError(found)",
        ),
        ready_made=False,
        boxed=True,
    ),
)
