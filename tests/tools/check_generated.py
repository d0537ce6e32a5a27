"""Check that what tools make from the notebooks is what the repository holds.

    python tests/tools/check_generated.py clean    # nbdev_clean changes no notebook
    python tests/tools/check_generated.py export   # nbdev_export changes no module
    python tests/tools/check_generated.py readme   # README.md is made from nbs/index.ipynb

Each check works in a copy, so that your files stay as they are, committed or not.
"""
import filecmp, os, shutil, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_project(root, to):  # -> the folder of a copy that is enough for nbdev
    skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "sample")
    for name in ("nbs", "movierec"): shutil.copytree(root/name, to/name, symlinks=True, ignore=skip)
    for name in ("settings.ini", "_quarto.yml"): shutil.copy(root/name, to/name)
    return to


def nbdev(command, folder):  # run one of nbdev's commands there
    env = {name: value for name, value in os.environ.items() if name != "IN_TEST"}  # with it nbdev does nothing
    subprocess.run([Path(sys.executable).with_name(command)], cwd=folder, env=env, check=True)


def differing(old, new, pattern):  # names of the files that are not the same in both folders
    names = {path.relative_to(folder).as_posix() for folder in (old, new) for path in folder.rglob(pattern)}
    same = lambda name: (old/name).exists() and (new/name).exists() and filecmp.cmp(old/name, new/name, shallow=False)
    return sorted(name for name in names if "ipynb_checkpoints" not in name and not same(name))


def check_clean(root, copy):
    nbdev("nbdev_clean", copy)
    return [f"nbs/{name} is not clean: run nbdev_clean" for name in differing(root/"nbs", copy/"nbs", "*.ipynb")]


def check_export(root, copy):
    for module in (copy/"movierec").rglob("*.py"):
        if module.name != "__init__.py": module.unlink()  # a module whose notebook is gone must not survive
    nbdev("nbdev_export", copy)
    return [f"movierec/{name} is not what the notebooks export: run nbdev_export, or delete it if its notebook is gone"
            for name in differing(root/"movierec", copy/"movierec", "*.py")]


def check_readme(root, copy):
    from make_readme import readme
    now = (root/"README.md").read_text() if (root/"README.md").exists() else ""
    return [] if now == readme(copy/"nbs"/"index.ipynb") else ["README.md is not that of nbs/index.ipynb: run make readme"]


CHECKS = {"clean": check_clean, "export": check_export, "readme": check_readme}


def main(name, root=ROOT):
    with tempfile.TemporaryDirectory() as folder:
        problems = CHECKS[name](Path(root), copy_project(Path(root), Path(folder)))
    print("\n".join(problems) or "in step")
    return bool(problems)


if __name__ == "__main__": sys.exit(main(sys.argv[1]))
