# Every chore is one word; `make help` lists them.
# A stamp in .venv marks each installed lock file, so a changed lock installs again.

SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --require-hashes --requirement

# The first Python that runs, is new enough and has all the wheels; else any that is new enough.
RUNS = -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python $(RUNS) && echo $$python && break; done)

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) \
		| while IFS='|' read -r name does; do printf '  make %-12s %s\n' "$$name" "$$does"; done

.PHONY: setup
setup: .venv/.serving ## Install what `maskdrop detect` needs into .venv

.PHONY: setup-model
setup-model: .venv/.dev ## Add TensorFlow, to import and export models

.PHONY: setup-train
setup-train: .venv/.train ## Add PyTorch, to train models (downloads gigabytes)

.PHONY: setup-sam
setup-sam: .venv-sam/.sam ## Install SAM's command, which deploys, into .venv-sam

.PHONY: demo
demo: .venv/.local ## Send the sample photographs through the whole service
	$(BIN)/maskdrop demo --out out/demo

.PHONY: run
run: .venv/.local ## Run the whole service on this machine, with its site on port 8080
	@exec $(BIN)/maskdrop run

# `make test COVERAGE=1` prints the share of lines that tests run; nothing depends on it.
WITH_COVERAGE := --cov handler --cov model --cov-report term:skip-covered
.PHONY: test
test: .venv/.dev chromium ## Run every test, after installing what they need
	$(BIN)/pytest --numprocesses 2 --dist loadfile --durations 15 $(if $(COVERAGE),$(WITH_COVERAGE))

.PHONY: test-slow
test-slow: .venv/.dev ## Run the tests that `make test` leaves out for their length: 5 minutes
	$(BIN)/pytest -m slow --numprocesses 2 --dist loadfile

NODE_CHECKS := tests/site/node_modules/.bin
.PHONY: lint-site
lint-site: tests/site/node_modules/.installed ## Check the site's JavaScript: style and types; needs Node.js 20 or newer
	$(NODE_CHECKS)/oxlint --config tests/site/oxlint.json --deny-warnings site
	$(NODE_CHECKS)/tsc --project tests/site

tests/site/node_modules/.installed: tests/site/package.json tests/site/package-lock.json
	@command -v npm >/dev/null || { echo "make lint-site needs Node.js 20 or newer with npm; see" \
		"https://nodejs.org" >&2; exit 1; }
	cd tests/site && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: test-site-orientations
test-site-orientations: .venv/.dev chromium ## Compare the page's cut-outs with the service's, whole: 9 minutes
	MASKDROP_ALL_ORIENTATIONS=1 $(BIN)/pytest tests/site/test_site_orientation.py

.PHONY: test-site-firefox
test-site-firefox: .venv/.dev ## Test the site in Firefox too: 3 minutes; needs firefox or firefox-esr
	MASKDROP_FIREFOX=1 $(BIN)/pytest tests/site/test_site_firefox.py

.PHONY: load
load: .venv/.dev ## Load a server at 0.5 to 4 times its capacity, and draw docs/images/load.svg
	$(BIN)/python tests/reliability/open_loop.py --picture docs/images/load.svg

.PHONY: fetch-test
fetch-test: .venv/.dev ## Fetch and export a checkpoint of ResNet-50's full size from a server here: minutes, 4 GB
	$(BIN)/pytest -s tests/full_size

.PHONY: test-training
test-training: .venv/.train ## Test training too (downloads PyTorch, gigabytes)
	$(BIN)/pytest tests/training

# docker, podman and buildah take the same words; BUILD_FLAGS are more of them.
ENGINE ?= $(shell for engine in docker podman buildah; do command -v $$engine && break; done)
IMAGE ?= maskdrop
TARGET ?= lambda
BUILD = $(ENGINE) build $(BUILD_FLAGS) \
	$(foreach base,LAMBDA_BASE SERVER_BASE,$(if $($(base)),--build-arg $(base)=$($(base)))) \
	--build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) \
	--build-arg REVISION=$$(git rev-parse HEAD)
.PHONY: image
image: ## Build the image of TARGET: lambda, server or gpu
	$(BUILD) --target $(TARGET) --tag $(IMAGE):$(TARGET) .

.PHONY: sbom
sbom: ## Write what the images hold to out/sbom, as CycloneDX
	$(BUILD) --target sbom --output type=local,dest=out/sbom .

.PHONY: sbom-locks
sbom-locks: .venv-sbom/.sbom ## Write what the lock files hold to out/sbom, as CycloneDX, without an image
	mkdir -p out/sbom
	for lock in lambda server; do .venv-sbom/bin/cyclonedx-py requirements requirements/$$lock.txt \
		--output-reproducible --output-file out/sbom/$$lock-locks.cdx.json || exit 1; done

# No registry is needed: Debian takes the place of the base images.
STAND_INS = IMAGE=localhost/maskdrop-test ENGINE=buildah \
	BUILD_FLAGS="--layers --pull=never --isolation chroot" \
	LAMBDA_BASE=localhost/maskdrop-stand-in:lambda SERVER_BASE=localhost/maskdrop-stand-in:server
