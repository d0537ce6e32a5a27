"""What a new reader looks for is found by its name: in the site's sidebar and in the listing of folders."""
import json
import re
from pathlib import Path

import pytest

import make_site
from conftest import ROOT

# What is looked for: section of the sidebar, title of the page, heading there.
WANTED = {
    "the loss": ("Models", "Losses", "Softmax loss"),
    "a new file format": ("Data", "Datasets", "Adding a file format"),
    "a filter, by country say": ("Serve", "Filters", "Adding a filter"),
}


def headings(path):  # of a notebook, its title first
    cells = json.loads((ROOT / "nbs" / path).read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^#+ (.+)", prose, flags=re.M)


def table():  # CONTRIBUTING's: what is looked for -> where it is
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| (.+?) \| (.+) \|$", text.partition("\n## Change")[0], flags=re.M))


@pytest.mark.parametrize("wanted", WANTED)
def test_the_sidebar_leads_to_it(wanted):
    section, title, heading = WANTED[wanted]
    [items] = [item["contents"] for item in make_site.sidebar()
               if "section" in item and item["section"].startswith(section)]
    [page] = [page for page in map(Path, items) if headings(page)[0] == title]
    assert heading in headings(page)


@pytest.mark.parametrize("wanted", WANTED)
def test_the_listing_of_folders_leads_to_it(wanted):
    section, title, _ = WANTED[wanted]
    [path] = (ROOT / "nbs" / section.lower()).glob(f"[0-9][0-9]_{title.lower()}.ipynb")
    assert (ROOT / "movierec" / section.lower() / f"{title.lower()}.py").exists()
    assert f"nbs/{section.lower()}/{path.name}" in table()[wanted]


@pytest.mark.parametrize("wanted", WANTED)
def test_contributing_names_the_heading(wanted): assert f'"{WANTED[wanted][2]}"' in table()[wanted]


def test_whatever_contributing_names_is_there():
    named = [name for place in table().values() for name in re.findall(r"`([^`]+/[^`]*)`", place)]
    assert len(named) > 5 and [name for name in named if not (ROOT / name).exists()] == []
