"""grpc.testing.TestService and the standard interop cases with python3-grpcio, for tests of ours against it.


"""
import importlib
import pathlib
import sys
import tempfile
import time
from concurrent import futures

import grpc
from grpc_tools import protoc

HERE = pathlib.Path(__file__).resolve().parent
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
REQUESTS, RESPONSES = (27182, 8, 1828, 45904), (31415, 9, 2653, 58979)
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159


def compile_proto():
    out = tempfile.mkdtemp(prefix="hm-proto-")
    arguments = ["", f"-I{HERE}", f"--python_out={out}", f"--grpc_python_out={out}", "grpc_testing.proto"]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, out)
    return importlib.import_module("grpc_testing_pb2"), importlib.import_module("grpc_testing_pb2_grpc")


pb, stubs = compile_proto()


# --- the server -----------------------------------------------------------------------------------


def echo_fields(context):
    for name, value in context.invocation_metadata():
        if name == INITIAL:
            context.send_initial_metadata(((name, value),))
        if name == TRAILING:
            context.set_trailing_metadata(((name, value),))


def echo_status(request, context):
    if request.HasField("response_status") and request.response_status.code:
        code = next(c for c in grpc.StatusCode if c.value[0] == request.response_status.code)
        context.abort(code, request.response_status.message)


def refuse_uncompressed(request, context):
    if request.expect_compressed.value:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the message was to be compressed and was not")


def answers(request):
    for wanted in request.response_parameters:
        time.sleep(wanted.interval_us / 1e6)
        yield pb.StreamingOutputCallResponse(payload={"body": bytes(wanted.size)})


