"""A stand-in for an ArangoDB server: its HTTP API, as the manual gives it, for what movierec uses.

It listens on a real socket, so real python-arango talks to it, and it is strict: an endpoint, a query
parameter, a body attribute or an AQL text that it does not know is answered with an error and noted in
`server.surprises`, which the tests want empty. AQL is not interpreted: `STATEMENTS` holds each text that
movierec may send, written out once more here, beside a Python function that does what the text says.

    with serve() as server: ArangoStore(ArangoSettings(url=server.url, ...))
"""
import base64, contextlib, hashlib, hmac, json, re, socket, threading, time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KEY = re.compile(r"[A-Za-z0-9_\-:.@()+,=;$!*'%]{1,254}")
COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,255}")
MESSAGES = {
    400: "bad parameter", 11: "not authorized to execute this request", 600: "VPackError error: Expecting digit",
    1200: "write-write conflict", 1202: "document not found", 1203: "collection or view not found", 1207: "duplicate name",
    1208: "illegal name", 1210: "unique constraint violated", 1221: "illegal document key", 1228: "database not found",
    1233: "edge attribute missing or invalid", 1501: "syntax error, unexpected identifier", 1552: "bind parameter missing",
    1600: "cursor not found", 1655: "transaction not found", 1924: "graph not found", 1925: "graph already exists",
    1920: "edge collection is already used in edge def", 1930: "edge collection is not used in graph"}


class Refused(Exception):
    "An error document."
    def __init__(self, status, number, detail=""):
        self.status, self.number = status, number
        self.message = MESSAGES[number] + (f": {detail}" if detail else "")


@dataclass
class Collection:
    name: str
    kind: int = 2  # 2 documents, 3 edges
    options: dict = field(default_factory=dict)
    documents: dict = field(default_factory=dict)
    indexes: dict = field(default_factory=dict)


@dataclass
class Database:
    name: str
    sharding: str = ""
    collections: dict = field(default_factory=dict)
    graphs: dict = field(default_factory=dict)
    cursors: dict = field(default_factory=dict)
    transactions: dict = field(default_factory=dict)


class View:
    "What a request sees: the database, through a transaction where it names one."
    def __init__(self, database, transaction=None): self.database, self.transaction = database, transaction

    def collection(self, name):
        if name not in self.database.collections: raise Refused(404, 1203, name)
        return self.database.collections[name]

    def read(self, name):
        collection = self.collection(name)
        return self.transaction["data"].get(name, collection.documents) if self.transaction else collection.documents

    def write(self, name):
        collection = self.collection(name)
        if not self.transaction: return collection.documents
        if name not in self.transaction["write"]: raise Refused(400, 400, f"{name} is not declared for writing")
        return self.transaction["data"].setdefault(name, dict(collection.documents))

    def put(self, name, document, mode, counter):
        "Insert one document; mode is None (refuse a key that is there), ignore, replace or update."
        collection, documents = self.collection(name), self.write(name)
        if not isinstance(document, dict): raise Refused(400, 600, "invalid document type")
        document = {attribute: value for attribute, value in document.items() if attribute not in ("_id", "_rev")}
        key = document.setdefault("_key", str(counter()))
        if not isinstance(key, str) or not KEY.fullmatch(key): raise Refused(400, 1221)
        for end in ("_from", "_to"):
            if collection.kind == 3 and not re.fullmatch(rf"{COLLECTION.pattern}/{KEY.pattern}", str(document.get(end))): raise Refused(400, 1233)
        there = key in documents
        if there and mode is None: raise Refused(409, 1210, f"in index primary of type primary over '_key'; conflicting key: {key}")
        if there and mode == "update": document = {**documents[key], **document}
        if not (there and mode == "ignore"): documents[key] = {**document, "_id": f"{name}/{key}", "_rev": f"_{counter()}"}
        return there


def plain(document, *names): return {name: value for name, value in document.items() if name not in names}


# ---------------------------------------------------------------------------------------------------- AQL
def after_key(view, bind, name):
    return sorted((row for row in view.read(bind[name]).values() if row["_key"] > bind["after"]), key=lambda row: row["_key"])

def edge_row(bind): return lambda edge: [edge["_key"], edge["_from"], edge["_to"], edge.get(bind["rating"]), edge.get(bind["timestamp"])]

def edges_of(view, bind, counter):
    people = set(bind["people"])
    return [edge_row(bind)(edge) for edge in after_key(view, bind, "@edges") if edge["_from"] in people]

