"""Make the site from the notebooks: with Quarto (nbdev_docs) where it is installed, else with Pandoc.

    python tests/tools/make_site.py _docs
"""
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pypandoc
import yaml
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html

from explorer import NoNpm, add_explorer, node_modules, sample_bundle
from notebook_markdown import for_readers, markdown

ROOT = Path(__file__).parents[2]
NBS = ROOT/"nbs"
READER = "markdown+lists_without_preceding_blankline"  # a list right after a line, as Jupyter shows it


def notebooks():  # -> paths below nbs/, as in _quarto.yml
    return sorted(
        path.relative_to(NBS)
        for path in NBS.rglob("*.ipynb")
        if not re.search(r"(^|/)[_.]", path.relative_to(NBS).as_posix())
    )


def sidebar(): return yaml.safe_load((ROOT/"_quarto.yml").read_text())["website"]["sidebar"]["contents"]


def _is_elsewhere(address): return address.startswith("https:")


def entries(items):  # the notebooks of the sidebar, in order
    for item in items:
        if isinstance(item, str): yield Path(item)
        elif "section" in item: yield from entries(item["contents"])
        elif not _is_elsewhere(item["href"]): yield Path(item["href"])


def check_sidebar():
    listed, there = set(entries(sidebar())), set(notebooks())
    problems = [f"{path} is in _quarto.yml but not in nbs/" for path in sorted(listed - there)]
    return problems + [
        f"{path} is in nbs/ but not in the sidebar of _quarto.yml" for path in sorted(there - listed)
    ]


def _sidebar_html(items, titles, here):
    lines = []
    for item in items:
        item = {"href": item} if isinstance(item, str) else item
        if "section" in item:
            lines.append(
                f'<li class="section">{item["section"]}</li>{_sidebar_html(item["contents"], titles, here)}'
            )
        else: lines.append(_sidebar_link(item["href"], item.get("text"), titles, here))
    return f"<ul>{''.join(lines)}</ul>"


def _sidebar_link(address, text, titles, here):
    if _is_elsewhere(address): return f'<li><a href="{address}">{html.escape(text)}</a></li>'
    page = Path(address)
    current = ' aria-current="page"' if page == here else ""
    address = _relative(_nbpath2html(page), here)
    return f'<li><a href="{address}"{current}>{html.escape(text or titles[page])}</a></li>'


def _relative(page, here): return Path(os.path.relpath(page, here.parent)).as_posix()


def _place(link, ids):  # nbdev documents a method of a class's own cell under the class, and nothing internal
    page, _, name = link.partition("#")
    name = next((o for o in (name, name.partition(".")[0]) if o in ids.get(page, ())), None)
    return f"{page}#{name}" if name else page


def _link_to_page(link):  # of a notebook
    return f'href="{_nbpath2html(Path(link[1])).as_posix()}{link[2]}"'


def _local_links(text, here, ids):  # links to our own site and to notebooks become links between the pages
    site = get_config().doc_host + get_config().doc_baseurl + "/"
    text = re.sub(
        rf'href="{re.escape(site)}([^"]*)"',
        lambda link: f'href="{_relative(_place(link[1], ids), here)}"',
        text,
    )
    return re.sub(r'href="(?![a-z]+:)([^"#]+\.ipynb)([^"]*)"', _link_to_page, text)


def _page(path, notebook, titles):  # -> HTML
    promise = notebook.frontmatter_.get("description", "")
    variables = {
        "title": titles[path],
        "summary": html.escape(promise.replace("`", "")),
        "root": "../" * (len(path.parts) - 1),
        "sidebar": _sidebar_html(sidebar(), titles, path),
    }
    arguments = [
        "--standalone",
        "--mathml",
        "--toc",
        "--toc-depth=3",
        f"--template={ROOT / 'tests' / 'tools' / 'page.html'}",
    ]
    arguments += [f"--variable={name}={value}" for name, value in variables.items()]
    return pypandoc.convert_text(
        f"::: promise\n{promise}\n:::\n\n{markdown(notebook)}", "html5", READER, extra_args=arguments
    )


def _read(path):
    try:
        return for_readers(NBS / path)
    except Exception as error:
        raise SystemExit(f"nbs/{path} cannot become a page: {error}\n{error.__cause__!r}") from error


def make_site(to):  # every notebook -> a page in the folder `to`, which is made anew
    if problems := check_sidebar(): raise SystemExit("\n".join(problems))
    shutil.rmtree(to, ignore_errors=True)
    read = {path: _read(path) for path in notebooks()}
    titles = {path: notebook.frontmatter_["title"] for path, notebook in read.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pandoc works in processes of its own
        made = pool.map(lambda path: _page(path, read[path], titles), read)
        pages = dict(zip(read, made))
    ids = {
        _nbpath2html(path).as_posix(): set(re.findall(r'\bid="([^"]+)"', page))
        for path, page in pages.items()
    }
    for path, page in pages.items():
        target = to/_nbpath2html(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_local_links(page, path, ids), encoding="utf-8")
    for path in NBS.rglob("*"):  # pictures, styles and whatever else the notebooks link to
        if path.is_file() and path.suffix != ".ipynb" and not path.name.startswith(("_", ".")):
            (to/path.relative_to(NBS)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to/path.relative_to(NBS))


def make_explorer(to):  # what the page of the explorer loads, for which a ranker is trained
    try:
        node_modules()
    except NoNpm as error:
        return print(f"{error}: the page of the explorer will say that it cannot work", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder: add_explorer(to, sample_bundle(Path(folder)))


if __name__ == "__main__":
    to = Path(sys.argv[1])
    if shutil.which("quarto"):
        # nbdev_docs makes README.md anew where it is older than the notebook, and it is ours to make.
        (ROOT / "README.md").touch()
        subprocess.run(["nbdev_docs"], cwd=ROOT, check=True)
    else: make_site(to)
    make_explorer(to/"explorer")
