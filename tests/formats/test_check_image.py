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


@pytest.fixture
def image(tmp_path):
    for folder in ("etc", "usr/bin", "var/lib/app"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:10001:10001::/home/app:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\napp:x:10001:\n")
    (tmp_path / "usr/bin/app").write_text("#!/bin/sh\n")
    (tmp_path / "usr/bin/app").chmod(0o755)
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
