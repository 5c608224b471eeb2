"""What people type and what comes back: help, slips, exit statuses, JSON. First without any pool, then with a pool alone."""
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import time

import pytest

import hive
from hive import bundle, command, environment, script, until

GOLDEN = pathlib.Path(__file__).with_name("golden")
VERBS = re.findall(r"^  ([a-z]+) {2,}", command("help").out.split("\nStart here\n")[1], re.M)


def shape_of(value, golden, where="$"):
    """What differs between a value and its golden shape: "int", "number", "text", "bool", "time"; "?" at the end allows null."""
    if isinstance(golden, dict):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        wrong = [f"{where}.{k}: missing" for k in golden if k not in value and "*" not in golden]
        wrong += [f"{where}.{k}: not in the golden file" for k in value if k not in golden and "*" not in golden]
        return wrong + [w for k in value if k in golden or "*" in golden
                        for w in shape_of(value[k], golden.get(k, golden.get("*")), f"{where}.{k}")]
    if isinstance(golden, list):
        if value is None and golden[1:] == ["?"]:
            return []
        if isinstance(golden[0], dict) and golden[1:] == ["?"]:
            return shape_of(value, golden[0], where)
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [w for i, item in enumerate(value) for w in shape_of(item, golden[0], f"{where}[{i}]")]
    kind = golden.rstrip("?")
    if value is None:
        return [] if golden.endswith("?") else [f"{where}: null"]
    right = {"int": type(value) is int, "number": type(value) in (int, float), "text": isinstance(value, str),
             "bool": isinstance(value, bool),
             "time": isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value) is not None}
    return [] if right[kind] else [f"{where}: {value!r} is no {kind}"]


def check_golden(name, text):
    """Each line of text is an object of the shape in golden/NAME.json. Returns the first."""
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines, f"{name}: no output"
    for line in lines:
        assert line.get("v") == 1
        assert not (wrong := shape_of(line, golden)), f"{name}: {wrong}\n{line}"
    return lines[0]


# --- no pool ---------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    return environment(HOME=tmp_path)


def test_no_word_is_a_short_help_that_begins_with_examples():
    done = command()
    assert done.code == 2 and done.out == ""
    assert done.err.splitlines()[2].lstrip().startswith("hivemind demo")
    assert command("help").out == done.err == command("--help").out
    assert done.seconds < 0.1 * hive.SLOW


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_with_examples_wherever_it_stands(verb):
    done = command(verb, "--help")
    assert done.code == 0 and done.err == ""
    assert done.out.startswith(f"Usage: hivemind {verb}")
    examples = done.out.split("\nExamples\n")[1].splitlines()
    assert any(line.lstrip().startswith("hivemind") or "hivemind" in line for line in examples)
    assert command("help", verb).out == done.out
    assert command(verb, "-h").out == done.out
    assert command(verb, "--no-such-option", "--help").out == done.out


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_option_is_usage_with_a_hint(verb, home):
    done = command(verb, "--jsom", env=home)
    assert done.code == (125 if verb == "run" else 2), done
    assert "--json" in done.err and done.out == ""


@pytest.mark.parametrize("typed, meant", [("sumbit", "submit"), ("log", "logs"), ("statsu", "status"), ("worekr", "worker")])
def test_a_slip_in_a_verb_is_understood(typed, meant):
    done = command(typed)
    assert done.code == 2 and f"Did you mean   hivemind {meant}\n" in done.err


def test_the_exit_statuses_are_listed():
    listed = command("help", "exit-codes").out
    manual = (hive.ROOT / "man" / "hivemind.1").read_text().split(".Sh EXIT STATUS")[1].split(".Sh EXAMPLES")[0]
    for code in ("0", "1", "2", "3", "4", "5", "6", "7", "8", "70"):
        assert re.search(rf"^  {code} +\S", listed, re.M) and f".It {code}\n" in manual


def test_an_option_before_the_command_is_told_where_it_belongs():
    done = command("--pool", "x", "ps")
    assert done.code == 2 and "hivemind COMMAND --pool" in done.err


def test_aliases():
    assert command("--version").out == command("version").out
    for alias, verb in (("ls", "ps"), ("inspect", "status"), ("nodes", "workers")):
        assert command(alias, "--help").out == command(verb, "--help").out


