"Build movierec from settings.ini, the one place where the package is described."
import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
parser = ConfigParser(delimiters="=")
parser.read(here / "settings.ini", encoding="utf-8")
settings = parser["DEFAULT"]


def requirements(prefix=""): return settings[f"{prefix}requirements"].split()


extras = {
    name: requirements(f"{name}_")
    for name in ("train", "arango", "download", "explore", "text", "dev", "docs")
}
# All that a user may want; dev and docs are for contributors.
extras["all"] = extras["train"] + extras["arango"] + extras["download"] + extras["explore"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def description():  # README.md, with links that lead somewhere from PyPI too
    readme = here / "README.md"
    if not readme.exists(): return ""
    files = f"{settings['git_url']}/blob/{settings['branch']}/"
    return re.sub(r"\]\((?![a-z]+:|#)", f"]({files}", readme.read_text(encoding="utf-8"))


setup(
    name=settings["lib_name"],
    version=settings["version"],
    description=settings["description"],
    long_description=description(),
    long_description_content_type="text/markdown",
    keywords=settings["keywords"].split(),
    author=settings["author"],
    author_email=settings["author_email"],
    license="Apache-2.0",
    license_files=["LICENSE"],
    url=settings["git_url"],
    project_urls={
        "Documentation": settings["doc_host"] + settings["doc_baseurl"],
        "Changes": settings["git_url"] + "/blob/main/CHANGELOG.md",
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: {version}" for version in PYTHONS),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=" + settings["min_python"],
    packages=find_packages(include=["movierec", "movierec.*"]),
    package_data={"movierec": ["py.typed", "conf/**/*.yaml", "sample/*"]},
    include_package_data=False,
    install_requires=requirements(),
    extras_require=extras,
    entry_points={
        "console_scripts": settings["console_scripts"].split(),
        "nbdev": ["movierec=movierec._modidx:d"],  # lets other nbdev projects link to these pages
    },
    zip_safe=False,
)
