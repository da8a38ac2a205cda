# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look again, until it is so or the time is over."""

from __future__ import annotations

import time

PAUSE_SECONDS = 0.3


class Wait:
    """A time in which something has to come about.

    *until* is its end, by the monotonic clock. The last look is the first one that ends after it, so that what took long to
    come and is there counts.
    """

    def __init__(self, seconds: float, pause: float | None = None) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self._pause = PAUSE_SECONDS if pause is None else pause

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until

    def again(self) -> bool:
        """After a pause; False at once when the time is over."""
        if self.is_over:
            return False
        time.sleep(self._pause)
        return True
