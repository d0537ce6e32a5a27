"""Check that what tools make from the notebooks is what the repository holds.

    python tests/tools/check_generated.py clean    # nbdev_clean changes no notebook
    python tests/tools/check_generated.py export   # nbdev_export changes no module
    python tests/tools/check_generated.py readme   # README.md is made from nbs/index.ipynb
    python tests/tools/check_generated.py conf     # movierec/conf is made from the dataclasses of settings

Each check works in a copy, so that your files stay as they are, committed or not.
"""
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_project(root, to):  # -> the folder of a copy that is enough for nbdev
    skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "sample")
    for name in ("nbs", "movierec"): shutil.copytree(root/name, to/name, symlinks=True, ignore=skip)
    for name in ("settings.ini", "_quarto.yml"): shutil.copy(root/name, to/name)
    return to


def nbdev(command, folder):  # run one of nbdev's commands there
    env = {**os.environ}
    env.pop("IN_TEST", None)  # with it nbdev does nothing
    subprocess.run([Path(sys.executable).with_name(command)], cwd=folder, env=env, check=True)


def _same(one, other): return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)


def differing(old, new, pattern):  # names of the files that are not the same in both folders
    names = {path.relative_to(folder).as_posix() for folder in (old, new) for path in folder.rglob(pattern)}
    names = [name for name in names if "ipynb_checkpoints" not in name]
    return sorted(name for name in names if not _same(old / name, new / name))


def check_clean(root, copy):
    nbdev("nbdev_clean", copy)
    names = differing(root / "nbs", copy / "nbs", "*.ipynb")
    return [f"nbs/{name} is not clean: run nbdev_clean" for name in names]


def check_export(root, copy):
    for module in (copy/"movierec").rglob("*.py"):
        if module.name != "__init__.py": module.unlink()  # a module whose notebook is gone must not survive
    nbdev("nbdev_export", copy)
    names = differing(root / "movierec", copy / "movierec", "*.py")
    todo = "run nbdev_export, or delete it if its notebook is gone"
    return [f"movierec/{name} is not what the notebooks export: {todo}" for name in names]


def check_readme(root, copy):
    from make_readme import readme
    now = (root/"README.md").read_text() if (root/"README.md").exists() else ""
    same = now == readme(copy / "nbs" / "index.ipynb")
    return [] if same else ["README.md is not that of nbs/index.ipynb: run make readme"]


def check_conf(root, copy):  # in a process of its own, which imports the package of this root
    make = "import sys, pathlib; sys.path[:0] = sys.argv[2:]; import make_conf; " \
           "make_conf.make_conf(pathlib.Path(sys.argv[1]))"
    places = [copy / "movierec" / "conf", root, ROOT / "tests" / "tools"]
    subprocess.run([sys.executable, "-c", make, *places], check=True)
    names = differing(root / "movierec" / "conf", copy / "movierec" / "conf", "*.yaml")
    todo = "run python tests/tools/make_conf.py"
    return [f"movierec/conf/{name} is not what the dataclasses say: {todo}" for name in names]


CHECKS = {"clean": check_clean, "export": check_export, "readme": check_readme, "conf": check_conf}


def main(name, root=ROOT):
    with tempfile.TemporaryDirectory() as folder:
        problems = CHECKS[name](Path(root), copy_project(Path(root), Path(folder)))
    print("\n".join(problems) or "in step")
    return bool(problems)


if __name__ == "__main__": sys.exit(main(sys.argv[1]))
