"""A bundle is data: none of its files is a program, and nothing in it is run."""
import io
import json
import pickle
import shutil
import sys

import numpy as np
import onnx
import pandas as pd
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper
from safetensors.numpy import load_file

from conftest import run
from movierec.core import MovierecError
from movierec.models.splits import split_ratings
from movierec.serve.bundle import _FILES, read_bundle, rewrite_bundle
from movierec.serve.catalogue import add_movies
from movierec.serve.quantize import quantize_bundle
from movierec.serve.recommender import Recommender
from movierec.testing.examples import two_tastes
from movierec.train.export import export_bundle
from movierec.train.learner import recommender_learner

NEW_MOVIE = {"movie_id": [10_000_001], "title": ["New"], "genres": [["Drama"]], "year": [2020]}


@pytest.fixture(scope="module")
def bundle(trained): return trained / "runs/latest/bundle"


@pytest.fixture(scope="module")
def lightgcn(tmp_path_factory):
    movies, ratings = two_tastes()
    learn = recommender_learner(movies, split_ratings(ratings), model="lightgcn")
    return export_bundle(learn, tmp_path_factory.mktemp("lightgcn") / "bundle")


MADE = {
    "history": lambda bundle, lightgcn, to: bundle,
    "lightgcn": lambda bundle, lightgcn, to: lightgcn,
    "int8": lambda bundle, lightgcn, to: quantize_bundle(bundle, to, kind="int8"),
    "larger": lambda bundle, lightgcn, to: add_movies(bundle, pd.DataFrame(NEW_MOVIE), folder=to)}


# What we write

def is_json(path): json.loads(path.read_text(encoding="utf-8"))


def is_numbers(path):  # safetensors checks that the file is a header and these arrays, and nothing else
    for name, table in load_file(path).items(): assert table.dtype.kind in "biuf", name


def is_table(path):  # of plain types, described in JSON
    schema = pq.read_schema(path)
    assert not any(key.startswith(b"ARROW:extension") for field in schema for key in field.metadata or {})
    assert set(schema.metadata) <= {b"pandas"}
    assert json.loads(schema.metadata[b"pandas"])["columns"]


def graphs(graph):  # and those inside of it
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                if inner.node: yield from graphs(inner)


def is_arithmetic(path):  # standard operators, all numbers inside
    model = onnx.load(path, load_external_data=False)
    assert {opset.domain for opset in model.opset_import} == {""} and not model.functions
    for graph in graphs(model.graph):
        assert {node.domain for node in graph.node} <= {""}
        attributes = [attribute for node in graph.node for attribute in node.attribute]
        tensors = [*graph.initializer, *(attribute.t for attribute in attributes)]
        assert not any(tensor.external_data or tensor.data_location for tensor in tensors)


IS = {".json": is_json, ".safetensors": is_numbers, ".parquet": is_table, ".onnx": is_arithmetic}


@pytest.mark.parametrize("kind", MADE)
def test_each_file_is_data_of_the_kind_that_it_says(kind, bundle, lightgcn, tmp_path):
    folder = MADE[kind](bundle, lightgcn, tmp_path / "made")
    assert {"manifest.json", *_FILES} <= {path.name for path in folder.iterdir()}
    for path in folder.iterdir(): IS[path.suffix](path)


# What we do with it

WATCHED = """
import pickle
import sys
import pandas as pd
from movierec.serve.filters import Filters
from movierec.serve.quantize import quantize_bundle
from movierec.serve.recommender import Recommender

def use(bundle, to):
    recommender = Recommender.load(bundle)
    recommender.recommend(1, filters=Filters(genres=["Drama"]), novelty=0.5, diversity=0.5)
    assert "you watched" in recommender.recommend(history={1: 5.0})._repr_html_()
    recommender.recommend_many([1, 2]), recommender.explain(1), recommender.similar(1)
    recommender.add_movies(pd.DataFrame(%s), to)
    quantize_bundle(bundle, to, kind="half")

FORBIDDEN = (
    "pickle.find_class", "exec", "compile", "import", "marshal.loads", "ctypes.", "subprocess.",
    "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket.")

def forbid(event, arguments):
    if event.startswith(FORBIDDEN): raise RuntimeError(f"forbidden: {event} {arguments}")

def is_forbidden(crime):
    try: crime()
    except RuntimeError as error: return "forbidden" in str(error)

bundle, to = sys.argv[1:]
use(bundle, to)  # imports what is imported at first use
sys.addaudithook(forbid)
use(bundle, to)
assert is_forbidden(lambda: pickle.loads(b"cos\\nsystem\\n."))
assert is_forbidden(lambda: eval("1")) and is_forbidden(lambda: __import__("this"))
""" % NEW_MOVIE


