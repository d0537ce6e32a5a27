"""Run all notebooks with nbdev_test, print how long each took, and name the slow ones.

    python tests/tools/run_notebooks.py [notebook or folder]
"""
import os
import re
import subprocess
import sys
from pathlib import Path

SLOW = 60  # seconds; a report, not a failure, since machines differ


def main(path="nbs"):
    command = [
        Path(sys.executable).with_name("nbdev_test"),
        "--path",
        path,
        "--n_workers",
        "2",
        "--timing",
        "--do_print",
    ]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # each: two notebooks run at a time
    test = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=one_thread)
    times = {}
    for line in test.stdout:
        print(line, end="", flush=True)
        if found := re.fullmatch(r"(.+): (\d+) secs\n", line): times[found[1]] = int(found[2])
    for name, seconds in times.items():
        if seconds > SLOW: print(f"SLOW: {name} took {seconds} s, more than {SLOW}: shorten it")
    return test.wait()


if __name__ == "__main__": sys.exit(main(*sys.argv[1:]))
