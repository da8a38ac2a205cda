# Everything runs as root on Debian 12. 'make help' lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vaultops
PACKAGES := docker.io iptables debootstrap python3-venv gnupg zip iproute2 git ca-certificates curl openssl openssh-client shellcheck
# promtool, a browser for the status page, and the packet filter that a node has. On a machine with systemd Debian starts the Prometheus that comes with it.
TEST_PACKAGES := prometheus chromium nftables haproxy jq
LAB := . tests/lab/env;
TEST_LAB := VAULTOPS_LAB=test; . tests/lab/env;
# Tests that touch loopback only share nothing.
SIDE_BY_SIDE := -n auto --maxprocesses 4
# Each worker reads all unit tests: compiling them anew, where an image says that Python keeps nothing, would double that.
KEPT := PYTHONDONTWRITEBYTECODE=

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## Install what the lab and the tests need
	@bash tests/lab/setup.sh "$(CACHE)" $(PACKAGES)

test-setup: setup simulator
	@bash tests/lab/setup.sh "$(CACHE)" $(TEST_PACKAGES)

# What decides about requests to AWS in the tests of policies.
simulator: setup
	@tests/simulator/setup.sh "$(CACHE)"

lab: setup  ## The lab's machines alone, without Vault on them (VAULTOPS_LAB=test: the tests' lab)
	@$(LAB) python tests/lab/lab.py up

demo: setup  ## Bring up a three-node cluster in containers, and say how to reach it
	@$(LAB) python tests/lab/lab.py up
	@$(LAB) ansible-playbook -i inventories/lab site.yml
	@$(LAB) python tests/lab/show.py

clean-lab: setup  ## Remove the labs' containers, networks and servers
	@$(LAB) python tests/lab/lab.py down --all

# Under a test runner the building of Vault would be silent: it is done, and told, before. The inventory's version, and
# older ones for what needs them.
lab-parts: setup
	@$(TEST_LAB) python tests/lab/lab.py prepare

OLDER := vault-1.21.0 vault-1.19.0
$(OLDER): vault-%: lab-parts
	@$(TEST_LAB) VAULTOPS_LAB_VAULT=$* python tests/lab/lab.py prepare

# The releases of OpenBao that tests run, in the lab's release mirror.
openbao: setup
	@$(TEST_LAB) VAULTOPS_LAB_OPENBAO="2.6.1 2.6.2" python tests/lab/lab.py openbao

# Two streams side by side, one with the lab and one without. In each, one target follows the other, and what it says is
# shown in one piece when it has ended. If one fails, the other stream goes on to its end.
TEST_LOG := .ansible/test.log
test: test-setup lab-parts vault-1.21.0 openbao  ## What CI runs; the other tests and the bench come on top
	@echo "== two streams, usually 20 minutes: inputs, molecule, openbao-test; and beside them lint, unit, unit-long, processes, status-test, awx-data, provision"
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target STREAMS=yes loopback-stream lab-stream 2>&1 | \
	    tee --ignore-interrupts $(TEST_LOG) || \
	    { echo "== what failed first, of each stream:"; tests/what_failed.sh $(TEST_LOG); exit 1; }
	@echo "== all of it passed"

loopback-stream: lint unit unit-long processes status-test awx-data provision
lab-stream: inputs molecule openbao-test

ifdef STREAMS
style lab-parts: test-setup
audit: style
galaxy: audit
sanity: galaxy
unit: sanity
unit-long: unit
processes: unit-long
status-test: processes
awx-data: status-test
provision: awx-data
molecule: inputs
openbao-test: molecule
endif

lint: style audit galaxy sanity  ## All that judges the text: the next four

style: setup  ## ansible-lint, yamllint, ruff, mypy, shellcheck, and the documentation of plugins, roles and changes
	@echo "== style"
	@$(LAB) ruff check . && ruff format --check .
	@$(LAB) mypy
	@$(LAB) yamllint --strict .
	@shellcheck .ci/run $$(git ls-files '*.sh')
	@$(LAB) ansible-lint --offline --strict --profile production
	@$(LAB) python docs/lint.py lint-collection-docs --plugin-docs --validate-collection-refs self --check-extra-docs-refs .
	@$(LAB) antsibull-changelog lint
	@$(LAB) docs/generate_changelog.sh --check

