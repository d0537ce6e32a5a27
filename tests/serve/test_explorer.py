"""The page of the explorer, in a real browser: five movies chosen, ten others with reasons, at once."""
import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from explorer import JAVASCRIPT, add_explorer

BROWSERS = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"
DOWNLOAD = 15e6  # bytes at most of all that the page loads


@pytest.fixture(scope="module")
def browser():
    if found := next(filter(None, map(shutil.which, BROWSERS)), None): return found
    pytest.skip(f"none of {', '.join(BROWSERS)} on this machine")


@pytest.fixture
def serve():
    "A function: folder -> address of a web server for it, until the test ends."
    servers = []
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_): pass
    def start(folder):
        handler = functools.partial(Quiet, directory=folder)
        servers.append(http.server.ThreadingHTTPServer(("localhost", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://localhost:{servers[-1].server_port}"
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def page(site, tmp_path):  # of the explorer alone
    for name in ("browser.html", "styles.css"):
        shutil.copy(site / name, tmp_path)
    shutil.copytree(site / "explorer", tmp_path / "explorer")
    return tmp_path


def node(script, *arguments):
    done = subprocess.run(["node", JAVASCRIPT / script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def titles(chosen): return {text.rpartition(" ")[0] for text in chosen["watched"]}


def test_five_chosen_ten_others(trained, page, browser, serve, tmp_path_factory, node_modules):
    add_explorer(page / "explorer", trained / "runs/latest/bundle")
    pictures = tmp_path_factory.mktemp("pictures")
    seen = node("explore.mjs", f"{serve(page)}/browser.html", browser, pictures)
    five = seen["five"]
    assert titles(five) == {"Toy Story", "The Matrix", "Fargo", "Amélie", "Alien"}
    assert len(five["answers"]) == len(set(five["answers"])) == 10
    assert not set(five["answers"]) & titles(five)
    assert five["answers"] != seen["before"]["answers"] and not seen["before"]["reasons"]
    assert len(five["reasons"]) >= 8
    assert all(any(title in reason for title in titles(five)) for reason in five["reasons"])
    assert seen["rated"]["scores"] != five["scores"] or seen["rated"]["reasons"] != five["reasons"]
    assert titles(seen["six"]) == titles(five) | {seen["rated"]["answers"][0]}
    assert not set(seen["six"]["answers"]) & titles(seen["six"])
    assert titles(seen["removed"]) == titles(seen["six"]) - {"Toy Story"}
    assert (seen["problems"], seen["strangers"], seen["nameless"], seen["tooWide"]) == ([], [], [], False)
    assert len({picture.read_bytes() for picture in pictures.iterdir()}) == 3


def test_the_download_is_bounded(trained, tmp_path, node_modules):
    add_explorer(tmp_path / "explorer", trained / "runs/latest/bundle")
    files = [path for path in Path(tmp_path / "explorer").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < DOWNLOAD


def test_a_site_made_without_npm_says_so(page, browser, serve, node_modules):
    said = node("alert.mjs", f"{serve(page)}/browser.html", browser)
    assert "The explorer cannot work here: " in said
    assert "is not there (404): `make docs` adds it where npm is installed" in said
