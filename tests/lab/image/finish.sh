#!/bin/sh
# The last step inside the node image, whichever way its packages came.
set -eu
systemctl enable ec2-metadata.service
# Who logs in over SSH, and may become root.
useradd --create-home --shell /bin/bash admin
chmod 0440 /etc/sudoers.d/admin
rm -f /etc/ssh/ssh_host_*
# An empty machine-id makes every container draw its own at boot, as an instance made from an AMI does.
: >/etc/machine-id
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/log/journal
