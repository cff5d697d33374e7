"""The store, on a folder and on a real S3 server: the same promises."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from core.errors import FileMissing, StoreUnavailable
from core.storage.files import Store


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return Store.open(str(tmp_path / "store"))
    server = request.getfixturevalue("s3")
    return Store.open(f"{server.bucket()}/prefix", server.endpoint)


def test_what_is_written_is_read_and_listed(store):
    store.write("batch/v1/a.parquet", b"one")
    store.write("batch/v1/b.parquet", b"two")
    store.write("models/1/model.json", b"three")
    assert store.read("batch/v1/a.parquet") == b"one"
    assert store.list("batch") == ["batch/v1/a.parquet", "batch/v1/b.parquet"]
    assert store.list() == ["batch/v1/a.parquet", "batch/v1/b.parquet", "models/1/model.json"]
    assert store.exists("models/1/model.json") and not store.exists("models/1") and not store.exists("models/2")


def test_what_is_not_there_is_missing_in_words_and_has_no_stamp(store):
    with pytest.raises(FileMissing, match=r"There is no .*batch/current\.json yet\. Run `make pipeline`"):
        store.read("batch/current.json")
    assert store.stamp("batch/current.json") is None
    assert store.list("batch") == []
    store.remove("batch")


def test_a_folder_is_no_file(store):
    store.write("batch/v1/a.parquet", b"one")
    with pytest.raises(FileMissing):
        store.read("batch/v1")
    assert not store.exists("batch/v1")


def test_the_stamp_differs_after_a_write_of_the_same_length_and_only_then(store):
    store.write("a", b"one")
    first = store.stamp("a")
    assert store.stamp("a") == first
    store.write("a", b"two")
    assert store.stamp("a") != first


def test_a_folder_can_be_removed_whole_and_a_key_alone(store):
    for key in ("batch/v1/a", "batch/v1/b", "batch/v2/a"):
        store.write(key, b"data")
    store.remove("batch/v1")
    assert store.list() == ["batch/v2/a"]
    store.remove("batch/v2/a")
    assert store.list() == []


def test_the_time_of_writing_is_aware_and_about_now(store):
    store.write("a", b"one")
    assert abs(store.written_at("a") - datetime.now(UTC)) < timedelta(seconds=60)
    with pytest.raises(FileMissing):
        store.written_at("b")


def test_LK_5_a_reader_sees_the_old_bytes_or_the_new_ones_never_a_mixture(store):
    versions = [bytes([letter]) * 300_000 for letter in (65, 66)]
    store.write("a", versions[0])
    done = threading.Event()

    def write():
        for turn in range(12):
            store.write("a", versions[turn % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(store.read("a"))
    writer.join()
    assert seen <= set(versions)


def test_LK_5_a_writer_that_is_killed_leaves_the_old_file(tmp_path):
    """The write is stopped by the kernel in the middle: a limit on the size of files ends the process."""
    store = Store.open(str(tmp_path))
    store.write("a", b"old")
    code = (
        "import resource, sys; from core.storage.files import Store\n"  # all modules first: the limit would cut their compiled files too
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); Store.open(sys.argv[1]).write('a', b'x' * 100_000)"
    )
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, env={"PYTHONPATH": "."})
    assert found.returncode != 0
    assert store.read("a") == b"old"
    assert store.list() == ["a"], "what is not whole is not listed"


class _CutsOff(BaseHTTPRequestHandler):
    """An S3 service that ends its first answers in the middle of the object."""

    protocol_version = "HTTP/1.1"
    whole = bytes(300_000)
    cut: ClassVar[int]
    asked: ClassVar[list[str | None]]

    def do_GET(self):
        self.asked.append(self.headers["Range"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.whole)))
        self.end_headers()
        self.wfile.write(self.whole if len(self.asked) > self.cut else self.whole[:120])
        self.close_connection = True

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.whole)))
        self.end_headers()

    def log_message(self, *args):
        """Nothing on the screen."""


@pytest.fixture
def cut_off(monkeypatch):
    """Gives a bucket whose first `times` answers are cut off, and the ranges that were asked for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    servers = []

    def serve(times):
        handler = type("Handler", (_CutsOff,), {"cut": times, "asked": []})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return Store.open("s3://forecasts", f"http://127.0.0.1:{servers[-1].server_port}"), handler.asked

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_LK_5_an_answer_that_is_cut_off_is_asked_for_again(cut_off):
    store, asked = cut_off(2)
    assert store.read("a") == _CutsOff.whole
    assert len(asked) == 3


