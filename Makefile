# make demo    train, quantize, check, export, prove and run the digits network in one go
# make test    the tests                 make check   linters and the quick tests (under a minute)
# Each sets up .venv by itself. PYTHON=... chooses the interpreter, EDGENET_DATA=... the folder with data sets.

SHELL := /bin/sh
VENV := .venv/bin
EXTRAS := train,export,verify,device,dev

.PHONY: demo test test-full check lint model pin clean

demo: .venv/.installed
	$(VENV)/edgenet build digits --preset quick --out out/digits

test: .venv/.installed
	$(VENV)/python -m pytest -n 2 --dist loadgroup -m "not full"

test-full: .venv/.installed
	$(VENV)/python -m pytest -n 2 --dist loadgroup

check: lint
	$(VENV)/python -m pytest -n 2 --dist loadgroup -q -m "not slow and not full"

lint: .venv/.installed
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy

# The released model, from its recipe: full training, then every figure of its card.
model: .venv/.installed
	$(VENV)/edgenet build digits --preset full --out out/release --model-dir models/digits \
		--frames 1000 --proof-inputs 10000 --cortex-inputs 100

pin: .venv/.installed
	tools/pin.sh

.venv/.installed: pyproject.toml constraints.txt tools/venv.sh
	tools/venv.sh $(EXTRAS)
	@touch $@

clean:
	rm -rf .venv out build dist
