# riacho: `make help` lists what you can ask for.
#
# SANITIZE=address,undefined or =thread, CC=clang and WERROR=1 each build in a folder of their own
# under build/; `build/riacho` is the program made without any of them.

CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
comma   := ,
variant := $(or $(subst $(comma),-,$(SANITIZE)),plain)$(if $(findstring clang,$(CC)),-clang)$(if $(WERROR),-werror)
B       := build/$(variant)
D       := build/deps
PREFIX  ?= /usr/local

PKGS := libcurl yaml-0.1 libcrypto libmicrohttpd

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wpointer-arith -Wcast-qual
SAFE := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all,\
        -fstack-protector-strong -D_FORTIFY_SOURCE=2)

CPPFLAGS += -Isrc -isystem $(D)/include -D_GNU_SOURCE $(shell pkg-config --cflags $(PKGS))
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c17 -pthread -fno-omit-frame-pointer $(WARN) $(if $(WERROR),-Werror) $(SAFE)
LDFLAGS  += -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS   += $(D)/lib/libsqlite3.a $(D)/lib/libyyjson.a -L$(D)/lib -lduckdb \
            $(shell pkg-config --libs $(PKGS)) -lm

# Sources are found, not listed: a new file in a room or a new test needs no line here.
SRC      := $(filter-out src/main.c,$(sort $(wildcard src/*.c src/*/*.c)))
SUPPORT  := $(sort $(wildcard tests/support/*.c))
UNIT     := $(sort $(wildcard tests/unit/test_*.c tests/contract/*_contract.c))
HEADERS  := $(sort $(wildcard src/*.h src/*/*.h tests/*/*.h))
OBJ      := $(SRC:%.c=$(B)/%.o)
TESTS    := $(patsubst %.c,$(B)/bin/%,$(notdir $(UNIT)))
PROGRAM  := $(if $(filter plain,$(variant)),build/riacho,$(B)/riacho)

link = $(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/$(1)' -o $@ $(filter %.o %.a,$^)
vpath %.c tests/unit tests/contract

.SECONDARY:
.DELETE_ON_ERROR:

all: $(if $(wildcard src/main.c),$(PROGRAM),objects) ## build the program: build/riacho (the default)

help: ## this list
	@awk -F':.*## ' '/^[a-z][^\t#]*:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

objects: $(OBJ) $(if $(wildcard src/main.c),$(B)/src/main.o) ## compile what there is, without linking

deps: $(D)/.stamp ## fetch the pinned libraries into build/deps

$(D)/.stamp: deps/package.json deps/package-lock.json deps/.npmrc deps/python-src.txt deps/fetch
	@deps/fetch

# Holds the flags, and changes when they do, so that objects are never mixed.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' >$@

$(B)/%.o: %.c $(B)/flags $(D)/.stamp
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/%.o: CPPFLAGS += -Itests/support

$(B)/libriacho.a: $(OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(B)/libsupport.a: $(SUPPORT:%.c=$(B)/%.o)
	@rm -f $@
	@ar rcs $@ $^

build/riacho: $(B)/src/main.o $(OBJ)
	$(call link,deps/lib) $(LDLIBS)

$(B)/riacho: $(B)/src/main.o $(OBJ)
	$(call link,../deps/lib) $(LDLIBS)

# Archives, so that a test may bring its own stand-in for a function of the program.
$(B)/bin/%: $(B)/tests/unit/%.o $(B)/libsupport.a $(B)/libriacho.a
	@mkdir -p $(@D)
	$(call link,../../deps/lib) $(LDLIBS) -lcmocka

$(B)/bin/%: $(B)/tests/contract/%.o $(B)/libsupport.a $(B)/libriacho.a
	@mkdir -p $(@D)
	$(call link,../../deps/lib) $(LDLIBS) -lcmocka

test-unit: $(TESTS) ## unit and contract tests (with SANITIZE=… under that sanitizer)
	@tools/run-units $(TESTS)

clean: ## remove what was built; the fetched libraries stay
	rm -rf $(filter-out $(D) build/venv,$(wildcard build/*))

FORCE:
.PHONY: all help objects deps test-unit clean FORCE

-include $(OBJ:.o=.d) $(B)/src/main.d $(UNIT:%.c=$(B)/%.d) $(SUPPORT:%.c=$(B)/%.d)
