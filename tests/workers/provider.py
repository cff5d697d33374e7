"""A server that stands for every source at once, and made-up seasons in the layouts of two of them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from core.football.seasons import season_of, window

# Clubs that are known here, the better ones first: as many as the leagues have.
ENGLAND = (
    """
Arsenal, Liverpool, Manchester City, Chelsea, Aston Villa, Newcastle United, Tottenham Hotspur, Manchester United, Brighton & Hove Albion,
Fulham, Brentford, Crystal Palace, Everton, AFC Bournemouth, West Ham United, Nottingham Forest, Leeds United, Sunderland, Burnley,
Wolverhampton Wanderers
""".replace("\n", " ")
    .strip()
    .split(", ")
)
FRAUEN = [
    f"{name} Frauen"
    for name in ["Adler", "Bär", "Chamäleon", "Dachs", "Elch", "Fuchs", "Gams", "Hase", "Igel", "Jaguar", "Kranich", "Luchs"]
]
OPENFOOTBALL = "/raw.githubusercontent.com/openfootball/football.json/master"
OPENLIGADB = "/api.openligadb.de/getmatchdata"


def season(today: date) -> dict[str, bytes]:
    """What the sources tell of a day: men's and women's league, each with matches this week."""
    name = season_of(today + timedelta(days=2))
    men, women = around(today, 38), around(today, 22)
    return {
        f"{OPENFOOTBALL}/{name}/en.1.json": openfootball(ENGLAND, men, today),
        f"{OPENLIGADB}/ffb1/{name[:4]}": openligadb(FRAUEN, women, today),
    }


class Provider:
    """Answers what `find` or `documents` has for a path, with an ETag; 404 for the rest. `asked` are the paths, in order."""

    def __init__(self, find: Callable[[str], bytes | None] | None = None, port: int = 0) -> None:
        self.documents: dict[str, bytes] = {}
        self.asked: list[tuple[str, int]] = []
        self._find = find or self.documents.get
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answered(self, status: int) -> list[str]:
        return [path for path, code in self.asked if code == status]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = provider._find(self.path) if provider.documents.get(self.path) is None else provider.documents[self.path]
                tag = None if body is None else f'"{hashlib.sha1(body).hexdigest()}"'
                status = 404 if body is None else 304 if self.headers.get("If-None-Match") == tag else 200
                provider.asked.append((self.path, status))
                self.send_response(status)
                if tag:
                    self.send_header("ETag", tag)
                self.send_header("Content-Type", "application/json")
                content = body if body is not None and status == 200 else b""
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def rounds(teams: list[str]) -> list[list[tuple[str, str]]]:
    """Everyone hosts everyone once, a round a week."""
    ring, half = list(teams), len(teams) // 2
    found = []
    for number in range(len(teams) - 1):
        pairs = [(ring[place], ring[-1 - place]) for place in range(half)]
        found.append([(away, home) if number % 2 else (home, away) for home, away in pairs])
        ring = [ring[0], ring[-1], *ring[1:-1]]
    return found + [[(away, home) for home, away in pairs] for pairs in found]


def score(home: str, away: str, teams: list[str]) -> tuple[int, int]:
    """The better side, which stands first, wins more often; the same match always ends alike."""
    luck = int(hashlib.sha1(f"{home}{away}".encode()).hexdigest()[:4], 16)
    better = teams.index(away) - teams.index(home)
    return (luck + (3 if better > 0 else 1)) % 4, (luck // 7 + (0 if better > 0 else 1)) % 3


def weekly(first: date, number: int) -> list[date]:
    """A round a week."""
    return [first + timedelta(weeks=week) for week in range(number)]


def around(today: date, number: int) -> list[date]:
    """The days of the rounds of the season that is on: up to ten before today, the next one in two days, the rest until the summer."""
    coming = today + timedelta(days=2)
    first, last = window(season_of(coming))
    played = [day for back in range(10, 0, -1) if (day := today - timedelta(days=3 * back)) >= first]
    left = number - len(played)
    return played + [coming + timedelta(days=(last - coming).days * place // left) for place in range(left)]


def openfootball(teams: list[str], days: list[date], today: date) -> bytes:
    """A league's season with these days for its rounds, played until yesterday."""
    matches = []
    for week, pairs in enumerate(rounds(teams)):
        day = days[week]
        for home, away in pairs:
            played = {"score": {"ft": list(score(home, away, teams))}} if day < today else {"score": {}}
            matches.append(
                {"round": f"Matchday {week + 1}", "date": day.isoformat(), "time": "15:00", "team1": home, "team2": away, **played}
            )
    return json.dumps({"name": "a made-up season", "matches": matches}).encode()


def openligadb(teams: list[str], days: list[date], today: date) -> bytes:
    """The same as OpenLigaDB tells it; each match has a number of its own."""
    found = []
    for week, pairs in enumerate(rounds(teams)):
        kickoff = datetime.combine(days[week], datetime.min.time()) + timedelta(hours=14)
        over = kickoff.date() < today
        for home, away in pairs:
            goals = score(home, away, teams)
            results = [{"resultTypeID": 2, "resultName": "Endergebnis", "pointsTeam1": goals[0], "pointsTeam2": goals[1]}] if over else []
            found.append(
                {
                    "matchID": len(found) + 1,
                    "matchDateTimeUTC": f"{kickoff:%Y-%m-%dT%H:%M:%SZ}",
                    "group": {"groupName": f"{week + 1}. Spieltag", "groupOrderID": week + 1},
                    "team1": {"teamId": 100 + teams.index(home), "teamName": home},
                    "team2": {"teamId": 100 + teams.index(away), "teamName": away},
                    "matchIsFinished": over,
                    "matchResults": results,
                    "goals": [],
                }
            )
    return json.dumps(found).encode()
