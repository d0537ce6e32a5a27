"""What a real ArangoDB does and a lenient one does not: each shows on a stand-in that is as strict.

Swaps that were interrupted, limits of transactions, rights, cursors, busy answers, numbers and names.
"""

import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from movierec.cli import main
from movierec.data.datasets import as_movies, load_sample
from movierec.data.fingerprint import fingerprint
from movierec.data.tables import as_users
from movierec.store import arango_client
from movierec.store.arango import ArangoStore
from movierec.store.arango_settings import ArangoSettings
from movierec.store.base import StoreError
from movierec.testing.arango_server import serve
from stores import EIGHT_MOVIES, KINDS, SIX_USERS, arango, content, store_of

BEFORE = EIGHT_MOVIES[:5], SIX_USERS[SIX_USERS.movie_id < 600]
AFTER = EIGHT_MOVIES, SIX_USERS
SMALL = dict(batch_size=5, in_flight=1)  # many requests, one after the other


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.delenv("ARANGO_URL", raising=False)
    monkeypatch.delenv("ARANGO_TOKEN", raising=False)
    monkeypatch.setenv("ARANGO_PASSWORD", "secret")
    monkeypatch.setattr(arango_client, "_PAUSE", 0.001)


class Killed(BaseException):
    "What no code catches for long: the process is gone."


def kill(store, after):
    "Let no request of a store leave after so many; the last one is done, and its answer is lost."
    send, sent = store._http._send_once, []

    def dying(*args, **rest):
        sent.append(args)
        if len(sent) > after:
            raise Killed
        response = send(*args, **rest)
        if len(sent) == after:
            raise Killed
        return response

    store._http._send_once = dying


def held(*tables):
    with arango() as (store, _):
        store.load(*tables)
        return content(store)


# 1. A swap that was interrupted


@pytest.mark.parametrize("version", ["3.11.0", "3.12.4"])
def test_swap_that_was_interrupted_is_mended_by_the_next_load(version):
    with arango(transaction_limit=0) as (store, server):
        server.version = version
        store.load(*BEFORE)
        for tables in (AFTER, BEFORE, AFTER):
            dying = ArangoStore(store.settings)
            dying._tidy = lambda ratings: (_ for _ in ()).throw(Killed)
            with pytest.raises(Killed):
                dying.load(*tables)
            assert content(store) == held(*tables)
        store.load(*BEFORE)
        assert content(store) == held(*BEFORE)


@pytest.mark.parametrize("limit", [10**9, 0])
def test_process_killed_after_each_request(limit):
    "The old rows or the new ones, entire, and the next load works at once."
    old, new, number, done = held(*BEFORE), held(*AFTER), 0, False
    while not done:
        number += 1
        with arango(**SMALL, transaction_limit=limit) as (store, server):
            store.load(*BEFORE)
            dying = ArangoStore(store.settings)
            kill(dying, number)
            try:
                dying.load(*AFTER)
                done = True
            except Killed:
                pass
            assert content(store) in {old, new}, f"request {number}"
            ArangoStore(store.settings).load(*AFTER)
            assert content(store) == new, f"request {number}"
    assert number > 20


# 2. Transactions that are too large


def test_large_load_is_swapped_before_the_server_refuses_it():
    "Movies, users and the rows that go count as well as the ratings."
    with arango(transaction_limit=6_500) as (store, server):
        server.transaction_limit = 6_500
        store.load(*AFTER)
        store.load(EIGHT_MOVIES, SIX_USERS.assign(timestamp=SIX_USERS.timestamp + 1))
        store.load(EIGHT_MOVIES.assign(title="x" * 100), SIX_USERS)
        refused = [one for one in server.databases["movierec"].transactions.values() if one.size > 6_500]
        assert not refused
        assert content(store) == held(EIGHT_MOVIES.assign(title="x" * 100), SIX_USERS)


def test_transaction_that_the_server_refuses_is_swapped():
    with arango(transaction_limit=10**9) as (store, server):
        server.transaction_limit = 6_000
        store.load(*AFTER)
        assert store._state()["ratings"].startswith("Ratings_movierec_1_")
        assert content(store) == held(*AFTER)


def test_catalogue_that_is_too_large_by_itself():
    with arango(transaction_limit=10**9) as (store, server):
        store.load(*BEFORE)
        server.transaction_limit = 500
        with pytest.raises(StoreError, match="--transaction.streaming-max-transaction-size") as caught:
            store.load(EIGHT_MOVIES.assign(title="x" * 100), SIX_USERS)
        assert "\n" not in str(caught.value)
        assert content(store) == held(*BEFORE)


@pytest.mark.parametrize("version, limit", [("3.11.0", 2**27), ("3.12.3", 2**27), ("3.12.4", 2**29)])
def test_limit_of_a_version(version, limit):
    with serve() as server:
        server.version = version
        assert server.size_limit() == limit
        assert ArangoSettings().transaction_limit == 2**27  # which each of them takes


# 3. A nested null


