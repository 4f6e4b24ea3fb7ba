# SPDX-License-Identifier: GPL-3.0-or-later
# One word per wish. Everything happens in .venv and build; nothing is installed anywhere else.
PYTHON ?= python3
RUN = .venv/bin/python -m tests.chores

.PHONY: demo test fast unit native sanity lint integration molecule faults machine hub matrix wheels emulation trust bench collection install clean

demo: install          ## mirror a real tree here, see what it says
	@cd demo && ../.venv/bin/ansible-playbook playbook.yml

test: .venv/ready      ## every test there is
	@$(RUN) test

fast: .venv/ready      ## lint and unit tests: green means you may push
	@$(RUN) fast

unit native sanity lint integration molecule faults machine hub matrix wheels emulation trust collection install: .venv/ready
	@$(RUN) $@

bench: install         ## beside synchronize, copy and rsync; takes a while
	@.venv/bin/python -m tests.bench

.venv/ready: requirements/ansible.txt requirements/controller.txt requirements/test.txt requirements/check.txt
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check $(foreach file,$^,-r $(file))
	@touch $@

clean:
	rm -rf .venv build roles/engine/files/*.whl roles/engine/files/*.tar.gz