def remove(view, bind, counter):
    staged, live = view.read(bind["@staged"]), view.write(bind["@live"])
    for key in [key for key in live if key not in staged]: del live[key]
    return []

def insert(view, bind, counter):
    live = view.write(bind["@live"])
    for key, row in list(view.read(bind["@staged"]).items()):
        new, old = plain(row, "_id", "_rev"), live.get(key)
        if old is None or plain(old, "_id", "_rev") != new: view.put(bind["@live"], new, "replace", counter)
    return []

def recommended(view, bind, counter):
    chosen = [edge for edge in view.read(bind["@edges"]).values()
              if (edge["_from"], edge.get("run"), edge.get("saved_at")) == (bind["person"], bind["run"], bind["saved_at"])]
    return [[edge["_to"], edge["score"], edge["rank"]] for edge in sorted(chosen, key=lambda edge: (edge["rank"], edge["_to"]))]

def forget(view, bind, counter):
    edges = view.write(bind["@edges"])
    for key in [key for key, edge in edges.items() if edge.get("run") == bind["run"] and edge.get("saved_at") != bind["saved_at"]]: del edges[key]
    return []

def runs(view, bind, counter):
    return sorted(([row["run"], row["saved_at"]] for row in view.read(bind["@state"]).values() if row.get("run") is not None), key=lambda row: row[::-1])

def why(view, bind, counter):
    "Titles that a run recommends to a person, and what that person liked with a genre in common."
    movie = lambda edge: view.read(edge["_to"].partition("/")[0])[edge["_to"].partition("/")[2]]
    of = lambda name: [edge for edge in view.read(bind[name]).values() if edge["_from"] == bind["person"]]
    liked = sorted((edge for edge in of("@ratings") if edge["rating"] >= 4), key=lambda edge: (-edge["rating"], edge["_to"]))
    return [{"title": movie(edge)["title"], "score": edge["score"],
             "because": [movie(rated)["title"] for rated in liked if set(movie(rated)["genres"]) & set(movie(edge)["genres"])][:2]}
            for edge in sorted(of("@recommendations"), key=lambda edge: edge["rank"]) if edge["run"] == bind["run"]]

STATEMENTS = {
    'FOR row IN @@rows FILTER row._key > @after SORT row._key RETURN UNSET(row, "_id", "_rev")':
        lambda view, bind, counter: [plain(row, "_id", "_rev") for row in after_key(view, bind, "@rows")],
    'FOR row IN @@rows FILTER row._key > @after SORT row._key RETURN row._key':
        lambda view, bind, counter: [row["_key"] for row in after_key(view, bind, "@rows")],
    'FOR edge IN @@edges FILTER edge._key > @after SORT edge._key RETURN [edge._key, edge._from, edge._to, edge.@rating, edge.@timestamp]':
        lambda view, bind, counter: [edge_row(bind)(edge) for edge in after_key(view, bind, "@edges")],
    'FOR edge IN @@edges FILTER edge._from IN @people AND edge._key > @after SORT edge._key'
    ' RETURN [edge._key, edge._from, edge._to, edge.@rating, edge.@timestamp]': edges_of,
    'FOR row IN @@rows FILTER row._key IN @keys RETURN row._key':
        lambda view, bind, counter: [key for key in bind["keys"] if key in view.read(bind["@rows"])],
    'FOR row IN @@live LET found = LENGTH(FOR other IN @@staged FILTER other._key == row._key LIMIT 1 RETURN 1)'
    ' FILTER found == 0 REMOVE row IN @@live': remove,
    'FOR row IN @@staged LET next = UNSET(row, "_id", "_rev")'
    ' LET present = FIRST(FOR other IN @@live FILTER other._key == row._key RETURN UNSET(other, "_id", "_rev"))'
    ' FILTER next != present INSERT next INTO @@live OPTIONS { overwriteMode: "replace" }': insert,
    'FOR doc IN @@state FILTER doc.run != null SORT doc.saved_at, doc.run RETURN [doc.run, doc.saved_at]': runs,
    'FOR edge IN @@edges FILTER edge._from == @person AND edge.run == @run AND edge.saved_at == @saved_at'
    ' SORT edge.rank, edge._to RETURN [edge._to, edge.score, edge.rank]': recommended,
    'FOR edge IN @@edges FILTER edge.run == @run AND edge.saved_at != @saved_at REMOVE edge IN @@edges': forget,
    'WITH @@users, @@movies FOR movie, edge IN 1..1 OUTBOUND @person @@recommendations FILTER edge.run == @run SORT edge.rank'
    ' LET because = (FOR seen, rated IN 1..1 OUTBOUND @person @@ratings'
    ' FILTER rated.rating >= 4 AND LENGTH(INTERSECTION(seen.genres, movie.genres)) > 0'
    ' SORT rated.rating DESC, seen._id LIMIT 2 RETURN seen.title)'
    ' RETURN { title: movie.title, score: edge.score, because }': why,
}
WRITING = (remove, insert, forget)


