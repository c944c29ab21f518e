"""What the pages say is so: links lead somewhere, pipelines are valid, commands, functions and files exist."""

import functools
import os
import re
import shutil
import subprocess
import urllib.parse

import pytest
import riacho
import yaml
from ports import free_port

ROOT = riacho.ROOT
READMES = [ROOT / "README.md", ROOT / "README.pt-BR.md"]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = sorted(ROOT.glob("*.md")) + DOCS + sorted(ROOT.glob("deps/*.md"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def name_of(path):
    return str(path.relative_to(ROOT))


def each(pages):
    return pytest.mark.parametrize("page", pages, ids=name_of)


def blocks(text):
    """The code blocks of a page: [(language, code)]."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def prose(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def headings(text):
    return re.findall(r"^(#+) +(.*)$", prose(text), re.M)


def inline_code(text):
    return re.findall(r"`([^`\n]+)`", prose(text))


# ---- links ----


def anchor_of(heading):
    words = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


@each(PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())):
        target = urllib.parse.urlparse(link)
        if target.scheme:
            continue
        path = page.parent / target.path if target.path else page
        assert path.exists(), f"{link} leads nowhere"
        if target.fragment:
            anchors = [anchor_of(heading) for _, heading in headings(path.read_text())]
            assert target.fragment in anchors, f"{link} leads to no heading"


# ---- pipelines ----


def is_pipeline(code):
    return re.search(r"^name:", code, re.M) and re.search(r"^source:", code, re.M)


PIPELINES = [
    pytest.param(code, id=f"{name_of(page)} {number}")
    for page in PAGES
    for number, (language, code) in enumerate(blocks(page.read_text()), 1)
    if language == "yaml"
]


@pytest.mark.parametrize("code", PIPELINES)
def test_pipelines_in_the_pages_are_valid(code, tmp_path):
    file = tmp_path / "pipeline.yaml"
    file.write_text(code)

    if is_pipeline(code):
        riacho.riacho("validate", file)
    else:
        yaml.safe_load(code)


@each(EXAMPLES)
def test_examples_are_valid(page):
    riacho.riacho("validate", page)


# ---- commands ----


@functools.cache
def help_of(command):
    return riacho.riacho(command, "--help").stdout


@functools.cache
def command_names():
    listed = riacho.riacho("--help").stdout.partition("Commands:\n")[2]
    return re.findall(r"^  ([a-z-]+) ", listed, re.M)


def check_command(line):
    """A command line as it stands in a page: the command is there, with its words and options."""
    words = line.split()
    command, options = words[1], [word for word in words[2:] if word.startswith("-")]
    if command.startswith("-") or command == "COMMAND":
        return
    assert command in command_names(), line
    usage = re.search(r"^Usage: (.*)$", help_of(command), re.M).group(1)
    verbs = re.search(rf"^riacho {command} ([a-z|]*\|[a-z|]*)", usage)
    if verbs and len(words) > 2 and words[2].islower():
        assert set(words[2].split("|")) <= set(verbs.group(1).split("|")), line
    for option in options:
        assert re.search(rf"(?<![\w-]){re.escape(option.split('=')[0])}(?![\w-])", help_of(command)), line


def command_lines(text):
    """Whatever in a page, or in a pipeline file's comments, calls the program."""
    called = re.compile(r"(?:^|(?<=&& ))(?:build/)?(riacho [^&>|#]*[a-z-][^&>#]*)")
    for language, code in blocks(text):
        if language == "sh":
            for line in code.splitlines():
                yield from called.findall(re.sub(r"^(\w+=\S+ )+", "", line))
    for code in inline_code(text):
        yield from called.findall(code)


@each(PAGES)
def test_commands_in_the_pages_exist(page):
    for line in command_lines(page.read_text()):
        check_command(line)


@each(EXAMPLES)
def test_commands_in_the_examples_exist(page):
    for line in re.findall(r"^# +(?:\w+=\S+ )*(riacho [a-z-]+ .*)$", page.read_text(), re.M):
        check_command(line.replace("&", ""))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "HACKING.md", ROOT / "deps/README.md"], ids=name_of)
def test_make_targets_exist(page):
    makefile = (ROOT / "Makefile").read_text()

    for words in re.findall(r"(?:^|`)make((?: [\w=,-]+)*)", page.read_text(), re.M):
        for target in (word for word in words.split() if "=" not in word and not word.startswith("-")):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.M), f"make {target}"


# ---- generated pages ----


def test_the_page_of_commands_is_up_to_date():
    """The pages of the pipeline file are looked at in test_schema.py."""
    assert (ROOT / "docs/commands.md").read_text() == riacho.riacho("manual", "markdown").stdout, "run make docs"


def test_the_man_page_has_all_commands_and_no_warnings(tmp_path):
    page = tmp_path / "riacho.1"
    page.write_text(riacho.riacho("manual", "man").stdout)
    text = page.read_text().replace("\\-", "-")

    for command in command_names():
        assert re.search(rf'^\.SS "riacho {command}[ "]', text, re.M)
    if shutil.which("groff") is None:
        pytest.skip("there is no groff")
    made = subprocess.run(["groff", "-ww", "-k", "-man", "-Tutf8", page], capture_output=True, text=True)
    assert made.returncode == 0 and made.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_made_and_can_be_read(shell, tmp_path):
    page = tmp_path / shell
    page.write_text(riacho.riacho("manual", shell).stdout)

    for command in command_names():
        assert command in page.read_text()
    reader = shutil.which(shell) or (shell == "zsh" and shutil.which("bash"))
    if not reader:
        pytest.skip(f"there is no {shell}")
    subprocess.run([reader, "-n", page], check=True)


