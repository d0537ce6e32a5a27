"A download is checked, kept, and goes on where it stopped; without a connection it says what to place where."

import hashlib
import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from movierec.data import downloads
from movierec.data.datasets import DataError, load_dataset

pytest.importorskip("pooch", reason="downloads are an extra")


def packed():
    "A tiny release, made up, as a zip."
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as z:
        z.writestr("ml-1m/ratings.dat", "1::1::4::874965758\n2::1::5::874965760\n")
        z.writestr("ml-1m/movies.dat", "1::Made Up (1995)::Drama\n")
        z.writestr("ml-1m/README", "x" * 300_000)  # stored as it is, so that there is something to cut
    return content.getvalue()


ZIP = packed()
MD5 = hashlib.md5(ZIP).hexdigest()


class Server(BaseHTTPRequestHandler):
    "Serves ZIP, in parts where asked, and hangs up early as often as `cuts` says."

    cuts, ranges, asked, body = 0, True, [], ZIP

    def do_GET(self):
        Server.asked.append((self.path, self.headers.get("Range")))
        body = (
            f"{hashlib.md5(Server.body).hexdigest()}  x.zip\n".encode()
            if self.path.endswith(".md5")
            else Server.body
        )
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1]) if Server.ranges else 0
        self.send_response(416 if start >= len(body) else 206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cut = Server.cuts > 0
        Server.cuts -= cut
        self.wfile.write(body[start : start + 131_072] if cut else body[start:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    Server.cuts, Server.ranges, Server.asked, Server.body = 0, True, [], ZIP
    http = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.setenv("MOVIEREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "_BASE", f"http://127.0.0.1:{http.server_port}/")
    monkeypatch.setitem(downloads.RELEASES, "ml-1m", MD5)
    yield Server
    http.shutdown()
    http.server_close()


def test_a_release_by_its_name(server, capsys):
    data = load_dataset("ml-1m")
    assert data.movies.title.tolist() == ["Made Up"] and len(data.ratings) == 2
    assert "for research, with acknowledgment" in capsys.readouterr().err


def test_a_second_call_asks_nobody(server):
    first = downloads.fetch("ml-1m")
    assert downloads.fetch("ml-1m") == first and len(server.asked) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_goes_on_where_it_stopped(server, ranges):
    server.cuts, server.ranges = 1, ranges
    with pytest.raises(DataError, match="place ml-1m.zip in"):
        downloads.fetch("ml-1m")
    assert downloads.fetch("ml-1m").read_bytes() == ZIP
    assert server.asked[-1][1] == "bytes=131072-"


def test_a_damaged_file_is_not_kept(server):
    server.body = b"x" * 300
    with pytest.raises(DataError, match="arrived damaged"):
        downloads.fetch("ml-1m")
    server.body = ZIP
    assert downloads.fetch("ml-1m").read_bytes() == ZIP


def test_the_checksum_of_a_rebuilt_release_comes_with_it(server):
    assert downloads.fetch("ml-latest-small").read_bytes() == ZIP
    assert server.asked[0][0] == "/ml-latest-small.zip.md5"


def test_what_lies_in_the_cache_needs_no_connection(server, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ml-latest-small.zip").write_bytes(ZIP)
    assert len(load_dataset("ml-latest-small").ratings) == 2 and not server.asked
