"""Every notebook becomes a page, and every link between pages leads somewhere."""
import importlib
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import pytest
from execnb.nbio import mk_cell, new_nb, write_nb
from nbdev.doclinks import _nbpath2html

import make_site
import notebook_markdown
from conftest import ROOT


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.ids, self.text = [], set(), ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]

    def handle_data(self, data): self.text += data


@pytest.fixture(scope="module")
def pages(site): return {path.relative_to(site): Page(path) for path in site.rglob("*.html")}


def test_sidebar_lists_every_notebook_once():
    assert make_site.check_sidebar() == []
    listed = list(make_site.entries(make_site.sidebar()))
    assert len(listed) == len(set(listed)) and listed[0] == Path("index.ipynb")


def test_sidebar_lists_chapters_by_folder_in_their_order():
    listed = [path for path in make_site.entries(make_site.sidebar()) if path.name[:2].isdigit()]
    folders = [path.parent for path in listed if path.parent != Path(".")]
    together = [folder for n, folder in enumerate(folders) if n == 0 or folders[n - 1] != folder]
    assert len(together) == len(set(together)), "the chapters of a folder stand together"
    for folder in set(folders):
        names = [path.name for path in listed if path.parent == folder]
        assert names == sorted(names), folder


def test_every_notebook_has_a_page(pages):
    assert {_nbpath2html(path) for path in make_site.notebooks()} <= set(pages)


def test_every_link_between_pages_leads_somewhere(pages, site):
    dead = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link): continue
            target, _, anchor = link.partition("#")
            file = (site/path.parent/target).resolve() if target else site/path
            there = pages.get(file.relative_to(site.resolve()) if target else path)
            if not file.exists() or (anchor and there and anchor not in there.ids):
                dead.append(f"{path}: {link}")
    assert dead == []


def test_every_public_name_has_its_place(pages):
    index = runpy.run_path(str(ROOT/"movierec"/"_modidx.py"))["d"]["syms"]
    places = [symbols[f"{module}.{name}"][0] for module, symbols in index.items()
              for name in importlib.import_module(module).__all__ if f"{module}.{name}" in symbols]
    assert len(places) > 20
    assert [
        place for place in places if place.partition("#")[2] not in pages[Path(place.partition("#")[0])].ids
    ] == []


def test_pages_show_code_results_and_documentation(pages):
    text = pages[Path("models/splits.html")].text
    assert "split_ratings(ratings)" in text and "1260759108" in text
    assert "Mark each rating as train, validation or test." in text
    assert "default_exp" not in text and "nbdev_export" not in text


def test_comments_on_options_and_results_are_shown(tmp_path):
    comments = "a number", "of the model", "its double"
    code = "#| export\ndef f(\n    x: int,  # {}\n    **options,  # {}\n) -> int:  # {}\n    return x"
    code = code.format(*comments)
    title = mk_cell("# F\n\n> A function.", "markdown")
    notebook = new_nb([title, mk_cell("#| default_exp f"), mk_cell(code)])
    write_nb(notebook, tmp_path / "00_f.ipynb")
    shown = notebook_markdown.markdown(notebook_markdown.for_readers(tmp_path / "00_f.ipynb"))
    assert [comment for comment in comments if comment not in shown] == []


def test_comments_on_the_fields_of_options_are_shown(pages):
    assert "seconds for one request" in pages[Path("store/arango_settings.html")].text
    assert "steps of message passing" in pages[Path("models/lightgcn.html")].text


def test_no_page_shows_a_link_inside_a_link(pages):
    assert [path for path, page in pages.items() if "](http" in page.text] == []