.PHONY: image-test
image-test: .venv/.dev container-tools ## Build the images on stand-in bases and prove them; needs root
	tests/image/stand_in/make.sh
	$(MAKE) image TARGET=lambda $(STAND_INS)
	$(MAKE) image TARGET=server $(STAND_INS)
	$(MAKE) sbom $(STAND_INS)
	$(BIN)/pytest tests/image --ignore $(GPU_TEST)

GPU_TEST := tests/image/test_gpu_image.py
.PHONY: image-test-gpu
image-test-gpu: .venv/.dev container-tools ## Build the GPU image likewise, 7 GB, and prove it on processors
	tests/image/stand_in/make.sh
	$(MAKE) image TARGET=gpu $(STAND_INS)
	$(BIN)/pytest $(GPU_TEST)

# Debian's tools; 45 s of apt the first time.
TOOLS := buildah podman runc debootstrap netavark aardvark-dns iptables
.PHONY: container-tools
container-tools: ## Install what builds and runs images on Debian, where root may
	@command -v buildah >/dev/null && command -v podman >/dev/null \
		&& command -v debootstrap >/dev/null \
		|| { apt-get update --quiet=2 && apt-get install --quiet=2 --yes $(TOOLS); }

# The stack's name; ARGS is for `sam deploy`, as --parameter-overrides "Memory=3008 LogDays=7".
STACK ?= maskdrop
export SAM_CLI_TELEMETRY := 0
.PHONY: deploy
deploy: .venv-sam/.sam ## Deploy the service to AWS as STACK; ARGS go to `sam deploy`
	.venv-sam/bin/sam build
	.venv-sam/bin/sam deploy --stack-name $(STACK) $(ARGS)

.PHONY: deploy-site
deploy-site: .venv-sam/.sam .venv/.local ## Deploy the site of STACK
	$(BIN)/python infra/deploy_site.py $(STACK) --sam .venv-sam/bin/sam

# The template for this machine: `sam local` wants an image that it may add its emulator to.
LOCAL_TARGET := DockerBuildTarget: lambda-local
.PHONY: sam-build
sam-build: .venv-sam/.sam ## Build the functions for `sam local`, into build/sam
	mkdir -p build/sam
	sed 's|^\( *\)DockerBuildTarget: lambda$$|\1$(LOCAL_TARGET)$(if $(LAMBDA_BASE),\n\1DockerBuildArgs: {LAMBDA_BASE: "$(LAMBDA_BASE)"})|' \
		template.yaml > build/sam/template.yaml
	.venv-sam/bin/sam build --template build/sam/template.yaml --base-dir . \
		--build-dir build/sam/built

.PHONY: sam-test
sam-test: .venv/.dev container-tools ## Prove `sam build` and `sam local` on podman's socket; needs root
	tests/image/stand_in/make.sh
	tests/sam_local/with_podman.sh $(MAKE) sam-build LAMBDA_BASE=localhost/maskdrop-stand-in:lambda
	tests/sam_local/with_podman.sh $(BIN)/pytest tests/sam_local

URL ?= http://localhost:8080
.PHONY: smoke
smoke: .venv/.local ## Try the service at URL: one photograph, end to end
	$(BIN)/maskdrop smoke $(URL)

TEMPLATES := template.yaml infra/site.yaml infra/backfill.yaml
.PHONY: check-infra
check-infra: .venv-sam/.sam .venv-checks/.checks ## Check templates and Dockerfile: SAM, cfn-lint, Checkov, Hadolint
	for template in $(TEMPLATES); do AWS_DEFAULT_REGION=us-east-1 \
		.venv-sam/bin/sam validate --lint --template-file $$template || exit 1; done
	.venv-sam/bin/cfn-lint $(TEMPLATES)
	.venv-checks/bin/checkov $(TEMPLATES:%=--file %) --file Dockerfile \
		--framework cloudformation dockerfile --skip-download --quiet --compact
	.venv-checks/bin/hadolint Dockerfile

# 15 minutes, and a gigabyte for Label Studio.
.PHONY: labelstudio-test
labelstudio-test: .venv/.train .venv-labelstudio/.labelstudio chromium ## Predict, correct, train and serve with the real Label Studio
	$(BIN)/python tests/labelstudio/loop.py out/labelstudio \
		--label-studio .venv-labelstudio/bin/label-studio --picture out/labelstudio/picture.png

# Minutes to an hour; OBJECTS=1000 is a shorter one.
OBJECTS ?= 10000
.PHONY: soak
soak: .venv/.dev ## Put OBJECTS through the event path while everything fails, and print the ledger
	$(BIN)/python tests/reliability/soak.py --objects $(OBJECTS)

# Each target runs for so many seconds. What it finds ends the run, and stays in build/fuzz.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: .venv-fuzz/.fuzz ## Fuzz decoding, masks and manifests, FUZZ_SECONDS each
	for target in decode rle manifest; do PYTHONPATH=.:tests/support \
		.venv-fuzz/bin/python tests/fuzz/fuzz.py $$target $(FUZZ_SECONDS) || exit 1; done

