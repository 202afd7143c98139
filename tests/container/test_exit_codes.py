"""What a container ends with, and the one line that says why."""

import pytest


def assert_refused(result, code, *words):
    """The stage's exit code, one line with these words in it, and the app never ran."""
    assert result.code == code, result
    assert "ran" not in result.out, result
    assert len(result.err.strip().splitlines()) == 1, result.err
    for word in words:
        assert word in result.err, result.err


@pytest.mark.parametrize("status", [0, 7, 100, 255])
def test_the_apps_own_status_is_the_containers(run_container, status):
    assert run_container("sh", "-c", f"exit {status}", image="busybox").code == status


@pytest.mark.parametrize("signal, status", [("KILL", 137), ("SEGV", 139), ("TERM", 143)])
def test_a_crash_is_128_and_the_signal(run_container, signal, status):
    result = run_container("sh", "-c", f"kill -{signal} $$", image="busybox")
    assert result.code == status, result


@pytest.mark.parametrize("base", ["debian", "busybox"])
@pytest.mark.parametrize("options", [["--user=app"], ["--user=app", "--no-init"]])
class TestWhatCannotBeExecuted:
    def test_a_missing_binary_is_127(self, run_container, base, options):
        assert_refused(run_container("/no/such", image=base, stepdown=options), 127, "/no/such")

    def test_a_name_that_is_nowhere_in_path_is_127(self, run_container, base, options):
        assert_refused(run_container("no-such-program", image=base, stepdown=options), 127, "no-such-program")

    def test_a_directory_as_binary_is_126(self, run_container, base, options):
        assert_refused(run_container("/etc", image=base, stepdown=options), 126, "/etc")

    def test_a_file_without_execute_permission_is_126(self, run_container, base, options):
        assert_refused(run_container("/etc/passwd", image=base, stepdown=options), 126, "/etc/passwd")


def test_a_missing_interpreter_is_127_and_named(engine):
    script = {"script": (b"#!/no/interpreter\n", 0o755)}
    image = engine.build(f"FROM {engine.image('debian')}\nCOPY script /script", script)
    assert_refused(engine.run("/script", image=image), 127, "/script", "/no/interpreter")


def test_what_only_root_may_execute_is_126_after_the_drop(engine):
    image = engine.build(f"FROM {engine.image('debian')}\nRUN cp /bin/true /root-only && chmod 0700 /root-only")
    assert_refused(engine.run("/root-only", image=image), 126, "/root-only")


@pytest.mark.parametrize(
    "words, named",
    [
        (["--user=app", "--"], "command"),
        (["--user=app", "--no-such-option", "--", "echo", "ran"], "--no-such-option"),
        (["--user=", "--", "echo", "ran"], "--user"),
        (["--user=nobody-here", "--", "echo", "ran"], "nobody-here"),
        (["--user=app:no-group", "--", "echo", "ran"], "no-group"),
        (["--user=app", "--mkdir=relative", "--", "echo", "ran"], "relative"),
        (["--user=app", "--seccomp=/no/profile", "--", "echo", "ran"], "/no/profile"),
        (["--user=app", "--config=/no/file", "--", "echo", "ran"], "/no/file"),
    ],
)
def test_bad_words_are_100_and_named(run_container, words, named):
    assert_refused(run_container(*words, image="busybox", stepdown=()), 100, named)


@pytest.mark.parametrize(
    "variable", ["STEPDOWN_USER=", "STEPDOWN_USER=nobody-here", "STEPDOWN_USRE=app", "STEPDOWN_LOG_LEVEL=loud"]
)
def test_bad_environment_is_100_and_named(run_container, variable):
    options = ["--log-format=text", "--user=app"] if "USER=" not in variable else ["--log-format=text"]
    result = run_container("echo", "ran", image="busybox", stepdown=options, docker=[f"--env={variable}"])
    assert_refused(result, 100, variable.split("=")[0])


@pytest.mark.parametrize(
    "text, named", [('usre = "app"', "usre"), ('user = ""', "user"), ("user = ", "1"), ("user = 0", "user")]
)
def test_a_bad_file_is_100_and_its_place_is_named(engine, text, named):
    lines = f"FROM {engine.image('busybox')}\nCOPY stepdown.toml /etc/stepdown.toml"
    image = engine.build(lines, {"stepdown.toml": (text.encode(), 0o644)})
    assert_refused(engine.run("echo", "ran", image=image, stepdown=()), 100, "/etc/stepdown.toml", named)


def each_user(engine, users, image="busybox"):
    """All of them in one container, not as PID 1: for each user the exit code, and how much the app wrote."""
    loop = 'for user; do /stepdown --user="$user" -- echo ran >/tmp/out 2>/tmp/err; echo "$? $(wc -c </tmp/out)"; done'
    result = engine.run("sh", "-c", loop, "sh", *users, image=image, stepdown=None)
    return dict(zip(users, result.out.splitlines(), strict=True))


ROOTS = ["0", "root", "0:0", "root:root", "10001:0", "app:root", "00", ":app"]


def test_root_is_refused_unless_it_is_written(engine):
    assert each_user(engine, ROOTS) == dict.fromkeys(ROOTS, "100 0")


def test_no_user_at_all_is_refused_when_started_as_root(run_container):
    assert_refused(run_container("echo", "ran", stepdown=["--log-level=warn"]), 100, "--user", "--allow-root")


def test_group_0_that_the_engine_gave_is_said(run_container):
    """docker run --user=UID gives group 0 to a number it does not know; without a right nobody can leave it."""
    result = run_container("id", "-g", stepdown=["--log-level=warn"], docker=["--user=4711"])
    assert (result.code, result.out) == (0, "0\n") and "gid 0" in result.err, result


def test_allow_root_keeps_the_id_and_nothing_else(run_container):
    result = run_container("cat", "/proc/self/status", stepdown=["--user=root", "--allow-root"])
    told = dict(line.split(":\t", 1) for line in result.out.splitlines())
    assert told["Uid"].split() == ["0"] * 4
    assert {told[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}, told
    assert told["NoNewPrivs"] == "1"


WRONG_IDS = ["-1", "+1", "4294967295", "4294967296", "4294967297", "0x10", "1e3", " 10001", "10001 ", "10001x", "1 0",
             "10001:", ":", "::", "10001:-1", "10001:4294967295", "10001:4294967296", ":4294967296:1"]  # fmt: skip


def test_ids_that_are_no_ids_never_run_the_app(engine):
    """Each would have been root, or another user, with one of the peers."""
    assert each_user(engine, WRONG_IDS) == dict.fromkeys(WRONG_IDS, "100 0")


def test_a_malformed_passwd_line_is_never_root(engine):
    passwd = b"one\ntwo:x\nthree:x::\nfour:x:4294967296:1:::\n+::::::\nfive:x:zero:0:::\n:x:0:0:::\n"
    files = {"passwd": (passwd, 0o644)}
    image = engine.build(f"FROM {engine.image('busybox')}\nCOPY passwd /etc/passwd", files)
    names = ["one", "two", "three", "four", "+", "five"]
    assert each_user(engine, names, image) == dict.fromkeys(names, "100 0")


def test_a_setuid_stepdown_refuses_to_run(engine):
    image = engine.build(f"FROM {engine.image('debian')}\nRUN chmod 4755 /stepdown")
    assert_refused(engine.run("echo", "ran", image=image), 100, "setuid")
