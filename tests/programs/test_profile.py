"""stepdown profile, as somebody who writes a filter asks it."""

import json
import platform

import pytest

from conftest import BINARY, Program

ALL_BUT_MKDIR = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 93}],
}


@pytest.fixture(scope="module")
def profile():
    program = Program(BINARY)
    return lambda *words: program.run("profile", *words)


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(ALL_BUT_MKDIR))
    return str(path)


def test_list_names_the_built_in_ones_and_the_groups(profile):
    shown = profile("list")
    assert shown.code == 0 and shown.err == "", shown
    assert all(f"\n  {name}" in shown.out for name in ("default", "strict", "pid1", "@ptrace", "@network-listen")), shown


def test_show_has_every_call_by_group_and_answer(profile, mine):
    shown = profile("show")
    assert shown.code == 0 and shown == profile("show", "default"), shown
    [mounts] = [part for part in shown.out.split("\n\n") if part.startswith("  @mount:")]
    assert "EPERM:\n" in mounts and "pivot_root" in mounts, mounts
    assert "PROTONOSUPPORT:\n      mkdir\n" in profile("show", mine).out


@pytest.mark.parametrize("words", [("mount",), ("default", "mount")])
def test_explain_says_what_the_app_would_see_and_which_rule_decides(profile, words):
    shown = profile("explain", *words)
    assert shown.code == 0, shown
    assert shown.out.startswith("mount (SCMP_ARCH_") and "): EPERM\n  in @mount:" in shown.out, shown
    assert "tried in this order" in shown.out and ": EPERM\n" in shown.out.split("tried in this order")[1], shown


def test_explain_takes_several_calls_their_arguments_and_a_file(profile, mine):
    both = profile("explain", "socket:AF_ALG", "read").out
    assert "): EAFNOSUPPORT\n" in both and "\nread (" in both and "): allow\n" in both, both
    assert "): EPROTONOSUPPORT\n" in profile("explain", mine, "mkdir").out


def test_a_filter_can_be_changed_as_a_start_changes_it(profile):
    denied = profile("--seccomp-deny=@network-listen,socket:AF_INET6", "explain", "listen", "socket:AF_INET6")
    assert denied.code == 0 and "): EPERM\n" in denied.out and "): EAFNOSUPPORT\n" in denied.out, denied
    assert "--seccomp-deny=@network-listen: EPERM" in denied.out, denied


def test_diff_and_lint_tell_by_their_status(profile, mine):
    assert profile("diff", mine, mine).code == 0
    differ = profile("diff", mine, "default")
    assert differ.code == 1 and "mkdir(): EPROTONOSUPPORT -> allow\n" in differ.out, differ
    found = profile("lint", mine)
    assert found.code == 1 and all(": " in line for line in found.out.splitlines()), found


def test_a_compiled_filter_is_looked_at_as_its_source_is(profile, mine, tmp_path):
    compiled = str(tmp_path / "mine.bpf")
    assert profile("compile", mine, "-o", compiled).code == 0
    assert profile("diff", mine, compiled).code == 0
    assert "): EPROTONOSUPPORT\n" in profile("explain", compiled, "mkdir").out


OWN, OTHER = {"x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"), "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM")}[platform.machine()]
TWO = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [OWN, OTHER],
       "syscalls": [{"names": ["setuid32"], "action": "SCMP_ACT_ERRNO"}, {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 93,
                    "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]}]}


def written(tmp_path, name, profile):
    path = tmp_path / name
    path.write_text(json.dumps(profile))
    return str(path)


def test_explain_and_diff_look_at_every_architecture_that_the_profile_names(profile, tmp_path):
    one = written(tmp_path, "one.json", TWO)
    assert profile("explain", one, "setuid32").out.startswith(f"setuid32 ({OTHER} 213): EPERM\n")
    socket = profile("explain", one, "socket").out
    assert socket.startswith(f"socket ({OWN} ") and socket.count("): EPROTONOSUPPORT or allow\n") == 2, socket
    assert (", subcall 1): ENOSYS\n" in socket) == (OTHER == "SCMP_ARCH_X86"), "socketcall(2)"
    other = written(tmp_path, "other.json", {**TWO, "syscalls": TWO["syscalls"][1:]})
    assert profile("diff", one, other).out == f"{OTHER} setuid32(): EPERM -> allow\n"
    native = written(tmp_path, "native.json", {**TWO, "architectures": [OWN]})
    assert profile("diff", one, native).out == f"{OTHER}: listed -> kill the process\n"


def test_explain_names_the_rule_that_decides_once_the_arguments_are_known(profile, tmp_path):
    path = written(tmp_path, "one.json", TWO)
    assert "decided by syscalls[1]: EPROTONOSUPPORT when argument 0 == 0x26\n" in profile("explain", path, "socket:AF_ALG").out
    assert "decided by the default\n" in profile("explain", path, "socket:AF_UNIX").out
    assert "decided by" not in profile("explain", path, "socket").out


def test_diff_tells_numbers_without_a_call_and_flags(profile, tmp_path):
    calls = {"names": ["read"], "action": "SCMP_ACT_ERRNO"}
    one = written(tmp_path, "one.json", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [calls]})
    other = written(tmp_path, "other.json", {"defaultAction": "SCMP_ACT_LOG", "syscalls": [calls], "flags": ["SECCOMP_FILTER_FLAG_LOG"]})
    out = profile("diff", one, other).out
    assert "a number above all calls(): allow -> allow and log\n" in out and "flags: none -> LOG\n" in out, out


@pytest.mark.parametrize("rules", [[{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
                                   [{"names": ["read", "execve"], "action": "SCMP_ACT_ALLOW"},
                                    {"names": ["execve"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 2, "value": 0, "op": "SCMP_CMP_NE"}]}]])
def test_a_profile_under_which_no_app_could_start_is_not_compiled(profile, tmp_path, rules):
    path = written(tmp_path, "deaf.json", {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules})
    shown = profile("compile", path, "-o", str(tmp_path / "out.bpf"))
    assert shown.code == 100 and "forbids execve" in shown.err and not (tmp_path / "out.bpf").exists(), shown


def test_a_filter_is_compiled_for_the_capabilities_that_the_app_keeps(profile, tmp_path, ours):
    path = written(tmp_path, "caps.json", {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 93, "excludes": {"caps": ["CAP_NET_ADMIN"]}}, {"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]})
    compiled = str(tmp_path / "caps.bpf")
    assert profile("--keep-cap=net_admin", "compile", path, "-o", compiled).code == 0
    start = ["--user=10001:10001", "--receipt=off", f"--seccomp={compiled}"]
    assert ours["stepdown"].run(*start, "--keep-cap=net_admin", "--", "true", as_pid_1=True).code == 0
    refused = ours["stepdown"].run(*start, "--", "true", as_pid_1=True)
    assert refused.code == 100 and refused.err.count("\n") == 1 and "with the capabilities net_admin" in refused.err, refused


@pytest.mark.parametrize("words, says", [
    ((), "say what to do"),
    (("explian", "mount"), "\"explian\" is none of list, show"),
    (("explain",), "too few words"),
    (("explain", "mout"), "no kernel has a system call \"mout\""),
    (("show", "/no/such"), "/no/such"),
    (("show", "/dev/null"), "is no regular file"),
    (("show", "off"), "no filter to look at"),
    (("compile", "default"), "-o FILE"),
])
def test_what_cannot_be_answered_is_one_line_and_status_100(profile, words, says):
    shown = profile(*words)
    assert (shown.code, shown.out) == (100, "") and shown.err.count("\n") == 1 and says in shown.err, shown
