"""Each default has one value wherever it is shown: dataclass, YAML, `movierec config`, help, signatures."""
import inspect
import shutil
from dataclasses import MISSING, fields

import pytest
import yaml

import movierec.cli as cli
import movierec.config as config
import movierec.settings as settings_of
from make_conf import defaults, meanings
from movierec.commands import COMMANDS
from movierec.data.datasets import load_dataset
from movierec.models.registry import MODELS
from movierec.models.splits import SPLITS, split_ratings
from movierec.runs import Run, train_run
from movierec.serve.batch import recommend_all
from movierec.serve.recommender import Recommender
from movierec.store.opening import STORE_SETTINGS
from movierec.train.learner import recommender_learner


def plain(value): return [*value] if isinstance(value, tuple) else value


def flat(values, prefix=""):  # {"trainer": {"epochs": 2}} -> {"trainer.epochs": 2}
    found = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: plain(value)}
    return found


def of_dataclasses(choice):  # what the classes say of model=history, or of a store
    group, name = choice.split("=")
    if group == "store": return flat({"store": {"name": name} | defaults(STORE_SETTINGS[name])})
    model = MODELS[name]
    recipe = {item.name: getattr(model.recipe, item.name) for item in fields(settings_of.Schedule)}
    trainer = defaults(settings_of.TrainerConfig) | recipe
    options, split = {"name": name} | defaults(model.Options), {"name": model.recipe.split}
    return flat({"model": options, "trainer": trainer, "split": split})


def of_yaml(choice):  # what its files say
    group, name = choice.split("=")
    def read(group, name): return yaml.safe_load((config.CONF / group / f"{name}.yaml").read_text())
    if group == "store": return flat({"store": read("store", name)})
    values = read("model", name)
    lines = [line for default in values["defaults"] for line in default.items()]
    chosen = {key.removeprefix("override /"): value for key, value in lines}
    return flat({"model": values["model"]} | {group: read(group, chosen[group]) for group in chosen})


def of_config(choice, capsys):  # what `movierec config` says
    assert cli.main(["config", choice]) == 0
    return flat(yaml.safe_load(capsys.readouterr().out))


def of_help(command, capsys):  # what `movierec COMMAND --help` says
    assert cli.main([command, "--help"]) == 0
    text = capsys.readouterr().out.partition("What can be set, as in the example:\n")[2]
    return flat(yaml.safe_load(inspect.cleandoc(text)))


CHOICES = [*(f"model={name}" for name in MODELS), *(f"store={name}" for name in STORE_SETTINGS)]


def differences(capsys):  # one line for each default that has two values
    found = []
    def compare(place, true, shown, every):
        for key in sorted(true if every else true.keys() & shown.keys()):
            if shown.get(key, KeyError) == true[key]: continue
            found.append(f"{place}: {key} is {shown.get(key)!r}, the class says {true[key]!r}")
    for choice in CHOICES:
        true = of_dataclasses(choice)
        compare(f"conf of {choice}", true, of_yaml(choice), every=True)
        compare(f"movierec config {choice}", true, of_config(choice, capsys), every=True)
    for name, command in COMMANDS.items():
        shown = of_help(name, capsys)
        overrides = dict(word.split("=") for word in command.example.split()[2:])
        model = overrides.get("model", "history")
        true = of_dataclasses(f"model={model}") | of_dataclasses("store=duckdb") | outside_groups()
        unchanged = {key: value for key, value in true.items() if key not in overrides}
        compare(f"movierec {name} --help", unchanged, shown, every=False)
    return found


def outside_groups():  # keys that stand in conf/config.yaml alone, as they are composed
    common = config.load_config()
    return {item.name: getattr(common, item.name) for item in fields(settings_of._Common)}


def test_each_default_has_one_value_wherever_it_is_shown(capsys):
    assert differences(capsys) == []


