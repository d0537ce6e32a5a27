"""The numbers of the redesign are counted as they say."""
import json

import pytest

import measure

CHAPTER = ['#| default_exp models.lightgcn', '#| export\nimport json', '''#| export
@dataclass(kw_only=True)
class LightGCNOptions:
    "How it is made."
    layers: int = setting(2, at_least=1)  # how many
    features: tuple = ("genres", "year")  # of movies
    folder: str | None = None             # no default
_PRIVATE = 1''', '''#| export
def spread(
    x: int,        # a number
    layers=2,      # how many
    *,
    folder=None,   # no default
    **options,     # lost, where pages are made without them
):  # lost
    "Spread it."
    return x''', '#| export\nWIDE = "' + "x" * 100 + '"', 'spread(1)']


@pytest.fixture
def checkout(tmp_path):
    cells = [{"cell_type": "markdown", "source": "# A\n\n> Three more words."}]
    cells += [{"cell_type": "code", "source": source, "outputs": []} for source in CHAPTER]
    (tmp_path / "nbs" / "models").mkdir(parents=True)
    (tmp_path / "nbs" / "models" / "70_lightgcn.ipynb").write_text(json.dumps({"cells": cells}))
    settings = tmp_path / "movierec" / "conf" / "model"
    settings.mkdir(parents=True)
    (settings / "lightgcn.yaml").write_text("name: lightgcn\nmodel: {layers: 2}\n")
    return tmp_path


def test_numbers_are_those_of_the_notebooks(checkout):
    whole, [chapter] = measure.measure(checkout)
    numbers = {what: number for what, number, _ in whole}
    assert chapter == ("models.lightgcn", 18, 1, 7, 4 / 18, 3)
    assert (numbers["chapters"], numbers["exported lines"], numbers["lines over 100 columns"]) == (1, 18, 1)
    assert numbers["public names"] == 3
    assert numbers["parameters and results without a type"] == 3  # layers, folder and the result
    assert numbers["comments lost on the site"] == 2


def test_a_default_that_stands_twice_is_named_with_its_places(checkout):
    nbs, _ = measure.notebooks(checkout)
    places = {"layers": ["LightGCNOptions", "model/lightgcn.yaml", "models.lightgcn.spread"]}
    assert measure.repeated_defaults(checkout, nbs) == places


def test_a_yaml_file_that_is_checked_is_no_second_place(checkout):
    (checkout / "tests" / "tools").mkdir(parents=True)
    (checkout / "tests" / "tools" / "check_generated.py").write_text("def check_conf(root, copy): pass")
    nbs, _ = measure.notebooks(checkout)
    places = {"layers": ["LightGCNOptions", "models.lightgcn.spread"]}
    assert measure.repeated_defaults(checkout, nbs) == places


def test_it_measures_this_checkout(capsys):
    whole, chapters = measure.measure(measure.ROOT)
    assert len(chapters) == whole[0][1] > 20