def test_version_is_golden():
    check_golden("version", command("version", "--json").out)


def test_init_check_and_what_they_refuse(tmp_path, home):
    task = tmp_path / "mytask"
    assert check_golden("init", command("init", task, "--json", env=home).out)["directory"] == str(task)
    told = check_golden("check", command("check", task, "--json", env=home).out)
    assert told["task"]["name"] == "mytask" and told["bundle"]["files"] == 2
    before = {p.name: p.read_bytes() for p in task.iterdir()}
    again = command("init", task, env=home)
    assert again.code == 8 and "is there already" in again.err
    assert {p.name: p.read_bytes() for p in task.iterdir()} == before
    words = command("check", task, env=home)
    assert words.code == 0 and told["bundle"]["sha256"] in words.out


def test_init_writes_nothing_next_to_a_script_that_is_there(tmp_path, home):
    (tmp_path / "run.sh").write_text("mine")
    assert command("init", tmp_path, env=home).code == 8
    assert [p.name for p in tmp_path.iterdir()] == ["run.sh"]


def test_a_wrong_manifest_is_named_with_its_line_and_a_suggestion(tmp_path, home):
    (tmp_path / "run.sh").write_text("true")
    (tmp_path / "hivemind.json").write_text('{\n "hivemind": 1,\n "comand": ["true"]\n}\n')
    done = command("check", tmp_path, env=home)
    assert done.code == 2
    assert "comand" in done.err and "command" in done.err and "3" in done.err


def test_a_bundle_that_is_not_there(tmp_path, home):
    done = command("check", tmp_path / "nothing", env=home)
    assert done.code == 3 and "nothing" in done.err


def test_an_error_is_json_on_stderr_with_json(tmp_path, home):
    done = command("check", tmp_path / "nothing", "--json", env=home)
    assert done.out == ""
    assert check_golden("error", done.err)["error"]["code"] == "NOT_FOUND"


def test_without_a_login_one_is_told_how(home):
    for verb in ("ps", "whoami", "workers", "logout"):
        done = command(verb, env=home)
        assert done.code == 4 and "hivemind login" in done.err and "hivemind register" in done.err


def test_no_pool_is_told_in_words_and_soon(home):
    env = home | {"HIVEMIND_TOKEN": "x", "HIVEMIND_POOL": f"127.0.0.1:{hive.free_port()}"}
    for words in (["ps"], ["info"], ["status", "last"], ["wait", "abcd"], ["logs", "-f", "abcd"]):
        done = command(*words, env=env)
        assert done.code == 6 and "cannot reach the pool" in done.err and "hivemind pool" in done.err
        assert done.seconds < 2 * hive.SLOW


def test_run_has_one_exit_status_for_errors_of_hivemind(home):
    env = home | {"HIVEMIND_TOKEN": "x", "HIVEMIND_POOL": f"127.0.0.1:{hive.free_port()}"}
    assert command("run", "--", "true", env=env).code == 125


def test_a_configuration_file_gives_what_is_not_typed(tmp_path, home):
    conf = tmp_path / ".config" / "hivemind" / "hivemind.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("[client]\npool = 127.0.0.1:9\n")
    assert "127.0.0.1:9" in command("info", env=home).err
    assert "127.0.0.1:8" in command("info", "--pool", "127.0.0.1:8", env=home).err
    conf.write_text("[client]\nprool = 127.0.0.1:9\n")
    done = command("info", env=home)
    assert done.code == 2 and "hivemind.conf:2" in done.err and "Did you mean   pool" in done.err


@pytest.mark.parametrize("page", sorted((hive.ROOT / "man").glob("*.[157]")), ids=lambda p: p.name)
def test_the_manual_has_no_warning(page):
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_manual_names_every_verb_option_and_variable():
    source = (hive.ROOT / "man" / "hivemind.1").read_text()
    options = set(re.findall(r"Fl Fl ([a-z-]+)", source))
    for verb in VERBS:
        assert re.search(rf"^\.It Cm {verb}\b", source, re.M), verb
        helped = command(verb, "--help").out.split("\nExamples\n")[0]
        missing = set(re.findall(r"^  (?:-\w, |    )--([a-z-]+)", helped, re.M)) - options
        assert not missing, f"{verb}: {missing}"
        for variable in re.findall(r"\[(HIVEMIND_[A-Z_]+)\]", helped):
            assert variable in source, variable


