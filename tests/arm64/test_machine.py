"""The release for arm64 on an arm64 kernel: qemu-system boots Debian's, with everything that is needed in its first file system, and says on
the serial line what came of each run. No third-party program is in it, so tests that need one are left to `make test` on an arm64 machine."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
RELEASE = REPO / "build/release-arm64"
TESTS = REPO / "build/test-arm64"
AS_PID_1 = "unshare -p -f -m --mount-proc /stepdown --user=10001:10001 --"

# Not here: Landlock's tests ask for a newer kernel than Debian's; those of the handover, the emulation and the recorder start programs of
# Debian's userland; the first file system has no chattr(1); and trees of 100,000 levels take an emulator minutes.
KERNEL_TESTS = ("ConfineKernel", "StartFault", "OwnClock", "Supervise", "SysDirectory", "VerifyLive", "SetupLines", "SetupMakeDirectory",
                "SetupOwnHostile", "SetupOwn")  # fmt: skip
WITHOUT = ("StartFault.WithoutItsEmulationNothingStarts", "SetupOwnHostile.NamesAnImmutableFile",
           "SetupOwn.ATreeOf100000LevelsTakesFewDescriptors", "SetupOwn.NothingIsMissedWhereLevelsWereSetAside",
           "SetupLines.ADeepTreeIsRemovedWithFewDescriptors")  # fmt: skip

RUNS = {
    "unit": f"{TESTS}/tests/unit_tests --gtest_color=no --gtest_brief=1",
    "corpus": f"{TESTS}/tests/corpus_tests {REPO}/tests/fuzz/corpus >/dev/null",
    "kernel": f"TEST_FORKS=2000 {TESTS}/tests/kernel_tests --gtest_color=no --gtest_brief=1 "
              f"--gtest_filter='{':'.join(suite + '.*' for suite in KERNEL_TESTS)}-{':'.join(WITHOUT)}'",
    "can": f"{AS_PID_1} /probe can",
    "root-can": "/probe try setuid0 && /probe try raw-socket && /probe try mount",
    "status": f"{AS_PID_1} /probe status",
    "ends": f"{AS_PID_1} /probe exit 42",
    "selftest": "/stepdown selftest",
    "full-pipe": "sh tests/arm64/full_pipe.sh",
    "suspend": "sh tests/arm64/suspend.sh",
}  # fmt: skip


def init():
    """What the kernel starts as PID 1."""
    lines = [
        "#!/bin/busybox sh",
        "/bin/busybox --install -s /bin",
        "mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev",
        "mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /tmp",
        "stty -onlcr -F /dev/console; ip link set lo up",
        "printf 'root:x:0:0::/root:/bin/sh\\nnobody:x:65534:65534::/:/bin/false\\n' >/etc/passwd",
        "printf 'root:x:0:\\nnogroup:x:65534:\\n' >/etc/group",
        f"cd {REPO}",
    ]
    lines += [f"echo '>> {name}'; {command}; echo \"<< {name} $?\"" for name, command in RUNS.items()]
    return "\n".join([*lines, "poweroff -f", ""])


def first_file_system(folder, machine):
    """A cpio archive: the source, which the tests read, at its own place, and the programs."""
    root = folder / "root"
    for name in ("bin", "proc", "sys", "dev", "tmp", "run", "etc", "root"):
        (root / name).mkdir(parents=True)
    inside = root / REPO.relative_to("/")
    shutil.copytree(REPO, inside, ignore=shutil.ignore_patterns("build", ".git"), symlinks=True)
    shutil.copy(machine / "busybox", root / "bin")
    for program in ("stepdown", "probe"):
        shutil.copy(RELEASE / program, root)
    below = inside / TESTS.relative_to(REPO)
    (below / "tests").mkdir(parents=True)
    for program in ("stepdown", "tests/unit_tests", "tests/kernel_tests", "tests/corpus_tests", "tests/supervised"):
        shutil.copy(TESTS / program, below / program)
    (root / "init").write_text(init())
    (root / "init").chmod(0o755)
    archive = folder / "root.cpio"
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with archive.open("wb") as out:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=root, input=names.encode(), stdout=out, check=True)
    return archive


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Of each run the status and what it said."""
    words = subprocess.run([REPO / "toolchain/arm64-machine"], check=True, capture_output=True, text=True).stdout.split()
    machine = pathlib.Path(words[-1])
    archive = first_file_system(tmp_path_factory.mktemp("machine"), machine)
    booted = subprocess.run(
        ["qemu-system-aarch64", "-M", "virt", "-cpu", "max", "-smp", str(os.cpu_count()), "-m", "2048", "-nographic", "-nic", "none",
         "-no-reboot", "-kernel", machine / "kernel", "-initrd", archive, "-append", "console=ttyAMA0 quiet panic=-1"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=1800,
    )  # fmt: skip
    found = re.findall(r"^>> ([a-z-]+)\n(.*?)^<< \1 (\d+)$", booted.stdout, re.M | re.S)
    assert [name for name, _, _ in found] == list(RUNS), booted.stdout[-4000:] + booted.stderr
    return {name: (int(status), text) for name, text, status in found}


@pytest.mark.parametrize("name", ["unit", "corpus", "kernel"])
def test_every_test_passes(told, name):
    status, text = told[name]
    assert status == 0, text
    if name != "corpus":
        passed, ran = re.search(r"PASSED +\] (\d+) test", text), re.search(r"(\d+) tests from", text)
        assert int(passed[1]) == int(ran[1]) > (600 if name == "unit" else 80) and "SKIPPED" not in text


def test_nothing_that_root_could_do_is_left(told):
    assert told["root-can"][0] == 0, told["root-can"]
    status, text = told["can"]
    answers = dict(line.split(": ", 1) for line in text.splitlines())
    assert status == 0 and len(answers) >= 24 and all(answer.isupper() for answer in answers.values()), text


def test_the_kernel_says_that_the_app_is_dropped(told):
    status, text = told["status"]
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    assert status == 0, text
    assert fields["Uid"].split() == fields["Gid"].split() == ["10001"] * 4 and fields["Groups"].split() == []
    assert {fields[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (fields["NoNewPrivs"].strip(), fields["Seccomp"].strip(), fields["Seccomp_filters"].strip()) == ("1", "2", "1")


def test_the_status_is_the_apps(told):
    assert told["ends"][0] == 42, told["ends"]


def test_the_app_cannot_take_the_room_that_pid_1_saw_in_the_logs_pipe(told):
    """Debian's kernel, 6.1, knows no RWF_NOWAIT for pipes."""
    assert told["full-pipe"][0] == 7, told["full-pipe"]


def test_time_stands_still_while_the_machine_is_suspended(told):
    status, text = told["suspend"]
    assert status == 7 and int(re.search(r"slept (\d+) s", text)[1]) >= 18, text


def test_the_selftest_passes(told):
    status, text = told["selftest"]
    assert status == 0 and "fail" not in text.replace("failed", ""), text
