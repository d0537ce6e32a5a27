"""Each request in turn is lost, refused, cut short or answered late.

Afterwards the load is complete and equal, or the error names the cause and the store holds what it held
before. Reading gives all rows or an error, never some.
"""

import pandas as pd
import pytest

from movierec.store.arango import ArangoStore
from movierec.store.base import StoreError
from stores import EIGHT_MOVIES, SIX_USERS, arango, content, password

BEFORE = EIGHT_MOVIES[:5], SIX_USERS[SIX_USERS.movie_id < 600]
SMALL = dict(batch_size=5, in_flight=1, timeout=0.5)  # many requests, one after the other
PASSING = ["closed_before", "closed_after", "503", "timeout", "truncated"]  # a second try is enough
LASTING = ["401", "bad_document"]

ANSWERS = pd.DataFrame(
    {"user_id": [2, 2, 3], "movie_id": [318, 356, 593], "score": 0.75, "rank": [1, 2, 1]}
)
pytestmark = [
    pytest.mark.usefixtures("stand_in_only"),
    pytest.mark.filterwarnings("ignore:loaded, but not tidied", "ignore:saved, but"),
]


@pytest.fixture
def stand_in_only(monkeypatch):
    monkeypatch.delenv("ARANGO_URL", raising=False)  # a real server cannot be told to fail


def requests_of(action, **settings):
    "How many requests an action takes without a fault."
    with arango(**SMALL, **settings) as (store, server):
        store.load(*BEFORE)
        server.forget_requests()
        action(store)
        return len(server.asked)


def load(store):
    store.load(EIGHT_MOVIES, SIX_USERS)


def is_commit(method, path):
    return method == "PUT" and "/_api/transaction/" in path


def left_beside(
    server, limit
):  # collections that no reader needs; ratings beyond the limit of a transaction stay where they were staged
    return [
        name
        for name in server.databases["movierec"].collections
        if "_movierec_" in name and (limit or "Ratings" not in name)
    ]


def expected(*tables):
    with arango() as (store, _):
        store.load(*tables)
        return content(store)


@pytest.mark.parametrize(
    "kind, limit",
    [*((kind, 10**9) for kind in PASSING + LASTING), ("closed_before", 0), ("closed_after", 0)],
)
def test_load_with_one_fault(kind, limit):
    old, new, outcomes = expected(*BEFORE), expected(EIGHT_MOVIES, SIX_USERS), []
    for number in range(1, requests_of(load, transaction_limit=limit) + 1):
        with arango(**SMALL, transaction_limit=limit) as (store, server):
            store.load(*BEFORE)
            server.forget_requests()
            server.faults = {number: kind}
            try:
                load(store)
            except StoreError as error:
                outcomes.append(str(error))
            else:
                outcomes.append("loaded")
            failed, server.faults = outcomes[-1] != "loaded", {}
            assert content(store) == (old if failed else new), f"request {number}: {outcomes[-1]}"
            load(store)
            assert content(store) == new, f"request {number}: not mended by loading again"
            assert not left_beside(server, limit)
    if kind in PASSING:
        assert set(outcomes) == {"loaded"}
    if kind == "401":
        assert {
            "loaded" if outcome == "loaded" else "refuses user 'root'" in outcome
            for outcome in outcomes
        } == {"loaded", True}
    if kind == "bad_document":
        assert (
            sum(
                "illegal document key" in outcome and "offending document" in outcome
                for outcome in outcomes
            )
            >= 6
        )  # batches


@pytest.mark.parametrize("kind", ["closed_before", "503"])
def test_load_where_the_server_stays_away(kind):
    old, new, total = expected(*BEFORE), expected(EIGHT_MOVIES, SIX_USERS), requests_of(load)
    for number in range(1, total + 1):
        with arango(**SMALL, tries=2) as (store, server):
            store.load(*BEFORE)
            server.forget_requests()
            server.faults = lambda ask: kind if len(server.asked) >= number else None
            try:
                load(store)
            except StoreError as error:
                failed = "no answer from ArangoDB at http://127.0.0.1" in str(error)
            else:
                failed = False
            server.faults = {}
            assert content(store) == (old if failed else new), f"request {number}"
            again = ArangoStore(store.settings)  # as after a crash of the loading program
            server.forget_requests()
            load(again)
            assert content(again) == new


@pytest.mark.parametrize("limit", [10**9, 0])
def test_load_where_each_answer_to_one_request_is_lost(limit):
    "The server does what it is asked, and hangs up on every try of that request."
    old, new, commits = expected(*BEFORE), expected(EIGHT_MOVIES, SIX_USERS), 0
    for number in range(1, requests_of(load, transaction_limit=limit) + 1):
        with arango(**SMALL, transaction_limit=limit) as (store, server):
            store.load(*BEFORE)
            server.forget_requests()
            server.faults = dict.fromkeys(
                range(number, number + store.settings.tries), "closed_after"
            )
            try:
                load(store)
            except StoreError as error:
                failed = "no answer from ArangoDB" in str(error)
            else:
                failed = False
            server.faults = {}
            assert content(store) == (old if failed else new), f"request {number}"
            if is_commit(*server.asked[number - 1]):
                commits += 1
                assert not failed
                assert not left_beside(server, limit)
            load(store)
            assert content(store) == new, f"request {number}: not mended by loading again"
    assert commits == 1


