"""Root emulation in a stock container: programs of every kind agree about who they are, the kernel knows better, and daemons
that insist on root do their work without it."""

import json

import pytest

from emulated import EXAMPLES, trial
from harness import assert_stepped_down, parse_status

FULL = ["--user=10001:10001", "--emulate-root=full"]


@pytest.fixture(scope="session")
def daemons(engine_of_session):
    engine = engine_of_session
    files = {"stepdown": (engine.binary.read_bytes(), 0o755)}
    return engine.build('FROM stepdown-test/daemons\nCOPY stepdown /\nENTRYPOINT ["/stepdown"]', files, "daemons")


@pytest.fixture
def said(engine, daemons):
    def run(*command, stepdown=FULL, image=daemons, code=0):
        result = engine.run(*command, image=image, stepdown=stepdown)
        assert result.code == code, result
        return result.out

    return run


def test_programs_of_every_kind_agree(said):
    assert said("id") == "uid=0(root) gid=0(root) groups=0(root)\n"
    assert said("whoami") == "root\n"
    assert said("bash", "-c", "echo $EUID $UID") == "0 0\n"
    python = "import os; print(os.getresuid(), os.getresgid(), os.getgroups(), os.geteuid())"
    assert said("python3", "-c", python) == "(0, 0, 0) (0, 0, 0) [0] 0\n"
    assert said("perl", "-e", 'print "$< $> $( $)\\n"') == "0 0 0 0 0 0\n"


def test_a_static_program_agrees(said):
    assert said("id", image="busybox") == "uid=0(root) gid=0(root) groups=0(root)\n"
    assert said("sh", "-c", "whoami; chown 5:5 /etc/passwd && echo owned", image="busybox") == "root\nowned\n"


def test_a_go_program_sets_the_ids_of_all_its_threads(said):
    assert said("gosu", "nobody", "id") == "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n"
    after = said("gosu", "33:4", "sh", "-c", "id -u; id -g; gosu root id 2>&1; id -u").splitlines()
    assert (after[0], after[1], after[-1]) == ("33", "4", "33") and "operation not permitted" in after[2]


def test_threads_step_down_together(said):
    script = """
import os, threading
names = ("getresuid", "getresgid", "getgroups", "getuid", "getegid")
def account():
    return [getattr(os, name)() for name in names]
go, seen = threading.Event(), []
def wait():
    before = account()
    go.wait()
    seen.append((before, account()))
threads = [threading.Thread(target=wait) for _ in range(64)]
for thread in threads: thread.start()
os.setgroups([7]); os.setresgid(34, 34, 34); os.setresuid(33, 33, 33)
go.set()
for thread in threads: thread.join()
assert len(seen) == 64
for before, after in seen:
    assert after == [(33, 33, 33), (34, 34, 34), [7], 33, 34], after
try:
    os.setuid(0)
except PermissionError:
    print("no way back")
"""
    assert said("python3", "-c", script) == "no way back\n"


def test_the_kernel_knows_better_and_verify_tells_it(engine, daemons):
    container = engine.start("sleep", "100", image=daemons, stepdown=FULL)
    container.until_answers("pidof", "sleep")
    plain = engine.without_stepdown()["filters"]
    for process in container.processes():
        mine = 1 if process["pid"] == 1 else 2
        assert_stepped_down(process, uid=10001, filters=plain + mine)
    report = json.loads(container.exec("/stepdown", "verify", "--format=json").out)
    assert container.exec("/stepdown", "verify").code == 0, report
    facts = [finding for finding in report["container"] if finding["check"] == "emulation"]
    assert len(facts) == 1 and "full" in facts[0]["observed"], report


def test_exec_beside_it_has_the_answers_of_a_filter(engine, daemons):
    container = engine.start("sleep", "100", image=daemons, stepdown=FULL)
    container.until_answers("pidof", "sleep")
    beside = container.exec("/stepdown", "exec", "--", "sh", "-c", "id -u; cat /proc/self/status")
    first, status = beside.out.split("\n", 1)
    assert first == "0"
    assert parse_status(status)["uid"] == [10001] * 4


def test_a_plain_start_knows_nothing_of_it(said):
    status = said("cat", "/proc/self/status", stepdown=["--user=10001:10001"])
    assert parse_status(status)["uid"] == [10001] * 4
    assert said("id", "-u", stepdown=["--user=10001:10001"]) == "10001\n"


def test_signals_and_statuses_are_forwarded_through_a_flood_of_calls(engine, daemons):
    flood = "for i in 1 2 3 4; do (while :; do id -u >/dev/null; done) & done; trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done"
    container = engine.start("bash", "-c", flood, image=daemons, stepdown=[*FULL, "--drain=1s"])
    container.until_says("ready")
    seconds, code = container.stop()
    assert code == 42 and seconds < 8


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_daemon_does_its_work_for_a_client(engine, name):
    done = trial(engine, name)
    assert done.works, done.said
    plain = engine.without_stepdown()["filters"]
    processes = done.container.processes()
    assert len(processes) >= 2
    for process in processes:
        assert process["uid"] == process["gid"] == [10001] * 4, process
        assert not any(process["capabilities"].values()) and process["no_new_privs"] == 1, process
        assert process["filters"] >= plain + (1 if process["pid"] == 1 else 2), process
    judged = done.container.exec("/stepdown", "verify")
    assert judged.code == 0, judged
