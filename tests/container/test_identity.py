"""Who the app is and what it inherits, asked of the app itself; a test for each thing that official images' entrypoints
need root for."""

import os
import re

import pytest

from harness import parse_status

SHOW = "cat /proc/self/status"


def status(result):
    assert result.code == 0, result
    return parse_status(result.out)


def refused(result, *words, code=100):
    assert result.code == code, result
    for word in words:
        assert word in result.err, result


@pytest.fixture(scope="module")
def groups_image(engine_of_session):
    lines = f"FROM {engine_of_session.image('debian')}\nRUN usermod --append --groups adm,tape app"
    return engine_of_session.build(lines, name="groups")


# ---- groups

def test_groups_are_none_unless_asked_for(engine, groups_image):
    shown = engine.run("cat", "/proc/self/status", image=groups_image, docker=["--group-add=27"])
    assert status(shown)["groups"] == []


def test_groups_of_the_passwd_and_group_files(engine, groups_image):
    shown = engine.run("cat", "/proc/self/status", image=groups_image, stepdown=["--user=app", "--groups=passwd"])
    assert status(shown)["groups"] == [4, 26]


def test_groups_of_the_engine_are_kept_but_never_root(engine, groups_image):
    shown = engine.run("cat", "/proc/self/status", image=groups_image, stepdown=["--user=app", "--groups=keep"],
                       docker=["--group-add=0", "--group-add=27", "--group-add=4242"])
    groups = status(shown)["groups"]
    assert 27 in groups and 4242 in groups and 0 not in groups


def test_groups_of_a_list(engine, groups_image):
    shown = engine.run("cat", "/proc/self/status", image=groups_image, stepdown=["--user=app", "--groups=audio,4242"])
    assert status(shown)["groups"] == [29, 4242]
    refused(engine.run("id", stepdown=["--user=app", "--groups=audio,root"]), "gid 0")
    refused(engine.run("id", stepdown=["--user=app", "--groups=nosuch"]), "nosuch", "/etc/group")


def test_verify_and_exec_hold_the_groups_that_were_asked_for(engine, groups_image):
    container = engine.start("sleep", "60", image=groups_image, stepdown=["--user=app", "--groups=passwd"])
    container.until_answers("/stepdown", "verify", "--quiet")
    beside = container.exec("/stepdown", "exec", "--", "cat", "/proc/self/status")
    assert status(beside)["groups"] == [4, 26]


# ---- the user

def test_user_from_a_path(engine, host_folder):
    os.chown(host_folder, 4321, 8765)
    shown = engine.run("id", stepdown=["--user-from=/data"], docker=[f"--volume={host_folder}:/data"])
    assert "uid=4321 gid=8765" in shown.out, shown
    os.chown(host_folder, 0, 0)
    refused(engine.run("id", stepdown=["--user-from=/data"], docker=[f"--volume={host_folder}:/data"]), "is root's")
    shown = engine.run("id", "-un", stepdown=["--user-from=/data", "--user=app"], docker=[f"--volume={host_folder}:/data"])
    assert shown.out.strip() == "app", shown
    refused(engine.run("id", stepdown=["--user-from=/none"]), "does not exist")


def test_user_of_puid_and_pgid(engine):
    def run(*docker, user=()):
        return engine.run("id", stepdown=["--user-env=PUID:PGID", *user], docker=[f"--env={entry}" for entry in docker])

    assert "uid=1234 gid=5678" in run("PUID=1234", "PGID=5678").out
    assert "uid=1234 gid=1234" in run("PUID=1234").out
    for value in ("0", "root", "-1", " 1", "01", "4294967296"):
        refused(run(f"PUID={value}", "PGID=5678"), "PUID", "no id for an app")
    refused(run("PUID=1234", "PGID=0"), "PGID")
    refused(run(), "PUID is not set")
    assert "uid=10001(app)" in run(user=["--user=app"]).out


def test_home_and_user_are_the_users(run_container):
    shown = run_container("sh", "-c", "echo $HOME $USER $LOGNAME")
    assert shown.out.split() == ["/home/app", "app", "app"], shown


def test_an_account_for_a_uid_without_one(run_container):
    options = ["--user=23456", "--passwd-entry=worker"]
    shown = run_container("sh", "-c", "id -un; echo $USER; grep -c . /etc/passwd", stepdown=options)
    assert shown.out.split()[:2] == ["worker", "worker"], shown
    readonly = run_container("id", "-u", stepdown=options, docker=["--read-only"])
    assert readonly.code == 0 and readonly.out.strip() == "23456" and "Read-only file system" in readonly.err, readonly
    refused(run_container("id", stepdown=["--user=23456", "--passwd-entry=app"]), "another uid's account")


def test_an_account_for_docker_run_user_where_group_0_may_write(engine):
    image = engine.build(f"FROM {engine.image('debian')}\nRUN chmod g+w /etc/passwd", name="anyuid")
    shown = engine.run("id", "-un", image=image, stepdown=["--passwd-entry=worker"], docker=["--user=23456:0"])
    assert shown.out.strip() == "worker", shown


# ---- capabilities

