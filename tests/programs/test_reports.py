"""Where a report goes, and which words of the commands that write one are refused."""

import json
import os
import pathlib
import subprocess

import pytest

GOOD = """Name:\tapp
State:\tS (sleeping)
Tgid:\t7
Pid:\t7
PPid:\t1
TracerPid:\t0
Uid:\t10001\t10001\t10001\t10001
Gid:\t10001\t10001\t10001\t10001
Groups:\t
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
"""


@pytest.fixture
def judged(ours, tmp_path):
    """Runs verify on a status that passes by the floor alone."""
    (tmp_path / "status").write_text(GOOD)
    return lambda *words, **options: ours["stepdown"].run("verify", f"--file={tmp_path}/status", *words, **options)


# --- where it goes


def test_a_file_is_replaced_and_a_link_to_it_stays(judged, tmp_path):
    file, link, dangling = tmp_path / "file", tmp_path / "link", tmp_path / "dangling"
    file.write_text("old")
    link.symlink_to("file")
    dangling.symlink_to("new")
    before = file.stat().st_ino
    assert judged("-o", str(link)).code == 0
    assert link.is_symlink() and file.stat().st_ino != before and "verdict: pass" in file.read_text()
    assert judged("-o", str(dangling)).code == 0
    assert dangling.is_symlink() and "verdict: pass" in (tmp_path / "new").read_text()


def test_what_is_no_regular_file_is_written_to(judged, tmp_path):
    null = tmp_path / "null"
    os.mknod(null, 0o666 | 0o020000, os.makedev(1, 3))
    assert judged("-o", str(null)).code == 0
    assert null.is_char_device()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE, text=True) as reader:
        assert judged("-o", str(fifo)).code == 0
        assert "verdict: pass" in reader.communicate()[0]
    assert fifo.is_fifo()
    assert judged("-o", str(tmp_path)).code == 3, "a directory"


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/proc/self/fd/1"])
def test_standard_output_has_many_names(judged, tmp_path, name):
    assert "verdict: pass" in judged("-o", name).out
    with open(tmp_path / "out", "w", encoding="utf-8") as out:  # a file that the shell has opened is not replaced
        assert judged("-o", name, stdout=out).code == 0
    assert "verdict: pass" in (tmp_path / "out").read_text()
    assert not pathlib.Path("-").exists()


def test_quiet_says_nothing_and_writes_the_file_all_the_same(judged, tmp_path):
    shown = judged("-q", "-o", str(tmp_path / "file"))
    assert (shown.code, shown.out) == (0, "") and "verdict: pass" in (tmp_path / "file").read_text()


# --- which words


@pytest.mark.parametrize("words", [
    ("--pid=1", "--files"), ("--self", "--files"), ("--file=-", "--files"), ("--proc=/host/proc", "--files"),
    ("--file=-", "--probe"), ("--group-by=container", "--probe"), ("--file=-", "--proc=/host/proc"),
])
def test_a_word_that_would_be_ignored_is_refused(ours, words):
    shown = ours["stepdown"].run("verify", *words)
    assert shown.code == 2 and len(shown.err.splitlines()) == 1 and words[-1].split("=")[0] in shown.err, shown


def test_a_policy_and_a_root_may_be_relative(judged, ours, tmp_path):
    (tmp_path / "p.toml").write_text("allow-root = true\n")
    for name in ("p.toml", "./p.toml"):
        done = subprocess.run([ours["stepdown"].path, "verify", f"--policy={name}", "--file=status"], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, done
    assert judged("--policy=restricte").code == 2
    done = subprocess.run([ours["stepdown"].path, "check-image", "--root=.", "--user=1:1"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode in (0, 1) and b"image.user" in done.stdout, done


def test_a_waiver_of_no_check_is_refused(judged, tmp_path):
    policy = tmp_path / "p.toml"
    policy.write_text('[[waiver]]\ncheck = "tracr"\nreason = "a debugger"\nexpires = 2999-01-01\n')
    shown = judged(f"--policy={policy}")
    assert shown.code == 2 and ":2: check:" in shown.err and " tracer, " in shown.err, shown


# --- what cannot be judged


def test_nobody_is_no_pass_whatever_counts(ours):
    shown = ours["stepdown"].run("verify", "--pid=4194304", "--fail-on=critical", "--receipt=off")
    assert shown.code == 3 and "verdict: unknown" in shown.out, shown


def test_a_node_that_is_not_shown_is_unknown(ours, tmp_path):
    shown = ours["stepdown"].run("verify", f"--proc={tmp_path}", "--group-by=container", "--format=prometheus")
    assert shown.code == 3 and "stepdown_pass{" not in shown.out and "stepdown_unreadable_processes 1" in shown.out, shown


def test_a_selftest_that_cannot_step_down_reports_so(ours):
    """Root that may not change its uid: what a container with capabilities left out gives."""
    words = ["setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid", ours["stepdown"].path, "selftest", "--user=65534:65534", "--format=json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 3 and [one["check"] for one in told["container"]] == ["probe"], done
    assert "SETUID" in told["container"][0]["observed"]


# --- images


def image(folder):
    for name in ("etc", "opt/bin", "usr/share"):
        (folder / name).mkdir(parents=True)
    (folder / "opt/bin/app").write_bytes(b"\x7fELF")
    (folder / "opt/bin/app").chmod(0o755)
    (folder / "usr/share/passwd").write_text("app:x:10001:10001::/:/bin/sh\n")
    (folder / "etc/passwd").symlink_to("/usr/share/passwd")  # inside the image
    (folder / "etc/group").write_text("app:x:10001:\n")
    folder.chmod(0o755)
    return folder


def checks(shown):
    return {one["check"]: one["verdict"] for one in json.loads(shown.out)["container"]}


def test_the_images_own_links_and_path_are_followed(ours, tmp_path):
    words = ("check-image", f"--root={image(tmp_path / 'image')}", "--user=app", "--format=json")
    lost = checks(ours["stepdown"].run(*words, "--", "app"))
    assert lost["image.user"] == "pass" and lost["image.program"] == "fail", lost
    found = checks(ours["stepdown"].run(*words, "--env=PATH=/opt/bin", "--", "app"))
    assert found["image.program"] == "pass", found


def test_a_build_line_knows_its_images_path(ours, folder):
    """As RUN does it: inside the image, with the image's ENV."""
    words = ("check-image", "--user=10001:10001", "--format=json", "--", "supervised")
    for path, verdict in ((str(folder), "pass"), ("/no/such", "fail")):
        assert checks(ours["stepdown"].run(*words, env={"PATH": path}))["image.program"] == verdict