def complete(folder, *words):
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _riacho; printf "%s\\n" "${COMPREPLY[@]}"'
    page = folder / "completion"
    page.write_text(riacho.riacho("manual", "bash").stdout)
    return subprocess.run(
        ["bash", "-c", script, "-", page, *words], capture_output=True, text=True, check=True, cwd=folder
    ).stdout.split()


def test_bash_completes_commands_and_options(tmp_path):
    assert complete(tmp_path, "riacho", "va") == ["validate"]
    assert complete(tmp_path, "riacho", "prune", "--dry") == ["--dry-run"]
    assert complete(tmp_path, "riacho", "run", "--fol") == ["--follow"]


def test_bash_completes_words_where_no_file_belongs(tmp_path):
    (tmp_path / "d.yaml").touch()

    assert complete(tmp_path, "riacho", "dead", "") == ["list", "retry", "drop"]
    assert complete(tmp_path, "riacho", "manual", "z") == ["zsh"]
    assert complete(tmp_path, "riacho", "dead", "list", "d") == ["d.yaml"]
    assert complete(tmp_path, "riacho", "run", "d") == ["d.yaml"]
    assert complete(tmp_path, "riacho", "files", "d.yaml", "--stage", "t") == ["transform"]
    assert complete(tmp_path, "riacho", "state", "move", "d.yaml", "--to", "") == ["local", "kafka"]
    assert complete(tmp_path, "riacho", "run", "d.yaml", "--log-format", "j") == ["json"]
    assert complete(tmp_path, "riacho", "transform", "d.yaml", "--replay", "") == []


# ---- code that the pages name ----


@functools.cache
def defined():
    """Names that stand before a bracket anywhere in the sources, and those of structs."""
    text = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.[ch]"))
    return set(re.findall(r"\b(\w+)\(", text)), set(re.findall(r"^struct (\w+) \{", text, re.M))


@each([ROOT / "HACKING.md"] + DOCS)
def test_functions_and_structs_in_the_pages_exist(page):
    functions, structs = defined()

    for code in inline_code(page.read_text()):
        assert set(re.findall(r"(\w+)\(\)", code)) <= functions, f"there is no {code}"
        assert set(re.findall(r"^struct (\w+)$", code)) <= structs, f"there is no {code}"


@each([ROOT / "HACKING.md"] + DOCS)
def test_files_in_the_pages_exist(page):
    """"river/flow.c", "src/river/flow.c", "tests/…"; "paginate.c" alone, anywhere in src."""
    for code in inline_code(page.read_text()):
        if not re.fullmatch(r"[\w./*-]+\.(?:c|h|py)", code) or "*" in code:
            continue
        there = [base / code for base in (ROOT, ROOT / "src") if (base / code).exists()]
        assert there or ("/" not in code and list((ROOT / "src").rglob(code))), f"there is no {code}"


def test_hacking_shows_all_rooms():
    shown = re.findall(r"^  (\w+)/ ", (ROOT / "HACKING.md").read_text(), re.M)

    assert sorted(shown) == sorted(entry.name for entry in os.scandir(ROOT / "src") if entry.is_dir())


# ---- the two languages ----


def without_comments(code):
    return [re.sub(r"\s*#.*", "", line) for line in code.splitlines()]


def test_the_readmes_have_the_same_shape():
    english, portuguese = (page.read_text() for page in READMES)

    assert [level for level, _ in headings(english)] == [level for level, _ in headings(portuguese)]
    assert [(language, without_comments(code)) for language, code in blocks(english)] == [
        (language, without_comments(code)) for language, code in blocks(portuguese)
    ]
    for item in ("^- ", r"^\|"):
        assert len(re.findall(item, english, re.M)) == len(re.findall(item, portuguese, re.M))


# ---- the guide, run ----


def test_the_guide_of_the_readme_runs(tmp_path):
    """"From the PySpark script to riacho", line by line, as a newcomer would; only `serve` is stopped after a while."""
    text = READMES[0].read_text()
    guide = next(code for language, code in blocks(text) if language == "sh" and "riacho sample-api &" in code)
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("output"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "riacho").symlink_to(riacho.PROGRAM)
    port = free_port()
    script = guide.replace("sample-api &", f"sample-api --listen 127.0.0.1:{port} &\nserver=$!\nsleep 1")
    script = script.replace(":8320", f":{port}").replace("riacho serve examples/earthquakes.yaml", "timeout -s INT 5 riacho serve examples/earthquakes.yaml --listen 127.0.0.1:0")
    done = subprocess.run(
        ["bash", "-euc", f"trap 'kill $server' EXIT\n{script}"], cwd=tmp_path, text=True, capture_output=True, timeout=120,
        env={**riacho.environment(), "PATH": f"{programs}:{os.environ['PATH']}"},
    )

    assert done.returncode in (0, 124), done.stderr
    output = tmp_path / "examples/output"
    assert len(list((output / "csv/quakes").glob("*.csv"))) == 1
    assert sum(len(path.read_text().splitlines()) - 1 for path in (output / "csv/quakes").glob("*.csv")) == 1707
