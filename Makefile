# The project's commands. `make` alone lists them. GNU make 4.

.DEFAULT_GOAL := help
.PHONY: help run demo-send reset test test-slow faults soak check format lint types contracts migrations schema schema-check deploy-check bench lock clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PORT ?= 8000
# A folder relative to the project, or an absolute one. The environment's QSURA_STATE is heard too.
ifdef QSURA_STATE
export QSURA_STATE
endif

VENV_PYTHON := .venv/bin/python
PIP := $(VENV_PYTHON) -m pip --disable-pip-version-check --no-input -qq
CODE := qsura_platform callbacks messaging templates_app routing alerts accounts simulator tests bench manage.py

## Run it

run: .venv/base.stamp ## Start everything, watch one message go its whole way, stay (PORT=8000, QSURA_STATE=.qsura, SEND=no)
	@exec $(VENV_PYTHON) -m qsura_platform.local run --port '$(PORT)' $(if $(filter no,$(SEND)),--no-send)

demo-send: .venv/base.stamp ## While `make run` is up: send the demo message again and tell its story
	@exec $(VENV_PYTHON) -m qsura_platform.local demo-send

reset: .venv/base.stamp ## Remove the state folder: data, secrets and logs (asks for YES=1)
	@exec $(VENV_PYTHON) -m qsura_platform.local reset $(if $(filter 1 yes,$(YES)),--yes)

## Work on it

test: .venv/dev.stamp ## Run the tests, all but the slow ones and the browser's (ARGS="-k word -x")
	@exec $(VENV_PYTHON) -m pytest -m "not slow and not browser and not fault" $(ARGS)

test-slow: .venv/dev.stamp ## Run the slow tests and the browser's
	@exec $(VENV_PYTHON) -m pytest -m "(slow or browser) and not fault" $(ARGS)

faults: .venv/dev.stamp ## Hurt a platform of real processes in every way, and print what was lost (ARGS="--short")
	@exec $(VENV_PYTHON) -m pytest tests/faults -m "fault and not soak" $(ARGS)

soak: .venv/dev.stamp ## An hour's worth of traffic with every fault once (SOAK_MESSAGES=18000)
	@exec $(VENV_PYTHON) -m pytest tests/faults -m soak -s $(ARGS)

check: format lint types contracts migrations schema-check deploy-check ## Check all that a machine can check

# What the checks need to read the settings: a production's, as docs/configuration.md describes it, with keys that are good for nothing.
CHECK_KEY := QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=
CHECK_INDEX := Z2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU2Nzg5QUI=
CHECK_PEPPER := MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=
CHECK_ENV := env -i PATH='$(PATH)' HOME='$(HOME)' LANG=C.UTF-8 \
	QSURA_STATE=.venv/no-state SECRET_KEY='not-a-secret-but-long-enough-and-with-many-different-characters-0123456789' \
	QSURA_FIELD_KEYS='k1:$(CHECK_KEY)' QSURA_INDEX_KEY='$(CHECK_INDEX)' QSURA_KEY_PEPPER='$(CHECK_PEPPER)' \
	DATABASE_URL='postgresql://qsura@127.0.0.1:1/qsura' CELERY_BROKER_URL='amqp://qsura@broker.example//' \
	PUBLIC_URL=https://qsura.example ALLOWED_HOSTS=qsura.example TRUSTED_PROXIES=10.0.0.0/8 \
	EMAIL_URL=smtp+tls://mail.example ALERT_EMAILS=night-shift@qsura.example ALERT_EMAIL_FROM=qsura@qsura.example

format: .venv/dev.stamp
	@$(VENV_PYTHON) -m ruff format --check --quiet . || { echo 'The format differs: .venv/bin/ruff format .'; exit 1; }

lint: .venv/dev.stamp
	@$(VENV_PYTHON) -m ruff check --quiet .

types: .venv/dev.stamp
	@$(CHECK_ENV) $(VENV_PYTHON) -m mypy --no-error-summary .

contracts: .venv/dev.stamp
	@.venv/bin/lint-imports --no-logo

migrations: .venv/dev.stamp
	@$(CHECK_ENV) $(VENV_PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

schema-check: .venv/dev.stamp
	@$(CHECK_ENV) $(VENV_PYTHON) manage.py spectacular --validate --fail-on-warn --file .venv/openapi.yaml
	@diff -u docs/openapi.yaml .venv/openapi.yaml || { echo 'docs/openapi.yaml is out of date: make schema'; exit 1; }

deploy-check: .venv/dev.stamp
	@$(CHECK_ENV) $(VENV_PYTHON) manage.py check --deploy --fail-level WARNING

schema: .venv/dev.stamp ## Write docs/openapi.yaml from the code
	@$(CHECK_ENV) $(VENV_PYTHON) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

bench: .venv/dev.stamp ## Measure, as ratios to the limit in the same run (ARGS="...")
	@exec $(VENV_PYTHON) -m bench $(ARGS)

lock: ## Compile requirements/*.in into pinned files with hashes (needs uv)
	@command -v uv >/dev/null || { echo 'make lock needs uv: python3 -m pip install uv' >&2; exit 1; }
	@for name in base dev; do \
		uv pip compile "requirements/$$name.in" --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
			-o "requirements/$$name.txt" || exit 1; \
	done
	@! grep -nE 'https?://' requirements/*.txt

clean: ## Remove what the commands made, but no data: .venv and the tools' caches
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## List the commands
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

# The surroundings: a virtual environment made once, and filled again when the pinned requirements change. A stamp is the newest thing in
# the folder that it speaks of, so an interrupted installation is simply done again.

.venv/base.stamp: requirements/base.txt .venv/made.stamp
	@echo 'Installing what Qsura needs into .venv (once; about half a minute) ...'
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/base.txt
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/base.stamp
	@echo 'Installing the workshop into .venv ...'
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# The newest python3 would do, but a distribution's own python3 is the one whose venv module is likely to be installed: it is asked first.
PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
MODERN := import sys; assert sys.version_info >= (3, 11)

.venv/made.stamp:
	@if .venv/bin/python -c '$(MODERN); import pip' 2>/dev/null; then touch $@; exit 0; fi; \
	for python in $(PYTHONS); do \
		"$$python" -c '$(MODERN)' 2>/dev/null || continue; \
		if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then lame="$$python"; continue; fi; \
		rm -rf .venv && "$$python" -m venv .venv && touch $@ && exit 0; exit 1; \
	done; \
	if [ -n "$$lame" ]; then \
		echo "$$lame lacks the venv module. On Debian and Ubuntu: apt install python3-venv (then make again)" >&2; \
	else \
		echo 'Qsura needs Python 3.11 or newer; found none as: $(PYTHONS). Name yours: make run PYTHON=/path/to/python3' >&2; \
	fi; exit 1