# ------------------------------------------------------------------------------------------------- routes
ROUTES = []

def route(method, pattern, query=(), body=None):
    "Name an endpoint, with the query parameters and body attributes that it takes."
    return lambda function: ROUTES.append((method, re.compile(pattern), set(query), body and set(body), function)) or function

def ok(http=200, **values): return http, {"error": False, "code": http, **values}

@route("GET", "/_api/version", ["details"])
def version(server, view, ask): return 200, {"server": "arango", "license": "community", "version": server.version}

@route("GET", "/_admin/time")
def clock(server, view, ask): return ok(time=time.time() + server.clock_ahead)

@route("GET", "/_admin/server/role")
def role(server, view, ask): return ok(role=server.role, errorNum=0)

@route("GET", "/_api/database/current")
def current(server, view, ask): return ok(result={"name": view.database.name, "id": "1", "isSystem": False, "sharding": view.database.sharding})

@route("POST", "/_api/database", body=["name", "users", "options"])
def make_database(server, view, ask):
    if view.database.name != "_system": raise Refused(403, 11)
    if ask.body["name"] in server.databases: raise Refused(409, 1207)
    server.databases[ask.body["name"]] = Database(ask.body["name"])
    return ok(201, result=True)

@route("DELETE", "/_api/database/([^/]+)")
def drop_database(server, view, ask, name):
    if server.databases.pop(name, None) is None: raise Refused(404, 1228)
    return ok(result=True)

@route("GET", "/_api/collection")
def collections(server, view, ask):
    return ok(result=[{"id": str(i), "name": o.name, "status": 3, "type": o.kind, "isSystem": False} for i, o in enumerate(view.database.collections.values())])

@route("POST", "/_api/collection", ["waitForSyncReplication", "enforceReplicationFactor"],
       ["name", "waitForSync", "isSystem", "type", "keyOptions", "numberOfShards", "replicationFactor", "writeConcern"])
def make_collection(server, view, ask):
    name, copies = ask.body["name"], ask.body.get("replicationFactor", 1)
    if not COLLECTION.fullmatch(name): raise Refused(400, 1208, name)
    if name in view.database.collections: raise Refused(409, 1207, name)
    if copies > server.servers: raise Refused(400, 400, "replicationFactor above the number of DB-Servers")
    view.database.collections[name] = Collection(name, ask.body.get("type", 2), plain(ask.body, "name", "type"))
    return ok(id="1", name=name, type=ask.body.get("type", 2), status=3)

@route("DELETE", "/_api/collection/([^/]+)", ["isSystem"])
def drop_collection(server, view, ask, name):
    view.collection(name)
    del view.database.collections[name]
    return ok(id="1")

@route("GET", "/_api/collection/([^/]+)/count")
def count(server, view, ask, name): return ok(count=len(view.read(name)), name=name)

@route("PUT", "/_api/collection/([^/]+)/truncate")
def truncate(server, view, ask, name):
    view.write(name).clear()
    return ok(name=name)

@route("POST", "/_api/index", ["collection"], ["type", "fields", "name", "unique", "sparse"])
def make_index(server, view, ask):
    indexes, name = view.collection(ask.query["collection"]).indexes, ask.body["name"]
    status = 200 if name in indexes else 201
    indexes[name] = ask.body
    return ok(status, id=f"{ask.query['collection']}/1", isNewlyCreated=status == 201, **ask.body)

def definition(o): return {"collection": o["collection"], "from": sorted(o["from"]), "to": sorted(o["to"])}

def graph_of(view, name):
    if name not in view.database.graphs: raise Refused(404, 1924)
    return view.database.graphs[name]

@route("GET", "/_api/gharial")
def graphs(server, view, ask): return ok(graphs=list(view.database.graphs.values()))

