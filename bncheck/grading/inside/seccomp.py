"""A filter of system calls for a worker: no new processes, no sockets, no signals to others.

Threads are allowed.  What is refused fails with EPERM, as if the right were missing.  Linux on
x86_64 and aarch64; `forbid` says whether it could.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

EPERM, ENOSYS = 1, 38
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, EQUAL, GREATER, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST = 0, 4, 16  # offsets in the data that the filter sees
CLONE_THREAD = 0x10000
CLONE_NAMESPACES = 0x7E020000

# name: number on x86_64, number on aarch64 (-1: not there)
REFUSED = {
    "fork": (57, -1),
    "vfork": (58, -1),
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "memfd_create": (319, 279),  # memory that no limit on memory counts
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "personality": (135, 92),
}
CLONE, CLONE3 = (56, 220), (435, 435)
OWN_ONLY = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def forbid() -> bool:
    """Install the filter in this process, for good.  False where it is not available."""
    machine = MACHINES.get(platform.machine())
    if machine is None or not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        return False
    program = _program(*machine, os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    given = Program(len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, filtered = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0):
        return False
    return bool(libc.prctl(set_seccomp, filtered, ctypes.byref(given), 0, 0) == 0)


def _program(which: int, architecture: int, own: int) -> bytes:
    """The filter, as eight bytes for each step.  own: this process's id."""

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    def answer(errno: int) -> bytes:
        return step(RETURN, ERRNO | errno if errno else ALLOW)

    def refuse(number: int, errno: int) -> bytes:
        return step(EQUAL, number, 0, 1) + answer(errno)

    steps = step(LOAD, ARCHITECTURE) + step(EQUAL, architecture, 1, 0) + answer(EPERM)
    steps += step(LOAD, NUMBER)
    steps += step(GREATER, 0x40000000, 0, 1) + answer(EPERM)  # the other way to call of x86_64
    for numbers in REFUSED.values():
        if numbers[which] >= 0:
            steps += refuse(numbers[which], EPERM)
    steps += refuse(CLONE3[which], ENOSYS)  # the C library then uses clone, whose flags we can see
    for numbers in OWN_ONLY.values():
        zero_is_own = numbers == OWN_ONLY["prlimit64"]
        checks = step(LOAD, FIRST) + step(EQUAL, own, 2 if zero_is_own else 1, 0)
        if zero_is_own:
            checks += step(EQUAL, 0, 1, 0)
        checks += answer(EPERM) + answer(0)
        steps += step(EQUAL, numbers[which], 0, len(checks) // 8) + checks
    checks = step(LOAD, FIRST) + step(ANY_BIT, CLONE_NAMESPACES, 1, 0)
    checks += step(ANY_BIT, CLONE_THREAD, 1, 0) + answer(EPERM) + answer(0)
    steps += step(EQUAL, CLONE[which], 0, len(checks) // 8) + checks
    return steps + answer(0)
