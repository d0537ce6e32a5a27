"""Make README.md from nbs/index.ipynb, as nbdev_readme does where Quarto is installed.

    python tests/tools/make_readme.py
"""
import re
from pathlib import Path

import pypandoc

from notebook_markdown import for_readers, markdown

ROOT = Path(__file__).parents[2]
MADE = "<!-- Made from nbs/index.ipynb by `make readme`: edit the notebook. -->"


def _pipe_table(html):
    table = pypandoc.convert_text(html, "gfm-raw_html", "html", extra_args=["--columns=500"])
    return re.sub(r"\\\[(.*?)\\\]", r"[\1]  ", table)  # a list in a cell is no link


def _from_the_top(text):  # links and images of nbs/index.ipynb, seen from the folder above
    return re.sub(r"\]\((?![a-z]+:|#|/)", "](nbs/", text).replace("](nbs/../", "](")


def readme(index):  # path of the notebook -> text of README.md
    notebook = for_readers(index)
    body = markdown(notebook, prose=_from_the_top, table=_pipe_table)
    if "data:image/" in body or "```{=html}" in body:
        raise ValueError(
            "README.md cannot hold a figure's data: keep the picture beside the notebook and link to it"
        )
    front = notebook.frontmatter_
    body = re.sub(r"<!-- WARNING: .*? -->\n*", "", body)
    return f"# {front['title']}\n\n{MADE}\n\n> {front['description']}\n\n{body}"


if __name__ == "__main__": (ROOT/"README.md").write_text(readme(ROOT/"nbs"/"index.ipynb"), encoding="utf-8")