def test_a_kept_capability_works_and_is_the_only_one(engine):
    # The engine opens low ports to everybody; closed again, only the capability opens them.
    docker = ["--sysctl=net.ipv4.ip_unprivileged_port_start=1024"]
    python = "perl"
    listen = "use IO::Socket::INET; IO::Socket::INET->new(LocalPort => 80, Listen => 1) or die; print `cat /proc/self/status`"
    shown = engine.run(python, "-e", listen, stepdown=["--user=app", "--keep-cap=net_bind_service"], docker=docker)
    sets = status(shown)["capabilities"]
    assert set(sets.values()) == {1 << 10}, sets
    assert status(shown)["no_new_privs"] == 1
    without = engine.run(python, "-e", listen, docker=docker)
    assert without.code != 0, without


def test_a_kept_capability_is_verified(engine):
    container = engine.start("sleep", "60", stepdown=["--user=app", "--keep-cap=net_bind_service"])
    container.until_answers("/stepdown", "verify", "--quiet")


def test_a_capability_that_the_container_lacks_cannot_be_kept(run_container):
    result = run_container("true", stepdown=["--user=app", "--keep-cap=sys_admin"])
    refused(result, "cannot keep sys_admin", "--cap-add=sys_admin", code=102)


def test_file_capabilities_that_cannot_work_are_named(engine):
    lines = (f"FROM {engine.image('debian')}\nCOPY caps.pl /\n"
             "RUN cp /bin/sleep /capped && perl /caps.pl")
    # setcap(8) is not in the image: the attribute by its call, cap_net_raw+p
    perl = b'my @a = ("/capped", "security.capability", pack("V5", 0x02000000, 1 << 13, 0, 0, 0)); syscall(188, @a, 20, 0) == 0 or die "$!";'
    image = engine.build(lines, {"caps.pl": (perl, 0o644)}, name="filecaps")
    result = engine.run("/capped", "0", image=image)
    assert "file capabilities" in result.err and "net_raw" in result.err and "setcap -r" in result.err, result
    kept = engine.run("/capped", "0", image=image, stepdown=["--user=app", "--keep-cap=net_raw"])
    assert kept.code == 0 and kept.err == "", kept


# ---- environment

def test_environment_is_changed_in_order(engine):
    image = engine.build(f"FROM {engine.image('debian')}\nCOPY vars /etc/vars", {"vars": (b"# c\nA=file\nB=file\n", 0o600)}, "vars")
    shown = engine.run("env", image=image, docker=["--env=GONE=1", "--env=STAYS=1"],
                       stepdown=["--user=app", "--env-file=/etc/vars", "--env=B=flag", "--unset=GONE"])
    entries = shown.out.split()
    assert "A=file" in entries and "B=flag" in entries and "STAYS=1" in entries, shown
    assert not any(entry.startswith("GONE") for entry in entries)


def test_environment_is_cleared_but_for_what_is_kept(run_container):
    shown = run_container("/usr/bin/env", stepdown=["--user=app", "--clear-env", "--keep-env=TZ"],
                          docker=["--env=TZ=UTC", "--env=SECRET=1"])
    names = {entry.split("=")[0] for entry in shown.out.split()}
    assert names == {"TZ", "HOME", "USER", "LOGNAME", "SHELL"}, shown


def test_an_env_file_by_a_link_of_the_apps_is_refused(engine):
    lines = f"FROM {engine.image('debian')}\nRUN install -d -o app /data && ln -s /etc/shadow /data/env && chown -h app /data/env"
    image = engine.build(lines, name="envlink")
    refused(engine.run("env", image=image, stepdown=["--user=app", "--env-file=/data/env"]), "/data/env", "links")


# ---- the process

def test_umask_limits_and_directory(run_container):
    options = ["--user=app", "--umask=0027", "--rlimit=core=0", "--rlimit=nofile=128:256", "--cwd=/usr", "--nice=5"]
    shown = run_container("bash", "-c", "umask; ulimit -c; ulimit -Sn; ulimit -Hn; pwd; nice", stepdown=options)
    assert shown.out.split() == ["0027", "0", "128", "256", "/usr", "5"], shown


def test_oom_score_adj(run_container):
    shown = run_container("cat", "/proc/self/oom_score_adj", stepdown=["--user=app", "--oom-score-adj=700"])
    assert shown.out.strip() == "700", shown


def test_cwd_is_entered_with_the_apps_rights(run_container):
    refused(run_container("true", stepdown=["--user=app", "--cwd=/root"]), "/root", "Permission denied", code=102)


def test_standard_output_can_be_opened_again(engine):
    """moby#31243: EACCES on /dev/stdout after the drop."""
    command = ["sh", "-c", "echo again >/dev/stdout && echo fault >/dev/stderr"]
    without = engine.run(*command)
    assert without.code != 0, without
    shown = engine.run(*command, stepdown=["--user=app", "--own-stdio"])
    assert shown.code == 0 and shown.out == "again\n" and shown.err == "fault\n", shown


def test_standard_output_that_is_a_terminal_can_be_opened_again(engine):
    shown = engine.run("sh", "-c", "echo again >/dev/stdout", stepdown=["--user=app", "--own-stdio"], docker=["--tty"])
    assert shown.code == 0 and shown.out.strip() == "again", shown