# --- a pool, and nobody who works ------------------------------------------------------------------


class Pool:
    """`hivemind pool` alone, and an account on it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.port = 0
        self.home = environment(HOME=self.path, LC_ALL="C.UTF-8")

    def start(self):
        port_file = self.path / "port"
        port_file.unlink(missing_ok=True)
        self.process = hive.Process(hive.WRAP + [hive.BIN, "pool", "--data", self.path / "pool", "--listen",
                                                 f"127.0.0.1:{self.port}", "--port-file", port_file], self.path / "log",
                                    self.home)
        until("the pool", lambda: port_file.exists() and port_file.read_text().strip(), 30)
        self.port = int(port_file.read_text())
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        self.register = self("register", "alice", "--pool", self.address, "--password-file", "-", "--json", stdin="correct horse\n")
        assert self.register.code == 0, self.register
        return self

    def __exit__(self, *_):
        self.process.end()

    def __call__(self, *words, **options):
        return command(*words, env=options.pop("env", self.home), **options)

    def ok(self, *words, **options):
        done = self(*words, **options)
        assert done.code == 0, f"{words}: {done}"
        return done


@pytest.fixture(scope="module")
def pool():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-cli-"))
    with Pool(path) as p:
        yield p
    hive.remove(path)


@pytest.fixture
def task(pool, tmp_path):
    """A task that waits for ever."""
    return pool.ok("submit", script(tmp_path / "waits", "true"), "-q").out.strip()


def test_register_saves_a_private_file_and_the_pool_as_default(pool):
    told = check_golden("session", pool.register.out)
    assert told["account"]["name"] == "alice" and told["expires"]
    saved = pool.path / ".config" / "hivemind" / "credentials"
    assert saved.stat().st_mode & 0o777 == 0o600 and saved.parent.stat().st_mode & 0o777 == 0o700
    assert "alice" in pool.ok("whoami").out


def test_credentials_that_others_can_read_are_refused(pool):
    saved = pool.path / ".config" / "hivemind" / "credentials"
    saved.chmod(0o644)
    done = pool("whoami")
    saved.chmod(0o600)
    assert done.code == 4 and "chmod 600" in done.err


def test_login_logout_and_a_wrong_password(pool, tmp_path):
    mine = pool.home | {"HOME": str(tmp_path), "HIVEMIND_POOL": pool.address}
    wrong = pool("login", "alice", "--password-file", "-", stdin="wrong password\n", env=mine)
    assert wrong.code == 4 and "Try again" in wrong.err
    check_golden("session", pool.ok("login", "alice", "--password-file", "-", "--json", stdin="correct horse\n", env=mine).out)
    check_golden("session", pool.ok("whoami", "--json", env=mine).out)
    check_golden("logout", pool.ok("logout", "--json", env=mine).out)
    assert pool("whoami", env=mine).code == 4


def test_tokens_are_made_listed_and_revoked(pool):
    made = check_golden("token", pool.ok("token", "create", "--scope", "read,worker", "--ttl", "12h", "--name", "box", "--json").out)
    assert made["token"]["scopes"] == "read worker"
    listed = check_golden("tokens", pool.ok("token", "ls", "--json").out)
    assert made["token"]["id"] in [t["id"] for t in listed["tokens"]]
    assert "box" in pool.ok("token", "ls").out and made["secret"] not in pool.ok("token", "ls").out
    assert made["token"]["id"] in pool.ok("token", "ls", "-q").out.split()
    assert check_golden("revoked", pool.ok("token", "revoke", made["token"]["id"], "--json").out)["revoked"] == 1
    gone = pool("token", "revoke", made["token"]["id"])
    assert gone.code == 3 and "token ls" in gone.err
    for wrong in ([], ["make"], ["create"], ["revoke"], ["ls", "x"]):
        assert pool("token", *wrong).code == 2
    assert pool("token", "create", "--scope", "all").code == 2


def test_a_taken_name_and_a_short_password(pool, tmp_path):
    mine = pool.home | {"HOME": str(tmp_path), "HIVEMIND_POOL": pool.address}
    assert pool("register", "alice", "--password-file", "-", stdin="another one\n", env=mine).code == 8
    assert pool("register", "bob", "--password-file", "-", stdin="short\n", env=mine).code == 2
    nobody = pool("register", "bob", env=mine)  # no terminal to ask on
    assert nobody.code == 2 and "--password-file" in nobody.err


def test_a_token_from_the_environment_is_used_and_wiped(pool, tmp_path, task):
    token = re.search(r"token = (\S+)", (pool.path / ".config/hivemind/credentials").read_text())[1]
    mine = pool.home | {"HOME": str(tmp_path), "HIVEMIND_POOL": pool.address}
    (tmp_path / "token").write_text(token + "\n")
    assert "alice" in pool.ok("whoami", env=mine | {"HIVEMIND_TOKEN_FILE": str(tmp_path / "token")}).out
    waiting = subprocess.Popen([hive.BIN, "wait", task], env=mine | {"HIVEMIND_TOKEN": token}, stderr=subprocess.PIPE)
    environ = pathlib.Path(f"/proc/{waiting.pid}/environ")
    until("the token to be wiped", lambda: b"HIVEMIND_POOL" in environ.read_bytes()
          and token.encode() not in environ.read_bytes())
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=10)


def test_each_json_is_golden(pool, tmp_path):
    source = script(tmp_path / "b", "true", name="golden")
    new = check_golden("submit", pool.ok("submit", source, "--json").out)
    assert not new["duplicate"] and new["count"] == 1
    told = check_golden("task", pool.ok("status", new["id"], "--json").out)
    assert (told["state"], told["phase"], told["submission"]) == ("PENDING", "QUEUED", new["id"])
    listed = check_golden("ps", pool.ok("ps", "--json").out)
    assert listed["tasks"][0]["id"] == told["id"]
    check_golden("info", pool.ok("info", "--json").out)
    check_golden("workers", pool.ok("workers", "--json").out)
    stopped = check_golden("task", pool.ok("stop", new["id"], "--json").out)
    assert stopped["state"] == "STOPPED"
    waited = pool("wait", new["id"], "--json")
    assert waited.code == 1
    check_golden("task", waited.out)
    check_golden("rm", pool.ok("rm", "--yes", new["id"], "--json").out)
    assert pool("status", new["id"]).code == 3


def test_ps_shows_prefixes_that_can_be_typed(pool, task):
    shown = pool.ok("ps").out.splitlines()
    assert shown[0].split() == ["ID", "NAME", "STATE", "PHASE", "WORKER", "AGE", "RUN", "SPENT"]
    prefixes = [line.split()[0] for line in shown[1:]]
    assert len(set(prefixes)) == len(prefixes) and all(len(p) >= 4 for p in prefixes)
    assert any(task.startswith(p) for p in prefixes)
    for prefix in prefixes:
        pool.ok("status", prefix)
    assert pool.ok("status", "last").out.startswith(pool.ok("ps", "-q", "-n", "1").out.strip())
    assert pool.ok("ps", "-a", "--json").json["tasks"]


def test_wrong_ids(pool):
    assert pool("status", "ab").code == 2
    unknown = pool("status", "zzzzzzzz")
    assert unknown.code == 3 and "hivemind ps" in unknown.err
    assert pool("status").code == 2


def test_a_task_without_a_result_says_what_to_wait_for(pool, task, tmp_path):
    done = pool("get", task, "-o", tmp_path / "r")
    assert done.code == 8 and "hivemind wait" in done.err and not (tmp_path / "r").exists()


def test_rm_wants_a_yes_and_an_ended_task(pool, task):
    assert pool("rm", task).code == 8
    living = pool("rm", "--yes", task)
    assert living.code == 8 and "hivemind stop" in living.err
    pool.ok("stop", task)
    pool.ok("rm", "--yes", task)


def test_a_timeout_ends_a_wait(pool, task):
    done = pool("wait", task, "--timeout", "300ms")
    assert done.code == 7 and "goes on" in done.err and done.seconds < 3 * hive.SLOW


@pytest.mark.parametrize("words", [["wait"], ["logs", "-f"]])
def test_ctrl_c_says_what_goes_on(pool, task, words):
    waiting = subprocess.Popen([hive.BIN, *words, task], env=pool.home, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    sockets = pathlib.Path(f"/proc/{waiting.pid}/fd")
    until("the call", lambda: sum(os.readlink(f).startswith("socket") for f in sockets.iterdir()) >= 1)
    time.sleep(0.2 * hive.SLOW)  # nothing shows from outside that the signal handler is set
    waiting.send_signal(signal.SIGINT)
    err = waiting.communicate(timeout=10)[1]
    assert waiting.returncode == 130
    assert "goes on" in err and f"hivemind stop {task[:8]}" in err
    assert pool.ok("status", task, "--json").json["state"] == "PENDING"


def test_a_wait_survives_a_pool_that_is_away(tmp_path):
    with Pool(tempfile.mkdtemp(prefix="hm-away-")) as p:
        task = p.ok("submit", script(tmp_path / "b", "true"), "-q").out.strip()
        waiting = subprocess.Popen([hive.BIN, "wait", task], env=p.home, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5 * hive.SLOW)
        p.process.popen.kill()
        p.process.popen.wait()
        p.start()
        p.ok("stop", task)
        err = waiting.communicate(timeout=30 * hive.SLOW)[1]
        assert waiting.returncode == 1 and "STOPPED" in err
    hive.remove(p.path)


def test_submitted_twice_is_two_tasks_and_one_upload(pool, tmp_path):
    source = bundle(tmp_path / "b", {"run.sh": "true", "data": os.urandom(1 << 20)})
    first, second = pool.ok("submit", source), pool.ok("submit", source)
    assert "1 MiB" in first.err or "1.0 MiB" in first.err
    assert "has it already" in second.err
    assert first.out != second.out


def test_what_is_typed_changes_what_the_manifest_says(pool, tmp_path):
    source = script(tmp_path / "b", "true", name="from-manifest")
    task = pool.ok("submit", source, "--name", "typed", "--cpus", "0.5", "--memory", "64MiB", "--time-limit", "90s", "-e", "A=1",
                   "-q").out.strip()
    told = pool.ok("status", task).out
    assert '"typed"' in told and "cpus 0.5" in told and "64 MiB" in told and "1m30s" in told
    for wrong in (["--cpus", "many"], ["--memory", "1"], ["-e", "novalue"], ["--time-limit", "5y"]):
        assert pool("submit", source, *wrong).code == 2


def test_hostile_names_do_not_reach_the_terminal(pool, tmp_path):
    listed = pool("submit", script(tmp_path / "b", "true"), "--name", "evil\x1b[2J")
    shown = pool.ok("ps").out + listed.out + listed.err
    assert "\x1b" not in shown


def on_a_terminal(words, env, type_in=(), seconds=20):
    """Run hivemind on a terminal of its own: what it showed, and its exit status. type_in: (wait for this, type that)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(hive.BIN, [hive.BIN, *map(str, words)], env)
    shown, todo = b"", list(type_in)
    deadline = time.monotonic() + seconds * hive.SLOW
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data
        if todo and todo[0][0].encode() in shown:
            os.write(fd, todo.pop(0)[1].encode())
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_password_is_asked_for_without_echo(pool, tmp_path):
    mine = pool.home | {"HOME": str(tmp_path), "TERM": "xterm", "HIVEMIND_POOL": pool.address}
    shown, code = on_a_terminal(["login"], mine, [("Name", "alice\n"), ("Password: ", "correct horse\n")])
    assert code == 0, shown
    assert "alice at" in shown and "correct horse" not in shown


