"""Volumes that resist: the three refusals that users meet, each told apart, and each allowed by its own word of --own-allow."""

import contextlib
import subprocess

import pytest

APP = 10001
OWN = ["--user=app", "--own=/data"]


def owner(path):
    found = path.lstat()
    return found.st_uid, found.st_gid


@pytest.fixture
def volume(host_folder):
    """Root's, with a file in it that is in the way of nothing."""
    folder = host_folder / "volume"
    folder.mkdir()
    (folder / "plain").touch()
    return folder


@contextlib.contextmanager
def read_only(volume):
    yield [f"--volume={volume}:/data:ro"]


@contextlib.contextmanager
def no_chown(volume):
    """As NFS with root_squash: root may look, and change nobody's owner."""
    yield [f"--volume={volume}:/data", "--cap-drop=CHOWN"]


@contextlib.contextmanager
def immutable(volume):
    (volume / "fixed").touch()
    subprocess.run(["chattr", "+i", volume / "fixed"], check=True)
    try:
        yield [f"--volume={volume}:/data"]
    finally:
        subprocess.run(["chattr", "-i", volume / "fixed"], check=True)


REFUSALS = {
    "read-only": (read_only, "Read-only file system"),
    "no-chown": (no_chown, "CAP_CHOWN is missing"),
    "immutable": (immutable, "it is immutable"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_named_and_ends_the_start(engine, volume, name):
    made, words = REFUSALS[name]
    with made(volume) as docker:
        result = engine.run("echo", "ran", stepdown=OWN, docker=docker)
    assert result.code == 101 and "ran" not in result.out, result
    assert words in result.err and f"--own-allow={name}" in result.err and "/data" in result.err, result
    assert len(result.err.splitlines()) == 1, result
    for other_name, (_, other) in REFUSALS.items():
        assert other_name == name or other not in result.err, result


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_allowed_is_a_warning(engine, volume, name):
    made, words = REFUSALS[name]
    with made(volume) as docker:
        result = engine.run("echo", "ran", stepdown=[*OWN, f"--own-allow={name}"], docker=docker)
        if name == "immutable":  # all the rest is given
            assert owner(volume / "plain") == owner(volume) == (APP, APP)
            assert owner(volume / "fixed") == (0, 0)
    assert (result.code, result.out) == (0, "ran\n"), result
    assert words in result.err and "warning" in result.err, result


@pytest.mark.parametrize("name", REFUSALS)
def test_nothing_else_is_allowed_with_it(engine, volume, name):
    made, words = REFUSALS[name]
    others = [f"--own-allow={other}" for other in REFUSALS if other != name]
    with made(volume) as docker:
        result = engine.run("echo", "ran", stepdown=[*OWN, *others], docker=docker)
    assert result.code == 101 and words in result.err and "ran" not in result.out, result


def test_all_three_may_be_allowed(engine, volume):
    for made, _ in REFUSALS.values():
        with made(volume) as docker:
            allowed = [f"--own-allow={name}" for name in REFUSALS]
            assert engine.run("echo", "ran", stepdown=[*OWN, *allowed], docker=docker).out == "ran\n"