RELEASE = $$(tests/venv.sh "$(CACHE)" release 3.11 tests/release/requirements.txt)

audit: setup  ## Secrets in the checkout, bandit on the plugins, advisories on what is pinned: without a network (ACCEPT=yes: these are no secrets; ONLINE=yes: ask osv.dev, too)
	@echo "== audit"
	@$(LAB) python tests/release/audit.py "$(RELEASE)" $(if $(ACCEPT),--accept) $(if $(ONLINE),--online)

GALAXY = $$(tests/venv.sh "$(CACHE)" galaxy 3.11 tests/galaxy/requirements.txt)

galaxy: setup  ## Galaxy's importer takes the built tarball and shows all of its documentation; every file has its licence
	@echo "== galaxy"
	@$(LAB) python tests/galaxy/check.py "$(GALAXY)"
	@"$(GALAXY)/bin/reuse" lint --quiet || "$(GALAXY)/bin/reuse" lint

sanity: setup  ## ansible-test sanity on what the built tarball holds
	@echo "== sanity: usually a minute; 5 minutes at first"
	@$(LAB) tests/galaxy/sanity.sh "$(CACHE)"

release: setup  ## All that a release has, of the commit that is checked out, in build/release; VAULTOPS_SIGNING_KEY signs it
	@$(LAB) python tests/release/make.py "$(RELEASE)" "$(GALAXY)"

release-test: setup  ## A release built twice is the same, bit by bit; what is no release; what the audit sees
	@echo "== releases: usually 5 minutes"
	@$(LAB) VAULTOPS_RELEASE_VENV="$(RELEASE)" VAULTOPS_GALAXY_VENV="$(GALAXY)" pytest tests/loopback/test_release.py

docs: setup  ## Write docs/inputs.md, docs/crossings.md, docs/versions.md, the job templates, the pattern and the changelog anew, from what they are made of
	@$(LAB) python docs/generate_inputs.py
	@$(LAB) python docs/generate_crossings.py
	@$(LAB) python awx/generate.py
	@$(LAB) python docs/generate_versions.py
	@for version in $(patsubst ansible-%,%,$(VERSIONS)); do [ ! -e .ansible/versions/$$version ] || \
	    (export VAULTOPS_ANSIBLE=$$version; $(LAB) python docs/generate_versions.py) || exit 1; done
	@$(LAB) docs/generate_changelog.sh

# Without a network: labels of Ansible's own documentation stay words, and 'make lint' checks those of this collection.
docs-site: setup  ## The documentation of plugins and roles as a site, in build/site/build/html
	@rm -rf build/site && mkdir -p build && mkdir -m 0700 build/site build/site/rst
	@$(LAB) antsibull-docs sphinx-init --use-current --squash-hierarchy --lenient --sphinx-theme alabaster \
	    --dest-dir build/site vaultops.cluster >/dev/null
	@echo "intersphinx_mapping = {}" >>build/site/conf.py
	@$(LAB) cd build/site && antsibull-docs --config-file antsibull-docs.cfg collection --use-current --squash-hierarchy \
	    --dest-dir rst vaultops.cluster && sphinx-build -M html rst build -c . -q -W --keep-going -D suppress_warnings=ref.ref

UNIT := $(KEPT) pytest --numprocesses 3 --dist loadfile tests/unit
LONG := long or hypothesis
unit: test-setup  ## Unit tests but the long ones: no lab, loopback only; usually 50 seconds
	@echo "== unit tests"
	@$(LAB) $(UNIT) -m "not ($(LONG))"

unit-long: test-setup  ## Unit tests of AWS, of identities, of every point of failure, and of what Hypothesis makes up
	@echo "== unit tests, the long ones: usually 2 minutes"
	@$(LAB) $(UNIT) -m "$(LONG)"

