import sqlalchemy as sa

from core.storage import pipeline_log
from core.storage.schema import audit, drift_history, pipeline_runs


def rows(database, table):
    with database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def test_a_run_is_written_when_it_starts_and_when_it_ends(database):
    pipeline_log.begin(database, "one", "whole pipeline")
    (run,) = rows(database, pipeline_runs)
    assert (run["status"], run["finished_at"], run["note"]) == ("RUNNING", None, "whole pipeline")
    pipeline_log.remark(database, "one", "ingest: no disk")
    pipeline_log.end(database, "one", "FAILED")
    (run,) = rows(database, pipeline_runs)
    assert (run["status"], run["note"]) == ("FAILED", "ingest: no disk") and run["finished_at"] >= run["started_at"]


def test_a_run_that_was_killed_is_lost_when_the_next_begins(database):
    pipeline_log.begin(database, "one", "whole pipeline")
    pipeline_log.begin(database, "two", "whole pipeline")
    assert {run["run_id"]: run["status"] for run in rows(database, pipeline_runs)} == {"one": "LOST", "two": "RUNNING"}


def test_the_history_of_drift_has_a_row_a_moment(database):
    def report(as_of, score):
        found = [{"drifts": True}, {"drifts": False}]
        return {"as_of": as_of, "drift_score": score, "features": found, "realised": {"log_loss": None}, "window": {"matches": 31}}

    for as_of, score in (("2026-03-13T12:00:00Z", 0.5), ("2026-03-14T12:00:00Z", 0.0), ("2026-03-13T12:00:00Z", 0.25)):
        pipeline_log.add_drift(database, report(as_of, score))
    history = {
        row["as_of"][:10]: (row["score"], row["features_drifting"], row["features_checked"]) for row in rows(database, drift_history)
    }
    assert history == {"2026-03-13": (0.25, 1, 2), "2026-03-14": (0.0, 1, 2)}


def test_a_note_takes_the_place_of_the_one_before(database):
    assert pipeline_log.noted(database, "published") is None
    pipeline_log.note(database, "published", "one")
    pipeline_log.note(database, "published", "two")
    assert pipeline_log.noted(database, "published") == "two"


def test_promotions_are_counted(database):
    assert pipeline_log.promotions(database) == 0
    with database.write() as connection:
        connection.execute(audit.insert().values(at="2026-03-13T12:00:00Z", who="me", action="promote", reason="better"))
    assert pipeline_log.promotions(database) == 1
