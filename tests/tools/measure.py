"""Measure a checkout: chapters, lines, widths, cells, prose, public names, types, defaults that stand twice.

    python tests/tools/measure.py [FOLDER] [--list]

FOLDER is the top of a checkout of any revision; without it, this one. `--list` names what is counted.
"""
import argparse
import ast
from collections import defaultdict
from pathlib import Path
from statistics import median

import yaml

import style_docs
from style_form import WIDE
from style_notebook import ROOT, functions, nodes, notebooks, words

OPTIONS = ("Options", "Config", "Settings", "Recipe")  # how a dataclass of settings is called
GROUPS = ("model", "trainer", "store", "split")        # folders of conf/ with one YAML file for each choice


def exported_lines(nb): return [line for cell in nb.exported for line in cell.lines]


def typical_cell(nb): return median([len(cell.lines) for cell in nb.exported if not cell.only_imports] or [0])


def prose_words(nb): return sum(len(words(cell.source)) for cell in nb.cells if cell.kind == "markdown")


def _names(node):  # that a statement at the top of a cell defines
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        patched = any("patch" in ast.unparse(each) for each in node.decorator_list)
        return [] if patched else [node.name]
    if isinstance(node, ast.Assign):
        return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return [node.target.id] if isinstance(node, ast.AnnAssign) else []


def public_names(nb):
    cells = [cell for cell in nb.having("export") if cell.tree]
    found = [name for cell in cells for node in cell.tree.body for name in _names(node)]
    return [name for name in dict.fromkeys(found) if not name.startswith("_")]


def _untyped(nb):
    documented = [each for cell in nb.exported for each in style_docs.documented_functions(cell)]
    return [f"{nb.module}: {each.name} {name}" for each in documented for name in style_docs.untyped(each)]


# on results without a type, and on `**options` where the pages are made without them
def _lost_comments(root, nb):
    pages = (root / "tests" / "tools" / "notebook_markdown.py", root / "tests" / "notebook_markdown.py")
    options_are_shown = any(
        "args_kwargs" in path.read_text(encoding="utf-8") for path in pages if path.exists()
    )
    return [*style_docs.lost_results(nb), *([] if options_are_shown else style_docs.commented_options(nb))]


# Defaults

def _is_literal(node):  # a value that is written here: a number, text, true or false, names
    if isinstance(node, (ast.Tuple, ast.List)): return bool(node.elts) and all(map(_is_literal, node.elts))
    if isinstance(node, ast.UnaryOp): return _is_literal(node.operand)
    return isinstance(node, ast.Constant) and node.value is not None


def _field_default(node):  # of a dataclass: `= 64`, `= setting(64, ...)` or `= field(default=64)`
    if not isinstance(node, ast.Call): return node
    given = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "default")]
    return given[0] if given else None


def _fields(nb):  # names with a default in a dataclass of settings
    for cell in nb.exported:
        for node in nodes(cell, ast.ClassDef):
            if not node.name.endswith(OPTIONS) or node.name in OPTIONS[1:3]:
                continue  # Config is made of the others
            for each in node.body:
                is_field = isinstance(each, ast.AnnAssign) and each.value
                if is_field and _is_literal(_field_default(each.value)): yield each.target.id, node.name


def _parameters(nb):  # names with a default in a signature
    for cell in nb.exported:
        for function in functions(cell):
            given = function.args
            pairs = list(zip(given.args[::-1], given.defaults[::-1])) + list(
                zip(given.kwonlyargs, given.kw_defaults)
            )
            for parameter, default in pairs:
                if default and _is_literal(default): yield parameter.arg, f"{nb.module}.{function.name}"


def _keys(value):  # leaves of a YAML file that hold a value
    for name, each in (value or {}).items():
        if isinstance(each, dict): yield from _keys(each)
        elif each not in (None, []) and name != "name": yield name  # a file's own name is no default


def _is_generated(root):  # are the files of conf/ made from the dataclasses, and is that checked?
    tool = root / "tests" / "tools" / "check_generated.py"
    return tool.exists() and "check_conf" in tool.read_text(encoding="utf-8")


# {setting: places}, where its default is written in places of more than one kind
def repeated_defaults(root, nbs):
    places = defaultdict(lambda: defaultdict(set))
    for nb in nbs:
        for name, place in _fields(nb): places[name]["dataclass"].add(place)
        for name, place in _parameters(nb): places[name]["signature"].add(place)
    for group in GROUPS if not _is_generated(root) else ():
        for path in (root / "movierec" / "conf" / group).glob("*.yaml"):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            for name in _keys(content): places[name]["YAML"].add(f"{group}/{path.name}")
    settings = {name: found for name, found in places.items() if found.keys() & {"dataclass", "YAML"}}
    settings.pop("name", None)  # which of several, not how it works
    return {name: sorted(set().union(*found.values())) for name, found in settings.items() if len(found) > 1}


def measure(root):  # -> [(what, number, names)] of the whole, [(chapter, ...)] of each chapter
    nbs = [nb for nb in notebooks(root)[0] if nb.module]
    lines = [line for nb in nbs for line in exported_lines(nb)]
    wide = [line for line in lines if len(line) > WIDE]
    names = [f"{nb.module}.{name}" for nb in nbs for name in public_names(nb)]
    untyped = [each for nb in nbs for each in _untyped(nb)]
    lost = [f"{nb.module}: {name}" for nb in nbs for name in _lost_comments(root, nb)]
    twice = repeated_defaults(root, nbs)
    places = [f"{name}: {', '.join(where)}" for name, where in sorted(twice.items())]
    over = [f"{nb.module} {typical_cell(nb):g}" for nb in nbs if typical_cell(nb) > 8]
    prose = sum(map(prose_words, nbs))
    whole = [
        ("chapters", len(nbs), []),
        ("exported lines", len(lines), []),
        (f"lines over {WIDE} columns", len(wide), []),
        ("share of these", f"{len(wide) / len(lines):.1%}", []),
        ("chapters with a median cell over 8 lines", len(over), over),
        ("prose words per exported line", f"{prose / len(lines):.1f}", []),
        ("public names", len(names), names),
        ("parameters and results without a type", len(untyped), untyped),
        ("comments lost on the site", len(lost), lost),
        ("settings whose default stands twice", len(twice), places),
    ]
    return whole, [_chapter(nb) for nb in nbs]


def _chapter(nb):
    lines = exported_lines(nb)
    wide = sum(len(line) > WIDE for line in lines)
    return (
        nb.module,
        len(lines),
        wide,
        typical_cell(nb),
        prose_words(nb) / max(len(lines), 1),
        len(public_names(nb)),
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", default=ROOT, type=Path)
    parser.add_argument("--list", action="store_true", help="name what is counted")
    given = parser.parse_args()
    whole, chapters = measure(given.folder.resolve())
    print(f"{'chapter':<24}{'lines':>7}{'wide':>6}{'median cell':>13}{'words/line':>12}{'public':>8}")
    for name, lines, wide, middle, prose, public in chapters:
        print(f"{name:<24}{lines:>7}{wide:>6}{middle:>13g}{prose:>12.1f}{public:>8}")
    print()
    for what, number, names in whole:
        print(f"{what:<42}{number:>8}")
        if given.list: print("".join(f"    {name}\n" for name in names), end="")


if __name__ == "__main__": main()