processes: setup openbao  ## What starts programs: ansible-playbook, pip, promtool; no lab, loopback only
	@echo "== programs on loopback: usually 2 minutes"
	@$(LAB) pytest $(SIDE_BY_SIDE) --dist loadscope tests/loopback/processes

VERSIONS := ansible-2.16 ansible-2.21
$(VERSIONS): ansible-%: setup
	@tests/versions/setup.sh "$(CACHE)" $*

# One after the other. What is no matter of ansible-core is left out: AWX's data, IAM policies, the execution environment. A run
# on the lab: VAULTOPS_ANSIBLE=2.16 make demo.
ALIKE := tests/unit/awx tests/unit/module_utils/_aws/test_runner_policies.py tests/unit/test_execution_environment.py
versions: test-setup $(VERSIONS)  ## Unit tests and provisioning on the oldest and the newest ansible-core
	@for version in 2.16 2.21; do \
	    echo "== ansible-core $$version"; \
	    (export VAULTOPS_ANSIBLE=$$version; $(LAB) \
	        $(KEPT) pytest $(SIDE_BY_SIDE) --dist loadfile $(ALIKE:%=--ignore=%) tests/unit && \
	        pytest $(SIDE_BY_SIDE) --dist loadscope tests/loopback/processes && \
	        pytest $(SIDE_BY_SIDE) --dist loadscope tests/loopback/test_provision.py tests/loopback/test_decommission.py) || exit 1; \
	done

provision: simulator  ## AWS as it fails under provision.yml, and decommission.yml: no lab, loopback only
	@echo "== provisioning: usually 6 minutes"
	@$(LAB) pytest $(SIDE_BY_SIDE) --dist loadscope tests/loopback/test_provision.py tests/loopback/test_decommission.py \
	    tests/loopback/test_policies.py tests/loopback/test_node_policies.py tests/loopback/test_key_policy.py tests/loopback/test_alarms.py \
	    tests/loopback/test_second_region_made.py tests/loopback/test_transfer_bucket.py tests/loopback/test_drill_machine.py \
	    tests/loopback/test_restricted.py

awx-data: setup  ## What awx/apply.yml makes in an AWX: no lab, loopback only
	@echo "== awx data: usually 2 minutes"
	@$(LAB) pytest tests/loopback/test_awx_apply.py

molecule: lab-parts simulator vault-1.21.0  ## Every scenario: create, converge, idempotence, verify, destroy
	@echo "== molecule, scenarios default, aws, upgrade, certificates, replace_node and backup: usually 14 minutes"
	@$(TEST_LAB) molecule test --all

inputs: lab-parts  ## Every kind of bad input stops the play before a node is changed; every kind of drift is in the plan
	@echo "== bad inputs and drift: usually 5 minutes"
	@$(TEST_LAB) pytest tests/scenarios/test_bad_inputs.py tests/scenarios/test_drift.py

openbao-test: lab-parts openbao  ## OpenBao in the place of Vault: deployed, changed, upgraded, lost and restored while clients write
	@echo "== OpenBao: usually 8 minutes"
	@$(TEST_LAB) pytest tests/scenarios/test_openbao.py

# The first of Debian's suites in tests/lab/labkit/image.py is that of all other targets.
nodes-test: lab-parts  ## Nodes with Python 3.9 and 3.13: deployed, backed up, restarted, with new certificates, with volumes of their own
	@for suite in bullseye trixie; do \
	    echo "== nodes of Debian $$suite"; \
	    (export VAULTOPS_LAB_SUITE=$$suite; $(TEST_LAB) pytest tests/scenarios/test_node_systems.py tests/scenarios/test_volumes.py) || exit 1; \
	done

# Each sets up machines by a script, which wants them empty.
adoption: lab-parts  ## A cluster made by hand is adopted, or left alone with the reason; one that people unseal comes to a KMS key
	@$(TEST_LAB) pytest tests/scenarios/test_adoption.py
	@$(TEST_LAB) pytest tests/scenarios/test_adopt_seal.py

kill-test: lab-parts  ## The controller is killed at every point of init; every sink; nothing secret shows, nor leaves a node in a support bundle
	@$(TEST_LAB) pytest tests/scenarios/test_kill.py tests/scenarios/test_sinks.py tests/scenarios/test_secrets.py tests/scenarios/test_support_bundle.py

