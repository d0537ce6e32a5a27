"""What goes wrong for people who keep a catalogue in ArangoDB, each with the right behaviour.

The network, rights, secrets and other people's graphs.
"""

import contextlib
import json
import logging
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

import certifi
import pandas as pd
import pytest
from arango.exceptions import AQLQueryExecuteError
from pandas.testing import assert_frame_equal

from movierec.data.datasets import as_movies, load_sample
from movierec.store import arango_client, arango_loading
from movierec.store.arango import ArangoStore
from movierec.store.arango_aql import AQL
from movierec.store.arango_settings import ArangoSettings
from movierec.store.base import StoreError
from movierec.store.opening import open_store, store_problems
from movierec.testing.arango_server import STATEMENTS, Handler, Listener, Server, serve
from stores import EIGHT_MOVIES, SIX_USERS, arango, content, shown_statements

PAUSE = arango_client._PAUSE


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.delenv("ARANGO_URL", raising=False)  # these need a server that fails to order
    monkeypatch.delenv("ARANGO_TOKEN", raising=False)
    monkeypatch.setenv("ARANGO_PASSWORD", "secret")
    monkeypatch.setattr(arango_client, "_PAUSE", 0.001)


def settings(server, **more):
    return ArangoSettings(**{"url": server.url, "tries": 3, **more})


def test_every_statement_is_one_that_the_stand_in_knows():
    assert {" ".join(text.split()) for text in AQL.values()} == set(STATEMENTS)


RESERVED = set(
    """AGGREGATE ALL ALL_SHORTEST_PATHS AND ANY ASC COLLECT DESC DISTINCT FALSE FILTER FOR GRAPH IN INBOUND
    INSERT INTO K_PATHS K_SHORTEST_PATHS LET LIKE LIMIT NONE NOT NULL OR OUTBOUND REMOVE REPLACE RETURN
    SHORTEST_PATH SORT TRUE UPDATE UPSERT WINDOW WITH""".split()
)
OPERATIONS = set(
    """FOR FILTER SORT LIMIT LET INSERT REMOVE RETURN WITH INTO IN OPTIONS AND DESC OUTBOUND
    LENGTH FIRST UNSET INTERSECTION JSON_STRINGIFY null""".split()
)
SIGNS = set("== != < <= > >= = .. . , : ( ) [ ] { }".split())
TOKEN = re.compile(r'"[^"]*"|@@?\w+|\d+|\w+|\.\.|[=!<>]=|\S')


def names_of(tokens):  # variables, and what stands after a dot or before a colon
    made = {
        name
        for i, name in enumerate(tokens)
        if tokens[i - 1] in ("FOR", "LET", "COLLECT")
        or (tokens[i - 1] == "INTO" and "COLLECT" in tokens)
        or (tokens[i - 1] == "," and tokens[i - 3] == "FOR")
    }
    return made, {
        name
        for i, name in enumerate(tokens)
        if tokens[i - 1] == "." or tokens[i + 1 : i + 2] == [":"]
    }


@pytest.mark.parametrize("name", AQL)
def test_each_word_of_a_statement_is_one_of_aql(name):
    check_words(AQL[name])


SHOWN = {"COLLECT", "COUNT", "INBOUND", "DOCUMENT", "Ratings", "Users", "Movie"}  # of the tutorial


def test_each_statement_of_the_tutorial_is_aql():
    "It shows two of its own; the others are those of `AQL`."
    assert len(shown_statements()) == 2
    for text in shown_statements():
        check_words(text, SHOWN)


def check_words(text, more=frozenset()):
    "A word of the manual, a value, a bound parameter, or a name that the statement itself makes."
    tokens = TOKEN.findall(text)
    variables, attributes = names_of(tokens)
    for token in tokens:
        value = token[0] in '"@' or token.isdigit()
        assert value or token in OPERATIONS | SIGNS | variables | attributes | more, token
    assert (
        not {o.upper() for o in variables | attributes} & RESERVED
    )  # such a name would need quotes
    assert all(tokens.count(left) == tokens.count(right) for left, right in ("()", "[]", "{}"))


