# HiveMind: one program, built from C with what Debian 12 and later package.
#
#   make            ./hivemind (objects under build/)
#   make demo       install what is missing, build, run the main job, print the answer
#   make test       install what is missing, build, run every test
#   make fuzz       feed every reader of strangers' bytes with libFuzzer (FUZZ_SECONDS=60 each, FUZZ="tar tls" some)
#   make crash      kill every part at every place where it may die (net/crash.h), again and again
#                   (make crash-again: the pool, 500 times, while tasks run)
#   make interop    gRPC's interop programs, build/test/interop_server and interop_client
#   make chaos      kill, stop, cut off and starve every part while tasks run; then compare three accounts of it
#                   (CHAOS_SEED= replays; CHAOS_SECONDS= CHAOS_TASKS= CHAOS_FAULTS= CHAOS_WORKERS= bound it)
#                   (make chaos-long: 20,000 tasks, 500 kills, 100 partitions)
#   make chaos-figures, make chaos-bugs   how fast what is lost runs elsewhere; is every seeded bug noticed?
#   make bench      measure, side by side with peers where there are any
#   make deps       one apt-get install of the lists below (sudo when not root)
#   make install    PREFIX=/usr/local DESTDIR=
#
#   SAN=address,undefined   a sanitized program, build/san/hivemind
#   V=1                     show the commands

SAN ?=
V ?= 0
PREFIX ?= /usr/local
B := build$(if $(SAN),/san)
BIN := $(if $(SAN),$(B)/hivemind,hivemind)

# --- what it stands on (man/hivemind-internals.7 says why) -----------------------------------------
DEPS_BUILD := gcc make pkg-config libc6-dev libuv1-dev libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler \
	libhiredis-dev libcjson-dev libcurl4-openssl-dev libmbedtls-dev nettle-dev libcrypt-dev zlib1g-dev uthash-dev \
	libhttp-parser-dev esbuild zopfli
DEPS_RUN := redis-server podman runc busybox-static ca-certificates
DEPS_TEST := libcmocka-dev docker.io containerd python3 python3-pytest python3-grpcio python3-grpc-tools \
	python3-protobuf python3-jsonschema iproute2 openssl curl valgrind strace mandoc \
	chromium chromium-driver python3-selenium fonts-wqy-microhei prometheus
DEPS_BENCH := g++ libgrpc++-dev protobuf-compiler-grpc nghttp2-client openssl
DEPS_FUZZ := clang-14 libclang-rt-14-dev
# libcurl is opened when first needed (net/curl.c), so only its headers count here.
PC := libuv libnghttp2 libprotobuf-c hiredis libcjson libcurl zlib nettle

# Debian 12 has http-parser; what came after it, llhttp, is taken where there is its header (ui/http_parse.c).
HTTP_PARSER := $(shell gcc -E -include llhttp.h -x c /dev/null >/dev/null 2>&1 && echo llhttp || echo http_parser)

# --- flags ----------------------------------------------------------------------------------------
CC := gcc
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Wpointer-arith -Wundef
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 $(WARN) -fno-strict-aliasing -fstack-protector-strong -D_FILE_OFFSET_BITS=64 \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined,-D_FORTIFY_SOURCE=2)
CPPFLAGS += -I. -I$(B) $(shell pkg-config --cflags $(PC) 2>/dev/null)
LDFLAGS += $(if $(SAN),-fsanitize=$(SAN)) -Wl,--as-needed
LDLIBS := $(shell pkg-config --libs $(filter-out libcurl,$(PC)) 2>/dev/null) -lmbedtls -lmbedx509 -lmbedcrypto -lcrypt \
	-l$(HTTP_PARSER)

