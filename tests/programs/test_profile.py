"""stepdown profile, as somebody who writes a filter asks it."""

import json

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


@pytest.mark.parametrize("words, says", [
    ((), "say what to do"),
    (("explian", "mount"), "\"explian\" is none of list, show"),
    (("explain",), "too few words"),
    (("explain", "mout"), "no kernel has a system call \"mout\""),
    (("show", "/no/such"), "/no/such"),
    (("compile", "default"), "-o FILE"),
])
def test_what_cannot_be_answered_is_one_line_and_status_100(profile, words, says):
    shown = profile(*words)
    assert (shown.code, shown.out) == (100, "") and shown.err.count("\n") == 1 and says in shown.err, shown
