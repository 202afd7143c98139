"""stepdown check-image on folders that are images: each flaw is reported, and only it. Needs no engine."""

import json
import os
import subprocess

import pytest

from binary import BINARY


def check(image, *words, command=("app",)):
    done = subprocess.run(
        [BINARY, "check-image", f"--root={image}", "--format=json", *words, "--", *command], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout, done
    told = json.loads(done.stdout)
    return done.returncode, {one["check"]: one for one in told["container"] if one["verdict"] == "fail"}


def grown(image, path, uid=10001, mode=0o755):
    """A folder of the image with its owner and mode."""
    folder = image / path
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, uid, uid)
    folder.chmod(mode)


def elf(width, machine):
    """The header of a program for a machine, elf(5): what the kernel and check-image tell it by."""
    return b"\x7fELF" + bytes([width, 1, 1]) + bytes(9) + (2).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(44)


@pytest.fixture
def image(tmp_path):
    for folder in ("etc", "usr/bin", "var/lib/app"):
        (tmp_path / folder).mkdir(parents=True)
    grown(tmp_path, "home/app")
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:10001:10001::/home/app:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\napp:x:10001:\n")
    for name, content in (("sh", elf(2, 62)), ("app", b"#! /bin/sh -e\n")):
        (tmp_path / "usr/bin" / name).write_bytes(content)
        (tmp_path / "usr/bin" / name).chmod(0o755)
    return tmp_path


def test_a_good_image_passes(image):
    assert check(image, "--user=app", "--own=/var/lib/app", command=["/bin/app"]) == (0, {})
    assert check(image, "--user=4711", "--mkdir=/data", "--own=/data") == (0, {})


@pytest.mark.parametrize("user", ["--user=nobody-here", "--user=root", None])
def test_the_user_is_there_and_not_root(image, user):
    code, wrong = check(image, *([user] if user else []))
    assert code == 1 and set(wrong) == {"image.user"}, wrong


def test_what_is_to_be_owned_is_there(image):
    code, wrong = check(image, "--user=app", "--own=/data")
    assert code == 1 and set(wrong) == {"image.path"} and wrong["image.path"]["file"] == "/data", wrong


def test_the_program_is_there_and_can_be_executed(image):
    assert set(check(image, "--user=app", command=["/bin/other"])[1]) == {"image.program"}
    (image / "usr/bin/app").chmod(0o640)
    assert set(check(image, "--user=app")[1]) == {"image.program"}


def test_what_a_script_names_is_there_and_can_be_executed(image):
    (image / "usr/bin/app").write_text("#!/usr/bin/python3\n")
    code, wrong = check(image, "--user=app")
    assert code == 1 and set(wrong) == {"image.program"} and "/usr/bin/app names" in wrong["image.program"]["observed"], wrong
    (image / "usr/bin/app").write_text("#!/bin/app\n")
    assert set(check(image, "--user=app")[1]) == {"image.program"}


def test_a_folder_above_the_program_can_be_entered(image):
    grown(image, "opt", uid=0, mode=0o700)
    (image / "opt/app").write_bytes(elf(2, 62))
    (image / "opt/app").chmod(0o755)
    wrong = check(image, "--user=app", command=["/opt/app"])[1]
    assert set(wrong) == {"image.program"} and "/opt" in wrong["image.program"]["observed"], wrong


@pytest.mark.parametrize("width, machine, name", [(1, 3, "SCMP_ARCH_X86"), (1, 62, "SCMP_ARCH_X32")])
def test_the_filter_lets_the_programs_machine_in(image, width, machine, name):
    assert os.uname().machine == "x86_64", "the machine of this test"
    (image / "usr/bin/app").write_bytes(elf(width, machine))
    code, wrong = check(image, "--user=app")
    assert code == 1 and set(wrong) == {"image.machine"} and "kill" in wrong["image.machine"]["observed"], wrong
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", name],
        "syscalls": [{"names": ["execve", "exit_group"], "action": "SCMP_ACT_ALLOW"}],
    }
    (image / "etc/profile.json").write_text(json.dumps(profile))
    assert check(image, "--user=app", "--seccomp=/etc/profile.json") == (0, {})


def test_a_program_of_another_machine_is_not_judged(image):
    assert os.uname().machine == "x86_64", "the machine of this test"
    for content in (elf(2, 183), elf(2, 21), b"echo no first line\n"):  # arm64, POWER, none
        (image / "usr/bin/app").write_bytes(content)
        assert check(image, "--user=app") == (3, {})


