"""The documentation's links lead somewhere, the error lines it explains are the source's, and the numbers it repeats are the code's."""

import pathlib
import re
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted(REPO.glob("*.md")) + sorted(REPO.glob("docs/**/*.md")) + sorted(
    page for folder in ("bench", "toolchain", "tests", "examples") for page in REPO.glob(f"{folder}/**/*.md"))


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))


def anchors_of(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        assert to.exists(), f"{target}: is not there"
        assert not anchor or anchor in anchors_of(to), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_paths_it_names_exist(page):
    """A path of the repository in backticks: `src/cli/table.cpp`. One with NAME, a star or a build's folder is not one file."""
    for path in re.findall(r"`((?:src|docs|tests|scripts|packaging|toolchain|seccomp|examples|include)/[\w./-]+)`", page.read_text()):
        if "NAME" not in path:
            assert (REPO / path).exists(), f"{path}: is not there"


def test_what_the_pages_tell_to_make_can_be_made():
    """Also by the CI, whose jobs are such commands and nothing more."""
    targets = set(re.findall(r"^([a-z0-9]+):", (REPO / "Makefile").read_text(), flags=re.M))
    workflow = (REPO / ".github/workflows/ci.yml").read_text()
    told = set(re.findall(r"command: make (\w+)", workflow))
    for page in PAGES:
        found = re.findall(r"^(?: {4})?make ([a-z0-9]+)\b|`make ([a-z0-9]+)`", page.read_text(), flags=re.M)
        told |= {line or inline for line, inline in found}
    assert {"test", "dist", "reproduce", "lint"} <= told <= targets, told - targets


def test_the_ci_has_a_job_for_every_habit_and_no_secret():
    workflow = (REPO / ".github/workflows/ci.yml").read_text()
    for command in (".ci/run", "make lint", "make sanitize", "make fuzz", "make coverage", "make arm64", "make reproduce"):
        assert f"command: {command}}}" in workflow, command
    assert "secrets." not in workflow
    assert "STEPDOWN_" not in workflow, "a variable that every stepdown of the tests would take for an option's"
    for used in re.findall(r"uses: (\S+)", workflow):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), f"{used}: not pinned"
    assert re.search(r"image: debian:bookworm-\d{8}$", workflow, flags=re.M)


def source_text():
    """String literals as the program prints them: those that stand side by side are one."""
    texts = []
    for file in sorted(REPO.glob("src/**/*.cpp")) + sorted(REPO.glob("src/**/*.hpp")):
        texts.append(re.sub(r'"\s*\n\s*"', "", file.read_text()))
    return "\n".join(texts)


def test_every_line_that_troubleshooting_explains_is_the_sources():
    told = re.findall(r"\*\*`([^`]+)`\*\*", (REPO / "docs/troubleshooting.md").read_text())
    assert len(told) > 20
    source = source_text()
    kernels_own = {"Read-only file system"}
    missing = [line for line in told if line not in source and line not in kernels_own]
    assert not missing


def test_the_exit_codes_are_the_codes():
    codes = re.findall(r"^    k\w+ = (\d+),", (REPO / "include/stepdown/exit_code.hpp").read_text(), flags=re.M)
    page = (REPO / "docs/exit-codes.md").read_text()
    for code in codes:
        assert code == "0" or re.search(rf"^\| {code} \|", page, flags=re.M), code


def test_every_decision_is_in_the_list():
    listed = (REPO / "docs/adr/README.md").read_text()
    for page in (REPO / "docs/adr").glob("[0-9]*.md"):
        assert f"({page.name})" in listed


def test_the_readme_leads_to_every_page_of_docs():
    text = (REPO / "README.md").read_text() + (REPO / "docs/README.md").read_text()
    for page in (REPO / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in text or f"(docs/{page.name})" in text, page.name


# --- the performance page


def test_its_plots_and_tables_are_of_the_results_beside_it(tmp_path):
    kept = REPO / "docs/performance"
    done = subprocess.run([REPO / "bench/plot", f"--results={kept / 'results.json'}", f"--to={tmp_path}"], capture_output=True, text=True)
    assert done.returncode == 0, done
    for plot in ("start-up.svg", "memory.svg"):
        assert (tmp_path / plot).read_text() == (kept / plot).read_text(), f"{plot}: renew it with bench/plot --page"
        assert f"](performance/{plot})" in (REPO / "docs/performance.md").read_text()
    assert f"<!-- bench/plot -->\n{(tmp_path / 'tables.md').read_text()}<!-- /bench/plot -->" in (REPO / "docs/performance.md").read_text()
