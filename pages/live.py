"""Live: the scores now, each beside what we said before kick-off."""

from __future__ import annotations

from core.views import live as view
from pages.shared import frame, held, live_board, state
from pages.shared.alive import alive

services, zone = held.services(), state.zone()


@alive(every=2.0)
def board(choice: live_board.Choice) -> None:
    live_board.draw(services, zone, choice)


frame.masthead("Live", "Scores now, each beside what we said before kick-off. The page renews itself.")
choice = live_board.choose(services, zone)
board(choice)
frame.downloads(
    (
        "These scores as CSV",
        lambda: view.downloaded(live_board.found(services, zone, choice).cards).to_csv(index=False).encode(),
        "live.csv",
        "text/csv",
        ":material/download:",
    )
)

frame.footer()
