"The configuration's store=arango and ArangoSettings know the same settings with the same defaults, so the command line and notebooks agree."
from dataclasses import fields

from movierec.store.arango_settings import ArangoSettings
from movierec.config import load_config


def test_same_settings_and_defaults():
    store = load_config(["store=arango"]).store
    assert {o.name: getattr(store, o.name) for o in fields(ArangoSettings)} == {o.name: o.default for o in fields(ArangoSettings)}


def test_password_has_no_key():
    assert not any(word in o.name for o in fields(ArangoSettings) for word in ("password", "token", "secret"))