@route("POST", "/_api/gharial", ["waitForSync"], ["name", "edgeDefinitions", "orphanCollections", "options"])
def make_graph(server, view, ask):
    if ask.body["name"] in view.database.graphs: raise Refused(409, 1925)
    for o in ask.body["edgeDefinitions"]:
        for name in (o["collection"], *o["from"], *o["to"]): view.collection(name)
    graph = {"_key": ask.body["name"], "name": ask.body["name"], "edgeDefinitions": [definition(o) for o in ask.body["edgeDefinitions"]],
             "orphanCollections": [], "_id": f"_graphs/{ask.body['name']}", "_rev": "1"}
    view.database.graphs[ask.body["name"]] = graph
    return ok(202, graph=graph)

@route("GET", "/_api/gharial/([^/]+)")
def graph(server, view, ask, name): return ok(graph=graph_of(view, name))

@route("POST", "/_api/gharial/([^/]+)/edge", [], ["collection", "from", "to"])
def add_definition(server, view, ask, name):
    graph = graph_of(view, name)
    if any(o["collection"] == ask.body["collection"] for o in graph["edgeDefinitions"]): raise Refused(400, 1920)
    graph["edgeDefinitions"].append(definition(ask.body))
    return ok(202, graph=graph)

@route("DELETE", "/_api/gharial/([^/]+)/edge/([^/]+)", ["dropCollections"])
def drop_definition(server, view, ask, name, edge):
    graph = graph_of(view, name)
    left = [o for o in graph["edgeDefinitions"] if o["collection"] != edge]
    if len(left) == len(graph["edgeDefinitions"]): raise Refused(404, 1930)
    graph["edgeDefinitions"] = left
    return ok(202, graph=graph)

@route("GET", "/_api/document/([^/]+)/([^/]+)")
def document(server, view, ask, name, key):
    if key not in view.read(name): raise Refused(404, 1202)
    return 200, view.read(name)[key]

@route("POST", "/_api/document/([^/]+)", ["returnNew", "silent", "overwrite", "returnOld", "overwriteMode", "waitForSync", "keepNull", "mergeObjects"], body=None)
def put_document(server, view, ask, name):
    view.put(name, ask.body, ask.query.get("overwriteMode"), server.counter)
    return 202, {}

@route("DELETE", "/_api/document/([^/]+)/([^/]+)", ["returnOld", "silent", "waitForSync", "ignoreRevs", "overwrite"])  # the last one is python-arango's own
def drop_document(server, view, ask, name, key):
    if view.write(name).pop(key, None) is None: raise Refused(404, 1202)
    return 202, {}

@route("POST", "/_api/import", ["type", "collection", "complete", "details", "onDuplicate"], body=None)
def bulk(server, view, ask):
    if view.transaction: raise Refused(400, 400, "bulk import takes no part in a stream transaction")
    if ask.query["type"] != "array" or not isinstance(ask.body, list): raise Refused(400, 400, "expecting a JSON array in the request")
    mode, total, details = ask.query.get("onDuplicate"), dict(created=0, errors=0, empty=0, updated=0, ignored=0), []
    view.collection(ask.query["collection"])
    for position, one in enumerate(ask.body):
        try:
            if ask.fault == "bad_document" and position == len(ask.body) // 2: raise Refused(400, 1221)
            there = view.put(ask.query["collection"], one, None if mode == "error" else mode, server.counter)
            total["ignored" if there and mode == "ignore" else "updated" if there else "created"] += 1
        except Refused as e:
            total["errors"] += 1
            details.append(f"at position {position}: creating document failed with error '{e.message}', offending document: {json.dumps(one)}")
    return 201, {"error": False, **total, **({"details": details} if ask.query.get("details") in ("1", "true") else {})}

@route("POST", "/_api/cursor", [], ["query", "count", "batchSize", "ttl", "bindVars", "options", "cache", "memoryLimit",
       "stream", "allowRetry"])  # the last two belong into options; python-arango sends them here as well, where the server skips them
