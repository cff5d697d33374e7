"""The front door, in two roles: the script that names the pages, and the ASGI app that serves them and the REST API.

`streamlit run app.py` and `uvicorn app:app` both start it; `make run` uses the second, one process a port.
"""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from core.errors import NotReady, SoccerPredictError
    from pages.shared import frame

    frame.begin()
    page = st.navigation(
        {
            "": [
                st.Page("pages/matches.py", title="Matches", icon=":material/calendar_month:", default=True),
                st.Page("pages/live.py", title="Live", icon=":material/sensors:", url_path="live"),
                st.Page("pages/match.py", title="Match", url_path="match", visibility="hidden"),
            ],
            "Models": [
                st.Page("pages/arena.py", title="Arena", icon=":material/balance:", url_path="arena"),
                st.Page("pages/playground.py", title="Playground", icon=":material/science:", url_path="playground"),
            ],
            "Monitoring": [
                st.Page("pages/drift.py", title="Drift", icon=":material/monitoring:", url_path="drift"),
                st.Page("pages/operations.py", title="Operations", icon=":material/dns:", url_path="operations"),
            ],
            "About": [st.Page("pages/how_it_works.py", title="How it works", icon=":material/menu_book:", url_path="how_it_works")],
        },
        position="top",
    )
    try:
        with frame.timed(page.url_path or "matches"):
            page.run()
    except NotReady as missing:
        st.info(str(missing), icon=":material/hourglass_top:")
    except SoccerPredictError as error:
        st.error(str(error), icon=":material/error:")
else:
    from pathlib import Path

    from starlette.middleware import Middleware
    from starlette.middleware.gzip import GZipMiddleware

    from pages.shared.front import lifespan
    from pages.shared.packed import Packed
    from workers import sidecar
    from workers.api import Front, api

    app = st.App(
        Path(__file__).resolve(),
        lifespan=lifespan(api, sidecar),
        # The API's paths never come to Streamlit, whose own middleware would answer an odd one in its way, and costs time.
        middleware=[Middleware(Packed), Middleware(GZipMiddleware, minimum_size=1000), Middleware(Front, api=api)],
    )
