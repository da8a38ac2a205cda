# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Vault answered, and whether it was Vault."""

from __future__ import annotations

import typing as t

try:
    from hvac.adapters import JSONAdapter
except ImportError:
    JSONAdapter = object  # the client says so

SHOWN = 300


class Refused(Exception):
    """An answer with a status of failure. *status*: of HTTP; its text is what Vault said."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class NotVault(Exception):
    """Something answers there, and it is not Vault."""


class Adapter(JSONAdapter):  # type: ignore[misc]
    """Tells a refusal by its status, which hvac's own errors leave out."""

    def request(self, method: str, url: str, *args: t.Any, raise_exception: bool = True, **kwargs: t.Any) -> t.Any:
        answer = super().request(method, url, *args, raise_exception=False, **kwargs)
        if raise_exception and not getattr(answer, "ok", True):
            raise Refused(answer.status_code, _said(answer))
        return answer

    def get_login_token(self, response: t.Any) -> str:
        try:
            return response["auth"]["client_token"]
        except (TypeError, KeyError) as error:
            raise NotVault from error


def _said(answer: t.Any) -> str:
    try:
        errors = answer.json()["errors"]
        return "; ".join(str(error) for error in errors).strip() or f"HTTP {answer.status_code}"
    except (ValueError, TypeError, KeyError):
        text = " ".join(answer.text.split())[:SHOWN]
        return f"HTTP {answer.status_code}: {text}" if text else f"HTTP {answer.status_code}"
