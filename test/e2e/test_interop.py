"""gRPC's standard interop cases: our client and our server (make interop) against python3-grpcio and
@grpc/grpc-js, each in both roles, in clear text and over TLS; and the negative HTTP/2 cases of a client."""
import os
import subprocess
import sys

import grpc
import pytest

import hive

sys.path.insert(0, str(hive.ROOT / "test" / "interop"))
import grpcio_peer  # noqa: E402
import http2_server  # noqa: E402

NODE = hive.ROOT / "build/node"
JS = hive.ROOT / "test/interop/grpc_js_peer.js"
SECONDS = 60

CASES = ["empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "half_duplex", "empty_stream",
         "timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response", "custom_metadata",
         "status_code_and_message", "special_status_message", "unimplemented_method", "unimplemented_service",
         "client_compressed_unary", "client_compressed_streaming", "server_compressed_unary",
         "server_compressed_streaming"]
NEGATIVE = ["goaway", "rst_after_header", "rst_during_data", "rst_after_data", "ping", "max_streams",
            "data_frame_padding", "no_df_padding_sanity"]


@pytest.fixture(scope="module", autouse=True)
def programs():
    hive.built("test/interop_server", "test/interop_client")
    subprocess.run(["make", "-s", "-C", hive.ROOT, "deps-node"], check=True, stdout=subprocess.DEVNULL)


class Tls:
    """An authority and a certificate of it for this machine, by openssl."""

    def __init__(self, path):
        self.ca, self.certificate, self.key = path / "ca.crt", path / "chain.pem", path / "key.pem"
        steps = [
            "openssl ecparam -name prime256v1 -genkey -noout -out ca.pem",
            "openssl req -x509 -new -key ca.pem -subj '/CN=interop authority' -days 2 -out ca.crt",
            "openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
            "openssl req -new -key key.pem -subj /CN=localhost -out leaf.csr",
            "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > names",
            "openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.pem -CAcreateserial -days 2 -extfile names -out leaf.crt",
            "cat leaf.crt ca.crt > chain.pem",
        ]
        subprocess.run(["sh", "-ec", "umask 077\n" + "\n".join(steps)], cwd=path, check=True, capture_output=True)


@pytest.fixture(scope="module", params=["plain", "tls"])
def tls(request, tmp_path_factory):
    return Tls(tmp_path_factory.mktemp("tls")) if request.param == "tls" else None


class Child:
    """A server that prints its port."""

    def __init__(self, argv, env=None):
        self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      env=env)
        self.port = int(self.popen.stdout.readline())

    def end(self):
        self.popen.terminate()
        return self.popen.wait(SECONDS)


def our_client(case, port, tls=None):
    argv = [hive.BUILD / "test/interop_client", "--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={case}"]
    if tls:
        argv += ["--use_tls", "--ca", tls.ca]
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr


def node_env():
    return {**os.environ, "NODE_PATH": str(NODE / "node_modules")}


# --- our server -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def our_server(programs, tls):
    child = Child([hive.BUILD / "test/interop_server", "--port", "0", *(["--tls", tls.certificate, tls.key] if tls else [])])
    yield child
    assert child.end() == 0


@pytest.mark.parametrize("case", CASES + ["slow_server_streaming"])
def test_grpcio_calls_our_server(our_server, tls, case):
    at = f"localhost:{our_server.port}"
    options = [("grpc.use_local_subchannel_pool", 1)]
    if tls:
        credentials = grpc.ssl_channel_credentials(tls.ca.read_bytes())
        channel = grpc.secure_channel(at, credentials, options=options)
    else:
        channel = grpc.insecure_channel(at, options=options)
    with channel:
        getattr(grpcio_peer.Cases(channel), case)()


def test_grpc_js_calls_our_server(our_server, tls):
    argv = ["node", str(JS), "client", str(our_server.port), *([str(tls.ca)] if tls else [])]
    done = subprocess.run(argv, env=node_env(), capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" ok\n") == 16


# --- our client -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_our_client_calls_our_server(our_server, tls, case):
    our_client(case, our_server.port, tls)


@pytest.fixture(scope="module")
def grpcio_server(tls):
    server, port = grpcio_peer.serve(*((tls.certificate, tls.key) if tls else ()))
    yield port
    server.stop(None).wait()


@pytest.mark.parametrize("case", CASES)
def test_our_client_calls_grpcio(grpcio_server, tls, case):
    our_client(case, grpcio_server, tls)


@pytest.fixture(scope="module")
def js_server(programs, tls):
    child = Child(["node", JS, "server", *([tls.certificate, tls.key] if tls else [])], node_env())
    yield child.port
    child.end()


@pytest.mark.parametrize("case", CASES)
def test_our_client_calls_grpc_js(js_server, tls, case):
    our_client(case, js_server, tls)


# --- a server that misbehaves -----------------------------------------------------------------------


@pytest.mark.parametrize("case", NEGATIVE)
def test_our_client_and_a_server_that_misbehaves(case):
    server = http2_server.Server(case)
    try:
        our_client(case, server.port)
        assert server.faults == []
        assert server.calls
        if case == "goaway":
            assert server.calls[0] is not server.calls[1]
    finally:
        server.close()
