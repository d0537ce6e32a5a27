"""What the explorer's page needs besides its scripts: a bundle, the titles, and ONNX Runtime for browsers.

All of it comes from the site itself, as package-lock.json pins it, so that the page neither depends on a
content network nor tells one who reads it.
"""
import gzip
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from movierec.serve.quantize import quantize_bundle
from movierec.serve.recommender import Recommender

ROOT = Path(__file__).parents[2]
JAVASCRIPT = ROOT/"tests"/"serve"/"javascript"
SHOWN = ["movie_id", "title", "year", "genres", "ratings"]


class NoNpm(Exception): "Node and npm are not there, or npm reaches no registry."


def node_modules():  # -> folder with the pinned packages, installed where that is needed
    if missing := [name for name in ("node", "npm") if not shutil.which(name)]:
        raise NoNpm(f"no {' and no '.join(missing)} on this machine")
    there, lock = JAVASCRIPT/"node_modules", JAVASCRIPT/"package-lock.json"
    installed = there/".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime: return there
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=JAVASCRIPT,
        capture_output=True,
        text=True,
    )
    if done.returncode and re.search(
        r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)\b", done.stderr
    ):
        raise NoNpm(f"npm reaches no registry: {done.stderr.strip().splitlines()[0]}")
    if done.returncode: raise RuntimeError(f"npm ci failed in {JAVASCRIPT}:\n{done.stderr}")
    return there


def sample_bundle(folder):  # -> the bundle of a ranker trained on the sample, as `movierec train` makes it
    for command in ("data", "train"):
        subprocess.run([Path(sys.executable).with_name("movierec"), command], cwd=folder, check=True)
    return folder/"runs"/"latest"/"bundle"


def _packed(source, target):
    target.write_bytes(gzip.compress(source.read_bytes(), mtime=0))  # whatever the site's host does


# the folder explorer/ of the site; `bundle` is one of a model that reads histories
def add_explorer(to, bundle):
    dist = node_modules()/"onnxruntime-web"/"dist"
    shutil.copytree(ROOT/"nbs"/"explorer", to, dirs_exist_ok=True)
    for name in ("bundle", "onnxruntime"): (to/name).mkdir()
    with tempfile.TemporaryDirectory() as folder:
        small = quantize_bundle(bundle, Path(folder)/"bundle", kind="half")
        for name in ("manifest.json", "recommender.onnx"): shutil.copy(small/name, to/"bundle")
        _packed(small/"tables.safetensors", to/"bundle"/"tables.safetensors.gz")
    Recommender.load(bundle).movies[SHOWN].to_json(to/"movies.json", orient="records")
    shutil.copy(dist/"ort.wasm.bundle.min.mjs", to/"onnxruntime")
    _packed(dist/"ort-wasm-simd-threaded.wasm", to/"onnxruntime"/"ort-wasm-simd-threaded.wasm.gz")