.PHONY: bench
bench: .venv/.serving ## Time the embedded model on a sample photograph
	$(BIN)/maskdrop model bench mask_rcnn_edge --photo site/samples/astronaut.jpg

.PHONY: cost
cost: .venv/.dev ## Measure what a photograph takes, and write the prices of docs/cost.md
	PYTHONPATH=tests/support $(BIN)/python tests/handler/detection/measure_cost.py

.PHONY: lint
lint: .venv/.dev ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: typecheck
typecheck: .venv/.dev ## Check types
	$(BIN)/mypy

.PHONY: format
format: .venv/.dev ## Rewrite the code in its style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One version everywhere: the largest lock is solved first and binds the others.
# `make lock UPGRADE=--upgrade` moves every pin to its newest release.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-annotate --no-header $(UPGRADE)
DEV_EXTRAS := aws server client heic tfserving local model dev
.PHONY: lock
lock: .venv/.dev ## Write the lock files anew from pyproject.toml
	$(COMPILE) pyproject.toml $(DEV_EXTRAS:%=--extra %) --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --output-file requirements/serving.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --extra local \
		--output-file requirements/local.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --extra train \
		--output-file requirements/train.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --extra aws --extra heic \
		--output-file requirements/lambda.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --extra server --extra heic \
		--output-file requirements/server.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --extra server --extra heic --extra gpu \
		--output-file requirements/gpu.txt
	$(COMPILE) --group build --constraint requirements/dev.txt --output-file requirements/build.txt
	$(COMPILE) --group parts --no-deps --output-file requirements/parts.txt
	$(COMPILE) --group sbom --constraint requirements/dev.txt --output-file requirements/sbom.txt
	$(COMPILE) --group sam --output-file requirements/sam.txt
	$(COMPILE) --group checks --output-file requirements/checks.txt
	$(COMPILE) --group fuzz --output-file requirements/fuzz.txt
	$(COMPILE) --group labelstudio --output-file requirements/labelstudio.txt

.PHONY: clean
clean: ## Remove the environment and everything made here
	rm -rf .venv .venv-* .aws-sam out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A browser for the site's tests: root may install it; for others the tests are skipped and say how.
.PHONY: chromium
chromium: ## Install the browser that tests drive the site with, where root may
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || [ "$$(id -u)" != 0 ] \
		|| ! command -v apt-get >/dev/null \
		|| { apt-get update --quiet=2 && apt-get install --quiet=2 --yes chromium; }

# Debian and Ubuntu split ensurepip off; root may install it, others are told how.
ADD_VENV = package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update --quiet=2 && apt-get install --quiet=2 --yes "$$package"; \
	else echo "$(PYTHON) cannot make virtual environments yet; this cures it:" \
		"sudo apt-get install $$package" >&2; exit 1; fi

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Maskdrop needs Python 3.11 or newer;" \
		"found $$(python3 --version 2>/dev/null || echo none)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(ADD_VENV); }
	$(PYTHON) -m venv .venv

.venv/.serving: requirements/serving.txt requirements/build.txt pyproject.toml | .venv/bin/python
	$(INSTALL) requirements/serving.txt
	$(INSTALL) requirements/build.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.local: requirements/local.txt .venv/.serving
	$(INSTALL) requirements/local.txt
	@touch $@

.venv/.dev: requirements/dev.txt requirements/parts.txt .venv/.serving
	@$(BIN)/python -c 'import sys; sys.exit("TensorFlow 2.21 needs Python 3.11 to 3.13; .venv has " \
		+ sys.version.split()[0] if sys.version_info >= (3, 14) else 0)'
	$(INSTALL) requirements/dev.txt
	$(INSTALL) requirements/parts.txt --no-deps
	@touch $@

.venv/.train: requirements/train.txt .venv/.dev
	$(INSTALL) requirements/train.txt
	@touch $@

# Environments of their own, since they need other releases of what we use.
# The lock is complete; pip would not take its pins for what SAM asks of extras.
.venv-sam/.sam: requirements/sam.txt | .venv/bin/python
	$(BIN)/python -m venv .venv-sam
	.venv-sam/bin/pip install --quiet --no-deps --require-hashes --requirement $<
	@touch $@

.venv-labelstudio/.labelstudio: requirements/labelstudio.txt | .venv/bin/python
	$(BIN)/python -m venv .venv-labelstudio
	.venv-labelstudio/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@

.venv-checks/.checks: requirements/checks.txt | .venv/bin/python
	$(BIN)/python -m venv .venv-checks
	.venv-checks/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@

.venv-fuzz/.fuzz: requirements/fuzz.txt requirements/serving.txt | .venv/bin/python
	$(BIN)/python -m venv .venv-fuzz
	.venv-fuzz/bin/pip install --quiet --require-hashes --requirement requirements/serving.txt
	.venv-fuzz/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@

.venv-sbom/.sbom: requirements/sbom.txt | .venv/bin/python
	$(BIN)/python -m venv .venv-sbom
	.venv-sbom/bin/pip install --quiet --require-hashes --requirement $<
	@touch $@
