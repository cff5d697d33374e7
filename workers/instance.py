"""The first stage: the database, and for whom this run works."""

from __future__ import annotations

import secrets
from pathlib import Path

from core.clock import iso, real_now
from core.settings import prepare_home
from core.storage import pipeline_log, replay
from workers.workplace import REGISTERED, Figures, Workplace, whole


def instance(place: Workplace) -> Figures:
    """Make the database and the instance's id, and say for whom this run works: what must run again follows from it."""
    settings = place.settings
    prepare_home(settings)
    place.database.create()
    if _was_lost(place):
        settings.instance_file.unlink(missing_ok=True)
    if settings.clock.moment is not None:
        replay.set_out(place.database, settings.clock.moment)
    clock = place.clock
    said = {
        "instance_id": _instance_id(settings.instance_file),
        "database_id": place.database.instance_id(),
        "timeline": settings.timeline,
        # In real time every day is a new one; the hours in it are not.
        "clock": iso(clock.now()) if clock.replaying else clock.now().date().isoformat(),
        "places": place.places,
        "cut": place.cut.isoformat(),
        "promotions": pipeline_log.promotions(place.database),
    }
    place.write_json(place.work / "instance.json", said)
    # The sources are asked in each run: whether they have news, nobody knows beforehand.
    place.write_json(place.work / "asked.json", {} if clock.replaying else {"at": iso(real_now())})
    return {name: said[name] for name in ("timeline", "clock")}


def _instance_id(path: Path) -> str:
    if not path.is_file():
        path.write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def _was_lost(place: Workplace) -> bool:
    """Whether the store or the registry was filled from this database, and is gone or torn: then all is made again."""
    published, registered = (pipeline_log.noted(place.database, name) for name in (pipeline_log.PUBLISHED, REGISTERED))
    registry = place.settings.tracking_uri.removeprefix("sqlite:///")
    lost = registered and registry != place.settings.tracking_uri and not Path(registry).is_file()
    return bool(lost or (published and whole(place.store) is None))
