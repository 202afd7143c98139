"""stepdown plan, exec and verify, as a Dockerfile, docker exec, a health check and a monitor call them."""

import json

import pytest

from harness import assert_stepped_down, parse_status


# --- plan


def test_plan_tells_values_and_where_each_came_from(engine):
    lines = f'FROM {engine.image("debian")}\nCOPY stepdown.toml /etc/stepdown.toml\nENV STEPDOWN_OWN=/srv'
    image = engine.build(lines, {"stepdown.toml": (b'user = "app"\n', 0o644)})
    shown = engine.run("plan", "--mkdir=/data", "--", "touch", "/ran", image=image, stepdown=())
    assert shown.code == 0, shown
    for words in ("/etc/stepdown.toml:1", "STEPDOWN_OWN", "--mkdir", "/data", "/srv", "10001", "default"):
        assert words in shown.out, (words, shown.out)


def test_plan_touches_nothing(run_container):
    plan = "/stepdown plan --user=app --mkdir=/data --own=/srv -- touch /ran >/dev/null"
    look = f"{plan} && stat -c %U /srv; ls -d /data /ran"
    shown = run_container("sh", "-c", look, stepdown=None)
    assert shown.out.split() == ["root"] and shown.code == 2, shown


def test_plan_as_json_is_json(run_container):
    shown = run_container("plan", "--format=json", "--user=app", "--", "true", stepdown=())
    assert json.loads(shown.out), shown


@pytest.mark.parametrize("user, code", [("app", 0), ("nobody-here", 100), ("root", 100)])
def test_plan_check_decides_a_docker_build(engine, user, code):
    check = f'RUN ["/stepdown", "plan", "--check", "--user={user}", "--mkdir=/data", "--", "true"]'
    dockerfile = f"FROM {engine.image('debian')}\nUSER 4711:4711\n{check}".encode()
    built = engine.try_build({"Dockerfile": (dockerfile, 0o644)})
    assert (built.code == 0) == (code == 0), built
    assert code == 0 or f"non-zero code: {code}" in built.all, built


# --- exec


@pytest.fixture
def running(start_container):
    container = start_container("sleep", "1000")
    container.until(lambda: len(container.processes()) == 2, what="the app")
    return container


def test_docker_exec_alone_is_root_and_stepdown_exec_is_not(running, filters):
    assert running.exec("id", "-u").out == "0\n"
    shown = running.exec("/stepdown", "exec", "--", "cat", "/proc/self/status")
    assert_stepped_down(parse_status(shown.out), uid=10001, filters=filters)


def test_exec_does_no_setup(start_container):
    container = start_container("sleep", "1000", stepdown=["--user=app", "--mkdir=/data"])
    container.until_answers("rmdir", "/data")
    assert container.exec("/stepdown", "exec", "--", "true").code == 0
    assert container.exec("test", "-e", "/data").code == 1


def test_exec_ends_with_the_commands_status(running):
    assert running.exec("/stepdown", "exec", "--", "sh", "-c", "exit 7").code == 7
    assert running.exec("/stepdown", "exec", "--", "/no/such").code == 127
    assert running.exec("/stepdown", "exec", "--user=nobody-here", "--", "true").code == 100


def test_a_health_check_through_exec_runs_as_the_app(start_container):
    check = "/stepdown exec -- sh -c 'id -u; grep NoNewPrivs /proc/self/status'"
    container = start_container("sleep", "1000", docker=[f"--health-cmd={check}", "--health-interval=1s"])
    container.until(lambda: container.inspect("{{.State.Health.Status}}") == "healthy", what="health")
    told = container.inspect("{{(index .State.Health.Log 0).Output}}")
    assert told.split() == ["10001", "NoNewPrivs:", "1"]


# --- verify


def report(container, *options, user="0"):
    shown = container.exec("/stepdown", "verify", "--format=json", *options, user=user)
    assert shown.out, shown
    return shown.code, json.loads(shown.out)


def test_verify_passes_from_a_root_session_and_calls_that_session_foreign(running):
    code, told = report(running)
    assert code == 0, told
    text = running.exec("/stepdown", "verify")
    assert text.code == 0 and "foreign" in text.out, text
    assert "foreign" in json.dumps(told), told


def test_verify_quiet_answers_by_status_alone(running):
    assert running.exec("/stepdown", "verify", "--quiet").all == ""


def test_verify_fails_on_a_container_without_stepdown(start_container):
    container = start_container("sleep", "1000", stepdown=None)
    shown = container.exec("/stepdown", "verify")
    assert shown.code == 1, shown


def test_verify_with_bad_words_is_2(running):
    assert running.exec("/stepdown", "verify", "--no-such-option").code == 2


@pytest.mark.parametrize("docker", [["--read-only"], ["--user=10001:10001", "--cap-drop=ALL"], ["--tty"], ["--cap-add=SYS_ADMIN"]])
@pytest.mark.parametrize("base", ["debian", "busybox"])
def test_verify_passes_however_it_was_started(start_container, docker, base):
    container = start_container("sleep", "1000", image=base, docker=docker)
    container.until(lambda: len(container.processes()) == 2, what="the app")
    shown = container.exec("/stepdown", "verify")
    assert shown.code == 0, shown


def test_verify_without_init(start_container):
    container = start_container("sleep", "1000", stepdown=["--user=app", "--no-init"])
    container.until(lambda: container.processes()[0]["name"] == "sleep", what="the app")
    shown = container.exec("/stepdown", "verify")
    assert shown.code == 0, shown


def test_verify_sees_a_process_below_pid_1_that_is_not_what_was_intended(start_container):
    """A process of root's adopted by PID 1 is judged as the app's: it descends from PID 1 now."""
    container = start_container("sleep", "1000")
    container.until(lambda: len(container.processes()) == 2, what="the app")
    container.exec("sh", "-c", "(sleep 1000 &)", options=["--detach"])
    container.until(lambda: len(container.processes()) == 3, what="the adopted process")
    shown = container.exec("/stepdown", "verify")
    assert shown.code == 1, shown


def test_the_app_cannot_write_or_replace_the_receipt(running):
    for command in ("echo forged >/run/stepdown.receipt", "rm -f /run/stepdown.receipt",
                    "mv /run/stepdown.receipt /run/other"):
        assert running.exec("sh", "-c", command, user="app").code != 0, command
    assert running.exec("/stepdown", "verify").code == 0
