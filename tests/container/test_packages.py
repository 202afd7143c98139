"""What `make dist` yields: each artefact put into an image as its users would, run there, and taken out again."""

import base64
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess

import pytest

from harness import REPO, assert_stepped_down, cache_folder, executable, parse_status, run_program

NOBODY = 65534
PACKAGES = ("", ".deb", ".rpm", ".tar.gz")
KINDS = (*PACKAGES, ".spdx.json", ".cdx.json", ".openvex.json", ".provenance.json")
# What was made beforehand is whole; what the tests make for themselves is for this machine alone, a build less.
MACHINES = ("amd64", "arm64") if "STEPDOWN_DIST" in os.environ else ("amd64",)


def ran(*argv, **options):
    done = run_program(argv, **options)
    assert done.code == 0, done.all
    return done.out


def make_dist(folder):
    with open(cache_folder() / "dist-under-test.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran(REPO / "scripts/dist", f"--output={folder}", *(f"--machine={machine}" for machine in MACHINES), timeout=3600)
    return folder


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """STEPDOWN_DIST names the folder of a `make dist` that has been made already."""
    return pathlib.Path(os.environ["STEPDOWN_DIST"]) if "STEPDOWN_DIST" in os.environ else make_dist(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def version():
    return re.search(r"project\(stepdown VERSION (\S+)", (REPO / "CMakeLists.txt").read_text())[1]


@pytest.fixture(scope="module")
def artefact(dist, version):
    return lambda kind, machine="amd64": dist / f"stepdown-{version}-linux-{machine}{kind}"


@pytest.fixture(scope="module")
def image_archive(dist, version):
    return dist / f"stepdown-{version}.oci.tar"


# --- the files


def test_every_artefact_is_there_and_no_other(dist, artefact, image_archive):
    names = {artefact(kind, machine).name for kind in KINDS for machine in MACHINES} | {image_archive.name, "SHA256SUMS"}
    assert {path.name for path in dist.iterdir()} == names


def test_the_sums_are_right(dist):
    ran("sh", "-c", f"cd {dist} && sha256sum --check --strict --quiet SHA256SUMS")
    assert len((dist / "SHA256SUMS").read_text().splitlines()) == len(KINDS) * len(MACHINES) + 1


@pytest.mark.parametrize("machine", MACHINES)
def test_lintian_finds_no_fault(artefact, machine):
    done = run_program(["lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0", artefact(".deb", machine)])
    assert done.code == 0 and not done.out.strip(), done


def test_every_override_is_explained():
    lines = (REPO / "packaging/lintian-overrides").read_text().splitlines()
    assert lines and all(line.startswith("#") or before.startswith("#") for before, line in zip([""] + lines, lines))


def linked_archives():
    text = pathlib.Path(executable("STEPDOWN_BINARY", "build/release/stepdown")).with_suffix(".map").read_text()
    return set(re.findall(r"/(\w[\w+.-]*\.a)\(", text))


def test_the_inventories_name_what_is_linked_with_versions(artefact):
    """The names are written here once more: a library that comes or goes must be noticed by somebody."""
    wanted = {"musl", "libc++", "libunwind", "libcap-ng", "libmd"}
    assert len(linked_archives()) == len(wanted), linked_archives()
    spdx = json.loads(artefact(".spdx.json").read_text())
    cyclonedx = json.loads(artefact(".cdx.json").read_text())
    packages = {package["SPDXID"]: package for package in spdx["packages"]}
    linked = {packages[relation["relatedSpdxElement"]]["name"] for relation in spdx["relationships"]
              if relation["relationshipType"] == "STATIC_LINK"}
    assert linked == wanted
    told = {(package["name"], package["versionInfo"]) for package in spdx["packages"][1:]}
    assert told == {(part["name"], part["version"]) for part in cyclonedx["components"]}
    for name, version in told:
        assert re.match(r"(\d+:)?\d+\.\d", version), (name, version)
    assert "libseccomp" in dict(told), "its names and numbers of calls are in the binary, if none of its code"
    musl = ran("dpkg-query", "-W", "-f", "${source:Version}", "musl-dev")
    assert ("musl", musl) in told


@pytest.mark.parametrize("machine", MACHINES)
def test_inventories_and_provenance_are_of_this_binary(artefact, image_archive, machine):
    digest = hashlib.sha256(artefact("", machine).read_bytes()).hexdigest()
    spdx = json.loads(artefact(".spdx.json", machine).read_text())
    assert spdx["packages"][0]["checksums"][0]["checksumValue"] == digest
    cyclonedx = json.loads(artefact(".cdx.json", machine).read_text())
    assert cyclonedx["metadata"]["component"]["hashes"][0]["content"] == digest
    subjects = json.loads(artefact(".provenance.json", machine).read_text())["subject"]
    assert {subject["name"] for subject in subjects} == {*(artefact(kind, machine).name for kind in PACKAGES), image_archive.name}
    for subject in subjects:
        content = (artefact("").parent / subject["name"]).read_bytes()
        assert subject["digest"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_what_does_not_apply_is_said_of_this_binary_and_its_parts(artefact):
    """OpenVEX asks for a statement at least. That each is true was held against the link map when it was written."""
    spdx = json.loads(artefact(".spdx.json").read_text())
    purls = {reference["referenceLocator"] for package in spdx["packages"] for reference in package["externalRefs"]}
    statements = json.loads(artefact(".openvex.json").read_text())["statements"]
    assert len(statements) == len(json.loads((REPO / "packaging/vex.json").read_text())) > 0
    for statement in statements:
        assert statement["status"] == "not_affected" and statement["justification"] == "vulnerable_code_not_present"
        [product] = statement["products"]
        assert product["hashes"]["sha-256"] == hashlib.sha256(artefact("").read_bytes()).hexdigest()
        assert {product["@id"], *(part["@id"] for part in product["subcomponents"])} <= purls, statement


def test_a_key_from_outside_signs_the_sums(tmp_path, monkeypatch):
    key, public, der = tmp_path / "key.pem", tmp_path / "public.pem", tmp_path / "signature"
    ran("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", key)
    ran("openssl", "ec", "-in", key, "-pubout", "-out", public)
    monkeypatch.setenv("STEPDOWN_SIGNING_KEY", str(key))
    folder = make_dist(tmp_path / "signed")
    der.write_bytes(base64.b64decode((folder / "SHA256SUMS.sig").read_text(), validate=True))
    verify = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", der]
    ran(*verify, folder / "SHA256SUMS")
    (folder / "SHA256SUMS").write_text("other\n")
    assert run_program([*verify, folder / "SHA256SUMS"]).code != 0


# --- in images


def works(engine, image, stepdown, filters):
    """The same start, and the same selftest, whatever brought the binary there and whatever the image's C library is."""
    tested = engine.run("selftest", image=image, stepdown=(), entrypoint=stepdown)
    assert tested.code == 0 and tested.out == selftest_of(engine), tested
    shown = engine.run("--user=65534", "--", "cat", "/proc/self/status", image=image, stepdown=(), entrypoint=stepdown)
    assert shown.code == 0, shown
    assert_stepped_down(parse_status(shown.out), uid=NOBODY, filters=filters)


@functools.cache
def selftest_of(engine):
    """What it says in the engine's plainest container: a Debian image into which the binary was just copied."""
    shown = engine.run("selftest", image="debian", stepdown=())
    assert shown.code == 0 and "verdict: pass" in shown.out, shown
    return shown.out


BESIDE = ("share/man/man1/stepdown.1.gz", "share/man/man5/stepdown.toml.5.gz", "share/doc/stepdown/copyright",
          "share/bash-completion/completions/stepdown", "share/zsh/vendor-completions/_stepdown",
          "share/fish/vendor_completions.d/stepdown.fish")


def installs_and_leaves_nothing(engine, image, install, remove):
    shown = engine.run("sh", "-ec", f"""
        find / -xdev -name '*stepdown*' >/tmp/before
        {install} >&2
        stepdown --version
        for file in {' '.join(BESIDE)}; do test -s /usr/$file; done
        {remove} >&2
        find / -xdev -name '*stepdown*' | diff /tmp/before - >&2
    """, image=image, stepdown=None)
    assert shown.code == 0, shown
    return shown.out


def test_the_deb_is_installed_run_and_removed(engine, artefact, version, filters):
    files = {"stepdown.deb": (artefact(".deb").read_bytes(), 0o644)}
    plain = engine.build("FROM stepdown-test/debian:bookworm\nCOPY stepdown.deb /tmp/s.deb", files, "deb")
    told = installs_and_leaves_nothing(engine, plain, "dpkg -i /tmp/s.deb", "dpkg -P stepdown")
    assert told == f"stepdown {version}\n"
    installed = engine.build("FROM stepdown-test/debian:bookworm\nCOPY stepdown.deb /\nRUN dpkg -i /stepdown.deb", files, "deb")
    works(engine, installed, "stepdown", filters)


def test_the_rpm_is_installed_run_and_removed(engine, artefact, version):
    files = {"stepdown.rpm": (artefact(".rpm").read_bytes(), 0o644)}
    base = engine.build("FROM stepdown-test/debian:bookworm\n"
                        "RUN apt-get update && apt-get install -y --no-install-recommends rpm", {}, "rpm", network="host")
    image = engine.build(f"FROM {base}\nCOPY stepdown.rpm /tmp/s.rpm", files, "with-rpm")
    # Debian's rpm refuses by itself to install beside dpkg.
    told = installs_and_leaves_nothing(engine, image, "rpm --force-debian -i /tmp/s.rpm", "rpm --force-debian -e stepdown")
    assert told == f"stepdown {version}\n"


def test_the_tarballs_binary_is_dropped_into_a_busybox_image(engine, artefact, version, filters):
    files = {"stepdown.tar.gz": (artefact(".tar.gz").read_bytes(), 0o644)}
    lines = f"FROM stepdown-test/busybox\nADD stepdown.tar.gz /opt\nRUN mv /opt/stepdown-{version}-linux-amd64/bin/stepdown /"
    works(engine, engine.build(lines, files, "tarball"), "/stepdown", filters)


def test_it_runs_where_musl_is_the_c_library(engine, artefact, filters, tmp_path):
    """As in an Alpine image: busybox, musl's loader, and programs that are linked with it."""
    headers, library, program = "/usr/include/x86_64-linux-musl", "/usr/lib/x86_64-linux-musl", tmp_path / "greet"
    (tmp_path / "greet.c").write_text('#include <stdio.h>\nint main(void) { return puts("musl") < 0; }\n')
    ran("clang-19", "-nostdinc", "-isystem", headers, "-nostdlib", "-fuse-ld=lld", "-Wl,-dynamic-linker,/lib/ld-musl-x86_64.so.1",
        f"{library}/crt1.o", tmp_path / "greet.c", f"-L{library}", "-l:libc.so", "-o", program)
    files = {"stepdown": (artefact("").read_bytes(), 0o755), "greet": (program.read_bytes(), 0o755),
             "loader": (pathlib.Path(f"{library}/libc.so").read_bytes(), 0o755)}
    image = engine.build("FROM stepdown-test/busybox\nCOPY loader /lib/ld-musl-x86_64.so.1\nCOPY stepdown greet /", files, "musl")
    works(engine, image, "/stepdown", filters)
    shown = engine.run("--user=65534", "--", "/greet", image=image, stepdown=(), entrypoint="/stepdown")
    assert (shown.code, shown.out) == (0, "musl\n"), shown


def test_the_tarball_has_what_a_package_has(artefact, version):
    names = ran("tar", "-tzf", artefact(".tar.gz")).splitlines()
    for file in ("bin/stepdown", "share/doc/stepdown/licenses/LGPL-2.1", *BESIDE):
        assert f"stepdown-{version}-linux-amd64/{file}" in names, file


@pytest.fixture(scope="module")
def layout(image_archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    ran("tar", "-C", folder, "-xf", image_archive)
    return folder


def blob(layout, digest):
    content = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    assert "sha256:" + hashlib.sha256(content).hexdigest() == digest
    return json.loads(content)


def test_the_image_is_for_every_machine(layout, version):
    [named] = json.loads((layout / "index.json").read_text())["manifests"]
    assert named["annotations"] == {"org.opencontainers.image.ref.name": version}
    entries = blob(layout, named["digest"])["manifests"]
    assert [entry["platform"] for entry in entries] == [{"architecture": machine, "os": "linux"} for machine in MACHINES]
    for entry in entries:
        configuration = blob(layout, blob(layout, entry["digest"])["config"]["digest"])
        assert configuration["architecture"] == entry["platform"]["architecture"]
        assert configuration["config"]["Entrypoint"] == ["/stepdown"]
    blobs = {path.name for path in (layout / "blobs/sha256").iterdir()}
    assert len(blobs) == 1 + 3 * len(MACHINES), "something in it that no manifest names"


@pytest.fixture(scope="module")
def image_to_copy_from(engine_of_session, layout, version, tmp_path_factory):
    # A name of its own for each content: builds that copy from it are remembered by their lines.
    tag = f"stepdown-test/to-copy-from:{hashlib.sha256((layout / 'index.json').read_bytes()).hexdigest()[:12]}"
    archive = tmp_path_factory.mktemp("image") / "docker.tar"
    ran("skopeo", "--insecure-policy", "copy", f"oci:{layout}:{version}", f"docker-archive:{archive}:{tag}")
    engine_of_session.must("load", "--input", archive)
    return tag


def test_the_image_has_the_binary_and_nothing_else(engine, image_to_copy_from, version):
    identifier = engine.must("create", image_to_copy_from).out.strip()
    exported = subprocess.run([engine.program, "-H", engine.host, "export", identifier], capture_output=True, check=True)
    engine.must("rm", identifier)
    files = subprocess.run(["tar", "-t"], input=exported.stdout, capture_output=True, check=True).stdout.decode().split()
    of_the_engine = ("dev", "etc", "proc", "sys", ".dockerenv")
    assert [name for name in files if not name.startswith(of_the_engine)] == ["stepdown"]
    assert engine.must("run", "--rm", "--network=none", image_to_copy_from, "--version").out == f"stepdown {version}\n"


def test_a_build_copies_from_the_image(engine, image_to_copy_from, filters):
    lines = f"FROM stepdown-test/busybox\nCOPY --from={image_to_copy_from} /stepdown /stepdown"
    works(engine, engine.build(lines, {}, "copied-from"), "/stepdown", filters)
