"""A lock on a file: one search at a time."""

import contextlib
import errno
import os
import socket
import stat
import time
import warnings

import filelock

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["locked"]

_CANNOT_LOCK = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_CANNOT_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def locked(path):
    """Hold the lock of a file while the block runs.

    The lock is a file of its own, ``NAME.lock``, with the name of the process that holds it. It
    ends with its process, and the file goes with it, unless the process is killed: then the
    next one takes it over.

    Parameters
    ----------
    path : pathlib.Path
        What is locked. It need not exist.

    Raises
    ------
    ValueError
        If another search holds the lock. The message says which process.
    """
    lock_path = path.with_name(path.name + ".lock")
    with contextlib.ExitStack() as stack:
        if fcntl is None:
            _enter_filelock(stack, path, lock_path)
        else:
            stack.enter_context(_fcntl_lock(path, lock_path))
        yield


def _enter_filelock(stack, path, lock_path):
    try:
        stack.enter_context(filelock.FileLock(lock_path, timeout=0))
    except filelock.Timeout as error:
        raise _held(path, "") from error


@contextlib.contextmanager
def _fcntl_lock(path, lock_path):
    descriptor = None
    try:
        while descriptor is None:
            descriptor = _try_lock(path, lock_path)
    except OSError as error:
        if error.errno in _CANNOT_LOCK:
            warnings.warn(
                f"The file system of checkpoint={str(path)!r} has no locks ({error}). Take care "
                "that no other search writes to it.",
                stacklevel=2,
            )
        elif error.errno not in _CANNOT_WRITE:  # where nothing can be written none is lost
            raise OSError(
                error.errno,
                f"checkpoint={str(path)!r} cannot be locked by a file beside it "
                f"({error.strerror}). Pass another file name",
            ) from error
    try:
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.unlink(lock_path)
            os.close(descriptor)


def _try_lock(path, lock_path):
    """Return the open lock file, or None if it was removed meanwhile."""
    # A link or a pipe that somebody put there is neither followed nor waited for.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(lock_path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            raise _no_file(lock_path) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _no_file(lock_path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace")
            raise _held(path, holder) from error
        if _is_at(lock_path, descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _this_process().encode(), 0)
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)  # its holder removed it between our opening and locking
    return None


def _is_at(path, descriptor):
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _this_process():
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()} since {since}"


def _held(path, holder):
    return ValueError(
        f"checkpoint={str(path)!r} is in use by another search "
        f"({holder or 'its process is unknown'}). Two searches on one file would "
        "lose points: wait for the other, end it, or pass "
        "another file name."
    )


def _no_file(path):
    return ValueError(
        f"{str(path)!r}, the lock of the checkpoint, is a link or no regular file. Remove it, or "
        "pass another file name as checkpoint."
    )
