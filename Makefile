# riacho: `make help` lists what you can ask for.
#
# SANITIZE=address,undefined or =thread, CC=clang and WERROR=1 each build in a folder of their own
# under build/; `build/riacho` is the program made without any of them. V=1 shows whole commands.

# As many jobs as there are cores, unless -j says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

ifeq ($(origin CC),default)
CC      := gcc
endif
comma   := ,
plain   := $(if $(SANITIZE)$(WERROR)$(findstring clang,$(CC)),,yes)
variant := $(or $(subst $(comma),-,$(SANITIZE)),plain)$(if $(findstring clang,$(CC)),-clang)$(if $(WERROR),-werror)
B       := build/$(variant)
D       := build/deps
Q       := $(if $(V),,@)
PREFIX  ?= /usr/local
DEST    := $(DESTDIR)$(PREFIX)

PKGS := libcurl yaml-0.1 libssl libcrypto libmicrohttpd zlib libzstd libprotobuf-c ncursesw
# Asked once, and only when something is compiled: by then the packages are installed.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wpointer-arith -Wcast-qual
SAFE := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all,-fstack-protector-strong -D_FORTIFY_SOURCE=2)

CPPFLAGS += -Isrc -isystem $(D)/include -isystem build/proto -D_GNU_SOURCE $(PKG_CFLAGS)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c17 -pthread -fno-omit-frame-pointer $(WARN) $(if $(WERROR),-Werror) $(SAFE)
LDFLAGS  += -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS   += $(D)/lib/libsqlite3.a $(D)/lib/libyyjson.a $(D)/lib/librdkafka.a -L$(D)/lib -lduckdb $(PKG_LIBS) -lm

# Sources are found, not listed: a new file in a room or a new test needs no line here.
SRC      := $(filter-out src/main.c,$(sort $(wildcard src/*.c src/*/*.c)))
MAIN     := $(wildcard src/main.c)
SUPPORT  := $(sort $(wildcard tests/support/*.c))
UNIT     := $(sort $(wildcard tests/unit/test_*.c tests/contract/*_contract.c))
FORMATTED = $(sort $(wildcard src/*.[ch] src/*/*.[ch] tests/*/*.[ch] bench/*/*.[ch]))
# Messages of foreign protocols: protoc-c makes their C.
PROTO    := $(sort $(wildcard src/*/*.proto))
MESSAGES := $(patsubst %.proto,build/proto/%.pb-c.h,$(notdir $(PROTO)))
WEB      := $(sort $(shell find src/board/web -name node_modules -prune -o -type f -print))
OBJ      := $(SRC:%.c=$(B)/%.o) $(patsubst build/%.h,$(B)/%.o,$(MESSAGES)) $(B)/build/web/assets.o
BENCH_C  := $(sort $(wildcard bench/*/*.c))
FLOORS   := $(filter-out bench/floors/cost.c,$(filter bench/floors/%,$(BENCH_C)))
TESTS    := $(patsubst %.c,$(B)/bin/%,$(notdir $(UNIT)))
PROGRAM  := $(if $(plain),build/riacho,$(B)/riacho)
PAGES    := man/man1/riacho.1 bash-completion/completions/riacho zsh/site-functions/_riacho \
            fish/vendor_completions.d/riacho.fish
PYTEST    = RIACHO=$(CURDIR)/$(PROGRAM) build/venv/bin/python -B -m pytest

# Lays out and checks the page's files.
BIOME    := build/browser/node_modules/@biomejs/cli-linux-x64/biome

