"""Write docs/crossings.md: what changes between versions of Vault, and known vulnerabilities. 'make docs' calls it.

It is made of plugins/module_utils/_plan/crossings.py, by which an upgrade is judged, and of the list that the status goes by.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._common import product, versions
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import crossings

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "crossings.md"
LISTED = ROOT / "roles" / "vault_status" / "files" / "vulnerabilities.yml"
HEAD = """# What changes between versions of Vault

`make docs` writes this page, from the data by which `rolling_upgrade.yml` judges an upgrade. The table goes up to Vault
{newest} of {date}. A later version works: plan and status say that what is known of {newest} is assumed.

A change counts where the cluster runs a version without it, and goes to one that has it. A change that HashiCorp brought
to older lines has several versions: each is the first of its line, and the last one stands for all later lines.

**No test of this collection runs Vault 2.x.** [versions.md](versions.md#vault) says which versions are run. What this page
says of 2.x comes from the sources that each row names.

## The table

"""
READ = """
## What is read before an upgrade

The plan asks only for what the versions differ in: an upgrade from 1.21.0 to 1.21.1 reads nothing of this.

"""
READS = (
    (
        "all ACL policies",
        "`sys/policies/acl`, as the operator. The texts are read as Vault reads them: HCL or JSON, with comments, texts over "
        "several lines and nested blocks",
        'A policy sets a name twice in one block. Two blocks `path "a" {}` are no such case, and JSON may set a name twice.',
    ),
    (
        "audit devices",
        "`sys/audit`, as the operator",
        "A file device has a mode with a bit for execution. A `prefix` is noted.",
    ),
    (
        "mounts, logins, external plugins",
        "`sys/mounts`, `sys/auth`, `sys/plugins/catalog`, as the operator",
        "A mount is of a type that is not built in any more, and no external plugin has its name.",
    ),
    ("each node's configuration", "the files that the unit names", "A file sets a name twice, or can't be understood."),
    (
        "each node's environment",
        "the unit, its drop-ins and environment files, and the process",
        f"`{crossings.SWITCH}` is set, and the new version ignores it.",
    ),
)
AFTER_READS = f"""
- What may not be read forbids the upgrade as well, and the error says which rights are missing. `site.yml`, run by an
  administrator, gives the operator of a cluster that is there already these rights. Where the operator's policy is your own
  (`vault_cluster_operator_policy`), add what the error names.
- No input accepts a policy, device or mount by its name. Each can be mended or removed while the old version runs, without
  an outage. Up to 2.1, `{crossings.SWITCH}=true` on every node
  is Vault's own way, and the plan notes what depends on it.
- Not read: values of identities, by which a templated path may be denied (the plan names the policies); password policies;
  with Vault Enterprise, namespaces other than the root.
- Tried on real servers, a single node each: a policy that sets a name twice and a file device of mode 0755 were made with Vault
  1.19.0, and met 1.21.0. The policy could not be read (400), its token could do nothing (500), and both were well again when the
  policy was written anew. With that device alone no node led. A device with a prefix went on working.
- No setting of the server's configuration is known to be gone in a version of the table.
- An upgrade from Vault Enterprise to the community edition is refused, and so is the other way.

## Plugins that are not built in any more

"""
OPENBAO = """
## OpenBao

Where `vault_flavour` is `openbao`, the plan goes by this table, up to OpenBao {newest} and what is announced of 2.7. Within
2.6 an upgrade was seen on real nodes, and none of these steps from one line to the next: [openbao.md](openbao.md).

"""
VULNERABLE = """
## Known vulnerabilities

`status.yml` compares the versions that run with this list of **{as_of}**. Each entry was compared with the record of the
CVE project. The list is not complete, and nothing makes it newer but a release of the collection: subscribe to HashiCorp's
security bulletins. `vault_status_vulnerabilities` replaces the list.

HashiCorp mends the community edition in its newest version alone, and older lines for Enterprise. The example inventories
name the newest version that the tests run, which has all of these that its column says. Try a newer one, such as 2.2.2, on a
cluster that nobody needs, before you depend on it.

"""


def table(head: tuple[str, ...], rows: t.Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| --- ", "|---").replace("|--- |", "|---|")


def changes(table: t.Iterable[crossings.Crossing]) -> list[tuple[str, ...]]:
    return [
        (", ".join(map(versions.text, one.since)), f"{_sentence(one.text)} ([source]({one.source}))", _does(one))
        for one in table
    ]


def _does(one: crossings.Crossing) -> str:
    if one.refused:
        return "refuses it"
    if not one.reads:
        return "notes it in the plan"
    return (
        "names policies in the plan" if one.name in ("templates", "parameters") else "looks, and refuses what it finds"
    )


def _sentence(text: str) -> str:
    """The name of a setting keeps its letters."""
    return f"{text[0].upper()}{text[1:]}" if text.split()[0].isalpha() else text


def plugins() -> list[tuple[str, ...]]:
    return [(f"`{one.name}` ({one.kind})", versions.text(one.since), one.source) for one in crossings.REMOVED]


def vulnerabilities(listed: dict) -> list[tuple[str, ...]]:
    return [
        (
            f"[{one['id']}]({listed['source']}{one['id']})",
            _sentence(one["about"]),
            _ranges(one["community"]),
            _ranges(one["enterprise"]),
        )
        for one in listed["known"]
    ]


def _ranges(pairs: list[list[str]]) -> str:
    return "<br>".join(f"{first} to below {fixed}" for first, fixed in pairs) or "none"


def document() -> str:
    listed = yaml.safe_load(LISTED.read_text())
    return "".join(
        (
            HEAD.format(newest=versions.text(crossings.NEWEST), date=product.NEWEST[product.VAULT].date),
            table(("from", "change", "what the run does"), changes(crossings.CROSSINGS)),
            READ,
            table(("what", "how", "where it forbids the upgrade"), READS),
            AFTER_READS,
            table(("plugin", "from", "source"), plugins()),
            OPENBAO.format(newest=versions.text(product.NEWEST[product.OPENBAO].version)),
            table(("from", "change", "what the run does"), changes(crossings.OPENBAO_CROSSINGS)),
            VULNERABLE.format(as_of=listed["as_of"]),
            table(("vulnerability", "what", "community edition", "Enterprise"), vulnerabilities(listed)),
        )
    )


def main() -> None:
    TARGET.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