def make_cursor(server, view, ask):
    text, bind, options = " ".join(ask.body["query"].split()), ask.body.get("bindVars", {}), ask.body.get("options", {})
    if set(options) - {"stream", "allowRetry"}: raise Refused(400, 400, "unknown option")
    if text not in STATEMENTS: raise Refused(400, 1501, text)
    wanted = {name.removeprefix("@") for name in re.findall(r"@@?\w+", text)}
    if {name.lstrip("@") for name in bind} != {name.lstrip("@") for name in wanted}: raise Refused(400, 1552, str(sorted(wanted)))
    rows, size = STATEMENTS[text](view, bind, server.counter), ask.body.get("batchSize", 1000)
    result = {"result": rows[:size], "hasMore": len(rows) > size, "cached": False}
    if len(rows) > size:
        cursor = {"rows": rows, "at": size, "size": size, "batch": 2, "last": None, "retry": options.get("allowRetry", False)}
        result["id"] = str(server.counter())
        view.database.cursors[result["id"]] = cursor
        result["nextBatchId"] = "2"
    return ok(201, **result)

@route("POST", r"/_api/cursor/(\d+)(?:/(\d+))?")
def next_batch(server, view, ask, key, batch=None):
    if ask.fault == "cursor_expired" or server.forgetful: view.database.cursors.pop(key, None)
    cursor = view.database.cursors.get(key)
    if cursor is None: raise Refused(404, 1600)
    if batch is not None and cursor["retry"] and cursor["last"] and cursor["last"][0] == batch: return cursor["last"][1]
    if batch is not None and int(batch) != cursor["batch"]: raise Refused(404, 1600)
    rows = cursor["rows"][cursor["at"]:cursor["at"] + cursor["size"]]
    cursor["at"] += cursor["size"]
    cursor["batch"] += 1
    more = cursor["at"] < len(cursor["rows"])
    result = ok(id=key, result=rows, hasMore=more, cached=False, **({"nextBatchId": str(cursor["batch"])} if more else {}))
    cursor["last"] = (batch, result)
    if not more and not cursor["retry"]: del view.database.cursors[key]
    return result

@route("DELETE", r"/_api/cursor/(\d+)")
def drop_cursor(server, view, ask, key):
    if view.database.cursors.pop(key, None) is None: raise Refused(404, 1600)
    return ok(202, id=key)

@route("POST", "/_api/transaction/begin", [], ["collections", "waitForSync", "allowImplicit", "lockTimeout", "maxTransactionSize"])
def begin(server, view, ask):
    named = ask.body["collections"]
    for name in [*named.get("read", []), *named.get("write", []), *named.get("exclusive", [])]: view.collection(name)
    key = str(server.counter())
    write = [*named.get("write", []), *named.get("exclusive", [])]
    view.database.transactions[key] = {"status": "running", "write": write, "data": {}, "seen": {o: id(view.collection(o).documents) for o in write}}
    return ok(201, result={"id": key, "status": "running"})

def transaction_of(view, key):
    if key not in view.database.transactions: raise Refused(404, 1655)
    return view.database.transactions[key]

@route("PUT", r"/_api/transaction/(\d+)")
def commit(server, view, ask, key):
    transaction = transaction_of(view, key)
    if transaction["status"] == "aborted": raise Refused(400, 1655)
    if transaction["status"] == "running":
        for name, documents in transaction["data"].items():
            if id(view.collection(name).documents) != transaction["seen"][name]: raise Refused(409, 1200)
        for name, documents in transaction["data"].items(): view.collection(name).documents = documents
    transaction["status"] = "committed"
    return ok(result={"id": key, "status": "committed"})

@route("DELETE", r"/_api/transaction/(\d+)")
def abort(server, view, ask, key):
    transaction = transaction_of(view, key)
    if transaction["status"] == "committed": raise Refused(400, 1655)
    transaction["status"] = "aborted"
    return ok(result={"id": key, "status": "aborted"})


# ------------------------------------------------------------------------------------------------- server
@dataclass
class Ask:
    method: str
    path: str
    query: dict
    body: object
    fault: str = None