# What the app must write: the option that says so, and what it needs of the image to be right.
WRITTEN = {
    "rw": ("--rw={0}", "data"),
    "pidfile": ("--pidfile={0}/app.pid", "data"),
    "ready": ("--ready=unix:{0}/socket", "data"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_app_can_write_what_it_must(image, name):
    option, folder = WRITTEN[name]
    words = ["--user=app", option.format(f"/{folder}"), *(["--forking"] if name == "pidfile" else []), "--exec=/usr"]
    words = words if name == "rw" else words[:-1]
    assert set(check(image, *words)[1]) - {"image.home"} == {"image.writable"}  # not there
    for uid, mode, good in ((0, 0o755, False), (0, 0o777, True), (10001, 0o755, True), (10001, 0o555, False)):
        grown(image, folder, uid, mode)
        code, wrong = check(image, *words)
        assert (code, set(wrong) - {"image.home"}) == ((0, set()) if good else (1, {"image.writable"})), (uid, oct(mode), wrong)
    assert check(image, *words, f"--own=/{folder}")[0] == 0  # the start gives it


def test_what_is_given_to_the_app_can_be_reached(image):
    grown(image, "root", uid=0, mode=0o700)
    code, wrong = check(image, "--user=app", "--mkdir=/root/data")
    assert code == 1 and set(wrong) == {"image.writable"} and "enter /root" in wrong["image.writable"]["observed"], wrong
    assert check(image, "--user=app", "--mkdir=/srv/data") == (0, {})
    assert check(image, "--user=app", "--state=app", "--cache=app") == (0, {})


def test_groups_of_the_app_count(image):
    grown(image, "data", uid=0, mode=0o775)
    os.chown(image / "data", 0, 4711)
    (image / "etc/group").write_text("root:x:0:\napp:x:10001:\nshared:x:4711:app\n")
    words = ("--user=app", "--rw=/data", "--exec=/usr", "--rw=/home/app")
    assert set(check(image, *words)[1]) == {"image.writable"}
    assert check(image, *words, "--groups=passwd") == (0, {})


def test_landlock_lets_the_app_write_and_execute(image):
    grown(image, "data")
    words = ("--user=app", "--forking", "--pidfile=/data/app.pid")
    assert check(image, *words) == (0, {})
    wrong = check(image, *words, "--rootfs=ro")[1]
    assert set(wrong) == {"image.writable", "image.home"} and "--rw" in wrong["image.writable"]["observed"], wrong
    assert set(check(image, *words, "--rw=/data", "--rw=/home/app")[1]) == {"image.program"}  # nothing may be executed
    assert check(image, *words, "--rw=/data", "--rw=/home/app", "--exec=/usr") == (0, {})


def test_the_app_can_enter_the_folder_it_starts_in(image):
    grown(image, "work", uid=0, mode=0o700)
    for path in ("/work", "/not-there", "/usr/bin/app"):
        code, wrong = check(image, "--user=app", f"--cwd={path}")
        assert code == 1 and set(wrong) == {"image.directory"}, wrong
    assert check(image, "--user=app", "--cwd=/usr") == (0, {})
    assert check(image, "--user=app", "--cwd=/work", "--own=/work") == (0, {})


def test_a_home_that_is_not_the_apps_is_told_and_does_not_count(image):
    grown(image, "home/app", uid=0)
    code, wrong = check(image, "--user=app")
    assert code == 0 and set(wrong) == {"image.home"} and wrong["image.home"]["severity"] == "info", wrong


def test_the_program_has_no_file_capabilities(image):
    assert os.geteuid() == 0, "only root can give them"
    os.setxattr(image / "usr/bin/app", "security.capability", bytes.fromhex("0100000200000020000000000000000000000000"))
    assert set(check(image, "--user=app")[1]) == {"image.program", "files.privileged"}


def test_files_that_give_privileges_are_named(image):
    (image / "usr/bin/su").write_text("")
    (image / "usr/bin/su").chmod(0o4755)
    code, wrong = check(image, "--user=app")
    assert code == 1 and set(wrong) == {"files.privileged"} and wrong["files.privileged"]["file"] == "/usr/bin/su", wrong


def test_the_filter_can_be_loaded_and_is_not_off(image):
    assert set(check(image, "--user=app", "--seccomp=off")[1]) == {"image.filter"}
    (image / "etc/profile.json").write_text("{")
    assert set(check(image, "--user=app", "--seccomp=/etc/profile.json")[1]) == {"image.filter"}


def test_a_root_that_is_none_is_usage(tmp_path):
    done = subprocess.run([BINARY, "check-image", f"--root={tmp_path}/no"], capture_output=True, text=True, env={})
    assert done.returncode == 2 and "no" in done.stderr, done
