"""A pool that wishes its workers ill: what a worker's owner does not allow is refused, with words, and nothing of it is done."""
import pytest

import hive
from hive import until
from stock import PoolByHand, pb, spec


class HostilePool(PoolByHand):
    def lease(self, number, **fields):
        """The worker's answer to a lease of this spec."""
        task = f"{number:016d}.1"
        wish = fields.pop("wish", None) or spec("evil", **fields)
        self.say.put(pb.PoolMessage(lease=pb.Lease(task=task, epoch=1, spec=wish, bundle_sha256="0" * 64, bundle_size=1)))
        message = self.heard.get(timeout=10 * hive.SLOW)
        assert message.WhichOneof("kind") == "give_back" and message.give_back.task == task, message
        return message.give_back.reason


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    path = tmp_path_factory.mktemp("evil")
    pool = HostilePool()
    (path / "token").write_text("hm_" + "0" * 52)
    (path / "token").chmod(0o600)
    env = hive.environment(HOME=path, HIVEMIND_TOKEN_FILE=path / "token")
    pool.start = lambda: hive.Process(
        [hive.BIN, "worker", "--join", f"127.0.0.1:{pool.port}", "--data", path / "data", "--cpus", "1", "--memory", "256MiB",
         "--disk", "1GiB", "--gpus", "0", "--allow-image", "python:*", "--allow-image", "ghcr.io/me/**"], path / "log", env)
    pool.worker = pool.start()
    assert pool.linked.wait(60 * hive.SLOW), pool.worker.log.read_text()
    pool.data = path / "data"
    yield pool
    pool.worker.end()
    pool.server.stop(0)


def wish(**fields):
    s = spec("evil")
    for name, value in fields.items():
        target, _, field = name.rpartition("__")
        setattr(s.resources if target else s, field, value)
    return s


@pytest.mark.parametrize("number, hostile, words", [
    (1, wish(resources__milli_cpus=2000), "wants 2.00 cores, its owner lends 1.00"),
    (2, wish(resources__memory=1 << 40), "its owner lends 256"),
    (3, wish(resources__disk=1 << 43), "its owner lends 1024"),
    (4, wish(resources__gpus=1), "wants 1 GPUs, its owner lends 0"),
    (5, wish(resources__milli_cpus=0), "cpus"),       # no limit at all, to an engine
    (6, wish(resources__memory=0), "memory"),
    (7, wish(image="docker.io/evil/miner:latest"), "does not allow the image docker.io/evil/miner:latest"),
    (8, wish(image="ghcr.io/other/tool"), "does not allow the image"),
    (9, wish(image="image.tar"), "does not allow the image image.tar"),
    (10, wish(time_limit_s=2**32 - 1), "time_limit"),
    (11, wish(max_output=2**63), "max_output"),
])
def test_a_lease_beyond_what_the_owner_lends_is_given_back(evil, number, hostile, words):
    reason = evil.lease(number, wish=hostile)
    assert words in reason, reason
    assert f"task={number:016d}.1" in evil.worker.log.read_text()
    assert not list((evil.data / "scratch").glob("*")) and not list((evil.data / "bundles").glob("*"))


def test_a_lease_without_spec_or_with_an_id_that_is_a_path_is_given_back(evil):
    assert "not one that this worker understands" in evil.lease(20, wish=pb.TaskSpec())
    evil.say.put(pb.PoolMessage(lease=pb.Lease(task="../../etc", epoch=1, spec=spec("x"), bundle_sha256="0" * 64)))
    assert evil.heard.get(timeout=10).give_back.task == "../../etc"
    evil.say.put(pb.PoolMessage(lease=pb.Lease(task=f"{21:016d}.1", epoch=1, spec=spec("x"), bundle_sha256="../" * 20)))
    assert "understands" in evil.heard.get(timeout=10).give_back.reason


def test_there_is_no_way_to_ask_for_mounts_or_capabilities(evil):
    """The words do not exist; and what a later or wilder pool adds to the message is not read."""
    names = [f.name for f in pb.TaskSpec.DESCRIPTOR.fields]
    for word in ("mount", "bind", "volume", "cap", "priv", "user", "net", "device", "sysctl", "runtime", "host"):
        assert not [n for n in names if word in n], word
    raw = spec("evil", cpus=64000).SerializeToString() + b"\xa2\x06\x01/"  # field 100, "/"
    assert "lends 1.00" in evil.lease(30, wish=pb.TaskSpec.FromString(raw))


def test_verdicts_and_stops_about_others_and_messages_out_of_turn_do_no_harm(evil):
    for message in (pb.PoolMessage(stop=pb.StopAttempt(task="x" * 1000, epoch=7)),
                    pb.PoolMessage(verdict=pb.Verdict(task="../..", epoch=1, word=1)),
                    pb.PoolMessage(stored=pb.Stored(task="", epoch=2**32 - 1)), pb.PoolMessage(),
                    pb.PoolMessage(welcome=pb.Welcome(heartbeat_ms=0, lost_after_ms=2**32 - 1)),
                    pb.PoolMessage(ack=pb.Ack(seq=2**64 - 1))):
        evil.say.put(message)
    assert "lends" in evil.lease(40, cpus=64000)
    assert evil.worker.alive()


def test_a_pool_that_was_replaced_is_hung_up_on(evil):
    """It was cut off and does not know it: the worker has met the next, and gives the old one neither heartbeat nor ear."""
    one, other = "0" * 16, "1" * 16

    def is_kept(**who):
        links = evil.is_now(**who)
        until("a heartbeat", lambda: links()[-1]["beats"], 20)

    is_kept(pool=one, epoch=2)
    is_kept(pool=one, epoch=2)
    links = evil.is_now(pool=one, epoch=1)
    until("the worker to come back in vain", lambda: len(links()) > 2, 40)
    assert not any(link["beats"] for link in links())
    log = evil.worker.log.read_text()
    assert log.count("this pool was replaced") == 1 and "epoch=1 seen=2" in log
    evil.worker.popen.kill()
    evil.worker.popen.wait()
    evil.worker = evil.start()
    hive.KEPT.add(evil.worker.pid)
    links = evil.is_now(pool=one, epoch=1)
    until("its next process to come back in vain, too", lambda: len(links()) > 2, 60)
    assert not any(link["beats"] for link in links())
    is_kept(pool=one, epoch=3)
    is_kept(pool=other, epoch=1)
    assert "lends" in evil.lease(60, cpus=64000)
