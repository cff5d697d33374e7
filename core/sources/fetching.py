"""One polite reader of documents over HTTP: asks for what is newer only, waits its turn, tries again, and gives up in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
import tenacity
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as SilenceError

from core.clock import real_now
from core.errors import DocumentMissing, SourceError
from core.sources.documents import RawDocument

AGENT = "SoccerPredictAI (open football forecasts)"
CHUNK = 64 * 1024
TEXTS = frozenset({
    "application/json", "text/json", "text/plain", "text/csv", "text/x-csv", "application/csv", "application/vnd.ms-excel",
    "application/octet-stream", "binary/octet-stream", "",
})  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What a document may cost. Times in seconds: `silence` until the next byte, `whole` for all of it, `pause` between two
    requests to one host, `longest_wait` before another attempt, whatever the host asks for.
    """

    silence: float = 20.0
    whole: float = 120.0
    bytes: int = 32 * 1024 * 1024
    redirects: int = 3
    attempts: int = 4
    pause: float = 0.5
    first_wait: float = 1.0
    longest_wait: float = 60.0


class _Again(Exception):
    """An attempt that may succeed later: why not now, and the seconds that the host asks for."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Fetcher:
    """Reads documents with one session; for one thread. `sleep` is what it waits with."""

    def __init__(
        self, limits: Limits | None = None, session: requests.Session | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._limits = limits or Limits()
        self._session = session or requests.Session()
        self._session.max_redirects = self._limits.redirects
        self._sleep = sleep
        self._last: dict[str, float] = {}

    def get(self, source: str, url: str, earlier: RawDocument | None = None, headers: dict[str, str] | None = None) -> RawDocument | None:
        """The document at `url`, or None when it has not changed since `earlier`.

        DocumentMissing when there is none; SourceError when it cannot be had, after several attempts where that may help.
        """
        asked = {"User-Agent": AGENT, **_conditions(earlier), **(headers or {})}
        backoff = tenacity.wait_random_exponential(self._limits.first_wait, self._limits.longest_wait)
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again),
            stop=tenacity.stop_after_attempt(self._limits.attempts),
            wait=lambda state: min(_asked_for(state) or backoff(state), self._limits.longest_wait),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return attempts(self._once, source, url, asked)
        except _Again as error:
            raise SourceError(
                f"{_shown(url)} cannot be had: {error}, {self._limits.attempts} times. What was loaded before is kept; try again later."
            ) from error

    def close(self) -> None:
        self._session.close()

    def _once(self, source: str, url: str, headers: dict[str, str]) -> RawDocument | None:
        self._take_turn(urlsplit(url).netloc)
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=self._limits.silence) as answer:
                if answer.status_code == requests.codes.not_modified:
                    return None
                _check(url, answer)
                content = self._content(url, answer)
                return RawDocument(source, url, content, real_now(), answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
        except requests.TooManyRedirects as error:
            raise SourceError(f"{_shown(url)} leads from one address to the next without end. Check the source's address.") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as error:
            raise SourceError(f"{_shown(url)} is no address that can be asked. Begin it with https://.") from error
        except (requests.Timeout, requests.ConnectionError, requests.exceptions.ChunkedEncodingError, HTTPError) as error:
            raise _Again(_in_words(error)) from error
        except requests.RequestException as error:
            raise SourceError(f"{_shown(url)} cannot be read: {error}. Check the source's address.") from error

    def _content(self, url: str, answer: requests.Response) -> bytes:
        until = time.monotonic() + self._limits.whole
        found = bytearray()
        # What has come so far, not a full chunk: a byte now and then would otherwise never reach the time limit.
        while chunk := answer.raw.read1(CHUNK, decode_content=True):
            found += chunk
            if len(found) > self._limits.bytes:
                raise SourceError(
                    f"{_shown(url)} is larger than {self._limits.bytes / 2**20:.0f} MB, which no document of matches is. "
                    "Check the source's address."
                )
            if time.monotonic() > until:
                raise _Again(f"it did not arrive within {self._limits.whole:.0f} seconds")
        if not found:
            raise _Again("it is empty")
        return bytes(found)

    def _take_turn(self, host: str) -> None:
        """Wait until the host was left alone for a while."""
        wait = self._last.get(host, float("-inf")) + self._limits.pause - time.monotonic()
        if wait > 0:
            self._sleep(wait)
        self._last[host] = time.monotonic()


def _conditions(earlier: RawDocument | None) -> dict[str, str]:
    if earlier is None:
        return {}
    told = {"If-None-Match": earlier.etag, "If-Modified-Since": earlier.last_modified}
    return {name: value for name, value in told.items() if value}


def _check(url: str, answer: requests.Response) -> None:
    """Raise for every answer that brings no document."""
    status = answer.status_code
    if status in (requests.codes.not_found, requests.codes.gone):
        raise DocumentMissing(f"{_shown(url)} does not exist, or not yet. Check the source's address if it should.")
    if status == requests.codes.too_many_requests or status >= 500:
        raise _Again(f"the provider answers {status}", _retry_after(answer.headers.get("Retry-After")))
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        raise SourceError(f"{_shown(url)} may not be read (status {status}). Check the source's address and, where it needs one, its key.")
    if status != requests.codes.ok:
        raise SourceError(f"{_shown(url)} answers with status {status}. Check the source's address.")
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in TEXTS:
        raise SourceError(f"{_shown(url)} is {kind}, not a document of matches. Check the source's address.")


def _retry_after(text: str | None) -> float | None:
    """The seconds to wait that a host names, as a number or a moment."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _asked_for(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.after if isinstance(error, _Again) else None


def _in_words(error: Exception) -> str:
    if isinstance(error, requests.Timeout | SilenceError):
        return "the provider does not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | HTTPError):
        return "the answer broke off"
    return "the provider cannot be reached"


def _shown(url: str) -> str:
    """The address without what may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if parts.scheme else url.partition("?")[0]
