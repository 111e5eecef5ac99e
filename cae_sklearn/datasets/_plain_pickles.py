"""Pickles of plain containers and arrays of numbers, read without Python's own unpickler.

That one runs what a pickle asks for, and reserves memory by sizes and places that the file only
claims. This one knows no classes, and needs memory and time in proportion to the file.
"""

import pickletools
import re

import numpy as np

_MOST_STEPS = 2_000_000  # a published batch has about 40,000
_MARK = object()
_VALUES = frozenset(
    ["INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"]
    + ["BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"]
    + ["UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"]
)
_NEW = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}


class PickleError(ValueError):
    """The pickle is damaged, or holds more than plain containers and arrays."""


def read_pickle(blob):
    """Return what the bytes of a pickle hold.

    Dicts, lists, tuples, strings, bytes, numbers and NumPy arrays of numbers are known; keys of
    dicts are strings or bytes. The byte strings of Python 2 come back as bytes.
    """
    machine = _Machine(len(blob))
    for step, (operation, argument, _) in enumerate(pickletools.genops(blob)):
        if step > _MOST_STEPS:
            raise PickleError(f"it has more than {_MOST_STEPS} steps")
        machine.run(operation.name, argument)
    return machine.result()


class _Array:
    """Stands for numpy.ndarray until its values come."""

    values = None


class _Dtype:
    """Stands for numpy.dtype, of plain numbers only."""

    def __init__(self, name):
        if not re.fullmatch(r"[<>|=]?[biuf][1248]", name):
            raise PickleError(f"it holds an array of {name[:20]!r}, which is no plain number")
        self.dtype = np.dtype(name)


class _Machine:
    """The stack and memory of a pickle; each method named `do_...` is one operation."""

    def __init__(self, n_bytes):
        self.stack, self.memory = [], {}
        self.n_encoded, self.n_bytes = 0, n_bytes

    def run(self, name, argument):
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _NEW:
            self.stack.append(_NEW[name]())
        elif name.endswith("STRING"):
            self.stack.append(argument.encode("latin1"))
        elif name.endswith("GET"):
            self.stack.append(self.memory[int(argument)])
        elif name.endswith("PUT") or name == "MEMOIZE":
            place = len(self.memory) if name == "MEMOIZE" else int(argument)
            self.memory[place] = self.top()
        elif name.startswith("TUPLE") and name != "TUPLE":
            self.stack.append(tuple(self.pop(int(name[-1]))))
        elif name not in ("PROTO", "FRAME", "STOP"):
            operation = getattr(self, f"do_{name.lower()}", None)
            if operation is None:
                raise PickleError(f"it asks for {name}, which is refused")
            operation(argument)

    def result(self):
        (value,) = self.stack
        return _plain(value)

    def top(self, kind=object):
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise PickleError("its steps do not fit together")
        return self.stack[-1]

    def pop(self, n):
        if len(self.stack) < n:
            raise PickleError("its steps do not fit together")
        values = self.stack[len(self.stack) - n :]
        del self.stack[len(self.stack) - n :]
        return values

    def pop_to_mark(self):
        place = len(self.stack) - 1
        while place >= 0 and self.stack[place] is not _MARK:
            place -= 1
        if place < 0:
            raise PickleError("its steps do not fit together")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def do_tuple(self, _):
        self.stack.append(tuple(self.pop_to_mark()))

    def do_list(self, _):
        self.stack.append(self.pop_to_mark())

    def do_dict(self, _):
        pairs = self.pop_to_mark()
        self.stack.append({})
        self.set_items(pairs)

    def do_append(self, _):
        (value,) = self.pop(1)
        self.top(list).append(value)

    def do_appends(self, _):
        values = self.pop_to_mark()
        self.top(list).extend(values)

    def do_setitem(self, _):
        self.set_items(self.pop(2))

    def do_setitems(self, _):
        self.set_items(self.pop_to_mark())

    def set_items(self, pairs):
        keys = pairs[::2]
        if not all(isinstance(key, str | bytes) for key in keys):
            raise PickleError("keys of its dicts must be strings")
        self.top(dict).update(zip(keys, pairs[1::2], strict=True))

    def do_global(self, argument):
        self.find(*argument.split(" ", 1))

    def do_stack_global(self, _):
        self.find(*self.pop(2))

    def find(self, module, name):
        """Push what stands for `name` of NumPy's `module`, or refuse."""
        known = {
            "numpy.ndarray": _Array,
            "numpy.dtype": _Dtype,
            "numpy._core.multiarray._reconstruct": self.reconstruct,
            "numpy._core.numeric._frombuffer": self.from_buffer,
            "_codecs.encode": self.encode,  # how old protocols hold the bytes of Python 3
        }
        # NumPy 1, which wrote the published batches, has no underscore in numpy.core.
        asked = f"{_text(module)}.{_text(name)}"
        wanted = asked.replace("numpy.core.", "numpy._core.")
        if wanted not in known:
            raise PickleError(f"it asks for {asked[:80]}, which is refused")
        self.stack.append(known[wanted])

    def do_reduce(self, _):
        function, arguments = self.pop(2)
        if function is _Dtype:
            self.stack.append(_Dtype(_text(arguments[0])))
        elif function in (self.reconstruct, self.from_buffer, self.encode):
            self.stack.append(function(*arguments))
        else:
            raise PickleError("its steps do not fit together")

    def reconstruct(self, *_):
        return _Array()

    def encode(self, text, encoding):
        self.n_encoded += len(text)
        if self.n_encoded > self.n_bytes:
            raise PickleError("it encodes the same text again and again")
        if _text(encoding) != "latin1":
            raise PickleError(f"it asks for the encoding {_text(encoding)[:20]}, which is refused")
        return text.encode("latin1")

    def from_buffer(self, raw, dtype, shape, order):
        array = _Array()
        array.values = np.frombuffer(raw, dtype.dtype).reshape(shape, order=_text(order))
        return array

    def do_build(self, _):
        state = self.pop(1)[0]
        target = self.top((_Array, _Dtype))
        if isinstance(target, _Dtype):
            target.dtype = target.dtype.newbyteorder(_text(state[1]))
            return
        _, shape, dtype, in_columns, raw = state
        target.values = self.from_buffer(raw, dtype, shape, "F" if in_columns else "C").values


def _text(value):
    if not isinstance(value, str | bytes):
        raise PickleError("its steps do not fit together")
    return value.decode("latin1") if isinstance(value, bytes) else value


def _plain(value):
    """Put the arrays in place of what stands for them, in the outermost dict."""
    if not isinstance(value, dict):
        raise PickleError(f"it must hold a dict, but holds a {type(value).__name__}")
    return {key: part.values if isinstance(part, _Array) else part for key, part in value.items()}
