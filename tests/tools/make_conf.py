"""Make movierec/conf from the dataclasses of data, stores, splits, models and recipes: values, and the
comment beside each.

    python tests/tools/make_conf.py

conf/config.yaml, the list of groups and of the keys outside them, is written by hand.
"""
import shutil
import sys
from dataclasses import MISSING, fields
from math import inf
from pathlib import Path

import yaml
from fastcore.docments import docments

from movierec.data.downloads import RELEASES
from movierec.models.registry import MODELS
from movierec.models.splits import SPLITS
from movierec.settings import Config, DataConfig, ModelChoice, SplitConfig, TrainerConfig
from movierec.store.opening import STORE_SETTINGS

ROOT = Path(__file__).parents[2]
SAMPLE, OWN = ["source"], [item.name for item in fields(DataConfig)]
RELEASE = ["source", "max_rejected"]


def meanings(dataclass):  # the comment beside each field, also of the classes that it extends
    found = {}
    for cls in reversed(dataclass.__mro__[:-1]):
        found |= {name: meaning for name, meaning in docments(cls, returns=False).items() if meaning}
    return found


def defaults(dataclass):  # value of each field that has one
    values = {item.name: item.default for item in fields(dataclass)}
    return {name: value for name, value in values.items() if value is not MISSING}


def written(value):  # as YAML has it
    if isinstance(value, str) and value.startswith("${"): return value
    plain = [*value] if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=inf).splitlines()[0]


def lines(values, comments, indent=""):
    return [f"{indent}{key}: {written(value)}  # {comments[key]}" for key, value in values.items()]


def of_data(source):
    keys = {"sample": SAMPLE, "path": OWN}.get(source, RELEASE)
    values = {"source": source} | defaults(DataConfig)
    return lines({key: values[key] for key in keys}, meanings(DataConfig))


def of_store(name):
    settings = STORE_SETTINGS[name]
    comments = meanings(settings) | {"name": meanings(Config)["store"]}
    return lines({"name": name} | defaults(settings), comments)


def of_split(name): return lines({"name": name, "seed": "${seed}"}, meanings(SplitConfig))


def of_model(name):
    model = MODELS[name]
    head = [
        "# @package _global_",
        "defaults:",
        f"  - override /split: {model.recipe.split}",
        f"  - override /trainer: {name}",
    ]
    comments = meanings(model.Options) | {"name": meanings(ModelChoice)["name"]}
    return [*head, "", "model:", *lines({"name": name} | defaults(model.Options), comments, indent="  ")]


def of_trainer(name):
    recipe = {key: getattr(MODELS[name].recipe, key, value) for key, value in defaults(TrainerConfig).items()}
    return lines(recipe, meanings(TrainerConfig))


def renamed():  # earlier names of options
    lines = ["# Earlier names of options, which old runs and commands still use, and today's name."]
    for name, model in MODELS.items():
        if model.renamed_options:
            lines += [f"{name}:", *(f"  {old}: {new}" for old, new in model.renamed_options.items())]
    return lines


GROUPS = {
    "data": (of_data, ["sample", "path", *RELEASES]),
    "store": (of_store, STORE_SETTINGS),
    "split": (of_split, SPLITS),
    "model": (of_model, MODELS),
    "trainer": (of_trainer, MODELS),
}


def contents():  # lines of each file, by its path in conf
    files = {"renamed.yaml": renamed()}
    for group, (content, names) in GROUPS.items():
        files |= {f"{group}/{name}.yaml": content(name) for name in names}
    return files


def make_conf(conf):  # write all generated files into this folder, and remove those that are no longer made
    files = contents()
    for group in GROUPS: shutil.rmtree(conf / group, ignore_errors=True)
    for name, content in files.items():
        (conf / name).parent.mkdir(parents=True, exist_ok=True)
        (conf / name).write_text("\n".join(content) + "\n", encoding="utf-8")


if __name__ == "__main__": sys.exit(make_conf(ROOT / "movierec" / "conf"))
