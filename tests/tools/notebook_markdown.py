"""A notebook as Markdown, for README.md and the site: cells as nbdev's processors leave them for readers."""
import os
import re
import runpy
from contextlib import contextmanager
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

import fastcore.docments
from execnb.nbio import read_nb
from nbdev.doclinks import NbdevLookup
from nbdev.processors import FilterDefaults, add_links

ROOT = Path(__file__).parents[2]


class _ForReaders(FilterDefaults):
    "nbdev's own, but links are left to us: nbdev also writes them into code blocks."
    def base_procs(self): return [proc for proc in super().base_procs() if proc is not add_links]


def _packaged(found):
    "Give the package's class for one of a page: only a class in a file shows the comments on its fields."
    if not is_dataclass(found) or found.__module__ != "__main__": return found
    modules = runpy.run_path(str(ROOT / "movierec" / "_modidx.py"))["d"]["syms"]
    of_class = (module for module, names in modules.items() if f"{module}.{found.__name__}" in names)
    return getattr(import_module(next(of_class)), found.__name__)


@contextmanager
def _all_comments():
    "fastcore leaves out the comments on `**options`, and on the fields of a dataclass in a notebook."
    own = fastcore.docments.docments
    fastcore.docments.docments = lambda found, **how: own(_packaged(found), **{"args_kwargs": True, **how})
    try: yield
    finally: fastcore.docments.docments = own


@contextmanager
def _in_test():
    "IN_TEST is nbdev's word for: do not export while this runs."
    outer = os.environ.get("IN_TEST")
    os.environ["IN_TEST"] = "1"
    try: yield
    finally: os.environ.pop("IN_TEST") if outer is None else os.environ.update(IN_TEST=outer)


def for_readers(path):
    "Leave out the hidden cells, and put show_doc's output after each exported cell."
    with _in_test(), _all_comments():
        notebook = read_nb(path)
        _ForReaders()(notebook)
    return notebook


def link_names(text): return NbdevLookup().linkify(text)  # `recommend` -> a link to where it is documented


def _fence(text, language=""): return f"```{language}\n{text.rstrip()}\n```"


def _raw_html(html): return f"```{{=html}}\n{html}\n```"  # pandoc passes it on unchanged


def _output(output, table):
    if output["output_type"] == "stream": return _fence("".join(output["text"]), "text")
    data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
    if "text/markdown" in data: return data["text/markdown"]
    if "text/html" in data: return table(re.sub("<style.*?</style>", "", data["text/html"], flags=re.S))
    if "image/svg+xml" in data: return _raw_html(data["image/svg+xml"])
    if "image/png" in data:
        return _raw_html(f'<img alt="figure" src="data:image/png;base64,{data["image/png"].strip()}">')
    return _fence(data.get("text/plain", ""), "text")


def _code(cell, table):
    options = re.findall(r"^#\|\s*(.+?)\s*$", cell.source, flags=re.M)
    source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M).strip()
    shown = [_fence(source, "python")] if source and "echo: false" not in options else []
    return shown + [_output(output, table) for output in cell.get("outputs", [])]


def markdown(notebook, prose=link_names, table=_raw_html):  # `table` turns an HTML table into Markdown
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown": parts.append(prose(cell.source))
        if cell.cell_type == "code": parts += _code(cell, table)
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