def test_a_terminal_has_progress_and_colour_and_no_color_has_none(pool, task):
    env = pool.home | {"TERM": "xterm"}
    shown, code = on_a_terminal(["wait", task, "--timeout", "1200ms"], env)
    assert code == 7 and "\x1b[K" in shown and "waits for a worker" in shown
    assert "\x1b[" in on_a_terminal(["ps"], env)[0]
    assert "\x1b[" not in on_a_terminal(["ps"], env | {"NO_COLOR": "1"})[0]
    assert "\x1b[" not in on_a_terminal(["ps", "--no-color"], env)[0]
    assert "\x1b[" not in on_a_terminal(["ps"], env | {"TERM": "dumb"})[0]
    assert "\x1b[" not in pool.ok("ps").out


def test_rm_asks_on_a_terminal(pool, task):
    pool.ok("stop", task)
    env = pool.home | {"TERM": "xterm"}
    assert on_a_terminal(["rm", task], env, [("[y/N]", "n\n")])[1] == 8
    assert on_a_terminal(["rm", task], env, [("[y/N]", "y\n")])[1] == 0


# --- with workers ------------------------------------------------------------------------------------


def test_the_json_of_a_task_that_ran_is_golden(shared_hive, tmp_path):
    source = script(tmp_path / "b", "echo hello; echo 42 > out/answer", name="ran")
    done = shared_hive.ok("submit", source, "--wait", "--json")
    first, last = done.out.splitlines()
    new, told = check_golden("submit", first), check_golden("task", last)
    assert told["state"] == "COMPLETED" and told["durations"]["ran"] is not None and told["result"]["bytes"] > 0
    check_golden("logs", shared_hive.ok("logs", new["id"], "--json").out)
    check_golden("get", shared_hive.ok("get", new["id"], "-o", tmp_path / "r", "--json").out)
    check_golden("workers", shared_hive.ok("workers", "--json").out)