def test_no_use_of_a_bundle_unpickles_evaluates_imports_starts_or_calls_anything(bundle, tmp_path):
    run(sys.executable, "-c", WATCHED, bundle, tmp_path / "other", cwd=tmp_path)


# What others may give us

class Crime:
    "Once unpickled, it writes a file."
    def __init__(self, path): self.path = path
    def __reduce__(self): return open, (str(self.path), "w")


@pytest.fixture
def mark(tmp_path): return tmp_path / "it-was-run"


def test_the_crime_is_one(mark):
    pickle.loads(pickle.dumps(Crime(mark)))
    assert mark.exists()


def forged(bundle, folder, name, content):  # with checksums that are right
    with rewrite_bundle(bundle, folder, manifest=read_bundle(bundle), written=[name]) as beside:
        (beside / name).write_bytes(content)
    return folder


def array_of_objects(crime):  # as numpy saves it, with a pickle inside
    file = io.BytesIO()
    np.save(file, np.array([crime], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("name", [*_FILES, "content.safetensors"])
@pytest.mark.parametrize("disguise", [pickle.dumps, array_of_objects], ids=["pickle", "numpy"])
def test_a_pickle_in_disguise_is_refused_and_never_opened(name, disguise, bundle, mark, tmp_path):
    folder = forged(bundle, tmp_path / "forged", name, disguise(Crime(mark)))
    with pytest.raises(Exception, match="(?i)header|magic|protobuf|parquet"):
        Recommender.load(folder).add_movies(pd.DataFrame(NEW_MOVIE), tmp_path / "other")
    assert not mark.exists()


def test_a_manifest_is_read_as_json_alone(bundle, mark, tmp_path):
    folder = shutil.copytree(bundle, tmp_path / "forged")
    (folder / "manifest.json").write_bytes(pickle.dumps(Crime(mark), protocol=0))
    with pytest.raises(MovierecError, match="is damaged"): Recommender.load(folder)
    assert not mark.exists()


def test_a_type_that_older_arrow_unpickled_is_a_plain_column(bundle, mark, tmp_path):
    movies, file = pq.read_table(bundle / "movies.parquet"), io.BytesIO()
    place = movies.schema.get_field_index("title")
    field = movies.schema.field(place).with_metadata({
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Crime(mark))})
    pq.write_table(movies.set_column(place, field, movies.column(place)), file)
    folder = forged(bundle, tmp_path / "forged", "movies.parquet", file.getvalue())
    answer = Recommender.load(folder).recommend(1)
    assert answer.equals(Recommender.load(bundle).recommend(1)) and not mark.exists()


def with_operator(domain, kind):  # which only a library of one's own could know
    def change(model):
        model.opset_import.append(helper.make_opsetid(domain, 1))
        model.graph.node.append(helper.make_node(kind, ["k"], ["more"], domain=domain))
        model.graph.output.append(helper.make_tensor_value_info("more", TensorProto.INT64, []))
    return change


def with_numbers_in(place):
    def change(model):
        numbers = model.graph.initializer.add(
            name="elsewhere", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
        for key, value in {"location": place, "offset": "0", "length": "4"}.items():
            numbers.external_data.add(key=key, value=value)
        model.graph.node.append(helper.make_node("Identity", ["elsewhere"], ["more"]))
        model.graph.output.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    return change


@pytest.mark.parametrize("change, reason", [
    (with_operator("my.library", "Anything"), "not a registered"),
    (with_operator("com.microsoft", "PythonOp"), "not a registered"),
    (with_numbers_in("../private.bin"), "escapes"),
    (with_numbers_in("/private.bin"), "Absolute path not allowed"),
    (with_numbers_in("mine.bin"), "External data path")],
    ids=["operator of a library", "operator in Python", "numbers of another folder",
         "numbers of the machine", "numbers of the working folder"])
def test_arithmetic_that_reaches_outside_of_the_bundle_is_refused(
        change, reason, bundle, tmp_path, monkeypatch):
    model = onnx.load(bundle / "recommender.onnx")
    change(model)
    (tmp_path / "private.bin").write_bytes(bytes(4))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.bin").write_bytes(bytes(4))
    monkeypatch.chdir(tmp_path / "here")
    folder = forged(bundle, tmp_path / "forged", "recommender.onnx", model.SerializeToString())
    with pytest.raises(Exception, match=reason): Recommender.load(folder)
