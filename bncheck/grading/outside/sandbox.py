"""What a worker can see, and the ways to start the warm process, the safest first."""

from __future__ import annotations

import compileall
import contextlib
import fcntl
import importlib.util
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bncheck
from bncheck.course import Course

BUBBLEWRAP = "bwrap"
NOBODY = 65534
FOLDER = "bncheck-grading-"
ENGINE = Path(bncheck.__file__).resolve().parent
INSIDE = ("__init__.py", "guard.py", "observe.py", "plain.py", "grading/__init__.py")
SILENT = "grading/inside/silent.py"
LIBRARY = "/library"  # where the copy of what runs inside is to be found there
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
OPTIONAL = (
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/devices/system/cpu",
)
BEGIN = """import sys
sys.path.insert(0, sys.argv[1])
from bncheck.grading.inside import zygote
zygote.main({})"""
SCRATCH = "/scratch"  # not /tmp, where this Python may be
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # each thread would reserve 64 MB of what is limited
    "MPLBACKEND": "agg",
    "JOBLIB_MULTIPROCESSING": "0",  # no processes can be started: it would warn of that
}
UNBOXED = (
    "Submissions run WITHOUT a sandbox: {why}. They have limits on time, memory and processes, "
    "but can read and write the files of this user, and reach the network. Grade only work that "
    "you trust, or {way_out}."
)
UNFILTERED = "System calls cannot be filtered here, so submissions can start processes."


@dataclass(frozen=True)
class Start:
    """One way to start the warm process.

    boxed: in bubblewrap.  user: the number to turn into, None to stay who we are.
    """

    boxed: bool
    user: int | None

    def command(self, folder: Path, line: int, course: Course) -> list[str]:
        """The command line.  folder: holds the library and the scratch; line: the socket's number.

        Call it in the thread that will start it: from the main thread, bubblewrap ends with it.
        """
        library = LIBRARY if self.boxed else str(folder / "library")
        python = [sys.executable, "-I", "-B", "-c", BEGIN.format(line), library]
        return [*_bubblewrap(folder, self.user, course), *python] if self.boxed else python


def starts(sandbox: str) -> list[Start]:
    """The ways to try, in order, for sandbox = "auto", "require" or "off".

    Raises ValueError for another word.
    """
    if sandbox not in ("auto", "require", "off"):
        raise ValueError(f'need sandbox = "auto", "require" or "off", got {sandbox!r}')
    users = (NOBODY, None) if is_root() else (None,)
    boxed = [Start(True, user) for user in users] if shutil.which(BUBBLEWRAP) else []
    unboxed = [Start(False, user) for user in users]
    return {"auto": boxed + unboxed, "require": boxed, "off": unboxed}[sandbox]


def is_root() -> bool:
    """Whether the judge runs as root."""
    return os.geteuid() == 0


def make_folder() -> tuple[Path, int]:
    """A new folder for library and scratch, and the open lock that shows that it is in use.

    Removes such folders of judges that were killed: nobody holds their locks.
    """
    for old in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):
            if old.is_symlink() or old.stat().st_uid != os.getuid():
                continue
            lock = os.open(old / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
            finally:
                os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER))
    held = os.open(folder / "new", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    (folder / "new").rename(folder / "lock")  # nobody can find it before it is locked
    folder.chmod(0o755)
    return folder, held


def make_library(folder: Path, course: Course) -> None:
    """Copy there what submissions may import: what runs beside them, and the course's packages.

    In place of the questions stands a package whose `check` does nothing.  Neither references nor
    seeds, nor the judge, are anywhere in it.
    """
    ignore = shutil.ignore_patterns("__pycache__")
    for name in course.ready_made.packages:
        shutil.copytree(_home(name), folder / name, ignore=ignore)
    shutil.copytree(ENGINE / "grading" / "inside", folder / "bncheck/grading/inside", ignore=ignore)
    for name in INSIDE:
        shutil.copyfile(ENGINE / name, folder / "bncheck" / name)
    silent = folder.joinpath(*course.package.split("."))
    silent.mkdir(parents=True)
    shutil.copyfile(ENGINE / SILENT, silent / "__init__.py")
    compileall.compile_dir(folder, quiet=2, stripdir=str(folder), prependdir=LIBRARY)
    for place, _, names in os.walk(folder):  # whatever the umask: the worker may be nobody
        os.chmod(place, 0o755)
        for name in names:
            os.chmod(Path(place, name), 0o644)


def _home(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"need the course's package {package}, and it is not installed")
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def _bubblewrap(folder: Path, user: int | None, course: Course) -> Iterator[str]:
    """bubblewrap and its options: what is visible, and what is shared with the outside."""
    yield from (BUBBLEWRAP, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
    yield "--unshare-cgroup-try"
    if user is None:
        yield from ("--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY))
    else:  # root: turns into `user` inside, for which it needs these two rights and no others
        yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    if threading.current_thread() is threading.main_thread():
        yield "--die-with-parent"  # the parent is a thread: another may end before the judge
    yield from ("--ro-bind", "/usr", "/usr")
    for place in map(Path, SYSTEM):
        if place.is_symlink():
            yield from ("--symlink", os.readlink(place), str(place))
        elif place.is_dir():
            yield from ("--ro-bind", str(place), str(place))
    for name in OPTIONAL:
        yield from ("--ro-bind-try", name, name)
    visible = [p for p in _python_folders() if not p.is_relative_to("/usr")]
    parents = {parent for place in visible for parent in place.parents} - {Path("/")}
    for parent in sorted(parents):  # or only root could pass through them
        yield from ("--perms", "0755", "--dir", str(parent))
    for place in visible:
        yield from ("--ro-bind", str(place), str(place))
    for place in _other_copies(course):
        if any(place.is_relative_to(p) for p in [*visible, Path("/usr")]):
            yield from ("--tmpfs", str(place), "--remount-ro", str(place))
    yield from ("--ro-bind", str(folder / "library"), LIBRARY)
    yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
    yield from ("--perms", "1777", "--tmpfs", SCRATCH, "--chdir", SCRATCH)
    yield from ("--remount-ro", "/", "--clearenv")
    for name, value in ENVIRONMENT.items():
        yield from ("--setenv", name, value)


def _python_folders() -> list[Path]:
    """Where this Python and its packages are; none inside another of them."""
    prefixes = {Path(p).absolute() for p in (sys.prefix, sys.base_prefix)}
    prefixes |= {p.resolve() for p in prefixes}
    # Not the whole folder: a virtual environment may have been made in the teacher's own
    places = {prefix / part for prefix in prefixes for part in ("bin", "lib", "pyvenv.cfg")}
    places |= {Path(p).resolve() for p in sys.path if p.endswith("-packages")}
    return sorted(p for p in places if p.exists() and not any(o in places for o in p.parents))


def _other_copies(course: Course) -> set[Path]:
    """Folders that hold the judge, the answers, or what the copy holds."""
    names = {"bncheck", course.package.partition(".")[0], *course.ready_made.packages}
    found = {Path(p).resolve() / name for p in sys.path if p for name in names}
    found |= {ENGINE, course.folder, *map(_home, course.ready_made.packages)}
    return {place for place in found if place.is_dir()}
