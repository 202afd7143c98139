"""stepdown verify held against containers that really are not as they should be: what is wrong is reported, and only it."""

import json
import struct
import subprocess
import sys

import pytest

from harness import REPO

sys.path.insert(0, str(REPO / "tests" / "formats"))
from consumers import CONSUMERS  # noqa: E402

UNCONFINED = "--security-opt=seccomp=unconfined"
NET_RAW = ("inheritable", "permitted", "effective", "ambient")


def setpriv(**changed):
    """A container that drops by hand, in place of stepdown: everything, but for what is changed. None: left out."""
    words = {
        "reuid": "10001",
        "regid": "10001",
        "groups": "10001",
        "inh-caps": "-all",
        "ambient-caps": "-all",
        "bounding-set": "-all",
        **{name.replace("_", "-"): value for name, value in changed.items() if name != "nnp"},
    }
    nnp = ["--nnp"] if changed.get("nnp", True) else []
    return ["setpriv", *nnp, *(f"--{name}={value}" for name, value in words.items() if value), "sleep", "1000"]


def findings(told):
    for thread in told["threads"]:
        yield from thread["findings"]
    yield from told["container"]


def wrong(told, counts=("low", "medium", "high", "critical")):
    return {one["check"] for one in findings(told) if one["verdict"] == "fail" and one["severity"] in counts}


def judge(container, *words, user="0"):
    shown = container.exec("/stepdown", "verify", "--format=json", *words, user=user)
    assert shown.out, shown
    return shown.code, json.loads(shown.out)


# Name: docker's options, the command without stepdown or None for a start with it, and the checks that must fail.
FLAWS = {
    "none_with_stepdown": ([], None, set()),
    "runtime_socket": (["SOCKET"], None, {"runtime_socket"}),
    "unmasked": (["--security-opt=systempaths=unconfined"], None, {"proc.masked"}),
    "device": (["--device=/dev/zero:/dev/zero2", "--device=/dev/fuse"], None, {"devices"}),
    "none": ([], setpriv(), set()),
    "group_kept": ([], setpriv(groups="0"), {"groups"}),
    "gid_kept": ([], setpriv(regid="0"), {"gid"}),
    "capability_kept": (
        ["--cap-add=NET_RAW"],
        setpriv(inh_caps="-all,+net_raw", ambient_caps="-all,+net_raw", bounding_set="-all,+net_raw"),
        {f"capabilities.{name}" for name in (*NET_RAW, "bounding")},
    ),
    "bounding_kept": ([], setpriv(bounding_set=None), {"capabilities.bounding"}),
    "new_privileges": ([], setpriv(nnp=False), {"no_new_privs"}),
    "engine_seccomp_off": ([UNCONFINED], setpriv(), {"seccomp.mode"}),
    "root": (
        [],
        ["sleep", "1000"],
        {"uid", "gid", "groups", "capabilities.permitted", "capabilities.effective", "capabilities.bounding", "no_new_privs"},
    ),
}


def start_flawed(engine, name):
    docker, command, expected = FLAWS[name]
    socket = engine.host.removeprefix("unix://")
    docker = [f"--volume={socket}:/var/run/docker.sock" if word == "SOCKET" else word for word in docker]
    container = engine.start(*(command or ["sleep", "1000"]), docker=docker, stepdown=None if command else ("--user=app",))
    container.until(lambda: container.processes()[-1]["name"] == "sleep", what="the app")
    return container, [] if command is None else ["--receipt=off"], expected


@pytest.mark.parametrize("name", FLAWS)
def test_each_flaw_is_reported_and_only_it(engine, name):
    container, words, expected = start_flawed(engine, name)
    code, told = judge(container, *words)
    assert wrong(told) == expected, told
    assert code == (1 if expected else 0), told


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_same_containers_in_every_format(engine, name):
    for flaw in ("none_with_stepdown", "root"):
        container, words, expected = start_flawed(engine, flaw)
        shown = container.exec("/stepdown", "verify", f"--format={name}", *words)
        assert shown.code == (1 if expected else 0), shown
        CONSUMERS[name](shown.out)


def test_a_uid_changed_after_the_start_is_reported(engine):
    """A process that PID 1 has adopted is the app's, whatever it was before."""
    container, words, _ = start_flawed(engine, "none_with_stepdown")
    container.exec("setpriv", "--reuid=4711", "--clear-groups", "sh", "-c", "(sleep 1000 &)", options=["--detach"])
    container.until(lambda: len(container.processes()) == 3, what="the adopted process")
    code, told = judge(container)
    assert code == 1 and "uid" in wrong(told), told


def test_a_process_without_our_filter_is_reported(engine):
    """Everything is dropped, and it is under the engine's filter: mode 2, as the app. Only the number tells."""
    container, words, _ = start_flawed(engine, "none_with_stepdown")
    dropped = setpriv(groups=None)[:-2] + ["--clear-groups", "sh", "-c", "(sleep 1000 &)"]
    container.exec(*dropped, options=["--detach"])
    container.until(lambda: len(container.processes()) == 3, what="the adopted process")
    code, told = judge(container)
    assert code == 1 and wrong(told) == {"seccomp.filters"}, told


TRACE = "import ctypes, time; assert ctypes.CDLL(None).ptrace(0x4206, {pid}, 0, 0) == 0; print('seized', flush=True); time.sleep(60)"


def test_a_tracer_is_reported(engine):
    container = engine.start("sleep", "1000", image="apps", docker=["--cap-add=SYS_PTRACE"])
    container.until(lambda: len(container.processes()) == 2, what="the app")
    app = container.processes()[1]["pid"]
    assert judge(container)[0] == 0
    container.exec("python3", "-c", TRACE.format(pid=app), options=["--detach"])
    container.until(lambda: judge(container)[0] == 1, what="the tracer")
    assert wrong(judge(container)[1]) == {"tracer"}


# The main thread drops everything by system calls of its own; the C library would do it for the other one too.
TWO_THREADS = """
import ctypes, threading, time
libc = ctypes.CDLL(None)
threading.Thread(target=time.sleep, args=(1000,)).start()
for capability in range(64):
    libc.prctl(24, capability, 0, 0, 0)
libc.prctl(38, 1, 0, 0, 0)
for call in ((116, 0, None), (119, 10001, 10001, 10001), (117, 10001, 10001, 10001)):
    assert libc.syscall(*call) == 0
time.sleep(1000)
"""


def test_a_thread_with_other_ids_is_reported_and_only_it(engine):
    container = engine.start("python3", "-c", TWO_THREADS, image="apps", stepdown=None)
    container.until(lambda: container.processes()[0]["uid"] == [10001] * 4, what="the main thread's drop")
    code, told = judge(container, "--receipt=off")
    failed = {thread["tid"]: wrong({"threads": [thread], "container": []}) for thread in told["threads"] if thread["findings"]}
    assert code == 1 and failed.pop(1) == set(), told
    assert [("uid" in checks, "no_new_privs" in checks) for checks in failed.values()] == [(True, True)], told


def test_a_first_process_that_is_not_stepdown_is_reported(engine):
    """With the receipt of another container, and all that it promises but for PID 1's own protection."""
    donor = engine.start("sleep", "1000", stepdown=["--user=app", "--seccomp=off"])
    donor.until(lambda: len(donor.processes()) == 2, what="the app")
    receipt = donor.exec("cat", "/run/stepdown.receipt").out
    container = engine.start(*setpriv(groups=None)[:-2], "--clear-groups", "sleep", "1000", stepdown=None)
    container.exec("sh", "-c", 'printf %s "$0" > /run/stepdown.receipt && chmod 0444 /run/stepdown.receipt', receipt + "\n")
    code, told = judge(container)
    assert code == 1 and wrong(told) == {"init.dumpable"}, told


def test_what_is_good_to_know_is_told_and_counts_when_asked(engine):
    open_one, _, _ = start_flawed(engine, "none_with_stepdown")
    code, told = judge(open_one)
    assert code == 0 and {"root.read_only", "mounts.executable"} <= wrong(told, ["info"]), told
    assert judge(open_one, "--fail-on=info")[0] == 1
    closed = engine.start("sleep", "1000", docker=["--read-only"])
    closed.until(lambda: len(closed.processes()) == 2, what="the app")
    assert "root.read_only" not in wrong(judge(closed)[1], ["info"])


ZOMBIE = "import os, time; os.fork() or os._exit(0); time.sleep(1000)"


def test_a_zombie_is_told(engine):
    container = engine.start("python3", "-c", ZOMBIE, image="apps")
    container.until(lambda: any(one["state"] == "Z" for one in container.processes()), what="the zombie")
    code, told = judge(container)
    assert code == 0 and "zombies" in wrong(told, ["info"]), told


def test_a_forged_or_damaged_receipt_is_reported(engine):
    container, _, _ = start_flawed(engine, "none_with_stepdown")
    container.exec("sed", "-i", "s/^FiltersBefore:.*/FiltersBefore:\t7/", "/run/stepdown.receipt")
    assert wrong(judge(container)[1]) == {"receipt"}
    container.exec("rm", "/run/stepdown.receipt")
    code, told = judge(container)
    assert code == 3 and wrong(told) == set(), told


def test_a_waiver_lets_it_pass_until_its_day(engine, host_folder):
    policy = host_folder / "policy.toml"
    volume = [f"--volume={host_folder}:/policy:ro", "--security-opt=systempaths=unconfined"]
    container = engine.start("sleep", "1000", docker=volume)
    for day, code in (("2999-12-31", 0), ("2001-01-01", 1)):
        policy.write_text(f'[[waiver]]\ncheck = "proc.masked"\nreason = "a test"\nexpires = {day}\n')
        shown = container.exec("/stepdown", "verify", "--policy=/policy/policy.toml")
        assert shown.code == code and ("a test" in shown.out or "expired" in shown.out), shown


def test_policies_judge_containers_without_stepdown(engine):
    root, _, _ = start_flawed(engine, "root")
    dropped, _, _ = start_flawed(engine, "none")
    assert judge(root, "--policy=restricted")[0] == 1
    assert judge(root, "--policy=baseline")[0] == 0
    assert judge(dropped, "--policy=restricted")[0] == 0


def test_files_that_give_privileges_are_named(engine):
    container, _, _ = start_flawed(engine, "none_with_stepdown")
    code, told = judge(container, "--files")
    named = {one["file"] for one in told["container"] if one["check"] == "files.privileged"}
    assert code == 1 and "/usr/bin/passwd" in named and wrong(told) == {"files.privileged"}, told


def test_a_status_from_elsewhere_is_judged(engine):
    container, _, _ = start_flawed(engine, "none_with_stepdown")
    root, _, _ = start_flawed(engine, "root")
    for one, code in ((container, 0), (root, 1)):
        status = one.exec("cat", "/proc/1/status").out
        done = subprocess.run([engine.binary, "verify", "--file=-", "--format=json"], input=status, capture_output=True, text=True)
        assert done.returncode == code, done


def test_self_is_what_a_process_gets(engine):
    container, _, _ = start_flawed(engine, "none_with_stepdown")
    inside = container.exec("/stepdown", "exec", "--", "/stepdown", "verify", "--self")
    assert inside.code == 0, inside
    assert container.exec("/stepdown", "verify", "--self").code == 1


# --- a node


def test_a_node_scan_judges_every_container_by_its_own_receipt(engine):
    started = {name: start_flawed(engine, name)[0] for name in ("none_with_stepdown", "root", "unmasked", "none")}
    done = subprocess.run(
        [engine.binary, "verify", "--proc=/proc", "--group-by=container", "--format=json"], capture_output=True, text=True
    )
    told = {one["id"]: one for one in json.loads(done.stdout)["containers"]}
    assert {name: told[one.id]["verdict"] for name, one in started.items()} == {
        "none_with_stepdown": "pass",
        "root": "fail",
        "unmasked": "fail",
        "none": "unknown",
    }, done
    assert wrong(told[started["unmasked"].id]) == {"proc.masked"}
    assert done.returncode == 1


# --- the probe


def test_the_probe_finds_nothing_left_in_a_container_that_stepped_down(engine):
    container, _, _ = start_flawed(engine, "none_with_stepdown")
    code, told = judge(container, "--probe")
    tried = [one for one in told["container"] if one["check"].startswith("probe.")]
    assert code == 0 and len(tried) >= 15, told
    assert {one["verdict"] for one in tried} == {"pass"}, tried


def test_the_probe_finds_what_is_left_without_a_filter(engine):
    container = engine.start("sleep", "1000", docker=[UNCONFINED], stepdown=["--user=app", "--seccomp=off"])
    container.until(lambda: len(container.processes()) == 2, what="the app")
    shown = container.exec("/stepdown", "verify", "--format=json", "--probe", options=["--tty"])
    told = json.loads(shown.out)
    assert shown.code == 1 and wrong(told) & {"probe.terminal", "probe.user_namespace"}, told
    assert "probe.setuid" not in wrong(told), told


def test_the_probe_judges_landlock(engine):
    rules = ("--rootfs=ro", "--connect=80", "--bind=8080", "--scope=abstract", "--scope=signals")
    container = engine.start("sleep", "1000", stepdown=["--user=app", *rules])
    container.until(lambda: len(container.processes()) == 2, what="the app")
    code, told = judge(container, "--probe")
    tried = {one["check"]: one for one in told["container"] if one["check"].startswith("probe.landlock")}
    names = ("", ".write", ".connect", ".bind", ".abstract", ".signal")
    assert {check: one["verdict"] for check, one in tried.items()} == {f"probe.landlock{name}": "pass" for name in names}, tried
    assert code == 0 and "version" in tried["probe.landlock"]["observed"], told


def test_the_probe_judges_what_may_be_read(engine):
    rules = ("--exec=/usr", "--rw=/tmp", "--ro=/proc")  # a C library's loader is in /usr
    container = engine.start("sleep", "1000", stepdown=["--user=app", *rules])
    container.until(lambda: len(container.processes()) == 2, what="the app")
    code, told = judge(container, "--probe")
    tried = {one["check"]: one["verdict"] for one in told["container"] if one["check"].startswith("probe.landlock.")}
    assert (code, tried) == (0, {"probe.landlock.write": "pass", "probe.landlock.read": "pass"}), told


@pytest.mark.parametrize("docker, code", [([], 0), ([UNCONFINED], 0), (["--user=10001:10001"], 0)])
def test_selftest_says_what_this_host_enforces(engine, docker, code):
    shown = engine.run("selftest", "--format=json", docker=docker, stepdown=())
    assert shown.code == code, shown
    told = json.loads(shown.out)
    assert {one["check"] for one in told["container"]} >= {"uid", "capabilities.bounding", "probe.filter", "probe.mount"}


def test_selftest_fails_where_the_filter_is_off(engine):
    shown = engine.run("selftest", "--seccomp=off", "--format=json", docker=[UNCONFINED, "--tty"], stepdown=())
    assert shown.code == 1 and wrong(json.loads(shown.out)) & {"probe.terminal", "probe.user_namespace"}, shown


# --- what check-image says of an image, and what its start then does


def i386_program():
    """exit(42) by int 0x80, as a whole program: elf(5)."""
    code = bytes.fromhex("b801000000bb2a000000cd80")
    base, size = 0x08048000, 84 + len(code)
    header = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, base + 84, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    return header + struct.pack("<8I", 1, 0, base, base, size, size, 5, 0x1000) + code


def test_a_program_that_the_filter_would_kill_is_known_before(engine):
    image = engine.build(f"FROM {engine.image('busybox')}\nCOPY i386 /", {"i386": (i386_program(), 0o755)}, "i386")
    options = ("--user=10001:10001", "--format=json")
    shown = engine.run("check-image", *options, "--", "/i386", image=image, stepdown=())
    told = {one["check"]: one["verdict"] for one in json.loads(shown.out)["container"]}
    assert shown.code == 1 and [check for check, verdict in told.items() if verdict == "fail"] == ["image.machine"], shown
    unfiltered = engine.run("/i386", image=image, stepdown=(*options[:1], "--seccomp=off")).code
    assert unfiltered in (42, 126)  # a kernel without CONFIG_IA32_EMULATION does not execute it
    assert engine.run("/i386", image=image, stepdown=options[:1]).code == (128 + 31 if unfiltered == 42 else 126)  # SIGSYS


def test_a_real_image_is_checked_as_its_build_would(engine):
    words = ("check-image", "--user=www-data", "--format=json")
    shown = engine.run(*words, "--", "nginx", image="apps", stepdown=())
    told = json.loads(shown.out)["container"]
    assert {one["check"] for one in told if one["verdict"] == "fail" and one["severity"] not in ("info", "low")} == set(), told
    shown = engine.run(*words, "--rootfs=ro", "--forking", "--pidfile=/run/nginx.pid", "--", "nginx", image="apps", stepdown=())
    wrong_ones = [one for one in json.loads(shown.out)["container"] if one["check"] == "image.writable"]
    assert [(one["verdict"], one["file"]) for one in wrong_ones] == [("fail", "/run/nginx.pid")], shown
    given = engine.run(*words, "--state=nginx", "--mkdir=/run/nginx", "--forking", "--pidfile=/run/nginx/pid", "--", "nginx", image="apps", stepdown=())
    assert {one["verdict"] for one in json.loads(given.out)["container"] if one["check"] == "image.writable"} == {"pass"}, given
