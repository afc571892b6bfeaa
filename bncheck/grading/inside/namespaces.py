"""Linux's ways to shut a process in: namespaces, an empty scratch folder, no rights, limits."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

from bncheck.grading.inside.limits import Limits

NEW_MOUNT, NEW_IPC, NEW_USER, NEW_PID = 0x20000, 0x08000000, 0x10000000, 0x20000000
NO_SUID, NO_DEVICES, READ_ONLY = 2, 4, 1
DEATH_SIGNAL, DUMPABLE, NO_NEW_PRIVILEGES, SUBREAPER = 1, 4, 38, 36


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library.  Raises OSError if it fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    wide = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    if getattr(libc, name)(*wide) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def separate() -> None:
    """Give this process user, mount and ipc namespaces of its own; its next child, a pid namespace.

    The caller has one thread.  Raises OSError where the kernel refuses.
    """
    user, group = os.getuid(), os.getgid()
    _call("prctl", DUMPABLE, 1, 0, 0, 0)  # or the maps below would belong to root
    _call("unshare", NEW_USER | NEW_MOUNT | NEW_IPC | NEW_PID)
    # First of all: without a user on this side, the scratch folder could not be written
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def cover(folder: str, size: int | None = None) -> None:
    """Mount an empty folder over `folder`: with `size`, one that can be written; else read-only."""
    flags = NO_SUID | NO_DEVICES | (0 if size else READ_ONLY)
    options = f"size={size},nr_inodes=4096,mode=700" if size else "size=4096,mode=555"
    _call("mount", b"none", os.fsencode(folder), b"tmpfs", flags, options.encode())


def drop_rights() -> None:
    """Give up all capabilities, for good."""
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    version3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    none = (ctypes.c_uint32 * 6)()
    _call("capset", ctypes.byref(version3), ctypes.byref(none))


def become(user: int) -> None:
    """Turn from root into the user and group of this number, without other groups."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends (Linux; elsewhere nothing)."""
    if sys.platform.startswith("linux"):
        _call("prctl", DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own ends (Linux; elsewhere nothing)."""
    if sys.platform.startswith("linux"):
        _call("prctl", SUBREAPER, 1, 0, 0, 0)


def size() -> int | None:
    """The bytes of address space of this process; None where there is no /proc to say so."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return pages * resource.getpagesize()
    return None


def limit(limits: Limits, taken: int | None) -> None:
    """Set the limits of this process that the kernel watches over, for good.

    taken: the `size` that the memory comes on top of.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.file,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_CPU: int(limits.submission + limits.grace) + 1,
    }
    if taken is not None:
        wanted[resource.RLIMIT_AS] = taken + limits.memory
    if os.getuid() != 0:  # root's own processes are not counted
        wanted[resource.RLIMIT_NPROC] = limits.tasks
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
