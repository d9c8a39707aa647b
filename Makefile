PYTHON ?= python3
DEV := .venv-dev

.PHONY: help test lint clean

help:  ## show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(DEV)/ready: constraints.txt $(wildcard services/*/pyproject.toml) training/pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install -q --disable-pip-version-check -c constraints.txt -e 'services/common[pictures]' -e services/encoder -e services/search \
		-e services/gateway -e training httpx packaging tqdm pytest ruff mypy types-cachetools types-tqdm
	touch $@

test: lint  ## lint, types and tests
	$(DEV)/bin/pytest

lint: $(DEV)/ready  ## style and types
	$(DEV)/bin/ruff check services training benchmarks deploy tests
	$(DEV)/bin/ruff format --check services training benchmarks deploy tests
	$(DEV)/bin/mypy services/*/src training/src benchmarks deploy tests

clean:  ## remove what make made
	rm -rf $(DEV) .pytest_cache .mypy_cache .ruff_cache
