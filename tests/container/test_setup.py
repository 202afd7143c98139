"""Root-only work: directories made, paths given to the app, and what happens when root's rights are not there."""

import os

import pytest


def test_mkdir_makes_the_directory_and_those_above_for_the_app(run_container):
    shown = run_container(
        "stat", "-c", "%n %U %a", "/data", "/data/deep", stepdown=["--user=app", "--mkdir=/data/deep:0700"]
    )
    assert shown.out.splitlines()[1] == "/data/deep app 700", shown
    assert run_container("touch", "/data/file", stepdown=["--user=app", "--mkdir=/data"]).code == 0


@pytest.mark.parametrize("base", ["debian", "busybox"])
def test_own_gives_a_volume_and_all_below_it(engine, host_folder, base):
    (host_folder / "a/b").mkdir(parents=True)
    (host_folder / "a/b/file").write_text("old")
    result = engine.run(
        "sh", "-c", "echo new >/data/a/b/file && echo more >/data/top",
        image=base, stepdown=["--user=app", "--own=/data"], docker=[f"--volume={host_folder}:/data"],
    )  # fmt: skip
    assert result.code == 0, result
    assert (host_folder / "a/b/file").read_text() == "new\n"
    for path in (host_folder, host_folder / "a", host_folder / "a/b/file"):
        assert (path.stat().st_uid, path.stat().st_gid) == (10001, 10001), path


def test_own_misses_nothing_of_a_volume_that_both_cores_walk(engine, host_folder):
    flat, deep = host_folder / "flat", host_folder / "a/b/c/d"
    flat.mkdir()
    deep.mkdir(parents=True)
    for number in range(12000):
        ((flat, deep)[number % 2] / f"a file with a name that is longer than most, number {number}").touch()
    result = engine.run(
        "true", stepdown=["--user=app", "--own=/data"], docker=[f"--volume={host_folder}:/data"]
    )
    assert result.code == 0, result
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in host_folder.rglob("*")}
    assert owners == {(10001, 10001)}


def test_own_does_not_follow_a_link_that_the_app_planted(engine, host_folder):
    (host_folder / "link").symlink_to("/etc/shadow")
    (host_folder / "folder").symlink_to("/etc")
    shown = engine.run(
        "stat", "-L", "-c", "%U", "/data/link", "/data/folder", "/etc/passwd",
        stepdown=["--user=app", "--own=/data"], docker=[f"--volume={host_folder}:/data"],
    )  # fmt: skip
    assert shown.out.split() == ["root"] * 3, shown
    assert (host_folder / "link").lstat().st_uid == 10001


def test_own_of_a_path_that_goes_through_a_link_is_refused(engine, host_folder):
    (host_folder / "link").symlink_to("/etc")
    result = engine.run(
        "echo", "ran", stepdown=["--user=app", "--own=/data/link/apt"], docker=[f"--volume={host_folder}:/data"]
    )
    assert result.code == 101 and "ran" not in result.out and "/data/link" in result.err, result


def test_own_keeps_a_hard_link_to_roots_file_from_becoming_the_apps(engine, host_folder):
    (host_folder / "secret").write_text("root's")
    (host_folder / "secret").chmod(0o600)
    (host_folder / "volume").mkdir()
    os.link(host_folder / "secret", host_folder / "volume/gift")
    engine.run(
        "true", stepdown=["--user=app", "--own=/data"], docker=[f"--volume={host_folder}/volume:/data"]
    )
    assert (host_folder / "secret").stat().st_uid == 0


WITHOUT_CHOWN = ["--cap-drop=CHOWN"]


def test_own_without_cap_chown_fails_and_names_it(run_container):
    result = run_container("echo", "ran", stepdown=["--user=app", "--own=/srv"], docker=WITHOUT_CHOWN)
    assert result.code == 101, result
    assert "ran" not in result.out
    assert "CAP_CHOWN" in result.err and "/srv" in result.err, result
    assert len(result.err.splitlines()) == 1, result


def test_own_without_cap_chown_may_be_skipped_when_it_is_written(run_container):
    options = ["--user=app", "--own=/srv", "--setup-best-effort"]
    result = run_container("echo", "ran", stepdown=options, docker=WITHOUT_CHOWN)
    assert (result.code, result.out) == (0, "ran\n"), result
    assert "CAP_CHOWN" in result.err and "/srv" in result.err, result


def test_own_as_another_user_than_root_is_skipped_and_says_so(run_container):
    result = run_container("echo", "ran", stepdown=["--user=app", "--own=/srv"], docker=["--user=10001:10001"])
    assert (result.code, result.out) == (0, "ran\n"), result
    assert "skipped: --own /srv: " in result.err and result.err.endswith(": the start is not root's\n"), result
    assert len(result.err.splitlines()) == 1, result


def test_own_of_what_is_the_apps_already_needs_no_right(run_container):
    options = ["--user=app", "--own=/home/app"]
    assert run_container("echo", "ran", stepdown=options, docker=["--user=10001:10001"]).out == "ran\n"
    assert run_container("echo", "ran", stepdown=options, docker=WITHOUT_CHOWN).out == "ran\n"


def test_own_on_a_read_only_mount_fails_and_names_the_mount(engine, host_folder):
    mounted = [f"--volume={host_folder}:/data:ro"]
    result = engine.run("echo", "ran", stepdown=["--user=app", "--own=/data"], docker=mounted)
    assert result.code == 101 and "ran" not in result.out, result
    assert "/data" in result.err and "read-only" in result.err.lower(), result


def test_mkdir_on_a_read_only_root_fails_and_a_tmpfs_helps(run_container):
    options = ["--user=app", "--mkdir=/run/app"]
    refused = run_container("echo", "ran", stepdown=options, docker=["--read-only"])
    assert refused.code == 101 and "/run/app" in refused.err, refused
    helped = run_container("touch", "/run/app/file", stepdown=options, docker=["--read-only", "--tmpfs=/run"])
    assert helped.code == 0, helped


def test_own_of_a_missing_path_fails(run_container):
    result = run_container("echo", "ran", stepdown=["--user=app", "--own=/no/such/path"])
    assert result.code == 101 and "ran" not in result.out and "/no/such/path" in result.err, result


def test_setup_comes_from_the_environment_and_the_file_too(engine):
    text = b'user = "app"\nmkdir = ["/one", "/two:0750"]\nown = ["/srv"]\n'
    lines = f"FROM {engine.image('debian')}\nCOPY stepdown.toml /etc/stepdown.toml"
    image = engine.build(lines, {"stepdown.toml": (text, 0o644)})
    shown = engine.run("stat", "-c", "%U", "/one", "/two", "/srv", image=image, stepdown=())
    assert shown.out.split() == ["app"] * 3, shown
    shown = engine.run("stat", "-c", "%U", "/srv", docker=["--env=STEPDOWN_OWN=/srv"])
    assert shown.out.split() == ["app"], shown