# --- sources --------------------------------------------------------------------------------------
SRC := $(sort $(wildcard proto/*.c net/*.c store/*.c exec/*.c ui/*.c roles/*.c))
# The pages, each file with its gzip twin beside it. A page's modules become one script; the order of their needs is
# for join.awk alone, which serves where there is no esbuild.
ESBUILD := $(shell command -v esbuild)
GZIP := $(if $(shell command -v zopfli),zopfli -c,gzip -9nc)
MODULES := theme dom i18n api live plot shell
MASTER_MODULES := $(patsubst %,ui/page/%.js,$(MODULES) model words past overview log tasks result bill tabs task \
	pack submit machines wallet access master)
WORKER_MODULES := $(patsubst %,ui/page/%.js,$(MODULES) calendar worker-model worker-now \
	worker-past worker-limits worker-safety worker)
SMALL := $(patsubst %,$(B)/gen/page/%,master.js worker.js hash.js live-hub.js base.css)
PAGE := $(sort $(wildcard ui/page/*.html ui/page/lang/*.json)) $(SMALL)
PAGE_GZ := $(PAGE:%=$(B)/gen/%.gz)
EMBED := $(sort $(wildcard store/script/*.lua) $(wildcard exec/*.json roles/*.json) \
	$(wildcard examples/primes/*) $(PAGE))
PROTO := $(wildcard proto/*.proto)
PB := $(PROTO:proto/%.proto=$(B)/%.pb-c)
SERVICES := $(B)/gen/services.set
OBJ := $(SRC:%.c=$(B)/%.o) $(PB:=.o) $(EMBED:%=$(B)/embed/%.o) $(SERVICES:%=$(B)/embed/%.o) $(PAGE_GZ:%=$(B)/embed/%.o)
LIB := $(B)/libhivemind.a
UNIT := $(patsubst test/%.c,$(B)/test/%,$(sort $(foreach d,proto net store exec ui roles,$(wildcard test/$(d)/*.c))))

Q := $(if $(filter 1,$(V)),,@)
# For targets that somebody types as they are: every core, unless -j was given.
PARALLEL = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' $(1) $(2);)

.PHONY: all lib deps deps-check deps-test deps-fuzz corpus crash crash-again crash-once fuzz fuzz-programs demo test unit e2e interop \
	deps-node deps-openapi deps-page screenshots chaos bench deps-bench install clean
all: $(BIN)
lib: $(LIB)

$(BIN): $(B)/hivemind.o $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Made anew, so that an object whose source is gone does not stay in it.
$(LIB): $(OBJ)
	$(call say,AR,$@)rm -f $@; ar rcs $@ $^

# Of which commit this is, if it is one; main() alone knows.
$(B)/gen/commit.h: FORCE
	@mkdir -p $(@D)
	@c=$$([ -e .git ] && git rev-parse --short=12 HEAD 2>/dev/null || echo unknown); l="#define HIVEMIND_COMMIT \"$$c\""; \
		[ "$$l" = "$$(cat $@ 2>/dev/null)" ] || echo "$$l" > $@
$(B)/hivemind.o: $(B)/gen/commit.h
FORCE:

$(B)/%.o: %.c $(PB:=.h)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The C names are short (pb__task), the wire names are the published ones (proto/rpc.h). The services
# are ours (net/grpc_server.h), so protobuf-c's are left out.
SHORT = sed -e 's/^package hivemind.v1;/package pb;/' -e 's/^package grpc\.\([a-z]*\).*/package \1;/' -e '/^service /,/^}/d'
$(PB:=.h): $(B)/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)/gen
	$(call say,PROTO,$<)$(SHORT) $< > $(@D)/gen/$*.proto && protoc-c --c_out=$(@D) -I$(@D)/gen $(@D)/gen/$*.proto

$(PB:=.c): %.c: %.h ;

$(PB:=.o): %.o: %.c
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -w -c -o $@ $<