def test_a_planted_difference_is_found(capsys, monkeypatch, tmp_path):
    shutil.copytree(config.CONF, tmp_path / "conf")
    for module in (config, settings_of): monkeypatch.setattr(module, "CONF", tmp_path / "conf")
    file = tmp_path / "conf" / "model" / "lightgcn.yaml"
    file.write_text(file.read_text().replace("embedding_size: 128", "embedding_size: 64"))
    found = differences(capsys)
    assert "conf of model=lightgcn: model.embedding_size is 64, the class says 128" in found
    assert "movierec config model=lightgcn: model.embedding_size is 64, the class says 128" in found
    assert "movierec train --help: model.embedding_size is 64, the class says 128" in found


def test_a_planted_difference_of_a_recipe_is_found(capsys, monkeypatch):
    monkeypatch.setattr(MODELS["sage"].recipe, "epochs", 21)
    found = differences(capsys)
    assert [line for line in found if "trainer.epochs is 20, the class says 21" in line]


def test_a_default_that_is_not_shown_is_found(capsys, monkeypatch, tmp_path):
    shutil.copytree(config.CONF, tmp_path / "conf")
    for module in (config, settings_of): monkeypatch.setattr(module, "CONF", tmp_path / "conf")
    file = tmp_path / "conf" / "store" / "arango.yaml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("tries")))
    assert any("conf of store=arango: store.tries" in line for line in differences(capsys))


def test_keys_outside_the_groups_have_the_default_of_their_class():
    written = yaml.safe_load((config.CONF / "config.yaml").read_text())
    for item in fields(settings_of._Common):
        default = item.default if item.default_factory is MISSING else item.default_factory()
        assert default is MISSING or written[item.name] == default, item.name


def default_of(function, name): return inspect.signature(function).parameters[name].default


def test_signatures_say_what_the_configuration_says():
    usual = config.load_config()
    assert default_of(train_run, "model") == default_of(recommender_learner, "model") == usual.model.name
    assert default_of(train_run, "seed") == default_of(recommender_learner, "seed") == usual.seed
    assert default_of(train_run, "runs") == usual.runs
    assert default_of(train_run, "device") == usual.trainer.device
    assert default_of(Run.load, "folder") == usual.run
    assert default_of(Recommender.recommend, "k") == default_of(recommend_all, "k") == usual.k
    for name in ("novelty", "diversity"):
        defaults_of = {default_of(Recommender.recommend, name), default_of(recommend_all, name)}
        assert defaults_of == {getattr(usual, name)}
    assert default_of(split_ratings, "name") == usual.split.name
    assert default_of(split_ratings, "seed") == usual.split.seed
    assert default_of(load_dataset, "path") is usual.data.path
    assert default_of(load_dataset, "max_rejected") is usual.data.max_rejected


def test_what_is_left_out_of_train_run_is_the_recipe():
    parameters = inspect.signature(train_run).parameters.items()
    left_out = {name for name, parameter in parameters if parameter.default is None}
    assert left_out == {item.name for item in fields(settings_of.Schedule)} | {"split"}


def test_the_choices_are_those_of_the_code():
    choices = config.choices()
    assert choices["model"] == choices["trainer"] == sorted(MODELS)
    assert choices["store"] == sorted(STORE_SETTINGS) and choices["split"] == sorted(SPLITS)


@pytest.mark.parametrize("settings", STORE_SETTINGS.values())
def test_no_key_takes_a_password(settings):
    words = ("password", "token", "secret")
    secrets = [name for name in meanings(settings) if any(word in name for word in words)]
    assert secrets == []


@pytest.mark.parametrize("name", MODELS)
def test_a_model_checks_its_limits_before_any_data_is_read(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # without a store
    assert cli.main(["train", f"model={name}", "model.embedding_size=0"]) == 2
    said = capsys.readouterr().err
    assert said == "movierec: model.embedding_size=0 is not allowed: it takes a whole number, 1 or more.\n"
    assert [*tmp_path.iterdir()] == []
