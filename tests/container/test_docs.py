"""Every shell block that a page marks with `run` is run, line after line, by root in a container that has stepdown in PATH and a user
called app."""

import re

import pytest

from harness import REPO

BLOCKS = [pytest.param(text, id=f"{page.stem}-{number}")
          for page in sorted(REPO.glob("*.md")) + sorted(REPO.glob("docs/**/*.md"))
          for number, text in enumerate(re.findall(r"^```sh run\n(.*?)^```$", page.read_text(), flags=re.M | re.S))]


def test_there_are_some():
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("text", BLOCKS)
def test_the_block_runs(run_container, text):
    shown = run_container("sh", "-exc", f"PATH=$PATH:/\n{text}", stepdown=None)
    assert shown.code == 0, shown
