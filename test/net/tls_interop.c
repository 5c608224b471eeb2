/* test/net/tls_interop.c tests net/tls.c against the TLS of others, over loopback: openssl(1) and python3. */
#define _GNU_SOURCE
#include "test/net/tls_pair.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define DEADLINE_S 10
#define PYTHON "/usr/bin/python3 -c '"

static char dir[64];

static int set_up(void **state)
{
	struct certificate *c = NULL;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/hivemind-interop.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(certificate_open(&c, dir, NULL, 0, NULL), 0);
	strcpy(pin, certificate_pin(c));
	pool = tls_config_server(c);
	assert_int_equal(chdir(dir), 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	tls_config_release(pool);
	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* --- sockets and processes ------------------------------------------------------------------ */

static int deadline_on(int fd)
{
	struct timeval t = {.tv_sec = DEADLINE_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	return fd;
}

/* Listen on a free port, which $P then is. */
static int listening(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char port[8];

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	snprintf(port, sizeof port, "%d", ntohs(a.sin_port));
	setenv("P", port, 1);
	return deadline_on(fd);
}

/* In a shell, with a deadline; what it prints goes to the files "out" and "err". */
static pid_t started(const char *command)
{
	pid_t pid = fork();
	char line[4096];

	if (pid > 0)
		return pid;
	snprintf(line, sizeof line, "exec >out 2>err; %s", command);
	alarm(DEADLINE_S);
	execl("/bin/sh", "sh", "-c", line, NULL);
	_exit(127);
}

static const char *output_of(pid_t pid)
{
	static char text[16384];
	FILE *f;
	size_t n;

	waitpid(pid, NULL, 0);
	f = fopen("out", "r");
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void flush(struct end *e, int fd)
{
	size_t n;
	const uint8_t *data = tls_out(e->tls, &n);

	if (n > 0 && send(fd, data, n, MSG_NOSIGNAL) != (ssize_t)n)
		e->rc = e->rc != 0 ? e->rc : STATUS_UNAVAILABLE;
	tls_sent(e->tls, n);
}

/* Read once. False: the other end has ended, or this one failed. */
static bool step(struct end *e, int fd)
{
	uint8_t data[20000];
	ssize_t n;

	flush(e, fd);
	n = e->rc == 0 ? recv(fd, data, sizeof data, 0) : 0;
	if (n > 0)
		feed(e, data, (size_t)n);
	flush(e, fd);
	return n > 0 && e->rc == 0;
}

struct outcome {
	int opened, resumed; /* connections */
	int rc;              /* the last one's */
	struct error error;
	char got[64];
	const char *printed;
};

/* Serve one connection: answer the first line with "hi" and end. */
static void serve_one(int listener, struct outcome *o)
{
	struct end e = {.tls = tls_new(pool)};
	int fd = deadline_on(accept(listener, NULL, NULL));
	bool more = fd >= 0;
	size_t taken;

	while (more) {
		more = step(&e, fd);
		if (e.got.n == 0 || e.got.data[e.got.n - 1] != '\n')
			continue;
		tls_write(e.tls, "hi\n", 3, &taken, NULL);
		tls_close(e.tls);
		flush(&e, fd);
		more = false;
	}
	o->opened += tls_state(e.tls) == TLS_OPEN || tls_state(e.tls) == TLS_CLOSED;
	o->resumed += tls_resumed(e.tls);
	o->rc = e.rc;
	o->error = e.error;
	snprintf(o->got, sizeof o->got, "%s", buf_text(&e.got));
	close(fd);
	tls_free(e.tls);
	buf_release(&e.got);
}

static struct outcome served(const char *client, int connections)
{
	struct outcome o = {0};
	int listener = listening();
	pid_t pid = started(client);

	for (int i = 0; i < connections; i++)
		serve_one(listener, &o);
	close(listener);
	o.printed = output_of(pid);
	return o;
}

#define S_CLIENT(options)                                                                                    \
	"echo hello | openssl s_client -connect 127.0.0.1:$P -quiet -CAfile ca.crt -verify_return_error "    \
	"-verify_hostname localhost " options

/* --- others as clients ---------------------------------------------------------------------- */

static void openssl_talks_to_us(void **state)
{
	static const char *const clients[] = {
	    S_CLIENT("-alpn h2"),
	    S_CLIENT("-alpn http/1.1,h2"),
	    S_CLIENT("-alpn h2 -tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305"),
	    S_CLIENT("-alpn h2 -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256"),
	    S_CLIENT("-alpn h2 -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384"),
	    S_CLIENT("-alpn h2 -tls1_2 -curves X25519:P-256"),
	    S_CLIENT("-alpn h2 -tls1_2 -curves P-256"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
		struct outcome o = served(clients[i], 1);

		if (o.opened != 1)
			fail_msg("%s: %s; %s", clients[i], o.error.text, o.printed);
		assert_string_equal(o.got, "hello\n");
		assert_non_null(strstr(o.printed, "hi"));
	}
}

static void what_is_not_safe_enough_is_refused(void **state)
{
	static const char *const clients[] = {
	    S_CLIENT("-alpn h2 -tls1 -cipher ALL:@SECLEVEL=0"),
	    S_CLIENT("-alpn h2 -tls1_1 -cipher ALL:@SECLEVEL=0"),
	    S_CLIENT("-alpn h2 -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA"),
	    S_CLIENT("-alpn h2 -tls1_2 -cipher ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256"),
	    S_CLIENT("-alpn h2 -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256"),
	    S_CLIENT("-alpn h2 -tls1_2 -cipher ECDHE-ECDSA-AES128-CCM8"),
	    S_CLIENT("-alpn h2 -tls1_2 -curves P-384:P-521"),
	    S_CLIENT("-alpn h2 -tls1_3"),
	    S_CLIENT("-alpn http/1.1"),
	    S_CLIENT("-tls1_2"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
		struct outcome o = served(clients[i], 1);

		if (o.opened != 0 || o.got[0] != '\0')
			fail_msg("accepted: %s", clients[i]);
		assert_int_equal(o.rc, STATUS_UNAVAILABLE);
		assert_null(strstr(o.printed, "hi\n"));
	}
}

static void who_wants_to_renegotiate_is_let_go(void **state)
{
	struct outcome o = served(
	    "(sleep 0.3; echo R; sleep 0.3; echo) | openssl s_client -connect 127.0.0.1:$P -alpn h2 -tls1_2",
	    1);

	(void)state;
	assert_int_equal(o.rc, STATUS_UNAVAILABLE);
	assert_non_null(strstr(o.error.text, "renegotiate"));
}

static void clear_text_gets_no_answer_in_clear(void **state)
{
	struct outcome o =
	    served(PYTHON "import socket,os\n"
	                  "s=socket.create_connection((\"127.0.0.1\",os.environ[\"P\"]))\n"
	                  "s.sendall(b\"GET / HTTP/1.1\\r\\n\\r\\n\"); print(len(s.recv(99)))'",
	           1);

	(void)state;
	assert_int_equal(o.rc, STATUS_UNAVAILABLE);
	assert_non_null(strstr(o.error.text, "does not speak TLS"));
}

#define PY_CLIENT                                                                                            \
	"import ssl,socket,os\n"                                                                             \
	"c=ssl.create_default_context(cafile=\"ca.crt\"); c.maximum_version=ssl.TLSVersion.TLSv1_2\n"        \
	"c.set_alpn_protocols([\"h2\"])\n"                                                                   \
	"def talk(name,session=None):\n"                                                                     \
	" s=c.wrap_socket(socket.create_connection((\"127.0.0.1\",os.environ[\"P\"])),server_hostname=name," \
	"session=session)\n"                                                                                 \
	" s.sendall(b\"hello\\n\"); d=s.recv(99)\n"                                                          \
	" print(s.version(),s.selected_alpn_protocol(),d,s.session_reused)\n"                                \
	" return s.session\n"

static void python_checks_our_names_and_resumes(void **state)
{
	struct outcome o =
	    served(PYTHON PY_CLIENT "s=talk(\"localhost\")\ntalk(\"127.0.0.1\")\ntalk(\"localhost\",s)'", 3);

	(void)state;
	assert_string_equal(
	    o.printed, "TLSv1.2 h2 b'hi\\n' False\nTLSv1.2 h2 b'hi\\n' False\nTLSv1.2 h2 b'hi\\n' True\n");
	assert_int_equal(o.opened, 3);
	assert_int_equal(o.resumed, 1);
}

static void python_refuses_us_under_another_name(void **state)
{
	struct outcome o = served(PYTHON PY_CLIENT "talk(\"elsewhere.example\")'", 1);

	(void)state;
	assert_int_equal(o.rc, STATUS_UNAVAILABLE);
	assert_non_null(strstr(o.error.text, "refused"));
}

/* --- others as servers ---------------------------------------------------------------------- */

/* Serves `n` connections with the certificate and context lines given; its first line is the port. */
#define PY_SERVER(certificate, n, lines)                                                                     \
	PYTHON "import ssl,socket,sys\n"                                                                     \
	       "c=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(\"" certificate "\")\n"         \
	       "c.maximum_version=ssl.TLSVersion.TLSv1_2; c.set_alpn_protocols([\"h2\"])\n" lines "\n"       \
	       "l=socket.create_server((\"127.0.0.1\",0)); l.settimeout(8); "                                \
	       "print(l.getsockname()[1],flush=True)\n"                                                      \
	       "for i in range(" #n "):\n"                                                                   \
	       " try:\n"                                                                                     \
	       "  s=c.wrap_socket(l.accept()[0],server_side=True); s.settimeout(8); "                        \
	       "s.sendall(s.recv(99).upper()); print(\"served\",s.session_reused)\n"                         \
	       "  s.unwrap()\n"                                                                              \
	       " except Exception as e: print(type(e).__name__)\n'"

static int port_of(pid_t server)
{
	int port = 0;

	for (int i = 0; i < DEADLINE_S * 100 && port == 0; i++) {
		FILE *f = fopen("out", "r");
		char line[32] = "";

		if (f != NULL && fgets(line, sizeof line, f) != NULL && strchr(line, '\n') != NULL)
			port = atoi(line);
		if (f != NULL)
			fclose(f);
		usleep(10000);
	}
	(void)server;
	return port;
}

static struct outcome dialled(int port, struct tls_config *config)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                        .sin_port = htons((uint16_t)port)};
	int fd = deadline_on(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct end e = {.tls = tls_new(config)};
	struct outcome o = {0};
	size_t taken;

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	while (tls_state(e.tls) == TLS_HANDSHAKE && step(&e, fd))
		;
	o.opened = tls_state(e.tls) == TLS_OPEN;
	o.resumed = tls_resumed(e.tls);
	if (o.opened)
		tls_write(e.tls, "hello\n", 6, &taken, NULL);
	while (tls_state(e.tls) == TLS_OPEN && step(&e, fd))
		;
	if (o.opened) {
		tls_close(e.tls);
		flush(&e, fd);
	}
	o.rc = e.rc;
	o.error = e.error;
	snprintf(o.got, sizeof o.got, "%s", buf_text(&e.got));
	close(fd);
	tls_free(e.tls);
	buf_release(&e.got);
	return o;
}

static void python_serves_us_and_resumes(void **state)
{
	static const struct {
		const char *host;
		bool pinned;
		int opened, resumed;
	} want[] = {
	    {"10.9.8.7", true, 1, 0},   {"10.9.8.7", true, 1, 1},           {"localhost", false, 1, 0},
	    {"127.0.0.1", false, 1, 0}, {"elsewhere.example", false, 0, 0}, {"127.0.0.2", false, 0, 0},
	};
	struct tls_config *pinned = client_of("10.9.8.7", pin, NULL);
	pid_t server;
	int port;

	(void)state;
	unlink("out");
	server = started(PY_SERVER("pool.pem", 6, ""));
	port = port_of(server);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct tls_config *config = want[i].pinned ? pinned : client_of(want[i].host, "", "ca.crt");
		struct outcome o = dialled(port, config);

		if (o.opened != want[i].opened)
			fail_msg("%zu: %s", i, o.error.text);
		assert_int_equal(o.resumed, want[i].resumed);
		assert_string_equal(o.got, o.opened ? "HELLO\n" : "");
		if (!o.opened) {
			assert_int_equal(o.rc, STATUS_UNAUTHENTICATED);
			assert_non_null(strstr(o.error.text, "for another name"));
		}
		if (!want[i].pinned)
			tls_config_release(config);
	}
	tls_config_release(pinned);
	assert_non_null(
	    strstr(output_of(server),
	           "served False\nserved True\nserved False\nserved False\nSSLError\nSSLError\n"));
}

static void refused(const char *command, const char *client_pin, int status, const char *words)
{
	struct tls_config *config =
	    client_of("localhost", client_pin, client_pin[0] == '\0' ? "ca.crt" : NULL);
	struct outcome o;
	pid_t server;

	unlink("out");
	server = started(command);
	o = dialled(port_of(server), config);
	assert_int_equal(o.opened, 0);
	if (o.rc != status || strstr(o.error.text, words) == NULL)
		fail_msg("%d %s instead of %d %s", o.rc, o.error.text, status, words);
	assert_null(strstr(output_of(server), "served"));
	tls_config_release(config);
}

static void a_server_that_is_not_safe_enough_is_refused(void **state)
{
	(void)state;
	assert_int_equal(system("umask 077; openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.pem -out "
	                        "rsa.crt -subj /CN=x 2>/dev/null; "
	                        "cat rsa.crt >> rsa.pem"),
	                 0);
	refused(PY_SERVER("pool.pem", 1, "c.set_alpn_protocols([])"), pin, STATUS_UNAVAILABLE, "ALPN h2");
	refused(PY_SERVER("pool.pem", 1, "c.set_ciphers(\"ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0\")"), pin,
	        STATUS_UNAVAILABLE, "refused");
	refused(PY_SERVER("pool.pem", 1,
	                  "c.set_ciphers(\"ALL:@SECLEVEL=0\");c.minimum_version=c.maximum_version=ssl."
	                  "TLSVersion.TLSv1"),
	        pin, STATUS_UNAVAILABLE, "");
	refused(PY_SERVER("rsa.pem", 1, ""), pin, STATUS_UNAVAILABLE, "refused");
}

/* The leaf of the authority that we trust, made for something else than serving. */
static void a_certificate_that_is_not_for_a_server_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    system("umask 077; printf 'subjectAltName=DNS:localhost\\nextendedKeyUsage=clientAuth\\n' > ext; "
	           "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout person.pem -out "
	           "person.csr -subj /CN=x 2>/dev/null; "
	           "openssl x509 -req -in person.csr -CA ca.crt -CAkey ca.pem -days 9 -extfile ext "
	           "2>/dev/null >> person.pem; "
	           "cat ca.crt >> person.pem"),
	    0);
	refused(PY_SERVER("person.pem", 1, ""), pin, STATUS_UNAUTHENTICATED, "not fit for a server");
	refused(PY_SERVER("person.pem", 1, ""), "", STATUS_UNAUTHENTICATED, "not fit for a server");
}

/* As public ones are: an RSA root, an intermediate on P-384, a leaf with a wildcard. */
static void a_public_chain_is_checked_against_the_roots_and_the_name(void **state)
{
	static const struct {
		const char *host, *roots, *words;
	} tries[] = {
	    {"pool.example.org", "root.crt", NULL},
	    {"a.pool.example.org", "root.crt", "for another name"},
	    {"example.org", "root.crt", "for another name"},
	    {"pool.example.org", "ca.crt", "nobody this machine trusts"},
	    {"pool.example.org", NULL, "nobody this machine trusts"},
	};
	pid_t server;
	int port;

	(void)state;
	assert_int_equal(
	    system("umask 077; exec 2>/dev/null; "
	           "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -subj /CN=root "
	           "-days 99; "
	           "printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=keyCertSign\\n' > ca.ext; "
	           "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout mid.key -out "
	           "mid.csr -subj /CN=mid; "
	           "openssl x509 -req -in mid.csr -CA root.crt -CAkey root.key -days 9 -extfile ca.ext -out "
	           "mid.crt; "
	           "printf 'subjectAltName=DNS:*.example.org\\n' > leaf.ext; "
	           "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout site.pem -out "
	           "site.csr -subj /CN=x; "
	           "openssl x509 -req -in site.csr -CA mid.crt -CAkey mid.key -days 9 -sha384 -extfile "
	           "leaf.ext >> site.pem; "
	           "cat mid.crt >> site.pem"),
	    0);
	unlink("out");
	server = started(PY_SERVER("site.pem", 5, ""));
	port = port_of(server);
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		struct tls_config *config = client_of(tries[i].host, "", tries[i].roots);
		struct outcome o = dialled(port, config);

		if (o.opened != (tries[i].words == NULL) ||
		    (tries[i].words != NULL && strstr(o.error.text, tries[i].words) == NULL))
			fail_msg("%zu: %s", i, o.error.text);
		tls_config_release(config);
	}
	output_of(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(openssl_talks_to_us),
	    cmocka_unit_test(what_is_not_safe_enough_is_refused),
	    cmocka_unit_test(who_wants_to_renegotiate_is_let_go),
	    cmocka_unit_test(clear_text_gets_no_answer_in_clear),
	    cmocka_unit_test(python_checks_our_names_and_resumes),
	    cmocka_unit_test(python_refuses_us_under_another_name),
	    cmocka_unit_test(python_serves_us_and_resumes),
	    cmocka_unit_test(a_server_that_is_not_safe_enough_is_refused),
	    cmocka_unit_test(a_certificate_that_is_not_for_a_server_is_refused),
	    cmocka_unit_test(a_public_chain_is_checked_against_the_roots_and_the_name),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
