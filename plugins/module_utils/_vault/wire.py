# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""TLS to one node, with an end to every call: how long it may take, and how much it may bring.

A timeout of requests is one of each read: a node that sends a byte a second would hold the controller for ever.
"""

from __future__ import annotations

import ssl
import time
import traceback
import typing as t

try:
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool
    from urllib3.exceptions import ConnectTimeoutError
    from urllib3.util.ssl_ import create_urllib3_context

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()
    HTTPAdapter = HTTPSConnection = HTTPSConnectionPool = object  # type: ignore[misc,assignment]

ANSWER_BYTES = 1 << 20
# What a stream has to bring, again and again, in three times the timeout: a line of 64 kbit/s brings more.
STREAM_BYTES = 64 << 10
STREAM_WINDOWS = 3


class TooSlow(TimeoutError):
    """The time of the call is over."""


class TooLong(OSError):
    """The answer is longer than any that Vault gives."""


class UnusableCa(OSError):
    """The file of CA certificates is missing, can't be read, or holds none."""

    def __init__(self, path: str, cause: OSError) -> None:
        super().__init__(path, cause)
        self.path = path
        self.reason = "it holds no certificate" if isinstance(cause, ssl.SSLError) else str(cause.strerror or cause)


class Meter:
    """What is left to the call that runs. *until*: the end, by the monotonic clock, of all calls together."""

    def __init__(self, until: float | None = None) -> None:
        self.until = until
        self.begin(0, False)

    def begin(self, seconds: float, streams: bool) -> None:
        self._seconds, self._streams = seconds, streams
        self._end, self._bytes = self._window(), 0

    def seconds_left(self) -> float:
        """For the next step on the wire; raises TooSlow when nothing is left."""
        left = min(self._end, self._end if self.until is None else self.until) - time.monotonic()
        if left <= 0:
            raise TooSlow
        return min(left, self._seconds)

    def received(self, count: int) -> None:
        self._bytes += count
        if self._streams and self._bytes >= STREAM_BYTES:
            self._end, self._bytes = self._window(), 0
        elif not self._streams and self._bytes > ANSWER_BYTES:
            raise TooLong(f"more than {ANSWER_BYTES >> 20} MiB")

    def _window(self) -> float:
        return time.monotonic() + self._seconds * (STREAM_WINDOWS if self._streams else 1)


class Transport(HTTPAdapter):
    """Checks the certificate against a chosen name, for nodes that are addressed by IP, and holds every call to a meter."""

    def __init__(self, server_name: str | None, until: float | None = None, **kwargs: t.Any) -> None:
        self._server_name = server_name
        self.meter = Meter(until)
        # Files of CAs that were loaded once: a session has many calls and lasts seconds.
        self._usable: set[str] = set()
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if self._server_name:
            kwargs.update(server_hostname=self._server_name, assert_hostname=self._server_name)
        super().init_poolmanager(*args, ssl_context=_metered_tls(self.meter), **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _metered_pool(self.meter)}

    def send(  # type: ignore[override]
        self, request: t.Any, stream: bool = False, timeout: t.Any = None, **kwargs: t.Any
    ) -> t.Any:
        if isinstance(ca := kwargs.get("verify"), str) and ca not in self._usable:
            _require_ca(ca)
            self._usable.add(ca)
        self.meter.begin(timeout, stream)
        return super().send(request, stream=stream, timeout=timeout, **kwargs)


def _require_ca(path: str) -> None:
    """Else a file that is missing looks like a node that is."""
    try:
        with open(path, "rb"):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except IsADirectoryError:
        return
    except OSError as error:
        raise UnusableCa(path, error) from error


def _metered_tls(meter: Meter) -> ssl.SSLContext:
    class Metered(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            self.settimeout(meter.seconds_left())
            super().do_handshake(block)

        def recv_into(self, *args: t.Any, **kwargs: t.Any) -> int:
            self.settimeout(meter.seconds_left())
            count = super().recv_into(*args, **kwargs)
            meter.received(count)
            return count

        def send(self, *args: t.Any, **kwargs: t.Any) -> int:
            self.settimeout(meter.seconds_left())
            return super().send(*args, **kwargs)

    context = create_urllib3_context()
    context.sslsocket_class = Metered
    return context


def _metered_pool(meter: Meter) -> type[HTTPSConnectionPool]:
    class Connection(HTTPSConnection):
        def _new_conn(self) -> t.Any:
            try:
                self.timeout = meter.seconds_left()
            except TooSlow as error:
                raise ConnectTimeoutError(self, "the time of the call is over") from error
            return super()._new_conn()

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool
