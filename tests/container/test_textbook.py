"""A host file owned by root, mode 0600, mounted into an image that runs as root."""

import pytest


@pytest.fixture(params=["debian", "busybox"])
def cat_secret(request, engine, root_file):
    def run(stepdown, *docker):
        mounted = (f"--volume={root_file}:/secret:ro", *docker)
        return engine.run("cat", "/secret", image=request.param, stepdown=stepdown, docker=mounted)

    return run


def assert_denied(result):
    assert result.code == 1, result
    assert "Permission denied" in result.err, result
    assert "the secret" not in result.all, result


def test_root_file_is_printed_without_stepdown(cat_secret):
    assert cat_secret(None).out == "the secret\n"


@pytest.mark.parametrize("user", ["app", "app:app", "10001", "10001:10001", "4711"])
def test_root_file_is_denied_when_user_comes_from_flag(cat_secret, user):
    assert_denied(cat_secret([f"--user={user}"]))


def test_root_file_is_denied_when_user_comes_from_env(cat_secret):
    assert_denied(cat_secret(["--log-level=warn"], "--env=STEPDOWN_USER=app"))


@pytest.mark.parametrize("base", ["debian", "busybox"])
def test_root_file_is_denied_when_user_comes_from_image_file(engine, root_file, base):
    lines = f"FROM {engine.image(base)}\nCOPY stepdown.toml /etc/stepdown.toml"
    image = engine.build(lines, {"stepdown.toml": (b'user = "app"\n', 0o644)}, f"{base}-with-file")
    mounted = [f"--volume={root_file}:/secret:ro"]
    assert_denied(engine.run("cat", "/secret", image=image, stepdown=(), docker=mounted))


def test_root_file_is_denied_when_user_comes_from_docker_run(cat_secret):
    assert_denied(cat_secret((), "--user=10001:10001"))


def test_root_file_is_denied_when_docker_run_and_flag_agree(cat_secret):
    assert_denied(cat_secret(["--user=app"], "--user=10001:10001"))


def test_root_file_is_denied_without_init(cat_secret):
    assert_denied(cat_secret(["--user=app", "--no-init"]))


def test_root_file_is_denied_in_a_session_through_stepdown_exec(engine, root_file):
    container = engine.start("sleep", "1000", docker=[f"--volume={root_file}:/secret:ro"])
    assert container.exec("cat", "/secret").out == "the secret\n"
    assert_denied(container.exec("/stepdown", "exec", "--", "cat", "/secret"))
