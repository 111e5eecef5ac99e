"""Files that several tests of loaders share."""

import pytest

pytest.importorskip("PIL.Image")

from image_files import picture, save


@pytest.fixture
def tree(tmp_path):
    """Two classes of lossless 4 x 6 colour images, one of them two folders deep."""
    root = tmp_path / "TRAIN"
    pixels = {
        "BMP2/SN_9563/b.png": picture(4, 6),
        "BMP2/SN_9563/a.png": picture(4, 6),
        "BMP2/z.bmp": picture(4, 6),
        "T72/c.PNG": picture(4, 6),
    }
    for name, values in pixels.items():
        save(root / name, values)
    return root, pixels
