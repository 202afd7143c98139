"""The release for arm64, on a machine that is none: what the file is, and what qemu-user can run of it. That emulator passes a program's
system calls to this machine's kernel one by one; it has no seccomp(2), so a start that loads a filter ends there, as it should."""

import json
import os
import pathlib
import re
import struct
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BINARY = REPO / "build/release-arm64/stepdown"
PROBE = REPO / "build/release-arm64/probe"
BUILTIN = REPO / "build/release-arm64/seccomp"


# A variable of the toolchain's, as STEPDOWN_ARCH, would be an unknown option's to the program.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("STEPDOWN_")}


def ran(*argv, **options):
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=120, env=ENVIRONMENT, **options)


def emulated(*argv, **options):
    return ran("qemu-aarch64-static", BINARY, *argv, **options)


def test_the_file_is_static_position_independent_and_for_arm64():
    header = ran("readelf", "-hW", BINARY).stdout
    assert "AArch64" in header and "DYN (Position-Independent Executable file)" in header
    segments, dynamic = ran("readelf", "-lW", BINARY).stdout, ran("readelf", "-dW", BINARY).stdout
    assert "INTERP" not in segments and "NEEDED" not in dynamic
    assert "GNU_RELRO" in segments and "BIND_NOW" in dynamic and "RELRSZ" in dynamic
    assert " RWE " not in segments


def test_it_says_the_version_of_the_source():
    version = next(line for line in (REPO / "CMakeLists.txt").read_text().splitlines() if line.startswith("project("))
    assert emulated("--version").stdout.split() == ["stepdown", version.split()[2]]


def test_it_is_as_big_as_its_sibling_and_no_bigger_than_that():
    assert BINARY.stat().st_size < 2_000_000


def test_help_is_the_same_as_on_any_machine():
    shown = emulated("run", "--help")
    assert shown.returncode == 0 and shown.stdout == (REPO / "tests/golden/help-run.txt").read_text()


def test_a_plan_is_made_and_printed():
    shown = emulated("plan", "--user=65534:65534", "--format=json", "--", "/bin/true")
    assert shown.returncode == 0, shown.stderr
    json.loads(shown.stdout)


@pytest.mark.parametrize("words, code", [
    (("--user=4294967296", "--", "/bin/true"), 100),
    (("--own=relative", "--user=65534", "--", "/bin/true"), 100),
])
def test_what_is_refused_is_refused_there_too(words, code):
    shown = emulated(*words)
    assert shown.returncode == code and shown.stderr.startswith("stepdown: error: "), shown


def test_a_start_without_seccomp_is_refused_and_never_goes_on_without():
    shown = emulated("--no-init", "--user=65534:65534", "--", "/bin/echo", "ran")
    assert shown.returncode in (102, 103, 104) and "ran" not in shown.stdout, shown


@pytest.mark.parametrize("name", ["default", "strict"])
def test_the_builtin_profiles_are_compiled_for_arm64(name):
    shown = emulated("profile", "show", name)
    assert shown.returncode == 0 and shown.stdout.startswith("machine: SCMP_ARCH_AARCH64\n"), shown
    program = (BUILTIN / f"builtin_{name}.inc").read_text()
    assert "0xc00000b7" in program and "0xc000003e" not in program, "AUDIT_ARCH_AARCH64, and not AUDIT_ARCH_X86_64"


def test_a_profile_is_compiled_to_arm64_numbers(tmp_path):
    """openat is 56 there, 257 on x86-64."""
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["openat"], "action": "SCMP_ACT_ERRNO"}]}
    (tmp_path / "profile.json").write_text(json.dumps(profile))
    shown = emulated("profile", "compile", tmp_path / "profile.json", "-o", tmp_path / "profile.bpf")
    assert shown.returncode == 0, shown
    program = (tmp_path / "profile.bpf").read_bytes()
    assert struct.pack("<I", 0xC00000B7) in program and struct.pack("<I", 56) in program


# --- what a start does but for the filter: system calls by arm64's numbers and structures, answered by this machine's kernel


@pytest.mark.parametrize("verb", ["ids", "caps", "signals", "cwd"])
def test_the_probe_reports_what_it_reports_on_any_machine(verb):
    shown, here = ran("qemu-aarch64-static", PROBE, verb), pathlib.Path("/proc/self/status").read_text()
    assert shown.returncode == 0 and shown.stdout, shown
    for name, value in re.findall(r"^(Cap\w+):\t(\w+)$", here, flags=re.M) if verb == "caps" else ():
        assert f"{name} {value}\n" in shown.stdout, shown


def test_root_is_given_up_and_read_back():
    """The app is a program of this machine's: the emulator hands execve on, and the kernel's account of it is the real one."""
    shown = emulated("--no-init", "--seccomp=off", "--user=65534:65533", "--", "cat", "/proc/self/status")
    assert shown.returncode == 0, shown
    status = dict(re.findall(r"^(\w+):\t(.*)$", shown.stdout, flags=re.M))
    assert (status["Uid"].split(), status["Gid"].split(), status["Groups"].strip()) == (["65534"] * 4, ["65533"] * 4, "")
    assert {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("words, code, why", [
    (("--no-init", "--mkdir=/tmp/never-made"), 101, "openat2"),
    ((), 111, "clone"),
])
def test_what_the_emulator_cannot_do_ends_the_start(words, code, why):
    """Setup on paths that nobody can redirect, and a process that shares what PID 1 hands over."""
    shown = emulated("--seccomp=off", "--user=65534", *words, "--", "/bin/echo", "ran")
    assert shown.returncode == code and why in shown.stderr and "ran" not in shown.stdout, shown
