"""Measure how long the commands of the README take here: the one place that says a time.

    python tests/tools/times.py           # all but the tests
    python tests/tools/times.py tutorial  # those named

Let the machine rest meanwhile: other work counts too.
"""
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "nbs" / "tutorials" / "from_ratings_to_recommendations.ipynb"


def _tool(name): return Path(sys.executable).with_name(name)


def first_recommendation():  # the Python of the README, as a script
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S))


COMMANDS = {
    "movierec run": [_tool("movierec"), "run"],
    "README": [sys.executable, "-c", first_recommendation()],
    "tutorial": [_tool("exec_nb"), TUTORIAL, "--dest", "done.ipynb", "--exc_stop"],
    "make check": ["make", "-C", ROOT, "check"],
}


def seconds(command, folder):
    start = time.perf_counter()
    subprocess.run(list(map(str, command)), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(names):
    print(f"{os.cpu_count()} cores", *(f"load {load:.1f}" for load in os.getloadavg()[:1]), sep=", ")
    for name in names or COMMANDS:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{name}: {seconds(COMMANDS[name], folder):.0f} s", flush=True)


if __name__ == "__main__": main(sys.argv[1:])
