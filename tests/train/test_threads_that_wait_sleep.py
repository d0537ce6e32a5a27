"""Wherever PyTorch is first imported by movierec, OpenMP's waiting threads sleep, unless the user chose."""

import os
import subprocess
import sys

import pytest

from movierec.models import threads


def policy(code, **environment):  # in a process of its own
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    code = f"{code}; import os; print(os.environ.get('OMP_WAIT_POLICY'))"
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, env=plain | environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.mark.parametrize("code", [
    "from movierec import recommender_learner",
    "from movierec import export_bundle",
    "import movierec.train.metrics",
    "from movierec.models.registry import MODELS",
])
def test_the_policy_is_set_before_torch_is_imported(code):
    watch = ("import os, sys\n"
             "class Watch:\n"
             "    def find_spec(self, name, path=None, target=None):\n"
             "        if name == 'torch': print(os.environ.get('OMP_WAIT_POLICY'), end=' ')\n"
             "sys.meta_path.insert(0, Watch())\n")
    assert policy(watch + code) == "PASSIVE PASSIVE"


def test_a_choice_of_the_user_stays():
    assert policy("from movierec import recommender_learner", OMP_WAIT_POLICY="ACTIVE") == "ACTIVE"


def test_nothing_is_claimed_that_comes_too_late():
    assert policy("import torch; from movierec import recommender_learner") == "None"


@pytest.mark.parametrize("given, n_threads, load, said", [
    ({}, 2, 64.0, True),
    ({}, 2, 0.0, False),
    ({}, 1, 64.0, False),
    ({"OMP_WAIT_POLICY": "PASSIVE"}, 2, 64.0, False),
])
def test_a_busy_machine_is_told_where_threads_spin(monkeypatch, recwarn, given, n_threads, load, said):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    for name, value in given.items(): monkeypatch.setenv(name, value)
    monkeypatch.setattr("torch.get_num_threads", lambda: n_threads)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    threads.warn_if_spinning()
    messages = [str(warning.message) for warning in recwarn]
    assert [("OMP_WAIT_POLICY=PASSIVE" in text, "\n" in text) for text in messages] == [(True, False)] * said