class Server:
    "State, faults and account of what was asked."
    def __init__(self, users=None):
        self.databases = {"_system": Database("_system")}
        self.users = users or {"root": ("secret", "rw")}  # name -> (password, rw or ro)
        self.lock, self.number, self.stop = threading.RLock(), 0, threading.Event()
        self.forget_requests()
        self.faults = {}          # number of the request -> kind; or a function of an Ask -> kind or None
        self.version, self.role, self.servers, self.clock_ahead, self.forgetful = "3.12.4", "SINGLE", 1, 0, False

    def counter(self):
        self.number += 1
        return self.number

    def forget_requests(self): self.asked, self.surprises, self.received = [], [], 0

    def token(self, name):
        "A JWT as the server's /_open/auth gives it."
        pack = lambda o: base64.urlsafe_b64encode(json.dumps(o).encode()).rstrip(b"=")
        text = pack({"alg": "HS256", "typ": "JWT"}) + b"." + pack({"preferred_username": name, "iss": "arangodb", "iat": 1, "exp": 2**33})
        return (text + b"." + base64.urlsafe_b64encode(hmac.new(b"key", text, hashlib.sha256).digest()).rstrip(b"=")).decode()

    def user(self, header):
        scheme, _, value = (header or "").partition(" ")
        if scheme.lower() == "bearer": return next((name for name in self.users if self.token(name) == value), None)
        name, _, password = base64.b64decode(value).decode().partition(":") if scheme.lower() == "basic" else ("", "", "")
        return name if name in self.users and hmac.compare_digest(self.users[name][0].encode(), password.encode()) else None

    def answer(self, ask, headers):
        "(status, document) for a request."
        name = self.user(headers.get("Authorization"))
        if ask.fault == "401" or name is None: raise Refused(401, 11)
        match = re.fullmatch("/_db/([^/]+)(/.*)", ask.path)
        database, path = match and unquote(match[1]), match and match[2]
        if not match: return self.surprise(ask)
        for method, pattern, query, body, function in ROUTES:
            found = pattern.fullmatch(path)
            if method != ask.method or not found: continue
            if set(ask.query) - query or (body is not None and set(ask.body or {}) - body): return self.surprise(ask)
            if database not in self.databases: raise Refused(404, 1228)
            writes = method != "GET" and function not in (next_batch, drop_cursor) and not (
                function is make_cursor and STATEMENTS.get(" ".join(ask.body["query"].split())) not in WRITING)
            if writes and self.users[name][1] != "rw": raise Refused(403, 11)
            view = View(self.databases[database])
            key = headers.get("x-arango-trx-id")
            if key:
                view.transaction = transaction_of(view, key)
                if view.transaction["status"] != "running": raise Refused(404, 1655)
            return function(self, view, ask, *(unquote(o) for o in found.groups() if o is not None))
        return self.surprise(ask)

    def surprise(self, ask):
        self.surprises.append((ask.method, ask.path, sorted(ask.query), sorted(ask.body) if isinstance(ask.body, dict) else None))
        raise Refused(400, 400, "the stand-in does not know this request")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args): pass

    def handle_any(self):
        server, parts = self.server.state, urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ask = Ask(self.command, parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()}, json.loads(data) if data else None)
        with server.lock:
            server.asked.append((ask.method, ask.path))
            server.received += len(data) + sum(len(name) + len(value) + 4 for name, value in self.headers.items()) + len(self.requestline) + 4
            ask.fault = server.faults(ask) if callable(server.faults) else server.faults.get(len(server.asked))
            if ask.fault == "closed_before": return self.hang_up()
            if ask.fault == "503": status, answer = 503, {"error": True, "code": 503, "errorNum": 503, "errorMessage": "service unavailable due to startup or maintenance mode"}
            else:
                try: status, answer = server.answer(ask, self.headers)
                except Refused as e: status, answer = e.status, {"error": True, "code": e.status, "errorNum": e.number, "errorMessage": e.message}
                if status == 400 and answer.get("errorNum") in (1501, 1552): server.surprises.append((ask.method, ask.path, ask.body))
            text = json.dumps(answer).encode()
        if ask.fault == "closed_after": return self.hang_up()
        if ask.fault == "timeout":
            server.stop.wait(10)  # longer than any client here waits
            return self.hang_up()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if ask.fault == "truncated":
            self.wfile.write(text[:len(text) // 2])
            return self.hang_up()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any

    def hang_up(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


class Listener(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 64

    def handle_error(self, request, address): pass  # clients that went away


@contextlib.contextmanager
def serve(port=0, **options):
    "A stand-in on this port, or on a free one of this machine, as long as the block runs."
    state, listener = Server(**options), Listener(("127.0.0.1", port), Handler)
    listener.state = state
    state.url = f"http://127.0.0.1:{listener.server_port}"
    threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try: yield state
    finally:
        state.stop.set()
        listener.shutdown()
        listener.server_close()


if __name__ == "__main__":
    with serve() as server:
        print(server.url, flush=True)
        threading.Event().wait()
