"""grpc.health.v1 and server reflection on the pool, with stock clients that know nothing of HiveMind."""
import importlib
import re
import sys
import tempfile

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

import hive
from stock import Pool

PROTO = (hive.ROOT / "proto/hivemind.proto").read_text()
SERVICES = {f"hivemind.v1.{name}" for name in re.findall(r"^service (\w+)", PROTO, re.M)}
SECONDS = 20 * hive.SLOW


def compiled(name):
    out = tempfile.mkdtemp(prefix="hm-proto-")
    assert protoc.main(["", f"-I{hive.ROOT / 'proto'}", f"--python_out={out}", name]) == 0
    sys.path.insert(0, out)
    return importlib.import_module(name.replace(".proto", "_pb2"))


health = compiled("grpc_health.proto")
reflection = compiled("grpc_reflection.proto")


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    p = Pool(tmp_path_factory.mktemp("standard"))
    yield p
    assert p.end() == 0


@pytest.fixture
def channel(pool):
    with grpc.insecure_channel(f"127.0.0.1:{pool.port}") as ch:
        yield ch


# --- health ---------------------------------------------------------------------------------------


def check(ch, service):
    call = ch.unary_unary("/grpc.health.v1.Health/Check", health.HealthCheckRequest.SerializeToString,
                          health.HealthCheckResponse.FromString)
    return call(health.HealthCheckRequest(service=service), timeout=SECONDS).status


def watch(ch, service):
    call = ch.unary_stream("/grpc.health.v1.Health/Watch", health.HealthCheckRequest.SerializeToString,
                           health.HealthCheckResponse.FromString)
    return call(health.HealthCheckRequest(service=service), timeout=SECONDS)


def test_every_service_is_healthy(channel):
    for service in {"", "grpc.health.v1.Health"} | SERVICES:
        assert check(channel, service) == health.HealthCheckResponse.SERVING


def test_a_service_that_is_not_there_is_not_found(channel):
    for service in ("hivemind.v1", "hivemind.v1.Task", "x"):
        with pytest.raises(grpc.RpcError) as e:
            check(channel, service)
        assert e.value.code() == grpc.StatusCode.NOT_FOUND


def test_watching_a_service_that_is_not_there_says_so_and_goes_on(channel):
    call = watch(channel, "x")
    assert next(call).status == health.HealthCheckResponse.SERVICE_UNKNOWN
    assert call.is_active()
    call.cancel()


def test_health_follows_redis_and_ends_with_the_pool(redis, tmp_path):
    p = Pool(tmp_path, "--redis", redis.url)
    with grpc.insecure_channel(f"127.0.0.1:{p.port}") as ch:
        call = watch(ch, "hivemind.v1.Tasks")
        assert next(call).status == health.HealthCheckResponse.SERVING
        redis.kill()
        assert next(call).status == health.HealthCheckResponse.NOT_SERVING
        assert check(ch, "") == health.HealthCheckResponse.NOT_SERVING
        redis.start()
        assert next(call).status == health.HealthCheckResponse.SERVING
        p.process.popen.terminate()
        assert next(call).status == health.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as e:
            next(call)
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE
    assert p.process.popen.wait(SECONDS) == 0


# --- reflection -----------------------------------------------------------------------------------


def ask(ch, version, *questions):
    call = ch.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                            reflection.ServerReflectionRequest.SerializeToString,
                            reflection.ServerReflectionResponse.FromString)
    requests = [reflection.ServerReflectionRequest(**question) for question in questions]
    answers = list(call(iter(requests), timeout=SECONDS))
    assert [a.original_request for a in answers] == requests
    return answers


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_a_client_calls_the_pool_knowing_nothing_but_its_address(channel, version):
    listed = ask(channel, version, {"list_services": "*"})[0].list_services_response.service
    assert {s.name for s in listed} == SERVICES | {
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
    known = descriptor_pool.DescriptorPool()
    for service in sorted(s.name for s in listed):
        answer = ask(channel, version, {"file_containing_symbol": service})[0].file_descriptor_response
        for raw in answer.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(raw)
            known.AddSerializedFile(file.SerializeToString())
    method = known.FindMethodByName("hivemind.v1.Pool.Info")
    make = message_factory.MessageFactory(known).GetPrototype
    call = channel.unary_unary("/hivemind.v1.Pool/Info", make(method.input_type).SerializeToString,
                               make(method.output_type).FromString)
    assert call(make(method.input_type)(), timeout=SECONDS).redis_up


def test_every_kind_of_name_is_found_and_no_other(channel):
    names = ["hivemind.v1.Tasks.Submit", "hivemind.v1.TaskSpec", "hivemind.v1.TaskSpec.name", "hivemind.v1.TaskState",
             "grpc.health.v1.HealthCheckResponse.ServingStatus"]
    strange = ["", "hivemind", "hivemind.v1", "hivemind.v1.", "hivemind.v1.Tasks.Nothing", "hivemind.v1.TaskSpec.name.x",
               "hivemind.v1x.Tasks", "google.protobuf.Any"]
    answers = ask(channel, "v1", *({"file_containing_symbol": name} for name in names + strange))
    kinds = [a.WhichOneof("message_response") for a in answers]
    assert kinds == ["file_descriptor_response"] * len(names) + ["error_response"] * len(strange)
    assert all(a.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0] for a in answers[len(names):])


def test_files_by_name_and_what_is_not_there(channel):
    file, missing, extension, numbers = ask(
        channel, "v1", {"file_by_filename": "hivemind.proto"}, {"file_by_filename": "x.proto"},
        {"file_containing_extension": {"containing_type": "hivemind.v1.Task", "extension_number": 1}},
        {"all_extension_numbers_of_type": "hivemind.v1.Task"})
    assert len(file.file_descriptor_response.file_descriptor_proto) == 1
    for answer in (missing, extension, numbers):
        assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_a_question_that_asks_nothing_is_refused(channel):
    with pytest.raises(grpc.RpcError) as e:
        ask(channel, "v1", {"host": "x"})
    assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_many_questions_on_one_stream(channel):
    answers = ask(channel, "v1", *[{"file_by_filename": "hivemind.proto"}] * 300)
    assert len(answers) == 300