@pytest.mark.parametrize("kind", KINDS)
def test_nested_null_that_goes_away(kind, tmp_path):
    with store_of(kind, tmp_path) as store:
        for labels in ([{"a": 1, "b": None}], [{"a": 1}], [{"a": 1}, None], [{"a": 1}], [{"a": True}]):
            movies = as_movies(EIGHT_MOVIES.assign(labels=[labels] * 8))
            store.load(movies, SIX_USERS)
            assert json.dumps(store.movies().labels.tolist()) == json.dumps([labels] * 8)


# 4. Rights to one database

ONE = {"root": ("secret", "rw"), "films": ("secret", {"films": "rw"})}


def test_rights_to_one_database():
    with serve(users=ONE) as server:
        ArangoStore(ArangoSettings(url=server.url, database="films")).load(*BEFORE)
        store = ArangoStore(ArangoSettings(url=server.url, user="films", database="films"))
        store.load(*AFTER)
        assert content(store) == held(*AFTER)


def test_data_command_of_a_user_with_rights_to_one_database(capsys):
    with serve(users=ONE) as server:
        ArangoStore(ArangoSettings(url=server.url, database="films")).load(*BEFORE)
        here = [f"store.url={server.url}", "store.user=films"]
        assert main(["data", "store=arango", *here, "store.database=films"]) == 0
        store = ArangoStore(ArangoSettings(url=server.url, user="films", database="films"))
        assert len(store.ratings()) == len(load_sample().ratings)
        assert main(["data", "store=arango", *here, "store.database=other"]) == 2
        assert "no such database" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_database_that_is_missing_or_not_granted(there):
    "The server tells nobody which, so the message names each cause."
    with serve(users=ONE) as server:
        if there:
            ArangoStore(ArangoSettings(url=server.url, database="other")).load(*BEFORE)
        with pytest.raises(StoreError) as caught:
            ArangoStore(ArangoSettings(url=server.url, user="films", database="other")).load(*AFTER)
        said = str(caught.value)
        causes = "ARANGO_PASSWORD", "no rights in database 'other'", "no such database"
        assert [cause in said for cause in causes] == [True] * 3 and "\n" not in said


# 5. Cursors that stay open


def test_small_reads_leave_no_cursor_open():
    with arango() as (store, server):
        store.load(*AFTER)
        rows = pd.DataFrame({"user_id": [2], "movie_id": [318], "score": [0.5], "rank": [1]})
        store.save_recommendations(rows, "first")
        for _ in range(100):
            store.history(2)
        for read in (store.movies, store.users, store.ratings, store.user_attributes):
            read()
        store.recommendations(2)
        assert not server.databases["movierec"].cursors


# 6. Busy, read-only, written by others, hardened


def test_busy_cursor_is_asked_again():
    with arango(batch_size=1) as (store, server):
        store.load(*AFTER)
        whole = store.ratings()
        server.forget_requests()
        store.ratings()
        for number in range(1, len(server.asked) + 1):
            server.forget_requests()
            server.faults = {number: "cursor_busy"}
            assert_frame_equal(store.ratings(), whole)


@pytest.mark.parametrize("limit", [10**9, 0])
def test_busy_transaction_is_asked_again(limit):
    number, asked = 0, 1
    while number < asked:
        number += 1
        with arango(**SMALL, transaction_limit=limit) as (store, server):
            store.load(*BEFORE)
            server.forget_requests()
            server.faults = {number: "transaction_busy"}
            store.load(*AFTER)
            asked = len(server.asked)
            assert content(store) == held(*AFTER), f"request {number}"


def test_read_only_server_or_too_few_copies():
    with arango() as (store, server):
        store.load(*BEFORE)
        server.faults = lambda ask: "read_only" if ask.path.endswith("/_api/import") else None
        with pytest.raises(StoreError, match="read-only.*copies.*in sync"):
            store.load(*AFTER)


def test_statement_that_meets_another_writer():
    with arango() as (store, server):
        store.load(*BEFORE)
        other = ArangoStore(store.settings).db.begin_transaction(write=["Movie"])
        other.collection("Movie").insert({"_key": "2571", "title": "theirs"}, silent=True)
        with pytest.raises(StoreError, match="another program is writing.*load again"):
            store.load(*AFTER)
        other.abort_transaction()
        assert content(store) == held(*BEFORE)
        store.load(*AFTER)


def test_hardened_server_that_hides_its_version():
    with arango() as (store, server):
        store.load(*AFTER)
        server.hardened, server.clock_ahead = True, 7200
        assert ["clocks" in sentence for sentence in store.problems()] == [True]


# 7. Whole floats

