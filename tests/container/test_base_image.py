"""examples/base-image: a distributor's base whose floor a derived image may raise and cannot lower."""

import re

import pytest

from harness import REPO, assert_tree_stepped_down

EXAMPLE = REPO / "examples/base-image"
APP = 10001


def lines_of(name, **arguments):
    """The example's Dockerfile with its ARGs' values: the classic builder has them after a FROM only if they stand in it."""
    text = (EXAMPLE / name).read_text()
    for argument, value in arguments.items():
        text = text.replace(f"${{{argument}}}", value)
    return text


@pytest.fixture(scope="module")
def base(engine_of_session):
    engine = engine_of_session
    to_copy_from = engine.build("FROM scratch\nCOPY stepdown /stepdown", {"stepdown": (engine.binary.read_bytes(), 0o755)}, "scratch")
    files = {"stepdown.toml": ((EXAMPLE / "stepdown.toml").read_bytes(), 0o644)}
    return engine.build(lines_of("Dockerfile", STEPDOWN=to_copy_from), files, "base")


@pytest.fixture(scope="module")
def derived(engine_of_session, base):
    files = {"stepdown.d/50-app.toml": ((EXAMPLE / "stepdown.d/50-app.toml").read_bytes(), 0o644)}
    return engine_of_session.build(lines_of("Dockerfile.derived", BASE=base), files, "derived")


def test_a_derived_image_needs_only_its_command(engine, derived, filters):
    container = engine.start(image=derived, stepdown=())
    container.until(lambda: len(container.processes()) == 2, what="the app")
    assert_tree_stepped_down(container.processes(), uid=APP, filters=filters)
    assert container.exec("stat", "-c", "%u %a", "/data").out == f"{APP} 750\n"
    assert container.exec("/stepdown", "verify").code == 0


@pytest.mark.parametrize("words, docker, key", [
    (("--seccomp=off",), (), "seccomp"),
    (("--user=root",), (), "user"),
    (("--own=/etc",), (), "own"),
    (("--setup=Z /etc/passwd 0666 app app",), (), "setup"),
    (("--secret=K=/etc/shadow",), (), "secret"),
    (("--listen=tcp:0.0.0.0:80",), (), "listen"),
    (("--env-file=/etc/shadow",), (), "env-file"),
    ((), ("--env=STEPDOWN_STATE=evil",), "state"),
    (("--user-from=/var",), (), "user-from"),
    (("--groups=keep",), (), "groups"),
    (("--keep-cap=net_admin",), (), "keep-cap"),
    (("--before-drop=id",), (), "before-drop"),
    (("--seccomp-allow=@ptrace",), (), "seccomp-allow"),
    ((), ("--env=STEPDOWN_SECCOMP_LEARN=1",), "seccomp-learn"),
    ((), ("--env=STEPDOWN_ALLOW_ROOT=1",), "allow-root"),
    ((), ("--env=STEPDOWN_RECEIPT=off",), "receipt"),
])
def test_a_flag_or_variable_that_loosens_starts_nothing(engine, derived, words, docker, key):
    shown = engine.run(*words, "--", "touch", "/data/ran", image=derived, stepdown=(), docker=docker)
    assert shown.code == 100, shown
    assert re.search(rf"would loosen what /etc/stepdown\.toml:4 locks( with (user|seccomp|own))?: {key}\b", shown.err), shown


def test_a_file_of_a_derived_image_that_loosens_starts_nothing(engine, derived):
    files = {"60-mine.toml": (b"allow-root = true\n", 0o644)}
    image = engine.build(f"FROM {derived}\nCOPY 60-mine.toml /etc/stepdown.d/", files, "loosened")
    shown = engine.run(image=image, stepdown=())
    assert shown.code == 100 and "/etc/stepdown.d/60-mine.toml:1: allow-root:" in shown.err, shown


def test_another_configuration_file_starts_nothing(engine, derived):
    shown = engine.run("--config=/dev/null", "--", "id", image=derived, stepdown=())
    assert shown.code == 100 and "which locks" in shown.err, shown


def test_exec_is_held_to_the_floor_too(engine, derived):
    container = engine.start(image=derived, stepdown=())
    container.until(lambda: len(container.processes()) == 2, what="the app")
    assert container.exec("/stepdown", "exec", "--", "id", "-u").out == f"{APP}\n"
    assert container.exec("/stepdown", "exec", "--seccomp=off", "--", "id").code == 100
