"""The tables: what is kept of matches, tasks, forecasts and models, column by column."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint

from core.football.raw import SHOTS

schema = sa.MetaData()

# Times are ISO 8601 text in UTC: the same bytes in SQLite, PostgreSQL and a download. Those that are compared or sorted are
# written by core.clock.sortable: without the microseconds of each, half a second after a whole one would come before it.
Moment = String(32)
BigInteger = sa.BigInteger().with_variant(Integer, "sqlite")

meta = Table("meta", schema, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))

raw_matches = Table(
    "raw_matches",
    schema,
    Column("raw_id", BigInteger, primary_key=True, autoincrement=True),
    Column("source", String(64), nullable=False),
    Column("source_ref", String(200), nullable=False),
    Column("observed_at", Moment, nullable=False),
    Column("payload_hash", String(40), nullable=False),
    Column("sex", Integer, nullable=False),
    Column("competition_raw", String(120), nullable=False),
    Column("competition_code", String(40), nullable=False),
    Column("country", String(80), nullable=False),
    Column("season_raw", String(20), nullable=False),
    Column("round_raw", String(120)),
    Column("date_local", String(10), nullable=False),
    Column("time_local", String(8)),
    Column("tz", String(40)),
    Column("kickoff_utc", Moment),
    Column("kickoff_precision", String(8), nullable=False),
    Column("home_raw", String(120), nullable=False),
    Column("away_raw", String(120), nullable=False),
    Column("home_source_id", String(40)),
    Column("away_source_id", String(40)),
    Column("neutral", Boolean),
    Column("leg", Integer),
    Column("status_raw", String(40)),
    *(Column(name, Integer) for name in ("ft_home", "ft_away", "ht_home", "ht_away", "et_home", "et_away", "pen_home", "pen_away")),
    *(Column(name, Integer) for name in SHOTS),
    Column("score_basis", String(16), nullable=False),
    Column("odds_json", Text),
    Column("part", String(120)),  # what it was loaded with: the season of a league, say
    Column("superseded_at", Moment),  # since when another version of this row counts; null: this one does
    UniqueConstraint("source", "source_ref", "payload_hash"),
    Index("raw_matches_by_season", "competition_code", "season_raw"),
    Index("raw_matches_by_part", "source", "part"),
)

matches = Table(
    "matches",
    schema,
    Column("match_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sex", Integer, nullable=False),
    Column("competition_code", String(40), nullable=False),
    Column("competition", String(120), nullable=False),
    Column("country", String(80), nullable=False),
    Column("season", String(20), nullable=False),
    Column("round", String(120)),
    Column("leg", Integer, nullable=False),
    Column("date", String(10), nullable=False),
    Column("kickoff_utc", Moment),
    Column("neutral", Boolean, nullable=False),
    Column("home_team_id", String(120), nullable=False),
    Column("away_team_id", String(120), nullable=False),
    Column("status", String(12), nullable=False),
    *(Column(name, Integer) for name in ("home_score", "away_score", "ht_home", "ht_away", *SHOTS)),
    Column("sources", String(200), nullable=False),
    Column("label", String(1)),
    Column("label_ok", Boolean, nullable=False),
    Index("matches_by_date", "date"),
)

match_source_refs = Table(
    "match_source_refs",
    schema,
    Column("source", String(64), primary_key=True),
    Column("source_ref", String(200), primary_key=True),
    Column("match_id", BigInteger, nullable=False, index=True),
)
match_id_aliases = Table(
    "match_id_aliases", schema, Column("old", BigInteger, primary_key=True, autoincrement=False), Column("new", BigInteger, nullable=False)
)

teams = Table(
    "teams",
    schema,
    Column("team_id", String(120), primary_key=True),
    Column("sex", Integer, nullable=False),
    Column("country", String(80), nullable=False),
    Column("name", String(120), nullable=False),
)
team_aliases = Table(
    "team_aliases",
    schema,
    Column("country", String(80), primary_key=True),
    Column("sex", Integer, primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("alias", String(120), primary_key=True),
    Column("team_id", String(120), nullable=False),
)

# Each match in play as it was last heard of. Whether that is stale is worked out when it is read. `before_home` and
# `before_away` are the score before it last changed, and `changed_at` when that was: goals can be taken back.
live_matches = Table(
    "live_matches",
    schema,
    Column("match_id", BigInteger, primary_key=True, autoincrement=False),
    Column("source", String(64), nullable=False),
    Column("source_match_id", String(64), nullable=False),
    Column("observed_at", Moment, nullable=False),
    Column("provider_updated_at", Moment),
    Column("competition_code", String(40), nullable=False),
    Column("sex", Integer, nullable=False),
    Column("kickoff_utc", Moment),
    Column("home_name", String(120), nullable=False),
    Column("away_name", String(120), nullable=False),
    Column("phase", String(16), nullable=False),
    *(Column(name, Integer) for name in ("minute", "stoppage", "home_score", "away_score", "ht_home", "ht_away", "pen_home", "pen_away")),
    Column("sequence", BigInteger, nullable=False),
    *(Column(name, Integer) for name in ("before_home", "before_away")),
    Column("changed_at", Moment),
)

quarantine = Table(
    "quarantine",
    schema,
    Column("quarantine_id", BigInteger, primary_key=True, autoincrement=True),
    Column("source", String(64), nullable=False),
    Column("source_ref", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("scope", String(200)),  # the part or the season whose next loading says whether the row still stands here
    UniqueConstraint("source", "source_ref", "reason"),
)
corrections = Table(
    "corrections",
    schema,
    Column("correction_id", BigInteger, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("source", String(64), nullable=False),
    Column("source_ref", String(200), nullable=False),
    Column("was", String(40), nullable=False),
    Column("became", String(40), nullable=False),
    Column("reason", Text, nullable=False),
)
source_documents = Table(
    "source_documents",
    schema,
    Column("source", String(64), primary_key=True),
    Column("url", String(400), primary_key=True),
    Column("part", String(120), nullable=False),
    Column("role", String(40), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("status", String(12), nullable=False),  # loaded, refused, missing, failed
    Column("etag", String(200)),
    Column("last_modified", String(80)),
    Column("digest", String(40)),  # SHA-1 of the content that is loaded
    Column("verdict", String(40)),  # and of the one that was judged last, which may have been refused
    Column("reader", String(40)),  # the code that judged it
    Column("fetched_at", Moment),  # when the content that is loaded came
    Column("reason", Text),
    Column("rows", Integer),
)

tasks = Table(
    "tasks",
    schema,
    Column("task_id", String(36), primary_key=True),
    Column("name", String(40), nullable=False),
    Column("queue", String(16), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("status", String(12), nullable=False, index=True),
    Column("progress", Float),
    Column("progress_note", String(200)),
    Column("result", Text),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("kills", Integer, nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("worker", String(80)),
    Column("idempotency_key", String(200), unique=True),
    Column("created_at", Moment, nullable=False, index=True),
    Column("queued_at", Moment),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    Column("deadline", Moment),
)
task_events = Table(
    "task_events",
    schema,
    Column("event_id", BigInteger, primary_key=True, autoincrement=True),
    Column("task_id", String(36), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("status", String(12), nullable=False),
    Column("worker", String(80)),
    Column("note", Text),
)
workers = Table(
    "workers",
    schema,
    Column("worker", String(80), primary_key=True),
    Column("queue", String(16), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", String(80), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("heartbeat_at", Moment, nullable=False),
    Column("model_versions", Text, nullable=False),
    Column("tasks_done", Integer, nullable=False),
    Column("current_task", String(36)),
    Column("stopped_at", Moment),
)
leases = Table(
    "leases",
    schema,
    Column("name", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", Moment, nullable=False),
)
process_events = Table(
    "process_events",
    schema,
    Column("event_id", BigInteger, primary_key=True, autoincrement=True),
    Column("process", String(40), nullable=False),
    Column("event", String(16), nullable=False),
    Column("pid", Integer),
    Column("at", Moment, nullable=False),
    Column("note", Text),
)

forecasts = Table(
    "forecasts",
    schema,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("match_id", BigInteger, nullable=False, index=True),
    Column("stage", String(16), nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("proba_home", Float, nullable=False),
    Column("proba_draw", Float, nullable=False),
    Column("proba_away", Float, nullable=False),
    Column("kickoff_utc", Moment),
    Column("as_of", Moment, nullable=False),
    Column("sealed_at", Moment, nullable=False),
    Column("timeline", String(8), nullable=False),
    Column("previous_digest", String(64), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
)
audit = Table(
    "audit",
    schema,
    Column("audit_id", BigInteger, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("who", String(80), nullable=False),
    Column("action", String(20), nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer),
    Column("reason", Text, nullable=False),
    Column("metrics", Text),
    Column("intended", Boolean),  # true from before the alias moves until it has moved
)
drift_history = Table(
    "drift_history",
    schema,
    Column("as_of", Moment, primary_key=True),
    Column("score", Float),
    Column("features_drifting", Integer, nullable=False),
    Column("features_checked", Integer, nullable=False),
    Column("log_loss", Float),
    Column("matches", Integer, nullable=False),
)
pipeline_runs = Table(
    "pipeline_runs",
    schema,
    Column("run_id", String(36), primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("status", String(12), nullable=False),
    Column("note", Text),
)