@pytest.mark.parametrize("name", AQL)
def test_statement_that_differs_by_one_word_is_refused(name):
    text = AQL[name]
    with serve() as server:
        db = ArangoStore(settings(server, database="_system")).db
        for token in TOKEN.finditer(text):
            with pytest.raises(AQLQueryExecuteError, match="syntax error"):
                db.aql.execute(f"{text[: token.start()]}another{text[token.end() :]}")


def test_values_are_bound_never_pasted():
    "B28: no statement has a placeholder of Python, and each name of a collection or an attribute is bound."
    for text in AQL.values():
        assert "%s" not in text and "{}" not in text
        assert not any(name in text for name in ("Movie", "Users", "Ratings", "movierec_state"))


def test_bad_documents_of_a_batch_are_named(monkeypatch):
    "B25: of 1,000 rows 3 have an illegal key; the error says so, and the store is as it was."
    movies = as_movies(pd.DataFrame({"movie_id": range(1000)}))
    ratings = SIX_USERS.assign(movie_id=1).drop_duplicates("user_id")
    with arango(batch_size=1000) as (store, server):
        store.load(EIGHT_MOVIES, SIX_USERS)
        before, documents = content(store), arango_loading.to_documents

        def spoilt(frame):
            return [
                row
                if row["_key"] not in ("10", "500", "999")
                else {**row, "_key": f"bad/{row['_key']}"}
                for row in documents(frame)
            ]

        with monkeypatch.context() as patch:
            patch.setattr(arango_loading, "to_documents", spoilt)
            with pytest.raises(StoreError) as caught:
                store.load(movies, ratings)
        said = str(caught.value)
        assert "kept 997 of 1000 rows for Movie" in said and said.count("illegal document key") == 3
        assert all(
            f"at position {row}: " in said and f'"bad/{row}"' in said for row in (10, 500, 999)
        )
        assert content(store) == before
        store.load(movies, ratings)
        assert_frame_equal(store.movies(), movies)


def test_importing_twice_changes_nothing():
    with arango() as (store, server):
        store.load(EIGHT_MOVIES, SIX_USERS)

        def revisions():
            return {
                row["_id"]: row["_rev"]
                for name in ("Users", "Movie", "Ratings")
                for row in server.databases["movierec"].collections[name].documents.values()
            }

        before = revisions()
        store.load(EIGHT_MOVIES, SIX_USERS)
        assert revisions() == before


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_closed_port_is_told_with_host_and_port(monkeypatch):
    "B29: python-arango's own ConnectionAbortedError never reaches people, and the waiting has a limit."
    waits, url = [], closed_port()
    monkeypatch.setattr(arango_client, "_PAUSE", PAUSE)
    monkeypatch.setattr(time, "sleep", waits.append)
    with pytest.raises(StoreError) as caught:
        ArangoStore(ArangoSettings(url=url, tries=2))
    assert waits == [0.2]
    assert str(caught.value) == (
        f"no answer from ArangoDB at {url} after 2 tries: connection refused; "
        "is it running there? Until then, store=duckdb needs no server"
    )


def test_port_that_opens_late_is_waited_for(monkeypatch):
    "B29: nobody listens at the first two tries; the server comes up before the third."
    waits, url = [], closed_port()
    monkeypatch.setattr(arango_client, "_PAUSE", PAUSE)
    with contextlib.ExitStack() as later:

        def pause(seconds):
            waits.append(seconds)
            if len(waits) == 2:
                later.enter_context(serve(port=int(url.rpartition(":")[2])))

        monkeypatch.setattr(time, "sleep", pause)
        store = ArangoStore(ArangoSettings(url=url, tries=3))
        store.load(EIGHT_MOVIES, SIX_USERS)
        assert_frame_equal(store.ratings(), SIX_USERS)
        store.close()
    assert waits == [0.2, 0.4]


