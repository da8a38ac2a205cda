# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the instance metadata service tells a node about itself. IMDSv2 only."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from .errors import NodeError
from .sigv4 import Credentials

SERVICE = "http://169.254.169.254"
TIMEOUT_SECONDS = 3
# Metadata must never go through a proxy.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def role_credentials() -> Credentials:
    """The temporary credentials of the instance's role."""
    token = _request("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    header = {"X-aws-ec2-metadata-token": token}
    path = "/latest/meta-data/iam/security-credentials/"
    role = _request("GET", path, header).split("\n")[0].strip()
    answer = json.loads(_request("GET", path + role, header))
    if answer.get("Code") != "Success":
        raise NodeError(f"the instance metadata service has no credentials for the role {role} ({answer.get('Code')})")
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"])


def _request(method: str, path: str, headers: dict[str, str]) -> str:
    try:
        request = urllib.request.Request(SERVICE + path, method=method, headers=headers)
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise NodeError(
                "this instance has no IAM role", "Attach the instance profile that may use the unseal key."
            ) from error
        raise NodeError(f"the instance metadata service answered {error.code} for {path}") from error
    except OSError as error:
        raise NodeError(
            f"the instance metadata service does not answer ({error})",
            "It must be enabled on the instance, with a hop limit of 1 (2 where Vault runs in a container).",
        ) from error
