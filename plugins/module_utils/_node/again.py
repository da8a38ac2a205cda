# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One connection that breaks off is no reason to end a run in which three nodes ask a dozen times."""

from __future__ import annotations

import http.client
import typing as t
import urllib.error

ATTEMPTS = 3
Answer = t.TypeVar("Answer")


def ask_again(ask: t.Callable[[], Answer]) -> Answer:
    """What *ask* returns. It is asked anew where no answer came, so asking twice has to be as good as asking once.

    How long all of it may take is the caller's deadline; an answer with a status is an answer.
    """
    attempts = 1
    while True:
        try:
            return ask()
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException):
            if attempts == ATTEMPTS:
                raise
        attempts += 1
