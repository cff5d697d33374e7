"""Reading documents from a server that misbehaves in every way a provider's may, and from none at all."""

import socket
from contextlib import closing
from dataclasses import replace

import pytest

from core.errors import DocumentMissing, SourceError
from core.sources.fetching import Fetcher, Limits
from tests.installation import PATIENCE

from .misbehaving import GOOD, misbehaving

PATIENT = Limits(silence=PATIENCE, whole=PATIENCE, bytes=200_000, pause=0, first_wait=0.01, longest_wait=60)
# What a server that says nothing, or never comes to an end, is given.
SHORT = {"silent": {"silence": 0.4}, "dripping": {"whole": 1}}


@pytest.fixture(scope="module")
def server():
    with misbehaving() as running:
        yield running


@pytest.fixture
def waits():
    return []


@pytest.fixture
def fetcher(server, waits):
    server.counts.clear()
    server.asked.clear()
    fetcher = Fetcher(PATIENT, sleep=waits.append)
    yield fetcher
    fetcher.close()


def test_a_document_comes_with_what_its_provider_said_about_it(server, fetcher):
    found = fetcher.get("made up", f"{server.base}/good")
    assert (found.source, found.content, found.etag, found.last_modified) == ("made up", GOOD, '"1"', "Fri, 13 Mar 2026 12:00:00 GMT")
    assert found.fetched_at.tzinfo is not None


@pytest.mark.parametrize("known", [{"last_modified": None}, {"etag": None}])
def test_a_document_that_has_not_changed_is_not_sent_again(server, fetcher, known):
    earlier = fetcher.get("made up", f"{server.base}/good")
    assert fetcher.get("made up", f"{server.base}/good", replace(earlier, **known)) is None
    assert fetcher.get("made up", f"{server.base}/good", replace(earlier, etag='"0"', last_modified=None)).content == GOOD


def test_a_provider_that_recovers_is_asked_again_after_growing_pauses(server, fetcher, waits):
    assert fetcher.get("made up", f"{server.base}/recovers").content == GOOD
    assert server.counts["recovers"] == 3
    assert len(waits) == 2


def test_a_provider_that_names_a_pause_gets_it_but_not_hours(server, fetcher, waits):
    assert fetcher.get("made up", f"{server.base}/busy").content == GOOD
    assert fetcher.get("made up", f"{server.base}/busy-for-hours").content == GOOD
    assert waits == [7, 60]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("broken", "the provider answers 500, 4 times"),
        ("truncated", "the answer broke off, 4 times"),
        ("empty", "it is empty, 4 times"),
        ("silent", "the provider does not answer in time, 4 times"),
        ("dripping", "did not arrive within 1 seconds, 4 times"),
    ],
)
def test_what_may_pass_is_tried_four_times_and_then_told(server, waits, path, words):
    server.counts.clear()
    with closing(Fetcher(replace(PATIENT, **SHORT.get(path, {})), sleep=waits.append)) as fetcher, pytest.raises(SourceError, match=words):
        fetcher.get("made up", f"{server.base}/{path}")
    assert server.counts[path] == 4


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("page", "is text/html, not a document of matches"),
        ("huge", "larger than 0 MB"),
        ("round-and-round", "from one address to the next without end"),
        ("forbidden", "may not be read"),
    ],
)
def test_what_will_not_pass_is_told_at_once(server, fetcher, path, words):
    with pytest.raises(SourceError, match=words):
        fetcher.get("made up", f"{server.base}/{path}")
    assert server.counts[path] == (4 if path == "round-and-round" else 1)


def test_a_missing_document_is_an_error_of_its_own(server, fetcher):
    with pytest.raises(DocumentMissing, match="does not exist, or not yet"):
        fetcher.get("made up", f"{server.base}/2031-32/en.1.json")


def test_a_document_that_moved_is_found(server, fetcher):
    assert fetcher.get("made up", f"{server.base}/moved").content == GOOD


def test_a_packed_document_is_unpacked_however_slowly_it_comes(server, fetcher):
    assert fetcher.get("made up", f"{server.base}/packed").content == GOOD


def test_without_a_network_the_error_says_so(waits):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/good"
        with pytest.raises(SourceError, match=r"the provider cannot be reached, 4 times\. What was loaded before is kept"):
            Fetcher(PATIENT, sleep=waits.append).get("made up", nobody)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "no address", "http://"])
def test_what_is_no_address_is_told_in_words(fetcher, url):
    with pytest.raises(SourceError, match="no address that can be asked"):
        fetcher.get("made up", url)


def test_a_key_in_an_address_is_not_repeated_in_an_error(server, fetcher):
    with pytest.raises(SourceError) as caught:
        fetcher.get("made up", f"{server.base}/forbidden?token=secret")
    assert "secret" not in str(caught.value)


def test_a_host_is_left_alone_between_two_requests(server, waits):
    fetcher = Fetcher(replace(PATIENT, pause=500), sleep=waits.append)
    fetcher.get("made up", f"{server.base}/good")
    fetcher.get("made up", f"{server.base}/good")
    fetcher.close()
    assert len(waits) == 1
    assert 0 < waits[0] <= 500
