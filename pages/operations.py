"""Operations: what runs, what waits, what failed and why, what happened lately, how fresh everything is."""

from __future__ import annotations

import streamlit as st

from core.clock import from_iso, real_now
from core.views import operations as view
from pages.shared import charts, frame, held, kept, keyed, replay_controls, state, tables, task_controls, timeline_choice
from pages.shared.alive import alive
from pages.shared.tables import Cell, Name

services, jobs, zone = held.services(), held.jobs(), state.zone()


@alive(every=2.0)
def head() -> None:
    """The banners, too, come and go while somebody looks."""
    frame.masthead("Operations", "What runs, what waits, what failed and why. The page renews itself.")


@alive(every=2.0)
def processes() -> None:
    now, records = real_now(), services.records
    workers = view.worker_rows(records.workers(), records.tasks(200), now)
    latest = view.happenings(records.process_events(50), now, zone)
    faults = {notice.kind: notice.title for notice in services.notices()}
    tables.verdict(view.headline(workers, records.task_counts(), latest, faults))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        tables.section("Workers", "A worker without a heartbeat for five seconds is taken for dead; its task goes back into the queue.")
        tables.workers(workers)
        tables.section("Queues", "Short work never waits behind long work.")
        tables.queues(jobs.unended())
    with right:
        tables.section("What happened lately")
        tables.tell(latest)


@alive(every=2.0)
def tasks() -> None:
    tables.section("Tasks", "The latest first, those that failed or were lost with their reason.")
    chosen = st.segmented_control(
        "Show", list(view.FILTERS), default="All", required=True, key="state", bind="query-params", label_visibility="collapsed"
    )
    recent = services.records.tasks(30, view.FILTERS[chosen])
    rows = view.task_rows(recent, real_now(), zone)
    tables.tasks(rows)
    charts.table_and_csv(view.table(rows, view.TASK_COLUMNS), "tasks")
    task_controls.about(services, jobs, view.choices(recent, rows))


@alive(every=10.0)
def record() -> None:
    tables.section("Record of forecasts", "Every forecast is recorded before kick-off; each record's digest covers the one before it.")
    check = services.pulse.latest().chain
    problem, sentence = (None, None) if check is None else (check.problem, check.sentence(services.settings.timeline))
    checked_at = None if check is None else from_iso(check.checked_at)
    tables.note(view.chain_line(problem, sentence, checked_at, real_now()), good=problem is None)


@alive(every=10.0)
def data() -> None:
    now = real_now()
    left, right = st.columns(2, gap="medium")
    with left:
        tables.section("Published files", "As they are held in memory now.")
        files = [view.file_row(*facts, now) for facts in kept.files(services)]
        tables.table(
            [Cell("File"), Cell("Written"), Cell("Rows")],
            [
                (Name(row.meaning, "old copy" if row.problem else "", below=row.problem), [Cell(row.written), Cell(row.rows)])
                for row in files
            ],
        )
    with right:
        tables.section("Pipeline", "Its latest runs.")
        tables.runs(view.run_rows(services.records.runs(), now, zone))
        if sources := view.source_rows(services.records.documents(), now):
            tables.section("Sources", "Documents that are loaded. Whatever fails or is refused leaves what was loaded before.")
            tables.table(
                [Cell("Source"), Cell("Asked"), Cell("Documents")],
                [
                    (Name(row.name, "see below" if row.problem else "", below=row.problem), [Cell(row.asked), Cell(row.loaded)])
                    for row in sources
                ],
            )
        tables.section("What each part runs on")
        tables.facts(view.backends(kept.addresses(services), jobs.backend(), services.store.describe()))


head()
state.tell_unknown({"state": ("state", view.FILTERS)})
processes()
keyed.field(services.settings)
timeline_choice.draw(services)
replay_controls.draw(services, jobs)
tasks()
task_controls.work(services, jobs)
record()
data()
frame.footer()