change-test: lab-parts $(OLDER)  ## Clients write while the cluster is changed, and while that goes wrong
	@$(TEST_LAB) pytest tests/scenarios/test_settings.py tests/scenarios/test_upgrade.py tests/scenarios/test_certificates.py tests/scenarios/test_identities.py tests/scenarios/test_iam.py \
	    tests/scenarios/test_replace.py tests/scenarios/test_renew.py tests/scenarios/test_second_region.py tests/scenarios/test_move.py tests/scenarios/test_failover.py tests/scenarios/test_seal_move.py

balancer-test: lab-parts vault-1.21.0  ## Clients write through a load balancer while the cluster is changed
	@$(TEST_LAB) pytest tests/scenarios/test_balancer.py

blind-test: lab-parts  ## A controller that is wrong, blind or doubled changes nothing of a cluster that serves
	@$(TEST_LAB) pytest tests/scenarios/test_blind.py tests/scenarios/test_lease.py

backup-test: setup lab-parts  ## The tool on the nodes: snapshots, probe and archive, while everything around it fails, and beside a real Vault
	@$(LAB) pytest tests/loopback/test_backup_run.py tests/loopback/test_probe_run.py tests/loopback/test_archive_run.py
	@$(TEST_LAB) pytest tests/loopback/test_backup_tool.py tests/scenarios/test_probe.py tests/scenarios/test_audit_archive.py

restore-test: lab-parts  ## Restores that must not happen, drills that must not pass, and a quorum that is lost for good
	@$(TEST_LAB) pytest tests/scenarios/test_restore.py tests/scenarios/test_drill_made.py tests/scenarios/test_restore_elsewhere.py tests/scenarios/test_quorum.py

recovery-test: lab-parts  ## Recovery keys are proven, made anew, and let administrators in again, while controllers die
	@$(TEST_LAB) pytest tests/scenarios/test_recovery_keys.py

test-awx: lab-parts vault-1.21.0  ## Every playbook as an AWX job: by ansible-runner, in the execution environment, a container a job
	@$(TEST_LAB) pytest tests/scenarios/test_awx.py

# NAME: one fault or several of 'make faults NAME=--list'. SEED: of the moments at which controllers are killed.
faults: lab-parts  ## Faults of a real cluster while clients write: what is lost, for how long nobody writes, what the status says
	@echo "== faults: usually 50 minutes; one of them a minute"
	@$(TEST_LAB) python -m faults $(NAME) $(if $(SEED),--seed $(SEED))

# No part of 'make test'. JOBS: how many changes are tried at once.
mutants: setup  ## The pure plans are changed in one small place at a time; their tests have to notice 85 %
	@echo "== mutants: usually 8 minutes on two cores"
	@$(LAB) python tests/mutation/run.py $(if $(JOBS),--jobs $(JOBS))

status-test: test-setup  ## The status page in a browser, and plays that find nobody: no lab, loopback only
	@echo "== status page"
	@$(LAB) pytest tests/loopback/test_status_page.py tests/loopback/test_empty_inventory.py

docs-test: demo  ## The commands that README and docs show for the lab, in the demo's lab
	@$(LAB) VAULTOPS_LAB=demo pytest tests/scenarios/test_docs.py

bench: lab-parts vault-1.21.0  ## The plays beside plain shell scripts, in one run each
	@$(TEST_LAB) python tests/bench/bench.py
	@$(TEST_LAB) python tests/bench/change.py
	@$(LAB) python tests/bench/backup.py
	@$(LAB) python tests/bench/provision.py

.PHONY: simulator help style audit release release-test setup docs docs-site galaxy sanity versions $(VERSIONS) test-setup lab demo clean-lab lab-parts $(OLDER) test loopback-stream lab-stream lint unit unit-long processes provision awx-data inputs molecule nodes-test adoption kill-test change-test blind-test backup-test restore-test test-awx faults mutants status-test docs-test bench recovery-test balancer-test