def test_a_store_that_always_cuts_off_is_unavailable(cut_off):
    store, asked = cut_off(1_000)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        store.read("a")
    assert 1 < len(asked) < 20


def test_LK_5_a_large_object_is_read_in_one_piece(cut_off):
    """Its ranges, asked side by side, could be of two versions."""
    store, asked = cut_off(0)
    store._place._files.default_block_size = 1_000
    assert store.read("a") == _CutsOff.whole
    assert asked == [None]


def test_LK_3_a_listing_is_asked_anew_each_time(s3):
    address = s3.bucket()
    ours, other = Store.open(address, s3.endpoint), Store.open(address, s3.endpoint)
    assert ours.list() == [] and ours.stamp("batch/current.json") is None
    other.write("batch/current.json", b"{}")
    assert ours.list() == ["batch/current.json"]
    assert ours.exists("batch/current.json") and ours.read("batch/current.json") == b"{}"
    other.remove("batch")
    assert ours.list() == [] and not ours.exists("batch/current.json")


def test_LK_3_the_library_for_s3_keeps_no_listing_either(s3):
    """By default it keeps each for ever; whatever of it we may call one day, it must ask."""
    address = s3.bucket()
    ours, other = Store.open(address, s3.endpoint), Store.open(address, s3.endpoint)
    other.write("one", b"1")
    library, bucket = ours._place._files, address.removeprefix("s3://")
    assert library.ls(bucket) == [f"{bucket}/one"]
    other.write("two", b"2")
    assert library.ls(bucket) == [f"{bucket}/one", f"{bucket}/two"]


def test_a_store_that_does_not_answer_is_told_apart_from_a_missing_file(s3, monkeypatch):
    away = Store.open(s3.bucket(), "http://127.0.0.1:9")
    for ask in (away.read, away.stamp, away.list, away.remove, away.exists):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            ask("batch/current.json")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        Store.open("s3://no-such-bucket", s3.endpoint).write("a", b"one")


def test_a_wrong_key_is_named_and_no_secret_is_shown(s3, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    refused = Store.open(s3.bucket(), s3.endpoint)
    with pytest.raises(StoreUnavailable, match="access is refused") as caught:
        refused.read("a")
    assert "not-the-secret" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_unavailable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match="access is refused"):
        Store.open(str(tmp_path)).write("a", b"one")


def test_a_file_in_the_place_of_the_folder_is_unavailable(tmp_path):
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        Store.open(str(tmp_path / "store")).write("a", b"one")


def test_a_store_says_what_it_is_for_people(tmp_path):
    assert Store.open(str(tmp_path)).describe() == "a folder"
    assert Store.open(f"file://{tmp_path}").location("a") == str(tmp_path / "a")
    bucket = Store.open("s3://forecasts/live/", "http://127.0.0.1:9")
    assert bucket.describe() == "S3 bucket forecasts"
    assert bucket.location("a") == "s3://forecasts/live/a"


def test_a_folder_needs_no_import_of_the_libraries_for_s3(tmp_path):
    code = (
        "import sys; from core.storage.files import Store; Store.open(sys.argv[1]).write('a', b'1')\n"
        "print('s3fs' in sys.modules, 'fsspec' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env={"PYTHONPATH": "."}, check=True)
    assert found.stdout.split() == ["False", "False"]