# $(1): where libduckdb.so lies as seen from the folder of what is linked.
link = @echo "  LINK $@"; mkdir -p $(@D); $(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/$(1)' -o $@ $(filter %.o %.a,$^) $(LDLIBS)

.SECONDARY:
.DELETE_ON_ERROR:

all: $(if $(MAIN),$(PROGRAM),objects) ## build the program: build/riacho (the default)

help: ## this list
	@awk -F':.*## ' '/^[a-z][^\t#]*:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

objects: $(OBJ) $(MAIN:%.c=$(B)/%.o) ## compile the program's files without linking

test-objects: $(UNIT:%.c=$(B)/%.o) $(SUPPORT:%.c=$(B)/%.o) $(BENCH_C:%.c=$(B)/%.o)

deps: $(D)/.stamp ## fetch the pinned libraries to build/deps

$(D)/.stamp: deps/package.json deps/package-lock.json deps/.npmrc deps/python-src.txt deps/fetch
	@deps/fetch

# Holds the flags and changes when they do, so that objects of different flags are never mixed.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' >$@

build/proto/%.pb-c.h: src/engine/%.proto
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc-c -I$(<D) --c_out=$(@D) $<

$(B)/proto/%.pb-c.o: build/proto/%.pb-c.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -w -c -o $@ $(<:.h=.c)

$(B)/%.o: %.c $(B)/flags $(D)/.stamp | $(MESSAGES)
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The page, and a C file that holds it.
build/web/.stamp: $(WEB)
	@echo "  WEB  build/web"
	$(Q)src/board/web/build build/web
	@touch $@

build/web/assets.c: build/web/.stamp tools/embed-assets
	@tools/embed-assets build/web >$@

# private: or $(B)/flags would be written with it.
$(B)/tests/%.o: private CPPFLAGS += -Itests -Itests/support

ifdef plain
build/riacho: $(B)/src/main.o $(OBJ)
	$(call link,deps/lib)
endif

$(B)/riacho: $(B)/src/main.o $(OBJ)
	$(call link,../deps/lib)

$(B)/installed/riacho: $(B)/src/main.o $(OBJ)
	$(call link,../lib/riacho)

# Archives, so that a test may bring its own stand-in for a function of the program.
$(B)/libriacho.a: $(OBJ)
$(B)/libsupport.a: $(SUPPORT:%.c=$(B)/%.o)
$(B)/%.a:
	@rm -f $@
	@ar rcs $@ $^

$(B)/bin/%: $(B)/tests/unit/%.o $(B)/libsupport.a $(B)/libriacho.a
	$(call link,../../deps/lib) -lcmocka

$(B)/bin/%: $(B)/tests/contract/%.o $(B)/libsupport.a $(B)/libriacho.a
	$(call link,../../deps/lib) -lcmocka

$(B)/bench/%: $(B)/bench/floors/%.o $(B)/bench/floors/cost.o $(B)/libriacho.a
	$(call link,../../deps/lib)

$(B)/bench/steps: $(B)/bench/instructions/steps.o $(B)/libsupport.a $(B)/libriacho.a
	$(call link,../../deps/lib) -lcmocka

$(B)/bench/instructions/%.o: private CPPFLAGS += -Itests/support

demo: ## install what is missing, build, and run the earthquake pipeline once
	@deps/install-system build
	@$(MAKE) --no-print-directory all
	build/riacho demo

test: ## install what the tests need and run them all, also under sanitizers
	@deps/install-system build test kafka browser
	@$(MAKE) --no-print-directory all test-unit
	@$(MAKE) --no-print-directory bench-instructions
	@$(MAKE) --no-print-directory SANITIZE=address,undefined test-unit
	@$(MAKE) --no-print-directory SANITIZE=thread test-unit
	@deps/venv tests spark browser streamlit
	@deps/kafka
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-kafka test-others

test-unit: $(TESTS) ## unit and contract tests (SANITIZE=... runs them under that sanitizer)
	@tools/run-units $(TESTS)

test-e2e: all $(B)/bin/spark_contract $(B)/bin/engine_contract ## the program against real input (PYTEST_ARGS=... goes to pytest)
	@deps/venv
	$(PYTEST) tests $(PYTEST_ARGS)

# The halves of test-e2e, which may run side by side: both mostly wait.
test-kafka: all
	$(PYTEST) tests/kafka $(PYTEST_ARGS)

test-others: all $(B)/bin/spark_contract $(B)/bin/engine_contract
	$(PYTEST) tests --ignore=tests/kafka $(PYTEST_ARGS)

torture: all ## the long tests in full: kills, power cuts, large inputs
	@deps/venv
	RIACHO_TORTURE=1 $(PYTEST) tests -m torture $(PYTEST_ARGS)

ifeq ($(BENCH),board)
bench: all ## measure riacho, its peers and its page, write bench/RESULTS.md and BOARD.md (BENCH=a,c: only these; BENCH=board, spark)
	@deps/install-system build test browser
	@deps/venv tests browser
	BENCH_SCALE=$(or $(BENCH_SCALE),1) build/venv/bin/python -B bench/board.py $(BENCH_ARGS)
else ifeq ($(BENCH),spark)
bench: all
	@deps/install-system build test
	@deps/venv tests spark bench
	BENCH_SCALE=$(or $(BENCH_SCALE),1) build/venv/bin/python -B bench/spark.py $(BENCH_ARGS)
else
bench: all $(FLOORS:bench/floors/%.c=$(B)/bench/%)
	@deps/install-system build test kafka
	@deps/venv tests spark bench
	@deps/kafka
	BENCH_SCALE=$(or $(BENCH_SCALE),1) build/venv/bin/python -B bench/bench.py $(if $(BENCH),--only $(BENCH)) $(BENCH_ARGS)
	$(if $(BENCH),,@$(MAKE) --no-print-directory bench BENCH=board BENCH_ARGS=)
endif

bench-profile: all ## where riacho's CPU goes (perf; BENCH=a,c: these workloads, else a)
	build/venv/bin/python -B bench/cpu_profile.py $(or $(BENCH),a)

bench-instructions: $(B)/bench/steps ## compare the instructions of a record with those in bench/instructions.json
	python3 -B bench/instructions.py

bench-record: $(B)/bench/steps ## put today's instructions of a record into bench/instructions.json
	python3 -B bench/instructions.py --record

kafka: ## start Apache Kafka 4.1 (KRaft) on this machine, and say what to write into a pipeline file
	@deps/install-system kafka
	@deps/kafka
	@python3 tests/support/kafka_cluster.py start kraft

kafka-zookeeper: ## the same with Kafka 3.9, coordinated by ZooKeeper 3.8
	@deps/install-system kafka
	@deps/kafka
	@python3 tests/support/kafka_cluster.py start zookeeper

spark: ## start Apache Spark 4 with two workers and Connect on this machine, and say what to write into a pipeline file
	@deps/install-system kafka    # Java
	@deps/venv spark
	@build/venv/bin/python tests/support/spark_server.py start

spark-stop: ## end what `make spark` started
	@build/venv/bin/python tests/support/spark_server.py stop

kafka-stop: ## end what `make kafka` and `make kafka-zookeeper` started, and remove its data
	@python3 tests/support/kafka_cluster.py stop

lint: format-check check-rooms check-sizes check-page ## every check that runs nothing, warnings as errors
	@$(MAKE) --no-print-directory CC=gcc WERROR=1 objects test-objects
	@$(MAKE) --no-print-directory CC=clang WERROR=1 objects test-objects tidy

tidy: $(SRC:%.c=$(B)/tidy/%.ok) $(MAIN:%.c=$(B)/tidy/%.ok)

# After the object, so that a file is looked at again when one of its headers changed.
$(B)/tidy/%.ok: %.c $(B)/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY $<"
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $< -- $(CPPFLAGS) $(CFLAGS) 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

check-rooms:
	@tools/check-rooms

check-page:
	@deps/npm tests/browser build/browser
	@cd src/board/web && $(CURDIR)/$(BIOME) ci --colors=off --error-on-warnings .

check-sizes:
	@tools/check-sizes $(SRC) $(MAIN)

format: ## lay out the C files as .clang-format says, the page's as biome.json does
	@tools/format $(FORMATTED)
	@deps/npm tests/browser build/browser
	@cd src/board/web && $(CURDIR)/$(BIOME) check --write --colors=off .

format-check: ## tell which files `make format` would change
	@tools/format --check $(FORMATTED)

docs: all ## write the pages that the program tells of itself: commands, pipeline file, schema
	$(PROGRAM) manual markdown >docs/commands.md.new
	$(PROGRAM) schema --markdown >docs/pipeline-file.md.new
	$(PROGRAM) schema >docs/pipeline.schema.json.new
	for page in docs/*.new; do mv "$$page" "$${page%.new}"; done

screenshots: all ## pictures of the live page and of the terminal, to docs/pictures
	@deps/install-system browser
	@deps/venv tests browser
	RIACHO=$(CURDIR)/$(PROGRAM) build/venv/bin/python -B tests/browser/pictures.py docs/pictures

install: all $(B)/installed/riacho ## DESTDIR= PREFIX=/usr/local
	tools/make-pages $(PROGRAM) $(B)/installed/share
	install -D -m 755 $(B)/installed/riacho $(DEST)/bin/riacho
	install -D -m 644 -t $(DEST)/lib/riacho $(D)/lib/libduckdb.so
	install -D -m 644 -t $(DEST)/share/riacho/examples $(wildcard examples/*.yaml)
	install -D -m 644 -t $(DEST)/share/doc/riacho LICENSE $(wildcard README*.md CHANGELOG.md)
	set -e; for page in $(PAGES); do install -D -m 644 $(B)/installed/share/$$page $(DEST)/share/$$page; done

uninstall: ## remove what install put there
	rm -f $(DEST)/bin/riacho $(addprefix $(DEST)/share/,$(PAGES))
	rm -rf $(DEST)/lib/riacho $(DEST)/share/riacho $(DEST)/share/doc/riacho

deb: ## build/riacho_VERSION_amd64.deb, checked by lintian
	@deps/install-system build package
	rm -f build/riacho*.deb
	debian/rules binary
	dh_clean
	lintian --fail-on error,warning build/riacho_*.deb

test-packages: all ## the Debian package in a fresh root (as root; takes minutes)
	@deps/install-system build package
	@deps/venv tests
	$(PYTEST) -m packages tests/packages/test_deb.py $(PYTEST_ARGS)

test-containers: all ## docker/: the image, and the whole system under podman with both Kafkas (as root; takes long)
	@deps/install-system build kafka container
	@deps/venv tests spark packages
	@deps/kafka
	$(PYTEST) -m packages tests/packages/test_compose.py $(PYTEST_ARGS)

clean: ## remove what was built; the fetched libraries stay
	rm -rf $(filter-out $(D) build/venv build/poetry build/kafka build/page build/browser,$(wildcard build/*))

FORCE:
.PHONY: all help objects test-objects deps demo test test-unit test-e2e test-kafka test-others torture bench \
        bench-profile bench-instructions bench-record kafka kafka-zookeeper kafka-stop spark spark-stop lint tidy \
        check-rooms check-sizes check-page format format-check docs screenshots install uninstall deb \
        test-packages test-containers clean FORCE

-include $(patsubst %.c,$(B)/%.d,$(SRC) $(MAIN) $(UNIT) $(SUPPORT) $(BENCH_C))