def test_get_writes_a_file_and_standard_output_and_only_within(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "echo 42 > out/answer"))
    shared_hive.ok("wait", task)
    shared_hive.ok("get", task, "-o", tmp_path / "r.tar")
    packed = shared_hive.ok("get", task, "-o", "-", text=False)
    assert packed.out == (tmp_path / "r.tar").read_bytes()
    assert not list(tmp_path.glob("*.part"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "out").symlink_to(tmp_path / "elsewhere")
    led = shared_hive("get", task, "-o", tmp_path / "r")
    assert led.code == 2 and "symbolic link" in led.err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_partial_file_is_gone_on_with_and_a_wrong_one_is_begun_anew(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "head -c 3000000 /dev/urandom > out/data"))
    shared_hive.ok("wait", task)
    shared_hive.ok("get", task, "-o", tmp_path / "whole.tar")
    whole = (tmp_path / "whole.tar").read_bytes()
    for part in (whole[:1234567], b"x" * 1234567, whole, whole + b"more"):
        (tmp_path / "r.tar.part").write_bytes(part)
        shared_hive.ok("get", task, "-o", tmp_path / "r.tar")
        assert (tmp_path / "r.tar").read_bytes() == whole


def test_the_last_lines_of_a_log(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "seq 100; echo oops >&2"))
    shared_hive("wait", task)
    assert shared_hive.ok("logs", task, "--tail", "3", "--stdout").out == "98\n99\n100\n"
    only = shared_hive.ok("logs", task, "--stderr")
    assert only.out == "" and "oops" in only.err


