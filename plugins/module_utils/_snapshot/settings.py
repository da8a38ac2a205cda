# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where snapshots are kept, and the key that encrypts them."""

from __future__ import annotations

import re
from dataclasses import dataclass

KEY_ARN = re.compile(r"arn:aws[\w-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")


@dataclass(frozen=True)
class Kms:
    key_arn: str
    endpoint_url: str | None
    timeout_seconds: int

    @property
    def region(self) -> str:
        return self.key_arn.split(":")[3]


@dataclass(frozen=True)
class S3:
    bucket: str
    prefix: str
    region: str
    endpoint_url: str | None
    timeout_seconds: int
