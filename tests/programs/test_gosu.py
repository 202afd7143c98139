"""gosu and su-exec: one process, the same specs, HOME and groups as the real gosu, called by root; and none of its holes."""

import os
import re
import signal
import subprocess
import time

import pytest

SHOWN = "echo $(id -u):$(id -g):$(id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' ') $HOME"
SPECS = ["0", "0:0", "root", "0:root", "root:0", "root:root", "1234", "0:1000", "1234:1234", "root:1000", "1234:root",
         "1234:daemon", "games", "games:daemon", "0:", "", ":0", "daemon:", "nobody", "2147483647"]
REFUSED = ["bogus", "0day", "0:bogus", "0:0day", "bogus:0"]
HOLES = ["4294967296", "4294967295", "-1", " 0", "+0", "00", "1:4294967296", "1:-1", "0x0", "1:2:3"]


def shown(program, spec):
    ended = program.run(spec, "sh", "-c", SHOWN, env={"HOME": "/nowhere"})
    assert ended.code == 0, ended
    return ended.out


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_means_what_it_means_to_gosu(ours, theirs, spec):
    assert shown(ours["gosu"], spec) == shown(theirs["gosu"], spec)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec])
def test_su_exec_takes_the_same(ours, theirs, spec):
    assert shown(ours["su-exec"], spec) == shown(theirs["gosu"], spec)


@pytest.mark.parametrize("name", ["gosu", "su-exec"])
@pytest.mark.parametrize("spec", REFUSED + HOLES)
def test_what_is_no_user_is_refused(ours, name, spec):
    ended = ours[name].run(spec, "id", "-u")
    assert ended.code == 1 and ended.out == "" and ended.err.count("\n") == 1, ended


def test_su_exec_refuses_an_unset_variable(ours):
    for spec in ("", ":"):
        refused = ours["su-exec"].run(spec, "id")
        assert refused.code == 1 and "unset variable" in refused.err, refused


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["-?"], ["--version"], ["-v"], [], ["0"], ["0", "/no/such"], ["0", "no-such"],
                                   ["0", "/etc"]])
def test_it_ends_as_gosu(ours, theirs, words):
    real, own = (programs["gosu"].run(*words) for programs in (theirs, ours))
    assert (own.code, bool(own.out), bool(own.err)) == (real.code, bool(real.out), bool(real.err)), (real, own)


@pytest.mark.parametrize("name", ["gosu", "su-exec"])
def test_the_command_takes_the_place_of_it(ours, name):
    process = ours[name].start("1234:1234", "sleep", "1000")
    deadline = time.monotonic() + 30
    while os.path.basename(os.readlink(f"/proc/{process.pid}/exe")) != "sleep":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM


def test_who_is_not_root_any_more_has_nothing_left_of_it(ours):
    status = ours["gosu"].run("1234:1234", "cat", "/proc/self/status").out
    assert re.findall(r"Cap...:\t(\w+)", status) == ["0" * 16] * 5
    assert "NoNewPrivs:\t1\n" in status and "Groups:\t1234 \n" in status


def test_root_stays_root(ours):
    bare = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    own = ours["gosu"].run("root", "cat", "/proc/self/status").out
    assert re.findall(r"(?:Cap...|NoNewPrivs|Seccomp):\t\w+", own) == re.findall(r"(?:Cap...|NoNewPrivs|Seccomp):\t\w+", bare)


@pytest.mark.parametrize("spec", ["root", "1234:1234"])
def test_what_is_asked_of_a_process_holds_for_root_too(ours, spec):
    env = {"STEPDOWN_UMASK": "0027", "STEPDOWN_RLIMIT": "nofile=123", "STEPDOWN_NICE": "5", "STEPDOWN_CWD": "/usr"}
    ended = ours["gosu"].run(spec, "sh", "-c", "umask; ulimit -n; nice; pwd", env=env)
    assert (ended.code, ended.out.split()) == (0, ["0027", "123", "5", "/usr"]), ended


@pytest.mark.parametrize("word", ["SECCOMP=default", "EMULATE_ROOT=ids"])
def test_root_is_not_confined_and_a_word_about_it_is_not_passed_over(ours, word):
    name, value = f"STEPDOWN_{word}".split("=")
    ended = ours["gosu"].run("root", "id", "-u", env={name: value})
    assert (ended.code, ended.out) == (1, "") and "root keeps all it has" in ended.err and ended.err.count("\n") == 1, ended


# A caller that is not root and has its capabilities, which is as near to a setuid copy as is not refused.
AS_NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=4,5", "--inh-caps=+setuid,+setgid,+setpcap",
             "--ambient-caps=+setuid,+setgid,+setpcap"]


@pytest.mark.parametrize("spec,ids", [("0", "0:0"), ("root:1000", "0:1000"), ("1234", "1234:65534"), ("1234:0", "1234:0"), (":0", "65534:0"),
                                      ("", "65534:65534"), ("games:daemon", "5:1")])
def test_a_caller_who_is_not_root_is_who_an_empty_user_means(ours, spec, ids):
    words = [*AS_NOBODY, ours["gosu"].path, spec, "sh", "-c", "echo $(id -u):$(id -g)"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ids + "\n"), ended


def test_descriptors_reach_the_command(ours):
    ended = subprocess.run(["bash", "-c", f"{ours['gosu'].path} 1234:1234 sh -c 'cat <&3' 3< <(echo through)"], capture_output=True, text=True,
                           check=False)
    assert (ended.returncode, ended.stdout) == (0, "through\n"), ended.stderr


def test_a_filter_can_be_had(ours):
    status = ours["gosu"].run("1234:1234", "cat", "/proc/self/status", env={"STEPDOWN_SECCOMP": "default"}).out
    assert "Seccomp:\t2\n" in status
