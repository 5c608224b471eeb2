"""The faults of a run: a schedule made of the seed alone, then carried out, each in a thread of its own.

A fault holds the lock of what it harms until that is well again; the one who comes meanwhile takes the next of its kind. What
was done, and whether it took effect, is logged."""
import random
import signal
import subprocess
import threading
import time

import world
from world import hive

# Kind -> (of 715 faults so many, seconds it lasts)
KINDS = {
    "kill pool": (50, (0, 2)),
    "kill redis": (50, (0, 2)),
    "kill engine": (50, (0, 2)),
    "kill worker": (310, (0, 12)),
    "kill worker and supervisor": (40, (0, 12)),
    "stop pool": (10, (0.5, 13)),
    "stop redis": (10, (0.5, 8)),
    "stop engine": (10, (0.5, 8)),
    "stop worker": (30, (0.5, 14)),
    "clock of pool": (5, (1, 12)),
    "clock of worker": (10, (1, 12)),
    "partition worker": (80, (0.5, 14)),
    "partition client": (20, (0.5, 8)),
    "cut": (20, (0, 0)),
    "delay": (15, (2, 8)),
    "full disk": (5, (1, 4)),
}
JUMP_S = 6 * 3600
KILLS = [kind for kind in KINDS if kind.startswith("kill")]


class Fault:
    def __init__(self, at, kind, victim, seconds, dice):
        self.at, self.kind, self.victim, self.seconds, self.dice = at, kind, victim, seconds, dice
        self.began = self.ended = None
        self.effective = False

    def __repr__(self):
        return f"{self.at:7.2f} s  {self.kind} {self.victim} for {self.seconds:.2f} s"


def schedule(seed, count, seconds, only=""):
    """So many faults within so many seconds; only: of these kinds ("kill pool,cut=5": how many, in relation), if it is given."""
    named = (word.partition("=") for word in only.split(",") if word)
    kinds = {kind: (int(weight or KINDS[kind][0]), KINDS[kind][1]) for kind, _, weight in named} or KINDS
    dice = random.Random(f"faults of {seed}")
    total = sum(weight for weight, _ in kinds.values())
    names = [kind for kind, (weight, _) in kinds.items() for _ in range(max(1, round(weight * count / total)))]
    dice.shuffle(names)
    names = names[:max(count, 0)]
    faults = [Fault(dice.uniform(0, seconds), kind, dice.randrange(1 << 16), dice.uniform(*kinds[kind][1]), dice.random())
              for kind in names]
    return sorted(faults, key=lambda fault: fault.at)


