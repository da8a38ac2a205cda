"""A Vault with the cluster's identities, for modules that log in."""

from kit.identities import by_iam, ca, options, set_up, vault

__all__ = ["by_iam", "ca", "options", "set_up", "vault"]
