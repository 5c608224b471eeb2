"""A stock gRPC client: python3-grpcio and the published .proto, nothing of ours. And a worker and a pool written with it."""
import concurrent.futures
import hashlib
import importlib
import io
import pathlib
import queue
import secrets
import sys
import tarfile
import tempfile
import threading
import time

import grpc
from grpc_tools import protoc

import hive

CHUNK = 64 * 1024


def compile_proto():
    """The generated modules (messages, stubs), from proto/hivemind.proto alone."""
    out = tempfile.mkdtemp(prefix="hm-proto-")
    source = hive.ROOT / "proto"
    assert protoc.main(["", f"-I{source}", f"--python_out={out}", f"--grpc_python_out={out}", "hivemind.proto"]) == 0
    sys.path.insert(0, out)
    return importlib.import_module("hivemind_pb2"), importlib.import_module("hivemind_pb2_grpc")


pb, stubs = compile_proto()


def call_id():
    return secrets.token_hex(16)


def tar(files):
    """A plain tar of {name: text}, and its SHA-256."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue(), hashlib.sha256(out.getvalue()).hexdigest()


class Pool:
    """`hivemind pool` on a free port. restart() keeps data and port."""

    def __init__(self, path, *options):
        self.path, self.options, self.port = pathlib.Path(path), options, 0
        self.start()

    def start(self):
        port_file = self.path / "port"
        port_file.unlink(missing_ok=True)
        self.process = hive.Process(
            hive.WRAP + [hive.BIN, "pool", "--data", self.path / "data", "--listen", f"127.0.0.1:{self.port}",
                         "--port-file", port_file, "--work-bits", "0", "--gift", "1000000", *self.options], self.path / "log")
        hive.until("the pool to be ready", lambda: port_file.exists() or self.died(), 20)
        self.port = int(port_file.read_text())

    def died(self):
        assert self.process.alive(), self.process.log.read_text()[-3000:]

    def invitation(self, name):
        """A code with which this name can register, as the pool's operator prints it."""
        options = [o for pair in zip(self.options, self.options[1:]) if pair[0] == "--admin" for o in pair]
        return hive.command("pool", "--data", self.path / "data", *options, "--print-invitation", name).out.strip()

    def kill(self):
        self.process.popen.kill()
        self.process.popen.wait()

    def end(self):
        return self.process.end(5)

    def restart(self):
        assert self.end() == 0
        self.start()


class Client:
    """One person's channel."""

    def __init__(self, pool, token=None):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{pool.port}", options=[
            ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.use_local_subchannel_pool", 1)])
        self.token = token
        self.accounts = stubs.AccountsStub(self.channel)
        self.tasks = stubs.TasksStub(self.channel)
        self.blobs = stubs.BlobsStub(self.channel)
        self.workers = stubs.WorkersStub(self.channel)
        self.pool = stubs.PoolStub(self.channel)
        self.ledger = stubs.LedgerStub(self.channel)

    def close(self):
        self.channel.close()

    @property
    def auth(self):
        return {"metadata": [("authorization", f"Bearer {self.token}")], "timeout": 20 * hive.SLOW}

    def register(self, name, password="correct horse", **fields):
        session = self.accounts.Register(pb.RegisterRequest(name=name, password=password, call_id=call_id(), **fields))
        self.token = session.token
        return session

    def upload(self, data, sha256, task="", epoch=0, offset=0, stop_after=None):
        def chunks():
            header = pb.UploadHeader(sha256=sha256, size=len(data), offset=offset, task=task, epoch=epoch)
            yield pb.UploadChunk(header=header)
            for at in range(offset, len(data), CHUNK):
                if stop_after is not None and at >= stop_after:
                    return
                yield pb.UploadChunk(data=data[at:at + CHUNK])
        return self.blobs.Upload(chunks(), **self.auth)

    def submit(self, data=None, name="t", the_call=None, **fields):
        data, sha256 = data or tar({"run.sh": "echo hi"})
        if not self.blobs.Offset(pb.UploadHeader(sha256=sha256, size=len(data)), **self.auth).complete:
            self.upload(data, sha256)
        request = pb.SubmitRequest(spec=spec(name, **fields), bundle_sha256=sha256, bundle_size=len(data),
                                   call_id=the_call or call_id())
        return self.tasks.Submit(request, **self.auth)

    def get(self, task):
        return self.tasks.Get(pb.GetTaskRequest(id=task), **self.auth)

    def wait(self, task, state, seconds=10):
        def reached():
            now = self.get(task)
            return now if pb.TaskState.Name(now.state) == state else None
        return hive.until(f"{task} to be {state}", reached, seconds)

    def download(self, task, kind, offset=0, epoch=0):
        request = pb.DownloadRequest(task=task, kind=kind, offset=offset, epoch=epoch)
        chunks = list(self.blobs.Download(request, **self.auth))
        return b"".join(chunk.data for chunk in chunks), chunks[0]

    def logs(self, task, **fields):
        return list(self.tasks.Logs(pb.LogsRequest(id=task, **fields), **self.auth))


def spec(name, cpus=1000, memory=64 << 20, **fields):
    resources = pb.Resources(milli_cpus=cpus, memory=memory, disk=64 << 20)
    values = {"max_output": 1 << 30, "time_limit_s": 60, "grace_s": 1, "keep_s": 3600} | fields
    return pb.TaskSpec(name=name, command=["sh", "run.sh"], resources=resources, **values)