# What reflection hands out, under the names by which tools know the standard ones.
$(SERVICES): proto/hivemind.proto proto/grpc_health.proto proto/grpc_reflection.proto
	@mkdir -p $(@D)/set/grpc/health/v1 $(@D)/set/grpc/reflection/v1 $(@D)/set/grpc/reflection/v1alpha
	$(call say,PROTO,$@)cp proto/hivemind.proto $(@D)/set/ && cd $(@D)/set/grpc && cp $(CURDIR)/proto/grpc_health.proto health/v1/health.proto \
		&& cd reflection && cp $(CURDIR)/proto/grpc_reflection.proto v1/reflection.proto \
		&& sed '/^package/s/v1/v1alpha/' v1/reflection.proto > v1alpha/reflection.proto \
		&& cd ../.. && protoc-c -I. --descriptor_set_out=../$(@F) $$(find * -name '*.proto' | sort)

# A file as the symbols embed_NAME and embed_NAME_size (dots and dashes become _), see net/embed.h.
$(B)/embed/%.o: %
	@mkdir -p $(@D)
	$(call say,EMBED,$<)n=embed_$$(basename $< | tr '.-' '__'); printf '.section .rodata\n.global %s\n.global %s_size\n.balign 16\n%s:\n.incbin "%s"\n1:\n.byte 0\n.balign 8\n%s_size:\n.quad 1b-%s\n.section .note.GNU-stack,"",@progbits\n' \
		$$n $$n $$n $< $$n $$n | $(CC) -x assembler -c -o $@ -

$(B)/gen/page/master.js: $(MASTER_MODULES)
$(B)/gen/page/worker.js: $(WORKER_MODULES)
$(SMALL): $(B)/gen/page/%: ui/page/% ui/page/join.awk
	@mkdir -p $(@D)
	$(call say,JOIN,$@)$(if $(ESBUILD),$(ESBUILD) --bundle --minify --charset=utf8 --target=es2022 --log-level=warning \
		--outfile=$@ $<,$(if $(filter %.js,$@),awk -f ui/page/join.awk $(filter-out $<,$(filter %.js,$^)) $<,cat $<) > $@)

.SECONDARY: $(PAGE_GZ)
$(B)/gen/%.gz: %
	@mkdir -p $(@D)
	$(call say,GZIP,$<)$(GZIP) $< > $@

# --- tests ----------------------------------------------------------------------------------------
$(B)/test/%: test/%.c $(LIB)
	@mkdir -p $(@D)
	$(call say,TEST,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS) -lcmocka

# Programs that tests and benchmarks drive.
TOOL = $(call say,TOOL,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)
$(B)/test/tool/%: test/tool/%.c $(LIB)
	@mkdir -p $(@D)
	$(TOOL)
