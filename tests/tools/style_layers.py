"""Imports go one way: between folders, within a folder, at import and at run time.

The order is that of LAYERS. A chapter belongs to the folder, or the top-level module, that its `default_exp`
names: nothing here lists single modules, so a new chapter is checked from its first cell on.
"""
import ast
import re
from pathlib import Path
from typing import NamedTuple

from style_notebook import Problem

LAYERS = ("core", "front_door", "data", "store", "settings", "config", "serve",    # above the wall
          "models", "train", "runs", "testing", "doctor", "completion", "commands",
          "cli")                                                                   # below it
SERVING = LAYERS[:LAYERS.index("models")]
TRAINING = ("models", "train")  # may import PyTorch at module level; others must work without extras
TORCH = ("torch", "torch_geometric", "torchvision", "fastai", "fastcore")
# Packages of extras are imported in the function that needs them.
OPTIONAL = (*TORCH, "nbdev", "execnb", "IPython", "matplotlib", "onnx", "onnxscript", "arango", "pooch",
            "tqdm", "ipywidgets")


class Import(NamedTuple):
    name: str       # dotted, such as movierec.data.tables or torch.nn
    line: int       # in its source, from 1
    at_top: bool    # does it run when the module is imported?


def _dynamic(call):  # the literal name in importlib.import_module("x") or __import__("x"), else None
    called = ast.unparse(call.func).rpartition(".")[2]
    literal = call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    return call.args[0].value if called in ("import_module", "__import__") and literal else None


def _package(call):  # `package` of import_module(".x", package="movierec.serve"), else None
    given = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "package")]
    return next((node.value for node in given if isinstance(node, ast.Constant)), None)


def _absolute(name, level, module):  # a relative name as seen from `module`
    if not level: return name
    base = module.split(".")
    base = base[:len(base) - level]
    return ".".join([*base, *filter(None, [name])])


def _names(node, module):  # dotted names that one statement or call imports
    if isinstance(node, ast.Import): return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        origin = _absolute(node.module, node.level, module)
        return [f"{origin}.{alias.name}" for alias in node.names]
    name = _dynamic(node)
    if name is None: return []
    level = len(name) - len(name.lstrip("."))
    if level and (package := _package(node)): return [_absolute(name[level:], level, f"{package}.x")]
    return [_absolute(name[level:], level, module)]


def _only_types(node): return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports(tree, module, at_top=True):  # -> all Imports of a tree, also in functions and by importlib
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Call)):
            yield from (Import(name, node.lineno, at_top) for name in _names(node, module))
        inner = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or _only_types(node)
        yield from imports(node, module, at_top and not inner)


def _layer(module):  # place of movierec.data.tables in LAYERS, or None
    folder = module.split(".")[1] if "." in module else ""
    return LAYERS.index(folder) if folder in LAYERS else None


def _is_in(name, packages): return name.split(".")[0] in packages


def module_of(name, modules):  # the module that a dotted name belongs to, or None
    parts = name.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 1, -1))
    return next((prefix for prefix in prefixes if prefix in modules), None)


def wrong_layer(module, found, modules):  # what is wrong with this Import in this module, or None
    folder = module.split(".")[1]
    if _is_in(found.name, TORCH) and folder in SERVING:
        return f"{folder} serves without PyTorch: it may not import {found.name}, not in a function either"
    if _is_in(found.name, OPTIONAL) and found.at_top and folder not in TRAINING:
        own = module.rpartition(".")[2].split("_")[0]  # store.arango_client is that extra's own module
        if own != found.name.split(".")[0]:
            return f"{found.name} comes with an extra: import it in the function that needs it"
    if not _is_in(found.name, ("movierec",)): return None
    if module_of(found.name, modules) == module: return None
    if _layer(found.name) is None:
        front_door = found.name.count(".") == 1 and not found.name.endswith(("__version__", "_modidx"))
        return f"{found.name} is no chapter: import it from its own module" if front_door else None
    if _layer(found.name) > _layer(module):
        return f"{folder} may not import {found.name}: imports go {' < '.join(LAYERS[1:])}"
    if found.at_top and folder not in TRAINING and found.name.split(".")[1] in TRAINING:
        return f"{found.name} needs PyTorch: import it in the function that needs it"
    return None


