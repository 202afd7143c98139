"""stepdown install: a copy that is what it is called, or what --as says."""

import os
import stat


def test_the_copy_is_called_by_its_files_name(ours, tmp_path):
    target = tmp_path / "dumb-init"
    assert ours["stepdown"].run("install", str(target)).code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert os.listdir(tmp_path) == ["dumb-init"], "nothing is left beside it"
    from conftest import Program

    assert Program(target).run("/no/such").code == 2


def test_as_decides_whatever_the_file_is_called(ours, tmp_path):
    from conftest import Program

    target = tmp_path / "docker-init"
    assert ours["stepdown"].run("install", "--as=tini", str(target)).code == 0
    assert Program(target).run("--version").out.startswith("tini version 0.19.0 ")
    again = tmp_path / "plain"
    assert Program(tmp_path / "docker-init").run("-e", "7", "--", "sh", "-c", "exit 7").code == 0
    assert ours["stepdown"].run("install", str(again)).code == 0
    assert Program(again).run("--version").out.startswith("stepdown ")


def test_a_directory_gets_the_name(ours, tmp_path):
    assert ours["stepdown"].run("install", "--as", "catatonit", str(tmp_path)).code == 0
    assert os.listdir(tmp_path) == ["catatonit"]


def test_what_is_there_is_replaced_while_it_runs(ours, tmp_path):
    from conftest import Program

    target = tmp_path / "tini"
    assert ours["stepdown"].run("install", str(target)).code == 0
    running = Program(target).start("--", "sleep", "1000")
    before = target.stat().st_ino
    assert ours["stepdown"].run("install", str(target)).code == 0
    assert target.stat().st_ino != before
    running.terminate()
    assert running.wait() == 143


def test_mistakes_are_one_line(ours, tmp_path):
    for words, code, text in (
        (["install", "--as=sysvinit", "/tmp/x"], 100, "is not one of tini"),
        (["install"], 100, "no path: stepdown install"),
        (["install", "--as=tini"], 100, "no path: stepdown install"),
        (["install", "a", "b"], 100, "install takes one path"),
        (["install", "/no/such/folder/x"], 101, "No such file or directory"),
    ):
        ended = ours["stepdown"].run(*words)
        assert ended.code == code and text in ended.err and ended.err.count("\n") == 1, ended
