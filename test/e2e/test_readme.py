"""The two READMEs say the same, and what they show can be typed."""
import re

import hive


def parts(name):
    text = (hive.ROOT / name).read_text()
    return re.findall(r"^#+ ", text, re.M), re.findall(r"```.*?```", text, re.S)


def test_both_languages_have_the_same_headings_and_commands():
    assert parts("README.md") == parts("README.zh-TW.md")


def test_the_commands_of_the_readme_work(own_hive, tmp_path):
    h = own_hive(workers=2)
    assert h.ok("run", "--", "echo", "hello").out == "hello\n"
    h.ok("submit", hive.ROOT / "examples" / "primes", "--wait")
    assert "primes" in h.ok("ps").out
    h.ok("get", "last", "-o", tmp_path / "result")
    assert (tmp_path / "result" / "out").is_dir()


def test_init_writes_what_the_readme_shows_and_it_runs(own_hive, tmp_path):
    h = own_hive(workers=1)
    h.ok("init", tmp_path / "mytask")
    manifest = hive.json.loads((tmp_path / "mytask" / "hivemind.json").read_text())
    shown = hive.json.loads(re.search(r"```json\n(.*?)```", (hive.ROOT / "README.md").read_text(), re.S)[1])
    assert manifest == shown
    h.ok("check", tmp_path / "mytask")
    h.ok("submit", tmp_path / "mytask", "--wait")