def test_server_that_is_still_starting_is_waited_for():
    "B29: the port is open, and the server answers that it is not ready."
    with serve() as server:
        server.faults = lambda ask: "503" if len(server.asked) < 3 else None
        assert len(ArangoStore(settings(server)).movies()) == 0


def test_wrong_password_is_not_tried_again(monkeypatch):
    monkeypatch.setenv("ARANGO_PASSWORD", "wr0ng-pass")
    with serve() as server:
        with pytest.raises(StoreError, match="refuses user 'root': set ARANGO_PASSWORD") as caught:
            ArangoStore(settings(server))
        assert len(server.asked) == 1
        assert "wr0ng-pass" not in str(caught.value)


def test_token_in_place_of_a_password(monkeypatch):
    with serve() as server:
        monkeypatch.setenv("ARANGO_TOKEN", server.token("root"))
        ArangoStore(settings(server)).load(EIGHT_MOVIES, SIX_USERS)
        monkeypatch.setenv("ARANGO_TOKEN", "n0t-a-token")
        with pytest.raises(StoreError, match="ARANGO_TOKEN is not a valid JWT") as caught:
            ArangoStore(settings(server))
        assert "n0t-a-token" not in str(caught.value)


def test_who_may_only_read(monkeypatch):
    with serve(users={"root": ("secret", "rw"), "reader": ("look", "ro")}) as server:
        ArangoStore(settings(server)).load(EIGHT_MOVIES, SIX_USERS)
        monkeypatch.setenv("ARANGO_PASSWORD", "look")
        reader = ArangoStore(settings(server, user="reader"))
        assert_frame_equal(reader.movies(), EIGHT_MOVIES)
        before = content(reader)
        with pytest.raises(StoreError, match="user 'reader' lacks rights in database 'movierec'"):
            reader.load(EIGHT_MOVIES[:1], SIX_USERS[:1])
        assert content(reader) == before
        assert "user 'reader' lacks rights" in reader.problems()[0]


def test_database_that_nobody_may_make(monkeypatch):
    with serve(users={"reader": ("secret", "ro")}) as server:
        with pytest.raises(StoreError, match="no database 'films'.*may not make it: ask for it"):
            ArangoStore(settings(server, user="reader", database="films")).load(
                EIGHT_MOVIES, SIX_USERS
            )


def test_doctor_in_plain_words():
    with serve() as server:
        config = settings(server)
        assert "has no database 'movierec'" in store_problems(config)[0]
        open_store(config).load(EIGHT_MOVIES, SIX_USERS)
        assert store_problems(config) == []
        server.version, server.clock_ahead, server.role = "3.9.1", -7200, "COORDINATOR"
        found = store_problems(config)
        assert [
            any(word in sentence for sentence in found)
            for word in ("3.9.1 is too old", "7200 s apart", "spread over several servers")
        ] == [True] * 3
        assert not any("secret" in sentence for sentence in found)
    assert "no answer from" in store_problems(config)[0]


def test_nothing_secret_in_logs_errors_and_outputs(caplog, capsys, monkeypatch):
    monkeypatch.setenv("ARANGO_PASSWORD", "hunter2-hunter2")
    caplog.set_level(logging.DEBUG)
    with serve(users={"root": ("hunter2-hunter2", "rw")}) as server:
        store = ArangoStore(settings(server))
        store.load(EIGHT_MOVIES, SIX_USERS)
        print(store, store.settings, store.problems())
        server.faults = lambda ask: "401"
        with pytest.raises(StoreError) as caught:
            store.movies()
        print(caught.value)
    said = caplog.text + "".join(capsys.readouterr())
    assert "hunter2" not in said and "aHVudGVy" not in said and "cm9vdDpodW50ZXIy" not in said