class Service(stubs.TestServiceServicer):
    def EmptyCall(self, request, context):
        return pb.Empty()

    def UnaryCall(self, request, context):
        echo_fields(context)
        echo_status(request, context)
        refuse_uncompressed(request, context)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        return pb.SimpleResponse(payload={"body": bytes(request.response_size)})

    def StreamingOutputCall(self, request, context):
        if any(wanted.compressed.value for wanted in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        yield from answers(request)

    def StreamingInputCall(self, requests, context):
        total = 0
        for request in requests:
            refuse_uncompressed(request, context)
            total += len(request.payload.body)
        return pb.StreamingInputCallResponse(aggregated_payload_size=total)

    def FullDuplexCall(self, requests, context):
        echo_fields(context)
        for request in requests:
            echo_status(request, context)
            yield from answers(request)

    def HalfDuplexCall(self, requests, context):
        for request in list(requests):
            yield from answers(request)


def serve(certificate=None, key=None):
    """Returns the server and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    stubs.add_TestServiceServicer_to_server(Service(), server)
    if certificate:
        pair = (pathlib.Path(key).read_bytes(), pathlib.Path(certificate).read_bytes())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


# --- the client: the cases, each a function of a stub ------------------------------------------------


class Cases:
    def __init__(self, channel):
        self.channel = channel
        self.stub = stubs.TestServiceStub(channel)

    def large(self, **options):
        request = pb.SimpleRequest(response_size=LARGE_RESPONSE, payload={"body": bytes(LARGE_REQUEST)})
        return self.stub.UnaryCall.with_call(request, timeout=30, **options)

    @staticmethod
    def refused(call, code):
        try:
            call()
        except grpc.RpcError as error:
            assert error.code() == code, error
            return error
        raise AssertionError(f"the call succeeded, not {code}")

    @staticmethod
    def output(request, response):
        return pb.StreamingOutputCallRequest(response_parameters=[{"size": response}], payload={"body": bytes(request)})

    def empty_unary(self):
        assert self.stub.EmptyCall(pb.Empty(), timeout=30) == pb.Empty()

    def large_unary(self):
        assert self.large()[0].payload.body == bytes(LARGE_RESPONSE)

    def client_streaming(self):
        requests = (pb.StreamingInputCallRequest(payload={"body": bytes(n)}) for n in REQUESTS)
        assert self.stub.StreamingInputCall(requests, timeout=30).aggregated_payload_size == sum(REQUESTS)

    def server_streaming(self):
        request = pb.StreamingOutputCallRequest(response_parameters=[{"size": n} for n in RESPONSES])
        got = [len(r.payload.body) for r in self.stub.StreamingOutputCall(request, timeout=30)]
        assert got == list(RESPONSES)

    def slow_server_streaming(self):
        request = pb.StreamingOutputCallRequest(response_parameters=[{"size": 9, "interval_us": 20000}] * 5)
        began = time.monotonic()
        assert len(list(self.stub.StreamingOutputCall(request, timeout=30))) == 5
        assert time.monotonic() - began >= 0.1

    def ping_pong(self):
        def requests():
            for request, response in zip(REQUESTS, RESPONSES):
                yield self.output(request, response)
                got.append(len(next(call).payload.body))
        got, call = [], None
        call = self.stub.FullDuplexCall(requests(), timeout=30)
        while len(got) < len(RESPONSES):
            time.sleep(0.005)
        assert got == list(RESPONSES) and list(call) == []

    def half_duplex(self):
        requests = [self.output(*pair) for pair in zip(REQUESTS, RESPONSES)]
        assert [len(r.payload.body) for r in self.stub.HalfDuplexCall(iter(requests), timeout=30)] == list(RESPONSES)

    def empty_stream(self):
        assert list(self.stub.FullDuplexCall(iter(()), timeout=30)) == []

    def timeout_on_sleeping_server(self):
        request = pb.StreamingOutputCallRequest(response_parameters=[{"size": 1, "interval_us": 10_000_000}])
        self.refused(lambda: list(self.stub.StreamingOutputCall(request, timeout=0.05)),
                     grpc.StatusCode.DEADLINE_EXCEEDED)

    def cancel_after_begin(self):
        import threading
        hold = threading.Event()
        call = self.stub.StreamingInputCall.future(iter(lambda: hold.wait(5) and None, None))
        call.cancel()
        hold.set()
        assert call.cancelled()

    def cancel_after_first_response(self):
        import threading
        hold = threading.Event()

        def requests():
            yield self.output(27182, 31415)
            hold.wait(5)
        call = self.stub.FullDuplexCall(requests(), timeout=30)
        assert len(next(call).payload.body) == 31415
        call.cancel()
        hold.set()
        self.refused(lambda: next(call), grpc.StatusCode.CANCELLED)

    def custom_metadata(self):
        fields = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))
        stream = self.stub.FullDuplexCall(iter([self.output(LARGE_REQUEST, LARGE_RESPONSE)]), metadata=fields, timeout=30)
        assert len(list(stream)) == 1
        for call in (self.large(metadata=fields)[1], stream):
            assert dict(call.initial_metadata())[INITIAL] == "test_initial_metadata_value"
            assert dict(call.trailing_metadata())[TRAILING] == b"\xab\xab\xab"

    def status_code_and_message(self):
        status = {"code": 2, "message": "test status message"}
        one = pb.SimpleRequest(response_status=status)
        many = pb.StreamingOutputCallRequest(response_status=status)
        for call in (lambda: self.stub.UnaryCall(one, timeout=30),
                     lambda: list(self.stub.FullDuplexCall(iter([many]), timeout=30))):
            assert self.refused(call, grpc.StatusCode.UNKNOWN).details() == status["message"]

    def special_status_message(self):
        words = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
        request = pb.SimpleRequest(response_status={"code": 2, "message": words})
        error = self.refused(lambda: self.stub.UnaryCall(request, timeout=30), grpc.StatusCode.UNKNOWN)
        assert error.details() == words

    def unimplemented_method(self):
        self.refused(lambda: self.stub.UnimplementedCall(pb.Empty(), timeout=30), grpc.StatusCode.UNIMPLEMENTED)

    def unimplemented_service(self):
        other = stubs.UnimplementedServiceStub(self.channel)
        self.refused(lambda: other.UnimplementedCall(pb.Empty(), timeout=30), grpc.StatusCode.UNIMPLEMENTED)

    # A server that takes and gives identity only says so; nothing hangs and nothing breaks.

    def compression_is_refused(self, call):
        error = self.refused(call, grpc.StatusCode.UNIMPLEMENTED)
        assert "identity" in error.details()
        self.large_unary()

    def client_compressed_unary(self):
        expects = pb.SimpleRequest(expect_compressed={"value": True})
        self.refused(lambda: self.stub.UnaryCall(expects, timeout=30), grpc.StatusCode.INVALID_ARGUMENT)
        self.compression_is_refused(lambda: self.large(compression=grpc.Compression.Gzip))

    def client_compressed_streaming(self):
        requests = iter([pb.StreamingInputCallRequest(payload={"body": bytes(27182)})])
        self.compression_is_refused(lambda: self.stub.StreamingInputCall(
            requests, compression=grpc.Compression.Gzip, timeout=30))

    def server_compressed_unary(self):
        request = pb.SimpleRequest(response_compressed={"value": True}, response_size=LARGE_RESPONSE)
        self.compression_is_refused(lambda: self.stub.UnaryCall(request, timeout=30))

    def server_compressed_streaming(self):
        request = pb.StreamingOutputCallRequest(response_parameters=[{"compressed": {"value": True}, "size": 31415}])
        self.compression_is_refused(lambda: list(self.stub.StreamingOutputCall(request, timeout=30)))
