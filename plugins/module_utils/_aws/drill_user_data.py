# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the machine of a restore drill runs when it boots first: a timer that ends the machine, and then what a node runs. Pure.

A run that is killed terminates nothing, and its machine holds all of the cluster's data. So the machine powers itself off, and is
launched so that it is terminated by that.
"""

from __future__ import annotations

import hashlib
import typing as t
from email import message_from_string
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

UNIT = "vault-drill-end"
# With systemd alone, which every image has. The timer is set before anything is installed, which may hang.
_END = """\
#!/bin/sh
# Powers this machine of a restore drill off, and EC2 then terminates it: no drill lasts longer, and a run that was killed has
# left the machine with all of the cluster's data.
exec systemd-run --quiet --unit={unit} --on-active={minutes}min --timer-property=AccuracySec=1s "$(command -v systemctl)" poweroff
"""


def make(own: str, minutes: int) -> str:
    """As cloud-init reads it: in parts, since *own* may be in any language, or be cloud-init's configuration, or be in parts
    itself. Scripts are run one after the other."""
    parts = [MIMEText(_END.format(unit=UNIT, minutes=minutes), "x-shellscript")]
    made = MIMEMultipart(boundary=hashlib.sha256(own.encode()).hexdigest()[:32])
    for part in [*parts, *_own(own)]:
        made.attach(part)
    return made.as_string()


def _own(text: str) -> t.Iterator[Message]:
    if not text.strip():
        return
    if text.lower().startswith(("content-type:", "mime-version:")):
        yield message_from_string(text)
    else:
        # What kind it is, cloud-init finds out by its first line, as it does without parts.
        yield MIMEText(text, "plain")
