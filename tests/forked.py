"""Code in processes that may fork: without threads, and with the cache imported."""

import contextlib
import io
import multiprocessing
import os
import textwrap
import traceback

FRESH = """
import multiprocessing, os, sys, time
from pathlib import Path
from cae_sklearn.caching import FitOnceMemory

def fresh(*functions):
    '''Run functions at the same time, each in a process that has cached nothing yet.'''
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=function, daemon=True) for function in functions]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * len(processes)
"""


def run(code, folder):
    """Run code in a folder, in a process of its own; return what it prints.

    The process is forked from one that has imported the cache, so that it starts at once.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cae_sklearn.caching"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_execute, args=(FRESH + textwrap.dedent(code), folder, theirs))
    process.start()
    theirs.close()
    try:
        assert ours.poll(100), "the code takes too long"
        printed, error = ours.recv()
    finally:
        process.kill()
        process.join()
        ours.close()
    assert not error, error
    return printed


def _execute(code, folder, connection):
    os.chdir(folder)
    printed, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    except BaseException:
        error = traceback.format_exc()
    connection.send((printed.getvalue(), error))
