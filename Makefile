PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
LOWEST = .venv-lowest

.PHONY: demo test test-lowest bench lint clean

# Bytecode is compiled once here: without it TensorFlow takes half a minute to import.
$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m compileall -q $(VENV)/lib > /dev/null || true
	touch $@

demo: $(VENV)/installed
	$(BIN)/python -m cae_sklearn tune --n-jobs 2 --output demo_output

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --quiet

# The same tests with the lowest versions that setup.cfg declares; old releases warn of newer ones.
$(LOWEST)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --upgrade pip
	$(PYTHON) tools/lowest.py setup.cfg > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --editable '.[test]' --constraint $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m compileall -q $(LOWEST)/lib > /dev/null || true
	touch $@

test-lowest: $(LOWEST)/installed
	$(LOWEST)/bin/python -m pytest --numprocesses 2 --dist loadscope --quiet -o filterwarnings=default

bench: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[benchmark]'
	for program in benchmarks/bench_*.py; do $(BIN)/python $$program || exit 1; done

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/numpydoc lint cae_sklearn/*.py

clean:
	rm -rf $(VENV) $(LOWEST) demo_output features_output four_approaches mstar_output build *.egg-info
