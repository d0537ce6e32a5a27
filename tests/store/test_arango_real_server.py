"""What only a real ArangoDB can prove, in the order in which it would go wrong.

    make test-arango ARANGO_URL=http://127.0.0.1:8529    and ARANGO_USER, ARANGO_PASSWORD

Without ARANGO_URL the stand-in answers, with fewer rows and without waiting, which tests these tests.
"""

import contextlib
import json
import os
import re
import socket
import threading
import time
import uuid

import numpy as np
import pandas as pd
import pytest
import requests
from pandas.testing import assert_frame_equal

from movierec.data.datasets import as_movies, as_ratings
from movierec.store.arango import ArangoStore
from movierec.store.arango_aql import AQL
from movierec.store.arango_settings import ArangoSettings
from movierec.store.base import StoreError
from stores import (
    EIGHT_MOVIES,
    SIX_USERS,
    arango,
    content,
    no_pause,
    password,
    shown_statements,
)

REAL = bool(os.environ.get("ARANGO_URL"))
BEFORE = EIGHT_MOVIES[:5], SIX_USERS[SIX_USERS.movie_id < 600]
AFTER = EIGHT_MOVIES, SIX_USERS
needs_server = pytest.mark.skipif(not REAL, reason="needs a server: ARANGO_URL names none")


class Killed(BaseException):
    "The process is gone."


def expected(*tables):
    with arango() as (store, _):
        store.load(*tables)
        return content(store)


# Statements

BOUND = {
    "rows": {"@rows": "Movie", "after": ""},
    "keys": {"@rows": "Movie", "after": ""},
    "edges": {"@edges": "Ratings", "after": "", "rating": "rating", "timestamp": "timestamp"},
    "edges of": {
        "@edges": "Ratings",
        "people": ["Users/1"],
        "after": "",
        "rating": "rating",
        "timestamp": "timestamp",
    },
    "arrived": {"@rows": "Movie", "keys": ["1"]},
    "remove": {"@live": "Ratings", "@staged": "Ratings"},
    "insert": {"@live": "Movie", "@staged": "Movie"},
    "runs": {"@state": "movierec_state"},
    "recommended": {
        "@edges": "Recommendation_Inferences",
        "person": "Users/1",
        "run": "first",
        "saved_at": "",
    },
    "forget": {"@edges": "Recommendation_Inferences", "run": "first", "saved_at": ""},
    "why": {
        "@users": "Users",
        "@movies": "Movie",
        "@ratings": "Ratings",
        "@recommendations": "Recommendation_Inferences",
        "person": "Users/1",
        "run": "first",
    },
}


def test_all_statements_are_here():
    assert set(BOUND) == set(AQL)


@pytest.mark.parametrize("name", AQL)
def test_statement_is_explained_and_runs(name):
    with arango() as (store, _):
        store.load(*AFTER)
        rows = pd.DataFrame({"user_id": [1], "movie_id": [858], "score": [0.5], "rank": [1]})
        store.save_recommendations(rows, "first")
        plan = store.db.aql.explain(AQL[name], bind_vars=BOUND[name])
        assert plan["nodes"]
        found = list(store.db.aql.execute(AQL[name], bind_vars=BOUND[name]))
        if name == "why":
            liked = [{"title": "The Godfather", "score": 0.5,
                      "because": ["The Shawshank Redemption", "The Silence of the Lambs"]}]
            assert found == liked
        if name in ("edges of", "edges", "rows", "keys", "arrived", "runs"):
            assert found


@needs_server
def test_statements_of_the_tutorial_are_explained():
    with arango() as (store, _):
        store.load(*AFTER)
        for text in shown_statements():
            assert store.db.aql.explain(text)["nodes"]
            assert list(store.db.aql.execute(text))


# Loads