class Worker:
    """A worker by hand: what it hears goes into queues, what it says is up to the test."""

    def __init__(self, client, name="w", id=None, cpus=4000, memory=1 << 30, attempts=(), not_ready="", beat=True, host=None):
        alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
        self.id = id or "".join(secrets.choice(alphabet) for _ in range(16))
        self.client, self.out, self.heard, self.acks, self.over = client, queue.Queue(), queue.Queue(), 0, threading.Event()
        self.beating, self.not_ready, self.acked = beat, not_ready, None
        host = host or pb.Host(name=name, arch="amd64", engine="docker", limits_enforced=True,
                       offered=pb.Resources(milli_cpus=cpus, memory=memory, disk=64 << 30))
        self.say(hello=pb.Hello(worker=self.id, name=name, host=host, attempts=attempts, not_ready=not_ready))
        self.call = client.workers.Link(iter(self.out.get, None), metadata=client.auth["metadata"])
        threading.Thread(target=self.listen, daemon=True).start()
        threading.Thread(target=self.beat, daemon=True).start()

    def say(self, **kind):
        self.out.put(pb.WorkerMessage(**kind))

    def listen(self):
        self.error = None
        try:
            for message in self.call:
                if message.WhichOneof("kind") == "ack":
                    self.acks, self.acked = self.acks + 1, message.ack.seq
                else:
                    self.heard.put(message)
        except grpc.RpcError as error:
            self.error = error
        self.over.set()
        self.heard.put(None)

    def beat(self):
        seq = 0
        while not self.over.wait(1):
            if self.beating:
                seq += 1
                self.say(heartbeat=pb.Heartbeat(seq=seq, not_ready=self.not_ready))

    def expect(self, kind, seconds=10):
        message = self.heard.get(timeout=seconds * hive.SLOW)
        assert message is not None, f"the link ended: {self.error}"
        assert message.WhichOneof("kind") == kind, message
        return getattr(message, kind)

    def hears_nothing(self, seconds):
        time.sleep(seconds)
        return self.heard.empty()

    def progress(self, lease, phase):
        self.say(progress=pb.Progress(task=lease.task, epoch=lease.epoch, phase=phase, time_ms=int(time.time() * 1000)))

    def prints(self, lease, text, offset, stream=1):
        data = text.encode() if isinstance(text, str) else text
        self.say(log=pb.LogData(task=lease.task, epoch=lease.epoch, stream=stream, data=data, offset=offset,
                                time_ms=int(time.time() * 1000)))

    def done(self, lease, result=None, **fields):
        if result is not None:
            data, sha256 = result
            self.client.upload(data, sha256, task=lease.task, epoch=lease.epoch)
            fields |= {"result_sha256": sha256, "result_size": len(data)}
        self.say(done=pb.Done(task=lease.task, epoch=lease.epoch, has_exit_code=True, **fields))

    def cut(self):
        self.call.cancel()
        self.over.wait(5)


class PoolByHand(stubs.WorkersServicer, stubs.BlobsServicer):
    """A stock gRPC server in a pool's place. It takes any token, sends what the test says, and has one bundle."""

    def __init__(self, bundle=b""):
        self.bundle = bundle
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        stubs.add_WorkersServicer_to_server(self, self.server)
        stubs.add_BlobsServicer_to_server(self, self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.say, self.heard, self.hello, self.linked = queue.Queue(), queue.Queue(), None, threading.Event()
        self.welcomes = threading.Event()  # while it is clear, a Hello waits for its answer
        self.welcomes.set()
        self.who, self.links = {}, []  # what Welcome says of the pool; each link: what it was told, what its heartbeats said
        self.server.start()

    def Link(self, messages, context):
        self.say = say = queue.Queue()  # what waits for a link that has ended is for nobody
        link = {"who": self.who, "beats": 0, "say": say, "attempts": []}
        self.links.append(link)
        threading.Thread(target=self.listen, args=(messages, link), daemon=True).start()
        while context.is_active() and link["who"] is self.who:
            try:
                yield say.get(timeout=0.1)
            except queue.Empty:
                pass

    def is_now(self, **who):
        """End the link; from the next on, Welcome says this of the pool. Returns the links there will be."""
        before, self.who = len(self.links), who
        hive.until("the worker to come back", lambda: len(self.links) > before, 20)
        return lambda: self.links[before:]

    def listen(self, messages, link):
        try:
            for message in messages:
                kind = message.WhichOneof("kind")
                if kind == "hello":
                    self.hello = message.hello
                    self.welcomes.wait(60)
                    link["say"].put(pb.PoolMessage(welcome=pb.Welcome(heartbeat_ms=1000, lost_after_ms=10000, **link["who"])))
                    self.linked.set()
                elif kind == "heartbeat":
                    link["beats"] += 1
                    link["attempts"] = [(a.task, a.epoch) for a in message.heartbeat.attempts]
                    link["say"].put(pb.PoolMessage(ack=pb.Ack(seq=message.heartbeat.seq)))
                else:
                    self.heard.put(message)
        except grpc.RpcError:
            pass

    def Download(self, request, context):
        yield pb.DownloadChunk(data=self.bundle, size=len(self.bundle), sha256=hashlib.sha256(self.bundle).hexdigest())