def test_commit_that_never_arrives():
    with arango(**SMALL) as (store, server):
        store.load(*BEFORE)
        server.faults = lambda ask: "closed_before" if is_commit(ask.method, ask.path) else None
        with pytest.raises(StoreError, match="^no answer from ArangoDB"):
            load(store)
        server.faults = {}
        assert content(store) == expected(*BEFORE)
        assert {o.status for o in server.databases["movierec"].transactions.values()} == {
            "committed",
            "aborted",
        }  # none stays open


@pytest.mark.parametrize("kind", ["closed_before", "closed_after"])
def test_server_that_goes_away_at_the_commit(kind):
    "Nobody can tell whether the load was applied, and the error says just that."
    with arango(**SMALL) as (store, server):
        store.load(*BEFORE)
        server.forget_requests()

        def away(ask):
            return kind if any(is_commit(*asked) for asked in server.asked) else None

        server.faults = away
        with pytest.raises(
            StoreError,
            match="^the load may or may not have been applied, and loading again is safe: "
            "no answer from ArangoDB",
        ):
            load(store)
        server.faults = {}
        assert content(store) == (
            expected(*BEFORE) if kind == "closed_before" else expected(EIGHT_MOVIES, SIX_USERS)
        )
        load(store)
        assert content(store) == expected(EIGHT_MOVIES, SIX_USERS)


def test_interrupted_load_goes_on_where_it_stopped():
    with arango(**SMALL) as (store, server):

        def imports():
            return sum(path.endswith("/_api/import") for _, path in server.asked)

        load(store)
        whole = imports()
        assert whole == 7
        store.load(*BEFORE)
        server.forget_requests()
        server.faults = lambda ask: "closed_before" if imports() > 5 else None
        with pytest.raises(StoreError):
            load(store)
        server.faults = {}
        server.forget_requests()
        load(ArangoStore(store.settings))
        assert imports() == whole - 5
        assert content(store) == expected(EIGHT_MOVIES, SIX_USERS)


READS = {
    "movies": lambda store: store.movies(),
    "ratings": lambda store: store.ratings(),
    "history": lambda store: store.history(1),
    "users": lambda store: store.users(),
    "recommendations": lambda store: store.recommendations(2),
}


@pytest.mark.parametrize("read", READS)
def test_read_with_one_fault(read):
    with arango(**SMALL | {"batch_size": 1}) as (store, server):
        load(store)
        store.save_recommendations(ANSWERS, "first")
        whole = READS[read](store)
        server.forget_requests()
        READS[read](store)
        for number in range(1, len(server.asked) + 1):
            for kind in PASSING + ["cursor_expired"]:
                server.forget_requests()
                server.faults = {number: kind}
                found = READS[read](store)
                assert (found == whole).all() if read == "users" else found.equals(whole), (
                    f"request {number}: {kind}"
                )
            server.forget_requests()
            server.faults = {number: "401"}
            try:
                found = READS[read](store)
            except StoreError as error:
                assert "refuses user" in str(error)
            else:
                assert server.asked[number - 1][0] == "DELETE", (
                    "only the closing of a cursor may fail unseen"
                )
            server.faults = {}


def test_save_with_one_fault():
    def save(store):
        store.save_recommendations(ANSWERS.assign(score=0.5), "first")

    total = requests_of(save)
    with arango(**SMALL) as (store, server):
        load(store)
        for kind in PASSING + LASTING:
            for number in range(1, total + 1):
                store.save_recommendations(ANSWERS, "first")
                server.forget_requests()
                server.faults = {number: kind}
                try:
                    save(store)
                except StoreError:
                    wanted = {0.75}
                else:
                    wanted = {0.5}
                server.faults = {}
                assert set(store.recommendations(2).score) == wanted, f"request {number}: {kind}"


def test_server_that_forgets_every_cursor():
    "B26: whatever the work between two batches takes, no half table comes back."
    with arango(batch_size=1) as (store, server):
        load(store)
        server.forgetful = True
        assert content(store) == expected(EIGHT_MOVIES, SIX_USERS)


def test_rows_that_vanish_are_an_error_not_a_short_table():
    with arango() as (store, server):
        load(store)
        server.databases["movierec"].collections["Ratings"].documents.popitem()
        with pytest.raises(StoreError, match="does not hold the rows that were loaded"):
            store.ratings()


def test_loads_that_meet():
    "Who publishes first wins whole; the other is told."
    with arango(**SMALL) as (store, server), password("secret"):
        other = ArangoStore(store.settings)
        publish = store._publish
        store._publish = lambda *args: (other.load(*BEFORE), publish(*args))
        with pytest.raises(StoreError):
            load(store)
        assert content(store) == expected(*BEFORE)
