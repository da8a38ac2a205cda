#!/bin/sh
# Installs what a node needs and its image lacks. cloud-init runs it once, as root, when the instance boots first; what it says is
# in /var/log/cloud-init-output.log. The role writes three lines before it: agent (yes or no: of Systems Manager), region, and s3,
# where S3 is asked: each partition of AWS has names of its own.
set -eu
: "${agent:=no}" "${region:=}" "${s3:=}"

packages=
need() { # COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}

# Also as a snap, as Ubuntu's images have it.
agent_is_there() {
    systemctl cat amazon-ssm-agent.service >/dev/null 2>&1 ||
        systemctl cat snap.amazon-ssm-agent.amazon-ssm-agent.service >/dev/null 2>&1
}

need python3 python3
need logrotate logrotate
need tar tar
need nft nftables

# curl is for sessions: through one, Ansible has the node fetch files by it.
if command -v apt-get >/dev/null 2>&1; then
    need gpgv gpgv
    need curl curl
    if [ -n "$packages" ]; then
        # The distribution's own first update has apt's lock: what is ordered after it begins when that has ended.
        systemd-run --quiet --wait --collect --property="After=apt-daily.service apt-daily-upgrade.service" /bin/true
        export DEBIAN_FRONTEND=noninteractive
        apt-get --option Acquire::Retries=5 update
        # shellcheck disable=SC2086  # names of packages, and no other words
        apt-get --option DPkg::Lock::Timeout=300 --option Acquire::Retries=5 --yes --no-install-recommends install $packages
    fi
    if [ "$agent" = yes ] && ! agent_is_there; then
        # Not in Debian. From AWS's own bucket of the region, which an endpoint of S3 reaches too.
        folder=$(mktemp -d)
        curl --fail --silent --show-error --retry 5 --output "$folder/agent.deb" \
            "${s3%/}/amazon-ssm-$region/latest/debian_$(dpkg --print-architecture)/amazon-ssm-agent.deb"
        dpkg --install "$folder/agent.deb"
        rm -r "$folder"
        systemctl enable --now amazon-ssm-agent.service
    fi
elif command -v dnf >/dev/null 2>&1; then
    # Amazon Linux has curl as curl-minimal, and gpg without gpgv.
    need gpg gnupg2-minimal
    need curl curl-minimal
    if [ "$agent" = yes ] && ! agent_is_there; then
        packages="$packages amazon-ssm-agent"
    fi
    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086  # names of packages, and no other words
        dnf --assumeyes --setopt=retries=5 install $packages
    fi
    if [ "$agent" = yes ]; then
        systemctl enable --now amazon-ssm-agent.service
    fi
else
    if [ "$agent" = yes ]; then
        need curl curl
        agent_is_there || packages="$packages amazon-ssm-agent"
    fi
    if [ -n "$packages" ]; then
        echo "first_boot: error: neither apt-get nor dnf is here, and this lacks:$packages. Set vault_ec2_user_data to a script that" \
            "installs them, or use an image that has them." >&2
        exit 1
    fi
fi
