"""Settings of the site, which ``make docs`` builds."""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow starts, for the gallery

from docutils import nodes
from latex2mathml.converter import convert

from cae_sklearn import __version__

project = "cae_sklearn"
author = "The cae_sklearn developers"
copyright = "2026, the cae_sklearn developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "auto_examples/*.ipynb"]
templates_path = ["_templates"]
nitpicky = False  # types in docstrings are prose

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

extlinks = {
    "doi": ("https://doi.org/%s", "doi:%s"),
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
}
smartquotes = False  # "adam" is code
autosummary_generate = True
html_math_renderer = "mathml"
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the templates list them
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "cae_sklearn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": "plot_",
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "min_reported_time": 1,
    "parallel": 2,
    "plot_gallery": "True",
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("cae_sklearn",),
    "write_computation_times": False,
}


SKLEARN = "https://scikit-learn.org/stable/modules/generated/"


def link_to_sklearn(app, env, node, content):
    """Return a link to a page of scikit-learn's site; no inventory is fetched for it.

    Inherited docstrings refer to sections of that site by labels: these become plain text.
    """
    target = node.get("reftarget", "")
    if re.fullmatch(r"sklearn(\.\w+)+", target):
        return nodes.reference("", "", content, internal=False, refuri=f"{SKLEARN}{target}.html")
    if node.get("reftype") == "ref" and "sklearn" in (node.source or ""):
        return content
    return None


def write_math(writer, node):
    """Write a formula as MathML, which browsers draw without a script from elsewhere."""
    display = "inline" if isinstance(node, nodes.math) else "block"
    writer.body.append(convert(node.astext(), display=display))
    raise nodes.SkipNode


def setup(app):
    """Connect what this file defines."""
    app.add_html_math_renderer("mathml", (write_math, None), (write_math, None))
    app.connect("missing-reference", link_to_sklearn)
