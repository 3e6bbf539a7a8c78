"""The bytes of files that other people made: no more than are wanted, and never a wait."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

#: What is no file though it has a name; opening it may wait for ever, reading it never end.
_NO_FILES = (
    (stat.S_ISFIFO, "a pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
)
_OPEN_PIPES = ("/dev/", "/proc/")  # where a shell puts the pipe of <(command)


def start_of(path: Path, most: int) -> bytes:
    """The first `most` bytes of a file.

    raises    OSError, also for what is no file; ValueError for what cannot be a path
    """
    mode = path.stat().st_mode
    why = next((why for is_one, why in _NO_FILES if is_one(mode)), None)
    if why and not (stat.S_ISFIFO(mode) and str(path).startswith(_OPEN_PIPES)):
        raise OSError(errno.EINVAL, why, str(path))
    with path.open("rb") as file:
        return file.read(most)
