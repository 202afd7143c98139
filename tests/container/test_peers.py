"""The README's comparison: what each claim says of a peer is what the peer's Debian package does here, in a container of the same
engine, beside stepdown."""

import pytest

from harness import parse_status

INITS = {"tini": ["tini", "--"], "dumb-init": ["dumb-init", "--"], "catatonit": ["catatonit", "--"]}
DROPPERS = {
    "gosu": ["gosu", "daemon"],
    "chpst": ["chpst", "-u", "daemon"],
    "setpriv": ["setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups"],
}


def status_under(engine, *words, docker=()):
    shown = engine.run(*words, "cat", "/proc/self/status", image="peers", stepdown=None, docker=docker)
    assert shown.code == 0, shown
    return parse_status(shown.out)


def sh(engine, *words, docker=()):
    return engine.run(*words, image="peers", stepdown=None, docker=docker)


@pytest.mark.parametrize("name", INITS)
def test_an_init_leaves_the_app_as_root_as_it_was(engine, name):
    bare, left = engine.without_stepdown(), status_under(engine, *INITS[name])
    assert left == {**left, **{key: bare[key] for key in ("uid", "gid", "capabilities", "no_new_privs", "filters")}}
    assert left["uid"] == [0] * 4 and left["no_new_privs"] == 0


@pytest.mark.parametrize("name", DROPPERS)
def test_a_dropper_is_no_init(engine, name):
    """It becomes the app: nobody is left to forward a signal or to reap."""
    shown = sh(engine, *DROPPERS[name], "cat", "/proc/1/comm")
    assert shown.out == "cat\n", shown


@pytest.mark.parametrize("name", DROPPERS)
def test_a_dropper_keeps_the_bounding_set_and_sets_no_no_new_privs(engine, name):
    bare, left = engine.without_stepdown(), status_under(engine, *DROPPERS[name])
    assert left["uid"] == [1] * 4
    assert left["capabilities"]["CapBnd"] == bare["capabilities"]["CapBnd"] != 0
    assert (left["no_new_privs"], left["filters"]) == (0, bare["filters"])


def test_setpriv_without_setpcap_keeps_the_bounding_set_and_exits_0(engine):
    left = status_under(engine, "setpriv", "--bounding-set=-all", docker=["--cap-drop=SETPCAP"])
    assert left["capabilities"]["CapBnd"] != 0


def test_stepdown_without_setpcap_refuses(engine):
    shown = engine.run("true", docker=["--cap-drop=SETPCAP"])
    assert shown.code == 102 and "SETPCAP" in shown.err, shown


def test_the_chain_of_all_three_keeps_the_bounding_set_and_exits_0(engine):
    chain = ["tini", "--", "gosu", "daemon", "setpriv", "--bounding-set=-all", "--no-new-privs"]
    left = status_under(engine, *chain)
    assert left["uid"] == [1] * 4 and left["no_new_privs"] and left["capabilities"]["CapBnd"] != 0


HOMES = {"gosu": "/usr/sbin", "chpst": "/root", "setpriv": "/root"}


@pytest.mark.parametrize("name", HOMES)
def test_home_under_a_dropper(engine, name):
    shown = sh(engine, *DROPPERS[name], "sh", "-c", "echo $HOME", docker=["--env=HOME=/root"])
    assert shown.out.strip() == HOMES[name], shown


def test_setpriv_sets_home_if_asked(engine):
    words = [*DROPPERS["setpriv"], "--reset-env", "sh", "-c", "echo $HOME"]
    assert sh(engine, *words, docker=["--env=HOME=/root"]).out.strip() == "/usr/sbin"


# 2^32, which 32 bits hold as 0, and what malformed ids become.
OVERFLOW = {
    "gosu": (["gosu", "4294967296"], None),
    "chpst": (["chpst", "-u", ":4294967296:1"], "0"),
    "setpriv": (["setpriv", "--reuid=4294967296"], "0"),
}


@pytest.mark.parametrize("name", OVERFLOW)
def test_the_user_of_2_to_the_32(engine, name):
    words, uid = OVERFLOW[name]
    shown = sh(engine, *words, "id", "-u")
    if uid is None:
        assert shown.code != 0 and shown.out == "", shown
    else:
        assert (shown.code, shown.out.strip()) == (0, uid), shown