def test_a_reader_that_goes_away_ends_it(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "seq 200000"))
    shared_hive.ok("wait", task)
    done = subprocess.run(f"{hive.BIN} logs {task} | head -1", shell=True, env=shared_hive.env, capture_output=True,
                          text=True, timeout=30)
    assert done.stdout == "1\n" and done.stderr == ""


def test_ctrl_c_ends_what_run_began(shared_hive):
    running = subprocess.Popen([hive.BIN, "run", "--", "sh", "-c", "echo up; sleep 600"], env=shared_hive.env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "up\n"
    running.send_signal(signal.SIGINT)
    assert "ending task" in running.communicate(timeout=30)[1]
    assert running.returncode == 130
    assert shared_hive.ok("status", "last", "--json").json["state"] == "STOPPED"


def test_a_submission_with_a_key_is_made_once(shared_hive, tmp_path):
    task = script(tmp_path / "b", "true")
    first = shared_hive.ok("submit", task, "--key", "once-1", "--json").json
    again = shared_hive.ok("submit", task, "--key", "once-1", "--json").json
    assert not first["duplicate"] and again["duplicate"] and again["id"] == first["id"], again
    other = shared_hive("submit", script(tmp_path / "c", "false"), "--key", "once-1")
    assert other.code != 0 and "other content" in other.err, other