# Preloaded: a call of libc that fails, a wall clock that jumps.
$(B)/test/%.so: test/%.c
	@mkdir -p $(@D)
	$(call say,TOOL,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -shared -fPIC -o $@ $< -ldl

$(B)/test/bench/%: test/bench/%.c $(LIB)
	@mkdir -p $(@D)
	$(TOOL) -lcmocka
# The parts of the chaos runner that are programs: a stub engine, a network that misbehaves (test/chaos/run).
CHAOS := $(B)/test/chaos/engine $(B)/test/chaos/proxy $(B)/test/chaos/herd $(B)/test/chaos/clock.so
$(B)/test/chaos/engine: test/chaos/container.c test/chaos/container.h
$(B)/test/chaos/%: test/chaos/%.c $(LIB)
	@mkdir -p $(@D)
	$(call say,TOOL,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $(filter test/%.c,$^) $(LIB) $(LDLIBS)
BENCH := $(patsubst test/%.c,$(B)/test/%,$(wildcard test/bench/*.c)) $(B)/test/bench/grpc_peer

# The peer that our gRPC layer is measured beside; the one thing here in C++.
$(B)/test/bench/grpc_peer: test/bench/grpc_peer.cc test/bench/echo.proto
	@mkdir -p $(@D)/gen
	$(call say,TOOL,$<)protoc -Itest/bench --cpp_out=$(@D)/gen --grpc_out=$(@D)/gen --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) echo.proto \
		&& g++ -O2 -I$(@D)/gen -o $@ $< $(@D)/gen/*.cc $$(pkg-config --cflags --libs grpc++ protobuf)

# Fuzz targets: with gcc they replay files (test/fuzz/replay.c), with clang libFuzzer drives them.
FUZZ_SECONDS ?= 60
FUZZ ?= $(filter-out replay,$(patsubst test/fuzz/%.c,%,$(sort $(wildcard test/fuzz/*.c))))
FUZZ_BIN := $(FUZZ:%=$(B)/test/fuzz/%)
DRIVER = $(if $(findstring fuzzer,$(SAN)),-fsanitize=fuzzer,test/fuzz/replay.c)
$(B)/test/fuzz/%: test/fuzz/%.c test/fuzz/replay.c $(wildcard test/fuzz/*.h) $(LIB)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(DRIVER) $(LIB) $(LDLIBS)

corpus: $(FUZZ_BIN)
	$(Q)test/run-corpus $(FUZZ_BIN)

fuzz-programs: $(FUZZ_BIN)

fuzz: deps-fuzz
	$(Q)$(PARALLEL) B=build/fuzz CC=clang-14 CFLAGS="-O1 -g" \
		SAN=fuzzer-no-link,address,undefined,float-cast-overflow FUZZ="$(FUZZ)" fuzz-programs
	$(Q)test/run-fuzz $(FUZZ_SECONDS) $(FUZZ)

# gRPC's interop tests, with our client and our server.
INTEROP := $(B)/test/interop_server $(B)/test/interop_client
INTEROP_PB := $(B)/test/interop/grpc_testing.pb-c
$(INTEROP_PB).h: test/interop/grpc_testing.proto
	@mkdir -p $(@D)/gen
	$(call say,PROTO,$<)$(SHORT) $< > $(@D)/gen/$(<F) && protoc-c --c_out=$(@D) -I$(@D)/gen $(@D)/gen/$(<F)

$(INTEROP_PB).c: $(INTEROP_PB).h ;
$(INTEROP_PB).o: $(INTEROP_PB).c
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -w -c -o $@ $<

$(B)/test/interop/%.o: CPPFLAGS += -I$(B)/test/interop
$(B)/test/interop/%.o: test/interop/%.c $(INTEROP_PB).h
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/test/interop_client: $(B)/test/interop/call.o
$(INTEROP): $(B)/test/%: $(B)/test/interop/%.o $(INTEROP_PB).o $(LIB)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS)

interop: $(INTEROP)

# Their other side in JavaScript, from npm. Nothing of it runs but what the tests start.
NODE := build/node/node_modules/.package-lock.json
deps-node: $(NODE)
$(NODE): test/interop/grpc-js/package-lock.json
	$(Q)command -v npm >/dev/null || { $(call fetch,nodejs npm); }
	$(Q)mkdir -p build/node && cp test/interop/grpc-js/*.json build/node/ && cd build/node && npm ci --ignore-scripts --no-audit --no-fund --silent
	$(Q)touch $@

# What checks the master's OpenAPI document, from npm.
deps-openapi: build/openapi/node_modules/.package-lock.json
build/openapi/node_modules/.package-lock.json: test/openapi/package-lock.json
	$(Q)command -v npm >/dev/null || { $(call fetch,nodejs npm); }
	$(Q)mkdir -p build/openapi && cp test/openapi/*.json build/openapi/ && cd build/openapi && npm ci --ignore-scripts --no-audit --no-fund --silent
	$(Q)touch $@

# What looks at the pages as a screen reader would, from npm.
deps-page: build/page-test/node_modules/.package-lock.json
build/page-test/node_modules/.package-lock.json: test/page/package-lock.json
	$(Q)command -v npm >/dev/null || { $(call fetch,nodejs npm); }
	$(Q)mkdir -p build/page-test && cp test/page/*.json build/page-test/ && cd build/page-test && npm ci --ignore-scripts --no-audit --no-fund --silent
	$(Q)touch $@

# Every screen in both themes, languages and widths, for people to look at: build/screenshots.
screenshots: deps-test $(BIN)
	$(Q)HIVEMIND_BIN=$(abspath $(BIN)) HIVEMIND_SCREENSHOTS=$(abspath build/screenshots) /usr/bin/python3 -m pytest -q -p no:cacheprovider \
		test/e2e/test_master_page.py test/e2e/test_worker_page.py -k screen
	@echo "build/screenshots"

unit: $(UNIT)
	$(Q)test/run-unit $(UNIT)

e2e: $(BIN) $(CHAOS)
	$(Q)HIVEMIND_BIN=$(abspath $(BIN)) CHAOS_TOOLS=$(abspath $(B))/test/chaos test/run-e2e

test: deps-test
	$(Q)test/run-all

crash: deps-test
	$(Q)$(PARALLEL) all $(B)/test/tool/fail_nth.so && test/crash/run

# kill -9 the pool 500 times while tasks run.
crash-again: deps-test
	$(Q)$(PARALLEL) all && test/crash/again

crash-once: all $(B)/test/tool/fail_nth.so
	$(Q)HIVEMIND_BIN=$(abspath $(BIN)) test/crash/run --once

chaos: deps-test
	$(Q)$(PARALLEL) all $(CHAOS) && test/chaos/run

# The run whose figures are in the manual: some 20 minutes.
chaos-long: deps-test
	$(Q)$(PARALLEL) all $(CHAOS) && CHAOS_TASKS=20000 CHAOS_SECONDS=840 CHAOS_FAULTS=740 CHAOS_WORKERS=30 test/chaos/run

chaos-bugs: deps-test
	$(Q)$(PARALLEL) all $(CHAOS) && test/chaos/run bugs

# Real containers. 20 of 60 faults are kills of an engine.
chaos-engine: deps-test
	$(Q)$(PARALLEL) all $(CHAOS) && unshare --net sh -c 'ip link set lo up && CHAOS_REAL=1 CHAOS_TASKS=300 CHAOS_SECONDS=240 \
		CHAOS_FAULTS=60 CHAOS_WORKERS=6 CHAOS_KINDS="$(CHAOS_ENGINE_KINDS)" test/chaos/run'
CHAOS_ENGINE_KINDS := kill engine=20,stop engine=5,kill worker=15,partition worker=10,kill pool=5,kill redis=5

chaos-figures: deps-test
	$(Q)$(PARALLEL) all $(CHAOS) && for figure in detect drain zombie loss herd; do test/chaos/run $$figure || exit 1; done

bench: deps-test deps-bench
	$(Q)$(PARALLEL) all $(BENCH) && test/bench/run

# --- dependencies ---------------------------------------------------------------------------------
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

fetch = echo "Installing: $(1)" && $(SUDO) apt-get update -q && $(SUDO) apt-get install -y --no-install-recommends $(1)
missing = $(shell dpkg-query -W -f '$${db:Status-Abbrev} $${Package}\n' $(1) 2>&1 | grep -v '^ii' >/dev/null && echo yes)
fetch-missing = $(if $(call missing,$(1)),$(call fetch,$(1)),true)

deps:
	$(Q)$(call fetch,$(DEPS_BUILD) $(DEPS_RUN))

deps-check:
	$(Q)$(call fetch-missing,$(DEPS_BUILD) $(DEPS_RUN))

deps-test: deps-check
	$(Q)$(call fetch-missing,$(DEPS_TEST))

deps-bench:
	$(Q)$(call fetch-missing,$(DEPS_BENCH))

deps-fuzz: deps-check
	$(Q)$(call fetch-missing,$(DEPS_FUZZ))

demo: deps-check
	$(Q)$(PARALLEL) all && ./hivemind demo

install: $(BIN)
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/hivemind
	for f in man/dist/*; do install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/hivemind/$${f##*/}; done
	for p in man/*.[157]; do install -D -m 644 $$p $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$${p##*/}; done

clean:
	rm -rf build hivemind

-include $(OBJ:.o=.d) $(B)/hivemind.d $(UNIT:=.d) $(CHAOS:=.d) $(wildcard $(B)/test/interop/*.d)
