"""Lines of tmpfiles.d(5) in a real container, and each thing that official images' entrypoints need root for, ranked by
how many do."""

import os

import pytest

from harness import parse_status


def show(engine, *paths, setup, docker=(), image="debian", user="--user=app"):
    """name, owner, group and mode of each path, as the app finds them."""
    result = engine.run("stat", "-c", "%n %U %G %a", *paths, image=image, stepdown=[user, *setup], docker=docker)
    assert result.code == 0, result
    return result.out.splitlines()


def test_lines_make_what_they_say(engine):
    lines = ["--setup=d /run/app 0750 app app", "--setup=f /run/app/conf 0640 root app - key=%u", "--setup=L /run/app/link - - - - conf",
             "--setup=p /run/app/pipe 0600 app -"]
    assert show(engine, "/run/app", "/run/app/conf", setup=lines) == ["/run/app app app 750", "/run/app/conf root app 640"]
    text = engine.run("cat", "/run/app/link", stepdown=["--user=app", *lines])
    assert text.out == "key=app", text


def test_owner_fields_can_be_the_apps(engine):
    assert show(engine, "/srv/a", setup=["--setup=d /srv/a 0700 %u %g"]) == ["/srv/a app app 700"]


def test_lines_come_from_the_file_and_the_environment(engine):
    toml = b'user = "app"\nsetup = ["d /srv/one 0700 app app", "# nothing", "f /srv/one/two - app"]\n'
    image = engine.build(f"FROM {engine.image('debian')}\nCOPY stepdown.toml /etc/stepdown.toml", {"stepdown.toml": (toml, 0o644)})
    result = engine.run("stat", "-c", "%U %a", "/srv/one", "/srv/one/two", image=image, stepdown=())
    assert result.out.splitlines() == ["app 700", "app 644"], result


def test_the_files_of_packages(engine):
    conf = b"# as Debian ships it\nd /run/postgresql 2775 app app\nd /run/lock/app 0755 app\n"
    lines = f"FROM {engine.image('debian')}\nCOPY a.conf b.conf /usr/lib/tmpfiles.d/\nRUN rm -rf /run/lock"
    files = {"a.conf": (conf, 0o644), "b.conf": (b"d /run/b 0700 app\n", 0o644)}
    image = engine.build(lines, files, name="tmpfiles")
    shown = show(engine, "/run/postgresql", "/run/b", image=image, setup=["--setup-file=/usr/lib/tmpfiles.d/*.conf"])
    assert shown == ["/run/postgresql app app 2775", "/run/b app root 700"]


def test_a_file_that_others_may_write_is_refused(engine):
    image = engine.build(f"FROM {engine.image('debian')}\nCOPY a.conf /a.conf\nRUN chown app /a.conf", {"a.conf": (b"d /x\n", 0o644)}, "theirs")
    result = engine.run("true", image=image, stepdown=["--user=app", "--setup-file=/a.conf"])
    assert result.code == 100 and "root's" in result.err, result


def test_a_bad_line_is_one_clear_line(run_container):
    for line, words in (("b /dev/x", 'type "b"'), ("d /x 9999", "octal"), ("d /x - nobody-here", "/etc/passwd")):
        result = run_container("true", stepdown=["--user=app", f"--setup={line}"])
        assert result.code == 100 and words in result.err and result.err.count("\n") == 1, result


def test_plan_shows_the_lines_that_shorthands_stand_for(run_container):
    words = ["plan", "--user=app", "--mkdir=/data:0750", "--own=/srv:0750:0640", "--setup=r! /tmp/x", "--state=db", "--", "true"]
    result = run_container(*words, stepdown=())
    for line in ("d /data 0750 10001 10001", "Z /srv 0750/0640 10001 10001", "r /tmp/x", "d /var/lib/db - 10001 10001", "set STATE_DIRECTORY"):
        assert line in result.out, result


def test_folders_as_systemd_has_them(run_container):
    options = ["--user=app", "--state=app", "--cache=app", "--logs=app", "--runtime=app", "--runtime=more"]
    result = run_container("sh", "-ec", "echo $STATE_DIRECTORY $CACHE_DIRECTORY $LOGS_DIRECTORY $RUNTIME_DIRECTORY; touch /run/more/x", stepdown=options)
    assert result.out.split() == ["/var/lib/app", "/var/cache/app", "/var/log/app", "/run/app:/run/more"], result


# ---- what official images' entrypoints need root for, by rank

def test_rank_1_recursive_chown_of_what_differs(engine, host_folder):
    (host_folder / "a").mkdir()
    (host_folder / "a/theirs").touch()
    (host_folder / "mine").touch()
    os.chown(host_folder / "mine", 10001, 10001)
    before = (host_folder / "mine").stat().st_ctime_ns
    show(engine, "/data", setup=["--own=/data"], docker=[f"--volume={host_folder}:/data"])
    assert (host_folder / "a/theirs").stat().st_uid == 10001
    assert (host_folder / "mine").stat().st_ctime_ns == before


def test_rank_2_mkdir_p(engine):
    assert show(engine, "/a/b/c", "/a", setup=["--mkdir=/a/b/c"]) == ["/a/b/c app app 755", "/a root root 755"]