@pytest.fixture
def tls(tmp_path):
    "A stand-in behind TLS with a certificate that only its own CA file vouches for."
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            tmp_path / "key.pem",
            "-out",
            tmp_path / "ca.pem",
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    listener = Listener(("127.0.0.1", 0), Handler)
    listener.socket, listener.state = (
        context.wrap_socket(listener.socket, server_side=True),
        Server(),
    )
    threading.Thread(
        target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    yield f"https://localhost:{listener.server_port}", str(tmp_path / "ca.pem")
    listener.shutdown()
    listener.server_close()


@pytest.mark.parametrize(
    "elsewhere", [True, False], ids=["with a bundle in the environment", "without"]
)
def test_certificates_are_checked(tls, monkeypatch, elsewhere):
    url, ca_file = tls
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, certifi.where()) if elsewhere else monkeypatch.delenv(
            name, raising=False
        )
    with pytest.raises(
        StoreError,
        match="the certificate of https://localhost:.* is not trusted: give store.ca_file",
    ):
        ArangoStore(ArangoSettings(url=url))
    ArangoStore(ArangoSettings(url=url, ca_file=ca_file)).load(EIGHT_MOVIES, SIX_USERS)


def test_replication_and_shards_are_settings_and_not_sent_by_default():
    "B30: replication above the number of servers is told in one line."
    with serve() as server:
        ArangoStore(settings(server)).load(EIGHT_MOVIES, SIX_USERS)
        assert not {"numberOfShards", "replicationFactor", "writeConcern"} & set(
            server.databases["movierec"].collections["Movie"].options
        )
        with pytest.raises(StoreError, match="replicationFactor above the number of DB-Servers"):
            ArangoStore(settings(server, database="other", replication_factor=2)).load(
                EIGHT_MOVIES, SIX_USERS
            )
        server.servers = 3
        ArangoStore(
            settings(server, database="other", replication_factor=3, shards=2, write_concern=2)
        ).load(EIGHT_MOVIES, SIX_USERS)
        assert (
            server.databases["other"].collections["Ratings"].options.items()
            >= {"numberOfShards": 2, "replicationFactor": 3, "writeConcern": 2}.items()
        )


def test_indexes_are_made_and_named():
    with arango() as (store, server):
        store.load(EIGHT_MOVIES, SIX_USERS)
        index = (
            server.databases["movierec"]
            .collections["Recommendation_Inferences"]
            .indexes["movierec_run"]
        )
        assert (index["type"], index["fields"]) == ("persistent", ["run", "saved_at"])


def test_no_edge_points_at_nothing():
    "B30: a rated movie without metadata has a vertex."
    with arango() as (store, server):
        store.load(EIGHT_MOVIES[:3], SIX_USERS)
        collections = server.databases["movierec"].collections
        for edge in collections["Ratings"].documents.values():
            for end in ("_from", "_to"):
                name, key = edge[end].split("/")
                assert key in collections[name].documents


def test_recommendations_return_to_the_right_movie():
    "B30: rows in another order; each edge reaches the movie of that title."
    with arango() as (store, server):
        store.load(EIGHT_MOVIES, SIX_USERS)
        answers = EIGHT_MOVIES.assign(
            user_id=1, score=1 / EIGHT_MOVIES.movie_id, rank=EIGHT_MOVIES.movie_id
        )[["user_id", "movie_id", "score", "rank"]]
        store.save_recommendations(answers.sample(frac=1, random_state=1), "first")
        titles = store.movies().set_index("movie_id").title
        for edge in (
            server.databases["movierec"].collections["Recommendation_Inferences"].documents.values()
        ):
            movie = (
                server.databases["movierec"]
                .collections["Movie"]
                .documents[edge["_to"].split("/")[1]]
            )
            assert titles[round(1 / edge["score"])] == movie["title"]


