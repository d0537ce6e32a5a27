"""`python -m build` makes an sdist and a wheel that install and say what PyPI and type checkers ask."""
import re
import sys
import tarfile
import zipfile
from email import message_from_string

import pytest
import yaml

from conftest import ROOT, run, settings

WORKFLOWS = ROOT / ".github" / "workflows"


@pytest.fixture(scope="module")
def wheel(built): return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.fixture(scope="module")
def about(wheel):  # the metadata that PyPI shows
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_string(wheel.read(name).decode("utf-8"))


def matrix(workflow, job):
    return yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"][job]["strategy"]["matrix"]


def pythons(about):
    named = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") if ":: Python ::" in line]
    return [version for version in named if "." in version]


def test_the_sdist_holds_what_it_is_built_from(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    asked = {"setup.py", "settings.ini", "README.md", "LICENSE", "CITATION.cff", "movierec/py.typed"}
    assert asked | {"movierec/sample/ratings.parquet", "movierec/conf/config.yaml"} <= names


def test_the_sdist_installs(built, tmp_path):
    sdist, there = next(built.glob("*.tar.gz")), tmp_path / "there"
    options = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "--target", there]
    run(sys.executable, "-m", "pip", "install", *options, sdist, cwd=tmp_path)
    code = "import movierec; print(movierec.__file__, len(movierec.load_sample().ratings))"
    code = f"import sys; sys.path.insert(0, {str(there)!r}); {code}"
    file, rows = run(sys.executable, "-c", code, cwd=tmp_path).stdout.split()
    assert file.startswith(str(there)) and rows == "100004"


def test_type_checkers_read_its_types(wheel): assert "movierec/py.typed" in wheel.namelist()


def test_each_python_that_is_named_is_tried_before_a_release(about):
    assert pythons(about) == ["3.11", "3.12", "3.13", "3.14"] == matrix("release.yml", "install")["python"]
    assert pythons(about)[0] == settings()["min_python"]
    tested = {case["python"] for case in matrix("test.yml", "everything")["include"]}
    assert set(pythons(about)) == tested | {*matrix("test.yml", "between")["python"]}


def test_links_of_the_description_work_on_pypi(about):
    links = re.findall(r"\]\(([^)\s]+)\)", about.get_payload())
    files = f"{settings()['git_url']}/blob/{settings()['branch']}/"
    own = [link.removeprefix(files) for link in links if link.startswith(files)]
    assert len(own) > 10 and [link for link in own if not (ROOT / link.partition("#")[0]).exists()] == []
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_a_release_needs_no_token():
    jobs = yaml.safe_load((WORKFLOWS / "release.yml").read_text())["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"} and jobs["publish"]["needs"] == "install"
    assert "secrets." not in (WORKFLOWS / "release.yml").read_text()


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == settings()["version"]
    assert citation["repository-code"] == settings()["git_url"] and citation["license"] == "Apache-2.0"