@pytest.mark.parametrize("mode", ["700", "3775", "775"])
def test_rank_3_modes_of_top_directories(engine, mode):
    assert show(engine, "/data", setup=[f"--mkdir=/data:0{mode}"]) == [f"/data app app {mode}"]


def test_rank_4_start_as_the_user_with_home_right(run_container):
    shown = run_container("sh", "-c", "id -un; echo $HOME")
    assert shown.out.split() == ["app", "/home/app"], shown


def test_rank_5_modes_by_type(engine, host_folder):
    (host_folder / "d").mkdir(mode=0o777)
    (host_folder / "d/f").touch(mode=0o666)
    show(engine, "/data", setup=["--own=/data:0750:0640"], docker=[f"--volume={host_folder}:/data"])
    modes = [(host_folder / name).stat().st_mode & 0o7777 for name in ("", "d", "d/f")]
    assert modes == [0o750, 0o750, 0o640]


def test_rank_6_standard_output_belongs_to_the_app(run_container):
    shown = run_container("sh", "-c", "echo again >/proc/self/fd/1", stepdown=["--user=app", "--own-stdio"])
    assert (shown.code, shown.out) == (0, "again\n"), shown


def test_rank_7_a_capability_instead_of_setcap(run_container):
    shown = run_container("cat", "/proc/self/status", stepdown=["--user=app", "--keep-cap=net_bind_service"])
    assert parse_status(shown.out)["capabilities"]["CapEff"] == 1 << 10, shown


def test_rank_8_puid_and_pgid(engine):
    shown = engine.run("id", stepdown=["--user-env=PUID:PGID"], docker=["--env=PUID=1234", "--env=PGID=4321"])
    assert "uid=1234 gid=4321" in shown.out, shown


def test_rank_9_groups_of_the_engine_less_root(engine):
    shown = engine.run("id", "-G", stepdown=["--user=app", "--groups=keep"], docker=["--group-add=0", "--group-add=44"])
    groups = shown.out.split()
    assert "44" in groups and "0" not in groups, shown
    shown = engine.run("id", "-G", stepdown=["--user=app", "--groups=passwd,keep,29"], docker=["--group-add=0", "--group-add=44"])
    groups = shown.out.split()
    assert {"44", "29"} <= set(groups) and "0" not in groups, shown


def test_rank_10_a_file_of_the_cgroups_like_memory_pressure(engine, host_folder):
    """mariadb: chown of one file the kernel made, which may be missing or read-only."""
    (host_folder / "memory.pressure").touch()
    line = "--setup=z- /sysfs/memory.pressure - app app"
    show(engine, "/", setup=[line], docker=[f"--volume={host_folder}:/sysfs"])
    assert (host_folder / "memory.pressure").stat().st_uid == 10001
    shown = engine.run("true", stepdown=["--user=app", line], docker=[f"--volume={host_folder}:/sysfs:ro"])
    assert shown.code == 0, shown
    assert engine.run("true", stepdown=["--user=app", line]).code == 0


def test_rank_11_umask_and_no_core_dumps(run_container):
    shown = run_container("sh", "-c", "umask; ulimit -c", stepdown=["--user=app", "--umask=0077", "--rlimit=core=0"])
    assert shown.out.split() == ["0077", "0"], shown


def test_rank_12_opt_outs(engine, host_folder):
    (host_folder / "f").touch()
    mounted = [f"--volume={host_folder}:/data"]
    engine.run("true", stepdown=["--user=app", "--own=/data"], docker=[*mounted, "--env=STEPDOWN_OWN_POLICY=skip"])
    assert (host_folder / "f").stat().st_uid == 0


# ---- policies and refusals

def test_root_mismatch_trusts_the_top(engine, host_folder):
    (host_folder / "f").touch()
    mounted = [f"--volume={host_folder}:/data"]
    options = ["--user=app", "--own=/data", "--own-policy=root-mismatch"]
    os.chown(host_folder, 10001, 10001)
    engine.run("true", stepdown=options, docker=mounted)
    assert (host_folder / "f").stat().st_uid == 0
    os.chown(host_folder, 0, 0)
    engine.run("true", stepdown=options, docker=mounted)
    assert (host_folder / "f").stat().st_uid == 10001


def test_always_changes_what_is_right_too(engine, host_folder):
    (host_folder / "f").touch()
    os.chown(host_folder / "f", 10001, 10001)
    before = (host_folder / "f").stat().st_ctime_ns
    engine.run("true", stepdown=["--user=app", "--own=/data", "--own-policy=always"], docker=[f"--volume={host_folder}:/data"])
    assert (host_folder / "f").stat().st_ctime_ns != before


def test_mounts_below_are_left_alone_unless_asked_for(engine, host_folder):
    (host_folder / "top").mkdir()
    (host_folder / "other").mkdir()
    (host_folder / "other/f").touch()
    docker = [f"--volume={host_folder}/top:/data", f"--volume={host_folder}/other:/data/other"]
    engine.run("true", stepdown=["--user=app", "--own=/data"], docker=docker)
    assert (host_folder / "other/f").stat().st_uid == 0
    engine.run("true", stepdown=["--user=app", "--own=/data", "--own-across-mounts"], docker=docker)
    assert (host_folder / "other/f").stat().st_uid == 10001
