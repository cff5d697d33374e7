"""One thread for the linear algebra of a fit: its matrices are so small that several threads only wait for one another.

A fit of Dixon and Coles on 270 teams takes 0.1 s so, and 4 s with two threads on two busy cores. The bits of a fit then do not
depend on the number of cores either.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


@cache
def _libraries() -> Any:
    import scipy.linalg  # noqa: F401  that its library is loaded when the libraries are looked for
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Within it NumPy and SciPy compute with one thread."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit
