"""The same profile read by runc, by crun and by stepdown, in bundles without an engine: what each answers to every call,
held against a plain reading of the profile. Errnos that no kernel gives (1111…) tell a filter's answer from the kernel's."""

import errno
import json
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from harness import executable

ALLOW, KILL = "SCMP_ACT_ALLOW", "SCMP_ACT_KILL_PROCESS"
LAST = 470
KNOWN = 448  # the runtimes' library skips names that are newer than itself: up to here they are judged
UNFILTERED = {335, 336}  # uretprobe and uprobe, which the kernel lets past every filter

# What the runtimes, stepdown and the probe itself need once a filter is in force, by name; none of them is tried.
NEEDED = """access arch_prctl brk capget capset chdir clone close close_range dup3 epoll_create1 epoll_ctl epoll_pwait execve
exit exit_group fork vfork kill fchdir fcntl fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getpid getppid getrandom
getresgid getresuid gettid getuid ioctl lseek lstat madvise mmap mprotect munmap nanosleep newfstatat open openat
openat2 pipe2 poll prctl pread64 prlimit64 read readlink readlinkat restart_syscall rseq rt_sigaction rt_sigprocmask
rt_sigreturn rt_sigtimedwait sched_getaffinity sched_yield seccomp sendmsg recvmsg set_robust_list set_tid_address
setgid setgroups setresgid setresuid setuid sigaltstack socketpair stat statfs tgkill tkill uname umask wait4 waitid
write writev""".split()


def rule(*names, action="SCMP_ACT_ERRNO", error=None, **more):
    entry = {"names": list(names), "action": action, **more}
    return entry if error is None else {**entry, "errnoRet": error}


def equal(index, value):
    return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}


def profile(*rules, default=1111):
    head = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": default, "architectures": ["SCMP_ARCH_X86_64"]}
    return {**head, "syscalls": [rule(*NEEDED, action=ALLOW), *rules]}


# crun refuses a machine with both kinds of cgroups, even if it is to use none: it is shown the new kind alone.
RUNTIMES = {
    "runc": ["runc"],
    "crun": ["unshare", "--mount", "sh", "-ec", 'mount -t cgroup2 none /sys/fs/cgroup; exec crun --cgroup-manager=disabled "$@"', "sh"],
}


class Bundle:
    """A root file system with the probe and stepdown, and the runtimes that run in it."""

    def __init__(self, folder, numbers):
        self.folder = folder
        self.numbers = numbers
        root = folder / "rootfs"
        for name in ("proc", "dev", "etc", "run", "tmp"):
            (root / name).mkdir(parents=True)
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\napp:x:10001:10001::/:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\napp:x:10001:\n")
        for name, variable in (("stepdown", "STEPDOWN_BINARY"), ("probe", "STEPDOWN_PAYLOAD")):
            shutil.copy(executable(variable, f"build/release/{name}"), root / name)
        subprocess.run(["runc", "spec"], cwd=folder, check=True)
        self.config = json.loads((folder / "config.json").read_text())
        self.config["process"]["terminal"] = False
        self.config["root"]["readonly"] = False
        every = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL"]
        self.config["process"]["capabilities"] = {kind: every for kind in ("bounding", "effective", "permitted")}
        self.config["process"]["noNewPrivileges"] = True

    def run(self, runtime, command, seccomp=None):
        config = json.loads(json.dumps(self.config))
        config["process"]["args"] = command
        if seccomp is not None:
            config["linux"]["seccomp"] = seccomp
        (self.folder / "config.json").write_text(json.dumps(config))
        command = [*RUNTIMES[runtime], f"--root={self.folder}/{runtime}", "run", f"stepdown-{self.folder.name}"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120)

    def ask(self, who, seccomp, calls):
        """Answers by call, or the error of who refused to start."""
        command = ["/probe", "calls", *calls]
        if who == "stepdown":
            (self.folder / "rootfs/profile.json").write_text(json.dumps(seccomp))
            options = ["--user=app", "--no-init", "--receipt=off", "--seccomp=/profile.json", "--"]
            done = self.run("runc", ["/stepdown", *options, *command])
        else:
            done = self.run(who, command, seccomp)
        if done.returncode != 0:
            return done.stderr.strip() or f"status {done.returncode}"
        return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def bundle(numbers):
    with tempfile.TemporaryDirectory(prefix="stepdown-bundle-") as folder:
        yield Bundle(pathlib.Path(folder), numbers)


@pytest.fixture(scope="module")
def numbers():
    """The machine's calls by name, as the kernel's headers have them."""
    text = subprocess.run(
        ["cc", "-E", "-dM", "-"], input="#include <sys/syscall.h>\n", capture_output=True, text=True, check=True
    ).stdout
    lines = (line.split() for line in text.splitlines())
    return {words[1][5:]: int(words[2]) for words in lines if words[1].startswith("__NR_") and words[2].isdigit()}


def reading(seccomp, numbers, new):
    """What the profile says of every call that has no condition: its answer by number. new: of calls newer than all it names."""
    rules = {numbers[name]: entry for entry in seccomp["syscalls"][1:] for name in entry["names"] if "args" not in entry}
    named = {numbers[name] for entry in seccomp["syscalls"] for name in entry["names"]}
    conditional = {numbers[name] for entry in seccomp["syscalls"] for name in entry["names"] if "args" in entry}
    tried = set(range(LAST + 1)) - {numbers[name] for name in NEEDED} - UNFILTERED - conditional
    default = {number: seccomp["defaultErrnoRet"] if number <= max(named) else new for number in tried}
    return {str(number): str(rules[number]["errnoRet"] if number in rules else default[number]) for number in sorted(tried)}


def everyone(bundle, seccomp, calls=()):
    """What each answers to these calls, which are what a test is about. All the others, 0 to LAST, are tried beside them, and answered by
    everybody as the profile says."""
    answers = {}
    for who in ("stepdown", *RUNTIMES):
        said = reading(seccomp, bundle.numbers, 1111 if who == "crun" else errno.ENOSYS)  # crun answers new calls like old ones
        others = [call for call in said if call not in calls and (who == "stepdown" or int(call) <= KNOWN)]
        told = bundle.ask(who, seccomp, [*calls, *others])
        assert isinstance(told, dict), (who, told)
        assert {call: told[call] for call in others} == {call: said[call] for call in others}, who
        assert len(others) > 300, len(others)
        answers[who] = {call: told[call] for call in calls}
    return answers


def test_every_call_is_answered_as_the_profile_says(bundle, numbers):
    """A list as people write it: two thirds of the calls named, with answers of seven kinds."""
    needed = {numbers[name] for name in NEEDED}
    names = {number: name for name, number in numbers.items() if number <= LAST and number not in needed}
    chosen = [names[number] for number in sorted(names) if number % 3 != 0]
    everyone(bundle, profile(*(rule(*chosen[kind::7], error=1200 + kind) for kind in range(7))))


def test_a_call_newer_than_the_profile(bundle):
    """435 is clone3; the largest named is openat2, 437, so one above is meant."""
    answers = everyone(bundle, profile(), ["435", "439", "460"])
    assert answers["stepdown"] == {"435": "1111", "439": "38", "460": "38"}
    assert answers["runc"] == answers["stepdown"]
    assert answers["crun"] == dict.fromkeys(("435", "439", "460"), "1111")


def test_two_conditions_on_one_argument(bundle):
    """Both must hold; the runtimes make a rule of each."""
    both = [{"index": 1, "value": 10, "op": "SCMP_CMP_GE"}, {"index": 1, "value": 20, "op": "SCMP_CMP_LE"}]
    calls = ["8:-1:5:0", "8:-1:15:0", "8:-1:25:0"]
    answers = everyone(bundle, with_lseek(rule("lseek", error=1222, args=both)), calls)
    assert [answers["stepdown"][call] for call in calls] == ["1111", "1222", "1111"]
    for runtime in RUNTIMES:
        assert [answers[runtime][call] for call in calls] == ["1222", "1222", "1222"], runtime


def with_lseek(*rules):
    """lseek is not needed by anybody once the program runs: free to be tried."""
    whole = profile(*rules)
    whole["syscalls"][0]["names"].remove("lseek")
    return whole


def test_more_than_six_conditions(bundle):
    """Seven, all of which must hold. crun takes six of them, runc makes a rule of each."""
    conditions = [{"index": 1, "value": value, "op": "SCMP_CMP_NE"} for value in range(1, 8)]
    answers = everyone(bundle, with_lseek(rule("lseek", error=1222, args=conditions)), ["8:-1:7:0", "8:-1:8:0"])
    assert answers["stepdown"] == {"8:-1:7:0": "1111", "8:-1:8:0": "1222"}
    assert answers["runc"] == answers["crun"] == {"8:-1:7:0": "1222", "8:-1:8:0": "1222"}


def test_a_rule_with_and_one_without_conditions(bundle):
    """The condition is looked at; for the runtimes the other rule swallows it."""
    rules = [rule("lseek", error=1222, args=[equal(1, 7)]), rule("lseek", error=1333)]
    answers = everyone(bundle, with_lseek(*rules), ["8:-1:7:0", "8:-1:8:0"])
    assert answers["stepdown"] == {"8:-1:7:0": "1222", "8:-1:8:0": "1333"}
    assert answers["runc"] == answers["crun"] == {"8:-1:7:0": "1333", "8:-1:8:0": "1333"}


def test_two_rules_without_conditions(bundle):
    answers = everyone(bundle, with_lseek(rule("lseek", error=1222), rule("lseek", error=1333)), ["8:-1:7:0"])
    assert set(map(str, answers.values())) == {str({"8:-1:7:0": "1222"})}


def test_the_high_half_of_an_int(bundle):
    """socket(16 | 1 << 32) is socket(16) for the kernel, and so it is for the filter; for the runtimes' it is another."""
    calls = ["41:16:3:0", "41:0x100000010:3:0"]
    answers = everyone(bundle, profile(rule("socket", error=1222, args=[equal(0, 16)])), calls)
    assert answers["stepdown"] == dict.fromkeys(calls, "1222")
    assert answers["runc"] == answers["crun"] == dict(zip(calls, ["1222", "1111"]))


def test_another_architecture_is_killed(bundle):
    for who, answer in everyone(bundle, profile(), [str(0x40000000 | 39)]).items():
        assert answer == {str(0x40000000 | 39): "signal 31"}, who


@pytest.mark.parametrize(
    "broken, word",
    [
        ({}, "defaultAction"),
        ({**profile(), "defaultErrnoRet": 65536}, "65536 is no errno"),
        (profile(rule("lseek", error=4096)), "4096 is no errno"),
        (profile(rule("lseek", action=ALLOW, error=1)), "takes no errno"),
        (profile({"name": "lseek", "action": ALLOW}), "old form"),
        (profile(rule("lseak", action=ALLOW)), "lseak"),
        ({**profile(), "architectures": ["SCMP_ARCH_Z80"]}, "SCMP_ARCH_Z80"),
        ({**profile(), "syscalls": []}, "no rule"),
        ({**profile(), "flags": ["SECCOMP_FILTER_FLAG_LOUD"]}, "SECCOMP_FILTER_FLAG_LOUD"),
    ],
)
def test_stepdown_refuses_what_it_cannot_read_exactly(bundle, broken, word):
    answer = bundle.ask("stepdown", broken, ["39"])
    assert isinstance(answer, str) and word in answer, answer


SEEK = "8:-1:7:0"  # EBADF, if the kernel is asked


@pytest.mark.parametrize(
    "broken, call, runc, crun",
    [
        ({}, SEEK, str(errno.EBADF), "'defaultAction' not present"),
        ({**profile(), "defaultErrnoRet": 65536}, "425", "0", "0"),
        (with_lseek(rule("lseek", error=65536)), SEEK, "0", "0"),
        (profile(rule("lseek", action=ALLOW, error=1)), SEEK, str(errno.EBADF), "errno value specified"),
        (with_lseek({"name": "lseek", "action": ALLOW}), SEEK, "1111", "'names' not present"),
        (profile(rule("lseak", action=ALLOW)), SEEK, str(errno.EBADF), str(errno.EBADF)),
    ],
)
def test_what_stepdown_refuses_starts_elsewhere(bundle, broken, call, runc, crun):
    """0 is success that no kernel was asked for: a filter's errno of 65536, cut to its low sixteen bits."""
    for runtime, expected in (("runc", runc), ("crun", crun)):
        answer = bundle.ask(runtime, broken, [call])
        assert answer == {call: expected} if expected.isdigit() else expected in answer, (runtime, answer)
