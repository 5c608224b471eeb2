"""Between the pool and its Redis: at the nth piece that the pool sends, Redis dies.

    before     the piece never reached it
    during     it reached it, and nobody knows what became of it
    after      it was done, and its answer is lost
    torn       the same, and of what it wrote last only a part is on the disk
    again      the same, and it dies a second time just after its start
    rewrite    while it writes its append-only file anew
    save       while it writes a dump
"""
import os
import pathlib
import random
import select
import signal
import socket
import threading
import time

from hive import until

MODES = ("before", "during", "after", "torn", "again", "rewrite", "save")


class RedisProxy:
    def __init__(self, world):
        self.world = world
        self.path = world.path / "proxy.sock"
        self.mode, self.left, self.hit = None, 0, False
        self.lock = threading.Lock()  # nothing passes while Redis dies: what was answered is on the disk
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"unix:{self.path}"

    def close(self):
        self.listener.close()

    def arm(self, mode, n):
        self.mode, self.left, self.hit = mode, n, False

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.world.redis_at.socket))
            while True:
                ready, _, _ = select.select([peer, server], [], [])
                with self.lock:
                    if server in ready and not self.pass_on(server, peer):
                        return
                    if peer in ready and not self.hear(peer, server):
                        return
        except OSError:
            pass
        finally:
            peer.close()
            server.close()

    @staticmethod
    def pass_on(here, there):
        data = here.recv(1 << 20)
        there.sendall(data)
        return bool(data)

    def hear(self, peer, server):
        data = peer.recv(1 << 20)
        if not data:
            return False
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.strike(data, server)
                return False
        server.sendall(data)
        return True

    def file(self):
        files = (self.world.redis_at.path / "appendonlydir").glob("*.incr.aof")
        return max(files, key=lambda p: int(p.name.split(".")[-3]))

    def strike(self, data, server):
        redis = self.world.parts["redis"].process
        path = self.file()
        before = path.stat().st_size
        if self.mode == "rewrite":
            self.world.redis_at.cli("BGREWRITEAOF")
        if self.mode == "save":
            self.world.redis_at.cli("BGSAVE")
        if self.mode != "before":
            server.sendall(data)
        torn = self.mode in ("torn", "again")
        if self.mode == "after" or torn:
            server.recv(1 << 20)
        with self.world.lock:  # before the keeper starts it again
            os.kill(redis.pid, signal.SIGKILL)
            redis.popen.wait()
            after = path.stat().st_size
            if torn and after > before:
                os.truncate(path, random.randrange(before, after))
        self.hit = True
        if self.mode == "again":
            threading.Thread(target=self.kill_again, args=(redis,), daemon=True).start()

    def kill_again(self, before):
        while self.world.parts["redis"].process is before:
            time.sleep(0.001)
        again = self.world.parts["redis"].process
        until("Redis to answer", lambda: self.world.redis_at.cli("PING") == "PONG", 10)
        time.sleep(random.random() / 50)
        again.popen.kill()