def _chapters(nbs): return {f"movierec.{nb.module}": nb for nb in nbs if nb.module}


def layers(nbs):
    "Rule: an exported cell imports from lower layers, and within its folder from lower numbers."
    chapters = _chapters(nbs)
    for module, nb in chapters.items():
        if _layer(module) is None:
            yield nb.problem(None, "layers", f"{module} is in none of the layers {', '.join(LAYERS)}")
            continue
        for cell in nb.exported:
            for found in imports(cell.tree, module) if cell.tree else ():
                if wrong := wrong_layer(module, found, chapters):
                    yield nb.problem(cell, "layers", wrong)
                elif wrong := _not_lower(module, nb, found, chapters):
                    yield nb.problem(cell, "lower numbers", wrong)


def _not_lower(module, nb, found, chapters):  # within a folder: what is wrong, or None
    other = module_of(found.name, chapters)
    if other in (None, module) or other.split(".")[1] != module.split(".")[1]: return None
    if Path(chapters[other].file).name < Path(nb.file).name: return None
    return f"imports {other} of {Path(chapters[other].file).name}: only lower numbers of the same folder"


def numbers(nbs):
    "Rule: the file of FOLDER.name is nbs/FOLDER/NN_name.ipynb, and no number stands twice in a folder."
    taken = {}
    for nb in nbs:
        path = Path(nb.file)
        if not nb.module: continue
        if not re.fullmatch(r"\d\d_\w+\.ipynb", path.name):
            yield nb.problem(None, "number", "a chapter's name begins with two digits")
            continue
        place = (path.parent / path.stem[3:]).relative_to("nbs").as_posix().replace("/", ".")
        if place != nb.module:
            yield nb.problem(
                None, "number", f"it makes movierec.{nb.module}, so its folder and name must say so"
            )
        number = path.parent / path.name[:2]
        if number in taken: yield nb.problem(None, "number", f"{taken[number]} has the same number")
        taken[number] = path.name


def module_imports(root):  # {module: [Import, ...]} of the package, as it is on disk
    found = {}
    for path in sorted((root / "movierec").rglob("*.py")):
        if path.name == "_modidx.py" or "__pycache__" in path.parts: continue
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts)
        found[name] = list(imports(ast.parse(path.read_text(encoding="utf-8")), name))
    return found


def module_layers(found):
    "Rule: what is in the modules keeps to the layers too, whoever wrote it; an `__init__` is a front door."
    for module, its_imports in found.items():
        file = module.replace(".", "/") + ".py"
        folder = module.split(".")[1]
        if folder != "__init__" and folder not in LAYERS:
            yield Problem(file, None, "layers", f"{module} is in none of the layers {', '.join(LAYERS)}")
            continue
        for each in its_imports:
            wrong = wrong_layer(module, each, found) if folder in LAYERS else None
            if (
                module.endswith("__init__")
                and each.at_top
                and not _is_in(each.name, ("importlib", "movierec"))
            ):
                wrong = f"{each.name} would slow down every import: load it when it is asked for"
            if wrong: yield Problem(file, None, "layers", f"line {each.line}: {wrong}")


def circles(found):
    "Rule: no module imports itself by way of others, also where the import runs in a function."
    edges = {
        module: sorted({other for each in its if (other := module_of(each.name, found)) and other != module})
        for module, its in found.items()
    }
    seen, reported = set(), set()

    def visit(module, path):
        if module in path:
            circle = path[path.index(module):]
            if frozenset(circle) not in reported:
                reported.add(frozenset(circle))
                yield circle
            return
        if module in seen: return
        for other in edges[module]: yield from visit(other, [*path, module])
        seen.add(module)

    for module in edges:
        for circle in visit(module, []):
            file = circle[-1].replace(".", "/") + ".py"
            around = " -> ".join([*circle, circle[0]])
            yield Problem(file, None, "circle", f"{around}: move what both need into a lower chapter")
