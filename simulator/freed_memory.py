"""Keeps freed memory in the process, so that the next tensor of its size finds it there.

Without this, the C library returns the memory of large tensors to the operating system, which
fills it with zeros page by page when the next tensor is made.
"""

from __future__ import annotations

import ctypes

#: Parameters of glibc's `mallopt` (malloc.h).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: Blocks of this size are mapped one by one; the largest that glibc allows.
LARGEST_KEPT_BYTES = 2**25
#: Free bytes at the end of the heap that are kept.
KEPT_BYTES = 2**28


def keep_freed_memory() -> None:
    """Sets the limits in this process; does nothing where the C library is not glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return
    mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
