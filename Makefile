PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
LOWEST = .venv-lowest
WHEEL = .venv-wheel
PRE = .venv-pre
ELSEWHERE = build/elsewhere
# A worker takes what the other has not begun: modules are of very different lengths.
PYTEST = -m pytest --numprocesses 2 --dist worksteal --quiet
QUICK = $(PYTEST) -m "not slow"

.PHONY: demo docs test test-slow test-doc test-lowest test-wheel test-pre test-all coverage
.PHONY: bench lint dist elsewhere clean

# Bytecode is compiled once here: without it TensorFlow takes half a minute to import.
$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m compileall -q $(VENV)/lib > /dev/null || true
	touch $@

demo: $(VENV)/installed
	$(BIN)/python -m cae_sklearn tune --n-jobs 2 --output demo_output

# Two processes with a TensorFlow thread each do not fight over two cores.
test test-slow test-lowest test-wheel test-pre coverage: export TF_NUM_INTRAOP_THREADS = 1
test test-slow test-lowest test-wheel test-pre coverage: export TF_NUM_INTEROP_THREADS = 1

test: $(VENV)/installed
	$(BIN)/python $(QUICK)

test-slow: $(VENV)/installed
	$(BIN)/python $(PYTEST) -m slow

# The examples of the docstrings, and a count of the code of the pages, which test-slow runs.
test-doc: $(VENV)/installed
	MPLBACKEND=Agg TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest --doctest-modules --quiet cae_sklearn
	$(BIN)/python tests/code_blocks.py

# The site, in docs/_build/html; a warning is an error.
docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html

# What `make test` leaves out.
test-all: lint test-slow test-doc test-lowest

# The wheel and the source distribution, made from a copy that holds no older build.
dist: $(VENV)/installed
	rm -rf dist build
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

# A folder with the tests and all that they read, without the package.
elsewhere:
	rm -rf $(ELSEWHERE)
	mkdir -p $(ELSEWHERE)
	cp -r *.md *.cff Makefile pyproject.toml setup.cfg benchmarks docs examples tests tools $(ELSEWHERE)

# The wheel, with the lowest versions that setup.cfg declares; old releases warn of newer ones.
test-lowest: dist elsewhere
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --upgrade pip
	$(PYTHON) tools/lowest.py setup.cfg > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/constraints.txt \
		"$$(ls $(CURDIR)/dist/*.whl)[test]"
	$(LOWEST)/bin/python -m compileall -q $(LOWEST)/lib > /dev/null || true
	cd $(ELSEWHERE) && $(CURDIR)/$(LOWEST)/bin/python $(QUICK) -o filterwarnings=default

# The wheel, with the newest versions.
test-wheel: dist elsewhere
	rm -rf $(WHEEL)
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/python -m pip install --quiet --upgrade pip
	$(WHEEL)/bin/python -m pip install --quiet "$$(ls $(CURDIR)/dist/*.whl)[test]"
	$(WHEEL)/bin/python -m compileall -q $(WHEEL)/lib > /dev/null || true
	cd $(ELSEWHERE) && $(CURDIR)/$(WHEEL)/bin/python $(QUICK)

# The newest releases of all dependencies, those before a release included.
test-pre:
	$(PYTHON) -m venv $(PRE)
	$(PRE)/bin/python -m pip install --quiet --upgrade pip
	$(PRE)/bin/python -m pip install --quiet --pre --upgrade --editable '.[test]'
	$(PRE)/bin/python -m compileall -q $(PRE)/lib > /dev/null || true
	$(PRE)/bin/python $(QUICK)

# Worker processes are measured too; see pyproject.toml.
coverage: $(VENV)/installed
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run $(QUICK)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[benchmark]'
	for program in benchmarks/bench_*.py; do $(BIN)/python $$program || exit 1; done

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/numpydoc lint $(shell find cae_sklearn -name '*.py')

clean:
	rm -rf $(VENV) $(LOWEST) $(WHEEL) $(PRE) build dist docs/_build docs/auto_examples docs/generated *.egg-info .coverage .coverage.*
	rm -rf demo_output features_output four_approaches mstar_output