ODD = [1.0, -0.0, 2.5, -3.0, 1e7, 1e8, 2.0**53, 2.0**60, 1e19, 2.0**64, 3.0000000000000004e19, 1e300, -1e23]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_floats_in_lists_are_integers_in_each_store(kind, tmp_path):
    labels = [{"numbers": ODD, "one": 4.0, "flag": True}, [[1.0]]]
    movies = as_movies(EIGHT_MOVIES.assign(labels=[labels] * 8))
    with store_of(kind, tmp_path) as store:
        store.load(movies, SIX_USERS, users=as_users(pd.DataFrame({"user_id": [1], "tags": [[5.0]]})))
        found = store.movies().labels[0]
        whole = [1, 0, 2.5, -3, 10**7, 10**8, 2**53, 2**60, 10**19, 2.0**64, 3.0000000000000004e19,
                 1e300, -1e23]
        assert json.dumps(found) == json.dumps([{"numbers": whole, "one": 4, "flag": True}, [[1]]])
        assert json.dumps(store.user_attributes().tags[0]) == "[5]"
        assert movies.labels[0][0]["numbers"] is ODD  # what was given is not changed


def test_both_stores_hold_the_same(tmp_path):
    labels = [{"score": value} for value in ODD[:8]]
    movies, marks = as_movies(EIGHT_MOVIES.assign(labels=labels)), set()
    for kind in KINDS:
        with store_of(kind, tmp_path) as store:
            store.load(movies, SIX_USERS)
            marks.add(fingerprint(store.movies(), store.ratings()))
    assert len(marks) == 1


# 8. Names

COLLECTIONS = ["users", "movies", "ratings", "recommendations", "state", "graph"]


@pytest.mark.parametrize("version", ["3.11.0", "3.12.4"])
@pytest.mark.parametrize("field", [*COLLECTIONS, "database"])
def test_names_are_checked_before_anything_is_sent(field, version):
    with serve() as server:
        server.version = version
        for name in ("a?b", "a#b", "a%b", "Müller", "a b", "a/b", "_own", "1st", "", "x" * 300, "a\n"):
            with pytest.raises(StoreError, match=f"store.{field}=") as caught:
                ArangoStore(ArangoSettings(url=server.url, **{field: name}))
            assert "\n" not in str(caught.value)
        assert server.asked == []


def test_one_name_for_two_collections():
    with serve() as server:
        with pytest.raises(StoreError, match="store.users and store.movies are both 'Movie'"):
            ArangoStore(ArangoSettings(url=server.url, users="Movie"))


# 9. Commits that come too late, and loads that meet


def test_commit_after_the_server_gave_the_transaction_up():
    "Its answer is 200, and nothing was applied."
    with arango() as (store, server):
        store.load(*BEFORE)
        merge, late = store._merge, []

        def slow(*args):
            merge(*args)
            late.append(61)

        clock = server.clock
        server.clock = lambda: clock() + sum(late)
        store._merge = slow
        with pytest.raises(StoreError, match="gave the transaction up.*load again"):
            store.load(*AFTER)
        assert content(store) == held(*BEFORE)
        store._merge = merge
        store.load(*AFTER)
        assert content(store) == held(*AFTER)


@pytest.mark.parametrize("limit", [10**9, 0])
@pytest.mark.parametrize("name", ["Users", "Movie", "Ratings"])
def test_staged_rows_that_another_load_took_away(name, limit):
    with arango(transaction_limit=limit) as (store, server):
        store.load(*BEFORE)
        publish = store._publish

        def robbed(*args):
            held = server.databases["movierec"].collections
            staged = next(o for o in held if o.startswith(f"{name}_movierec_2_"))
            held[staged].documents.popitem()
            return publish(*args)

        store._publish = robbed
        with pytest.raises(StoreError, match="another load.*load again"):
            store.load(*AFTER)
        assert content(store) == held(*BEFORE)
        store._publish = publish
        store.load(*AFTER)
        assert content(store) == held(*AFTER)


# The stand-in itself


def test_numbers_of_errors_are_those_of_the_server():
    with serve() as server:
        db = ArangoStore(ArangoSettings(url=server.url, database="_system")).db
        db.create_collection("Movie")
        db.create_collection("Other")

        def number(action):
            with pytest.raises(Exception) as caught:
                action()
            return caught.value.error_code

        first = db.begin_transaction(write=["Movie"])
        assert number(lambda: first.collection("Other").insert({"_key": "1"}, silent=True)) == 1652
        first.abort_transaction()
        assert number(first.commit_transaction) == 1653
        assert number(lambda: first.collection("Movie").count()) == 1654
        rows = "FOR row IN @@rows FILTER row._key > @after SORT row._key RETURN row._key"
        assert number(lambda: db.aql.execute(rows, bind_vars={"@rows": "Movie"})) == 1551
        bind = {"@rows": "Movie", "after": "", "more": np.pi}
        assert number(lambda: db.aql.execute(rows, bind_vars=bind)) == 1552
        assert [row["name"] for row in db.collections() if not row["system"]] == ["Movie", "Other"]
        assert "_graphs" in [row["name"] for row in db.collections()]


def test_extended_names_from_3_12_on():
    with serve() as server:
        db = ArangoStore(ArangoSettings(url=server.url, database="_system")).db
        db.create_collection("Müller")
        server.version = "3.11.0"
        with pytest.raises(Exception, match="illegal name"):
            db.create_collection("Møller")
