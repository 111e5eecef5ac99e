"""The first import of TensorFlow, without the lines that it always prints.

On a machine without a GPU the package ``tensorflow`` writes six to nine lines to the standard error
of each process, one of which looks like an error. They come while it is loaded, before it reads
``TF_CPP_MIN_LOG_LEVEL`` (https://github.com/tensorflow/tensorflow/issues/100442), and bypass
Python. So this file alone puts a temporary file in the place of file descriptor 2, for as long as
the import takes, and then passes on all but these lines. Log levels stay as they are. Nothing is
done where TensorFlow is imported already, or where ``TF_CPP_MIN_LOG_LEVEL`` is set: then the
user has decided what to see.
"""

import os
import re
import sys
import tempfile
from contextlib import contextmanager, nullcontext

KNOWN = re.compile(
    rb"All log messages before absl::InitializeLog\(\) is called"
    rb"|cudart_stub\.cc.*Could not find cuda drivers"
    rb"|failed call to cuInit.*(303|NO_DEVICE)"  # there is no driver, or no GPU
    rb"|Unable to register cu(FFT|DNN|BLAS) factory|computation placer already registered"
    rb"|cpu_feature_guard\.cc|^To enable the following instructions: "
    rb"|oneDNN custom operations are on"
)


@contextmanager
def without_known_lines():
    """Pass on what is written to file descriptor 2 in the block, but for the lines ``KNOWN``."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as written:
        stderr = os.dup(2)
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            others = b"".join(line for line in written if not KNOWN.search(line))
            if others:
                os.write(2, others)


def _has_stderr():
    try:
        os.fstat(2)
        return sys.stderr is not None
    except OSError:  # closed
        return False


def import_tensorflow():
    """Import TensorFlow and let it look for GPUs."""
    decided = "tensorflow" in sys.modules or "TF_CPP_MIN_LOG_LEVEL" in os.environ
    with nullcontext() if decided or not _has_stderr() else without_known_lines():
        import tensorflow as tf

        tf.config.list_physical_devices()


import_tensorflow()
