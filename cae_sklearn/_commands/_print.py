"""What the commands print and write."""

from functools import partial

say = partial(print, flush=True)


def print_table(table, n_left=0):
    """Print a list of dicts of texts under their keys; the first columns are aligned left."""
    lines = [list(table[0]), *(list(line.values()) for line in table)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    align = [str.ljust] * n_left + [str.rjust] * (len(widths) - n_left)
    texts = [
        "  ".join(put(text, width) for put, text, width in zip(align, line, widths, strict=True))
        for line in lines
    ]
    say(texts[0], "-" * len(texts[0]), *texts[1:], sep="\n")


def accuracy(value):
    """Return an accuracy as text."""
    return "-" if value is None else f"{value:.4f}"


def clock(seconds):
    """Return minutes and seconds as text."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"


def save(pictures, folder):
    """Write figures to a folder, close them, and return their names as text."""
    import matplotlib.pyplot as plt

    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.png", dpi=120)
        plt.close(figure)
    return ", ".join(sorted(pictures))
