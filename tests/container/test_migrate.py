"""docs/migrate: every pair of images on its pages is built and run; the app sees the same before and after, and with stepdown
it has nothing left."""

import re

import pytest

from harness import REPO

PAGES = sorted(path for path in (REPO / "docs/migrate").glob("*.md") if path.name != "README.md")
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", flags=re.M | re.S)


def blocks_of(page):
    return {mark: text for _, mark, text in BLOCK.findall(page.read_text())}


def image_of(engine, page, mark):
    """What Debian's packages would be fetched for is in an image of the tests' own."""
    blocks = blocks_of(page)
    lines = re.sub(r"\AFROM debian:bookworm\nRUN apt-get update && apt-get install \S+ \S+ \S+\n", "FROM stepdown-test/peers\n",
                   blocks[mark])
    lines = re.sub(r"\AFROM debian:bookworm\n", "FROM stepdown-test/debian:bookworm\n", lines)
    files = {"stepdown": (engine.binary.read_bytes(), 0o755)}
    files |= {mark.removeprefix("file="): (text.encode(), 0o755) for mark, text in blocks.items() if mark.startswith("file=")}
    return engine.build(lines, files, f"migrate-{page.stem}")


def options_of(page):
    found = re.search(r"^<!-- run: (.*) -->$", page.read_text(), flags=re.M)
    return found[1].split() if found else []


def test_each_page_is_linked_from_the_first():
    first = (REPO / "docs/migrate/README.md").read_text()
    assert len(PAGES) == 9 and all(f"({page.name})" in first for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_app_sees_the_same_before_and_after(engine, page):
    options = options_of(page)
    after = engine.run(image=image_of(engine, page, "after"), stepdown=(), docker=options)
    assert after.code == 7 and after.out, after
    assert "uid=0" not in after.out and not after.out.startswith("0\n"), after
    if "before" in blocks_of(page):
        before = engine.run(image=image_of(engine, page, "before"), stepdown=(), docker=options)
        assert (after.out, after.code) == (before.out, before.code), (before, after)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_nothing_is_left_to_the_app_after(engine, page):
    look = ["sh", "-c", "grep -E '^(CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status"]
    shown = engine.run(*look, image=image_of(engine, page, "after"), stepdown=(), docker=options_of(page))
    values = dict(line.split(":\t") for line in shown.out.splitlines())
    assert values.pop("NoNewPrivs") == "1" and set(values.values()) == {"0" * 16}, shown