class Nemesis:
    def __init__(self, w, faults, log):
        self.world, self.faults, self.log, self.threads = w, faults, log, []
        self.client_locks, self.disk_lock = [threading.Lock() for _ in range(w.client_count)], threading.Lock()
        self.over, self.errors = threading.Event(), []
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def wait(self):
        self.thread.join()
        for thread in self.threads:
            thread.join()

    def run(self):
        began = time.monotonic()
        for fault in self.faults:
            if self.over.wait(max(0, began + fault.at - time.monotonic())):
                return
            thread = threading.Thread(target=self.carry_out, args=(fault,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def carry_out(self, fault):
        verb, _, whom = fault.kind.partition(" ")
        try:
            getattr(self, f"{verb}_{whom}".replace(" ", "_").rstrip("_"))(fault)
            self.log(f"fault {fault!r} effective={fault.effective}")
        except Exception as error:  # a fault that could not be carried out must not go unseen
            self.errors.append(f"{fault!r}: {error!r}")

    def take(self, fault, things, seconds=60):
        """The first from the victim's place on that nobody else is harming, locked."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for i in range(len(things)):
                at = (fault.victim + i) % len(things)
                lock = getattr(things[at], "lock", things[at])
                if lock.acquire(blocking=False):
                    fault.victim, fault.began = at, world.now()
                    return things[at], lock
            time.sleep(0.05)
        raise AssertionError("all of its kind are under a fault already")

    def done(self, fault, lock):
        fault.ended, fault.effective = world.now(), True
        lock.release()

    # --- processes -------------------------------------------------------------------------------

    def kill(self, fault, role, all_of_it, well):
        role, lock = self.take(fault, [role] if not isinstance(role, list) else role)
        try:
            role.kill(all_of_it)
            time.sleep(fault.seconds)
            role.start()
            hive.until(f"{role.name} to be back", lambda: well(role), 60)
        finally:
            self.done(fault, lock)

    def stop(self, fault, roles, all_of_it=False):
        role, lock = self.take(fault, roles)
        try:
            pids = role.pids() if all_of_it else [role.process.pid]
            role.signal(signal.SIGSTOP, pids)
            time.sleep(fault.seconds)
            role.signal(signal.SIGCONT, pids)
        finally:
            self.done(fault, lock)

    def kill_pool(self, fault):
        self.kill(fault, self.world.pool, False, lambda role: self.world.pool_answers())

    def kill_redis(self, fault):
        self.kill(fault, self.world.redis, False, lambda role: self.world.redis_answers())

    def kill_worker(self, fault):
        self.kill(fault, self.world.workers, False, lambda role: role.process.alive())

    def kill_worker_and_supervisor(self, fault):
        self.kill(fault, self.world.workers, True, lambda role: role.process.alive())

    def kill_engine(self, fault):
        engine, lock = self.take(fault, self.world.engines)
        try:
            engine.process.popen.kill()
            engine.process.popen.wait()
            time.sleep(fault.seconds)
            engine.start()
        finally:
            self.done(fault, lock)

    def stop_pool(self, fault):
        self.stop(fault, [self.world.pool])

    def stop_redis(self, fault):
        self.stop(fault, [self.world.redis])

    def stop_worker(self, fault):
        self.stop(fault, self.world.workers)

    def stop_engine(self, fault):
        engine, lock = self.take(fault, self.world.engines)
        try:
            engine.process.popen.send_signal(signal.SIGSTOP)
            time.sleep(fault.seconds)
            engine.process.popen.send_signal(signal.SIGCONT)
        finally:
            self.done(fault, lock)

    # --- the wall clock --------------------------------------------------------------------------

    def clock(self, fault, roles):
        """Hours ahead or back, then right again."""
        role, lock = self.take(fault, roles)
        try:
            if role.clock is not None:
                role.jump(int((fault.dice - 0.5) * 2 * JUMP_S))
                time.sleep(fault.seconds)
                role.jump(0)
        finally:
            self.done(fault, lock)

    def clock_of_pool(self, fault):
        self.clock(fault, [self.world.pool])

    def clock_of_worker(self, fault):
        self.clock(fault, self.world.workers)

    # --- network ---------------------------------------------------------------------------------

    def on_road(self, fault, road, words, lock):
        try:
            if self.world.real and words[0] == "hold":
                self.drop(self.world.proxy.ports[road], words[1], fault.seconds)
                return
            self.world.proxy.tell(road, *words)
            time.sleep(fault.seconds)
            self.world.proxy.tell(road, "free")
        finally:
            self.done(fault, lock)

    def drop(self, port, way, seconds):
        """Packets are really dropped: the run has a network namespace of its own."""
        rules = [["INPUT", "-p", "tcp", side, str(port), "-j", "DROP"]
                 for side, other in (("--dport", "down"), ("--sport", "up")) if way != other]
        for verb in ("-I", "-D"):
            for rule in rules:
                subprocess.run(["iptables", "-w", verb, *rule], check=True)
            if verb == "-I":
                time.sleep(seconds)

    def partition(self, fault, things, first):
        _, lock = self.take(fault, things)
        way = ("both", "up", "down")[int(fault.dice * 3)]
        self.on_road(fault, first + fault.victim, ("hold", way), lock)

    def partition_worker(self, fault):
        self.partition(fault, self.world.workers, 0)

    def partition_client(self, fault):
        self.partition(fault, self.client_locks, self.world.worker_count)

    def cut(self, fault):
        fault.victim %= self.world.worker_count + self.world.client_count
        fault.began = fault.ended = world.now()
        self.world.proxy.tell(fault.victim, "cut", 1 + int(fault.dice * 20000))
        fault.effective = True

    def delay(self, fault):
        _, lock = self.take(fault, self.world.workers)
        self.on_road(fault, fault.victim, ("delay", 50 + int(fault.dice * 1500)), lock)

    # --- the pool's disk -------------------------------------------------------------------------

    def full_disk(self, fault):
        """All but a few KiB of the small file system on which the pool keeps its files."""
        if self.world.disk is None:
            return
        _, lock = self.take(fault, [self.disk_lock])
        try:
            ballast = self.world.disk / "ballast"
            subprocess.run(["sh", "-c", f"cat /dev/zero > {ballast}"], stderr=subprocess.DEVNULL)
            time.sleep(fault.seconds)
            ballast.unlink()
        finally:
            self.done(fault, lock)