@pytest.mark.parametrize("limit", [2**27, 0])
def test_load_twice_swap_kill_and_load_again(limit):
    new = expected(*AFTER)
    with arango() as (store, _):
        store.load(*BEFORE)
        store.load(*AFTER)
        before = store.db.collection("Ratings").get("1-1")
        store.load(*AFTER)
        assert store.db.collection("Ratings").get("1-1") == before
        for tables in (BEFORE, AFTER, BEFORE):
            dying = ArangoStore(store.settings)
            dying.settings.transaction_limit = limit
            dying._tidy = lambda ratings: (_ for _ in ()).throw(Killed)
            with pytest.raises(Killed):
                dying.load(*tables)
            assert content(store) == expected(*tables)
        store.load(*AFTER)
        assert content(store) == new
        graph = store.db.graph(store.settings.graph)
        edges = {row["edge_collection"] for row in graph.edge_definitions()}
        assert edges == {store._state()["ratings"], "Recommendation_Inferences"}


def many_ratings(count):
    rows = np.arange(count)
    ratings = pd.DataFrame({"user_id": 1 + rows // 100, "movie_id": 1 + rows % 100})
    return as_ratings(ratings.assign(rating=0.5 + rows % 10 / 2, timestamp=946_684_800 + rows))


def test_more_ratings_than_a_transaction_holds():
    "All are new, and then each timestamp changes."
    count = 550_000 if REAL else 5_500
    movies = as_movies(pd.DataFrame({"movie_id": range(1, 101)}))
    ratings = many_ratings(count)
    with arango() as (store, server):
        if server:
            server.transaction_limit = store.settings.transaction_limit = 2**27 // 100
        for tables in (ratings, ratings.assign(timestamp=ratings.timestamp + 1)):
            store.load(movies, tables)
            assert_frame_equal(store.ratings(), tables)


def test_nearly_as_many_ratings_as_a_transaction_holds():
    "What the estimate lets be merged fits, also where each row is replaced."
    count = 310_000 if REAL else 3_100
    movies = as_movies(pd.DataFrame({"movie_id": range(1, 101)}))
    ratings = many_ratings(count)
    with arango() as (store, server):
        if server:
            server.transaction_limit = store.settings.transaction_limit = 2**27 // 100
        for tables in (ratings[: count // 2], ratings[: count // 2].assign(timestamp=1), ratings):
            store.load(movies, tables)
            assert_frame_equal(store.ratings(), as_ratings(tables))


# Values


def test_nested_nulls_and_whole_floats():
    odd = [1.0, -0.0, 2.5, 1e7, 1e8, 2.0**60, 2.0**64, 3.0000000000000004e19, 1e300]
    whole = [1, 0, 2.5, 10**7, 10**8, 2**60, 2.0**64, 3.0000000000000004e19, 1e300]
    with arango() as (store, _):
        for labels in ([{"a": 1, "b": None}], [{"a": 1}], [odd], [{"a": True}], [{"a": [None]}]):
            store.load(as_movies(EIGHT_MOVIES.assign(labels=[labels] * 8)), SIX_USERS)
            wanted = [whole] if labels == [odd] else labels
            assert json.dumps(store.movies().labels[0]) == json.dumps(wanted)


# Rights


@needs_server
def test_user_with_rights_to_one_database():
    if requests.get(f"{os.environ['ARANGO_URL']}/_api/version", timeout=30).ok:
        pytest.skip("this server asks nobody for a password")
    with arango() as (store, _):
        store.load(*BEFORE)
        name, secret = f"movierec-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
        system = store._database("_system")
        system.create_user(name, secret)
        system.update_permission(name, "rw", store.settings.database)
        try:
            with password(secret):
                url, database = store.settings.url, store.settings.database
                ArangoStore(ArangoSettings(url=url, user=name, database=database)).load(*AFTER)
                with pytest.raises(StoreError, match="no rights in database 'missing-one'"):
                    ArangoStore(ArangoSettings(url=url, user=name, database="missing-one"))
            assert content(store) == expected(*AFTER)
        finally:
            system.delete_user(name, ignore_missing=True)


# Cursors


def open_cursors(store, server):
    if server:
        return len(server.databases["movierec"].cursors)
    user, secret = store.settings.user, os.environ.get("ARANGO_PASSWORD", "")
    said = requests.get(f"{store.settings.url}/_admin/metrics/v2", auth=(user, secret), timeout=30)
    found = re.search(r"^arangodb_aql_cursors_active\S* (\d+)", said.text, re.M)
    return int(found[1]) if found else pytest.skip("this server does not count its cursors")


def test_small_reads_leave_no_cursor():
    with arango() as (store, server):
        store.load(*AFTER)
        before = open_cursors(store, server)
        for _ in range(100):
            store.history(2)
        assert open_cursors(store, server) <= before


# A network that breaks


class Cutter:
    "A way to the server that hangs up on the client when a request of a kind has been handed on."

    def __init__(self, url):
        self.upstream = re.fullmatch(r"http://([^:/]+):(\d+)/?", url).groups()
        self.pattern, self.cuts, self.listener = None, 0, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.upstream)
                for ends in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self.pump, args=ends, daemon=True).start()

    def pump(self, source, target, asking):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
                if asking and self.pattern and self.pattern.search(data):
                    self.pattern, self.cuts = None, self.cuts + 1
                    time.sleep(0.01)
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


CUTS = {
    "in a batch": rb"POST /_db/[^ ]*/_api/import",
    "in a statement": rb"INSERT next INTO",
    "at the commit": rb"PUT /_db/[^ ]*/_api/transaction/",
    "in a read": rb"RETURN \[edge",
}


@pytest.mark.parametrize("place", CUTS)
def test_connection_that_is_cut(place):
    with arango(batch_size=5) as (store, _), no_pause():
        if not store.settings.url.startswith("http://"):
            pytest.skip("cutting needs http://")
        store.load(*BEFORE)
        cutter = Cutter(store.settings.url)
        near = ArangoStore(ArangoSettings(**{**vars(store.settings), "url": cutter.url}))
        cutter.pattern = re.compile(CUTS[place])
        near.load(*AFTER)
        assert_frame_equal(near.ratings(), SIX_USERS)
        assert cutter.cuts == 1
        assert content(store) == expected(*AFTER)
        cutter.listener.close()


# Time, and company


def test_commit_after_61_idle_seconds():
    with arango() as (store, server):
        store.load(*BEFORE)
        merge, late = store._merge, []
        if server:
            clock = server.clock
            server.clock = lambda: clock() + sum(late)

        def slow(*args):
            merge(*args)
            late.append(61) if server else time.sleep(61)

        store._merge = slow
        with pytest.raises(StoreError, match="load again"):
            store.load(*AFTER)
        store._merge = merge
        assert content(store) == expected(*BEFORE)
        store.load(*AFTER)
        assert content(store) == expected(*AFTER)


@pytest.mark.filterwarnings("ignore:loaded, but not tidied")
def test_two_loads_at_once():
    "Each is whole or refused, and the next one works."
    whole = {expected(*BEFORE), expected(*AFTER)}
    with arango(batch_size=5) as (store, _):
        for _ in range(5):
            store.load(*BEFORE)
            said = []

            def load(tables):
                try:
                    ArangoStore(store.settings).load(*tables)
                except StoreError as error:
                    said.append(str(error))

            loads = [threading.Thread(target=load, args=(tables,)) for tables in (BEFORE, AFTER)]
            for one in loads:
                one.start()
            for one in loads:
                one.join()
            assert content(store) in whole, said
            assert not any("\n" in text for text in said)
        store.load(*AFTER)
        assert content(store) == expected(*AFTER)


# A cluster


@needs_server
def test_cluster_with_a_database_of_one_shard():
    with arango() as (store, _):
        if store.db.cluster.server_role() != "COORDINATOR":
            pytest.skip("this server is not a cluster")
        for limit in (2**27, 0, 2**27):
            store.settings.transaction_limit = limit
            for tables in (BEFORE, AFTER):
                store.load(*tables)
                assert content(store) == expected(*tables)
        assert not [sentence for sentence in store.problems() if "spread over" in sentence]
