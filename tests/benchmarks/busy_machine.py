"""Seconds of the same training, alone and beside a process that keeps all cores busy.

    python tests/benchmarks/busy_machine.py [EPOCHS]

Three ways: the command line's policy of waiting threads, a script or notebook that imports movierec first,
and one that imports torch first, in which threads spin. Run it on a machine that does nothing else.
"""

import os
import subprocess
import sys

TRAIN = """
import time
from movierec import load_sample, recommender_learner
data = load_sample()
data.ratings = data.ratings[data.ratings.user_id <= 40]
learn = recommender_learner(data, progress=False)
start = time.perf_counter()
learn.fit_one_cycle({epochs}, 0.01)
print(time.perf_counter() - start)
"""
WAYS = {
    "command line": ("", {"OMP_WAIT_POLICY": "PASSIVE"}),
    "notebook, movierec first": ("", {}),
    "notebook, torch first": ("import torch", {}),
}


def seconds(before, environment, epochs):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    command = [sys.executable, "-W", "ignore", "-c", before + TRAIN.format(epochs=epochs)]
    run = subprocess.run(command, env=plain | environment, capture_output=True, text=True, check=True)
    return float(run.stdout.split()[-1])


def main(epochs=1):
    spin = [sys.executable, "-c", "while True: pass"]
    for way, (before, environment) in WAYS.items():
        alone = seconds(before, environment, epochs)
        load = [subprocess.Popen(spin) for _ in range(os.cpu_count())]
        try:
            beside = seconds(before, environment, epochs)
        finally:
            for process in load:
                process.kill()
                process.wait()
        print(f"{way:26} alone {alone:6.1f} s   on busy cores {beside:6.1f} s", flush=True)


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
