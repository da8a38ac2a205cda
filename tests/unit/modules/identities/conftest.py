"""A Vault with the cluster's identities, for modules that log in."""

from kit.identities import ca, options, set_up, vault

__all__ = ["ca", "options", "set_up", "vault"]