def test_all_columns_are_typed_attributes():
    sample = load_sample()
    with arango() as (store, server):
        store.load(sample.movies, sample.ratings)
        toy_story = server.databases["movierec"].collections["Movie"].documents["1"]
        assert (toy_story["release_date"], toy_story["runtime"], toy_story["genres"]) == (
            "1995-10-30T00:00:00.000000",
            81.0,
            ["Animation", "Comedy", "Family"],
        )
        assert {
            name: type(value)
            for name, value in toy_story.items()
            if name in ("tmdb_id", "title", "popularity")
        } == {"tmdb_id": int, "title": str, "popularity": float}
        assert sample.movies.iloc[0].dropna().index.isin(toy_story).all()
        assert not any(
            None in row.values()
            for row in server.databases["movierec"].collections["Movie"].documents.values()
        )  # missing is left out


def test_loading_sends_little_more_than_the_documents():
    sample = load_sample()
    with arango() as (store, server):
        store.load(EIGHT_MOVIES, SIX_USERS)  # collections are there
        server.forget_requests()
        store.load(sample.movies, sample.ratings)
        own = sum(
            len(
                json.dumps(
                    {name: value for name, value in row.items() if name not in ("_id", "_rev")},
                    ensure_ascii=False,
                    separators=(",", ":"),
                ).encode()
            )
            for name in ("Users", "Movie", "Ratings")
            for row in server.databases["movierec"].collections[name].documents.values()
        )
        assert own < server.received <= 1.3 * own


def test_reader_never_sees_half_a_load():
    "Between any two requests of a load, another reader finds the old rows or the new ones."
    with arango(batch_size=5) as (store, server):
        store.load(EIGHT_MOVIES[:4], SIX_USERS[SIX_USERS.movie_id < 600])
        reader, busy, seen = ArangoStore(store.settings), threading.Lock(), set()
        old = content(reader)

        def look(ask):
            if busy.acquire(blocking=False):
                server.lock.release()
                try:
                    seen.add(content(reader))
                finally:
                    server.lock.acquire()
                    busy.release()

        server.faults = look
        store.load(EIGHT_MOVIES, SIX_USERS)
        server.faults = {}
        assert seen == {old, content(reader)}


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "arango", None)
    with serve() as server:
        with pytest.raises(StoreError, match=r'pip install "movierec\[arango\]"'):
            open_store(settings(server))


def test_their_graph_is_only_read():
    attributes = dict(
        movie_id="movieId", title="movie_title", user_id="original_id", rating="_rating"
    )
    with serve() as server:
        theirs = ArangoStore(settings(server, attributes=attributes))
        theirs._existing()
        for name, edge in (("Users", False), ("Movie", False), ("Ratings", True)):
            theirs.db.create_collection(name, edge=edge)
        theirs.db.collection("Users").import_bulk([{"_key": "0", "original_id": "7"}])
        theirs.db.collection("Movie").import_bulk(
            [
                {"_key": "0", "movieId": 31, "movie_title": "Dangerous Minds", "genres": ["Drama"]},
                {"_key": "1", "movieId": 32},
            ]
        )
        theirs.db.collection("Ratings").import_bulk(
            [
                {"_key": "user-0-r-movie-0", "_from": "Users/0", "_to": "Movie/0", "_rating": 2.5},
                {"_key": "user-0-r-movie-9", "_from": "Users/0", "_to": "Movie/9", "_rating": 2.5},
            ]
        )
        server.forget_requests()
        assert theirs.movies().title.tolist()[0] == "Dangerous Minds"
        with pytest.warns(UserWarning, match="1 edges of Ratings point at no user"):
            assert theirs.history(7).movie_id.tolist() == [31]
        assert {method for method, path in server.asked if "cursor" not in path} <= {"GET"}
        for write in (
            lambda: theirs.load(EIGHT_MOVIES, SIX_USERS),
            lambda: theirs.save_recommendations(
                pd.DataFrame({"user_id": [7], "movie_id": [32], "score": [1.0], "rank": [1]}), "x"
            ),
        ):
            with pytest.raises(StoreError, match="does not write to it"):
                write()
        theirs.settings.attributes = {**attributes, "movie_id": "movieID"}
        with pytest.raises(StoreError, match="Movie/0 has no number in 'movieID', only .*movieId"):
            theirs.ratings()
