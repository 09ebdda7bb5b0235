"""Settings come from the environment and paigeant.yaml, and whatever is wrong with them is said with its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from paigeant import ActivityRegistry, Paigeant, Step
from paigeant.config import Settings, load_settings
from paigeant.errors import ConfigError
from paigeant.sql.execution.failures import translate_server_errors


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("PAIGEANT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(folder: Path, text: str) -> Path:
    file = folder / "paigeant.yaml"
    file.write_text(text, "utf-8")
    return file


def test_nothing_set_means_one_file_below_the_current_folder(folder: Path):
    settings = load_settings()

    assert settings.store == f"sqlite:///{folder}/.paigeant/paigeant.db"
    assert settings.transport is None
    assert (settings.namespace, settings.concurrency, settings.lease, settings.grace) == ("default", 32, 15, 10)
    assert settings.file is None
    assert settings.origins == {}


def test_the_file_is_found_from_a_folder_below_and_its_paths_are_its_own(folder: Path):
    file = configure(folder, "handlers: code/handlers.py\nstore: sqlite:///data/x.db?timeout=3\n")
    below = folder / "a" / "b"
    below.mkdir(parents=True)

    settings = load_settings(below)

    assert settings.file == file
    assert (settings.handlers, settings.folder) == ("code/handlers.py", folder)
    assert settings.store == f"sqlite:///{folder}/data/x.db?timeout=3"
    assert settings.origins == {"handlers": str(file), "store": str(file)}


def test_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch):
    configure(folder, "concurrency: 5\nlease: 2\n")
    monkeypatch.setenv("PAIGEANT_CONCURRENCY", "7")

    settings = load_settings()

    assert (settings.concurrency, settings.lease) == (7, 2)
    assert settings.origins["concurrency"] == "PAIGEANT_CONCURRENCY"


def test_an_empty_variable_is_no_setting(folder: Path, monkeypatch: pytest.MonkeyPatch):
    configure(folder, "transport: memory://\n")
    monkeypatch.setenv("PAIGEANT_TRANSPORT", "")

    assert load_settings().transport == "memory://"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("url", ["sqlite:////srv/x.db", "sqlite:///:memory:", "memory://", "postgresql://db/x"])
def test_other_stores_stay_as_they_are(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("PAIGEANT_STORE", url)

    assert load_settings().store == url


def test_workflows_are_names_and_steps(folder: Path):
    configure(
        folder,
        """
        workflows:
          hello:
            - greet
            - activity: sign
              arguments: {loud: true}
              retry: {max_attempts: 2}
        """,
    )

    plan = load_settings().plans["hello"]

    greet, sign = plan.steps
    assert greet == Step("greet")
    assert sign.arguments == {"loud": True}
    assert sign.retry is not None
    assert sign.retry.max_attempts == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stoer: memory://", "unknown key 'stoer'; did you mean 'store'?"),
        ("zzzz: 1", "unknown key 'zzzz'; known: store, transport,"),
        ("1: 2", "unknown key 1; known: store,"),
        ("concurrency: many", "concurrency is 'many'; allowed: how many steps a worker runs at a time, at least 1"),
        ("concurrency: 0", "concurrency is 0; allowed:"),
        ("lease: 0.1", "lease is 0.1; allowed: seconds, at least 0.5"),
        ("lease: .nan", "lease is nan; allowed: seconds"),
        ("log_format: yaml", "log_format is 'yaml'; allowed: console, json"),
        ("log_level: loud", "log_level is 'loud'; allowed: debug, info, warning, error"),
        ("namespace: a b", "namespace is 'a b'; allowed: up to 100 letters"),
        ("store: x.db", "store is 'x.db' (it is no URL: a scheme and :// are missing); allowed: a URL"),
        ("store: sqlite://x.db", "a relative path needs three slashes: sqlite:///x.db"),
        ("workflows: hello", "workflows is 'hello'; allowed: names of workflows, each with its list of steps"),
        ("workflows: {hello: 3}", ":1: workflows.hello: it is 3; it should be a list"),
        ("workflows: {hello: [{activity: a, timeout: -1}]}", ":1: workflows.hello[0].timeout: it is -1: "),
        (
            "workflows: {hello: [{activity: a, retires: 1}]}",
            ":1: workflows.hello[0].retires: activity has no option 'retires'",
        ),
        ("- a list", "holds a list; it should hold lines `key: value`"),
        ("a: [", ":1: no valid YAML: "),
        ("store: 2001-13-45", "no valid YAML: a value cannot be read: month must be in 1..12"),
        ("lease: !!float ''", "no valid YAML: a value cannot be read: "),
        ("lease: !!timestamp soon", "no valid YAML: a value cannot be read: "),
        ("lease: !!bool maybe", "no valid YAML: a value cannot be read: "),
        (f"concurrency: {'9' * 5000}", "no valid YAML: a value cannot be read: "),
        ("[" * 3000, "no valid YAML: a value cannot be read: "),
        ("handlers: ~nobody-of-that-name/x.py", "handlers is '~nobody-of-that-name/x.py': "),
        ('store: "sqlite:///a\\0b"', "there is a character in it that cannot be printed"),
        ("store: postgresql://me@host:port/x", "the port is no number from 0 to 65535"),
        ("transport: redis://host:65536", "the port is no number from 0 to 65535"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_a_line_that_names_it(folder: Path, text: str, said: str):
    file = configure(folder, text)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_not_utf_8_is_said_to_be_unreadable(folder: Path):
    (folder / "paigeant.yaml").write_bytes(b"store: \xff\xfe")

    with pytest.raises(ConfigError, match=r"paigeant.yaml: cannot be read: .*utf-8"):
        load_settings()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PAIGEANT_STOER", "x", "unknown setting in the environment; did you mean 'PAIGEANT_STORE'?"),
        ("PAIGEANT_HOME", "x", "unknown setting in the environment; known: PAIGEANT_STORE, "),
        ("PAIGEANT_DEBUGS", "x", "unknown setting in the environment; "),
        ("PAIGEANT_API_TOKENS", "x", "unknown setting in the environment; "),
        ("PAIGEANT_STORE", " memory://", "there are blanks or line breaks around it"),
        ("PAIGEANT_TRANSPORT", "memory://\r", "there are blanks or line breaks around it"),
        ("PAIGEANT_WORKFLOWS", "{}", "this can be set in paigeant.yaml only"),
        ("PAIGEANT_LEASE", "soon", "PAIGEANT_LEASE is 'soon'; allowed: seconds, at least 0.5"),
        ("PAIGEANT_ENV", "staging", "PAIGEANT_ENV is 'staging'; allowed: dev, prod"),
    ],
)
def test_what_is_wrong_in_the_environment_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
):
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert str(caught.value).startswith(name)
    assert said in str(caught.value)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["PAIGEANT_DEMO_MODEL", "PAIGEANT_TEST_POSTGRES", "PAIGEANT_DEBUG", "PAIGEANT_FAULTS"])
def test_variables_of_demos_and_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name, "1")

    assert load_settings().origins == {}


def all_that_is_shown() -> str:
    """Return what is shown of the settings at hand, or of what is wrong with them."""
    try:
        settings = load_settings()
    except ConfigError as error:
        return str(error)
    return f"{settings} {settings!r} {settings.redacted()}"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("url", ["redis://ada:hunter2@host", "ada:hunter2@host", "://ada:hunter2@host"])
def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("PAIGEANT_TRANSPORT", url)

    assert "hunter2" not in all_that_is_shown()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["OIDC_ISSUER", "IDENTITY_ISSUER", "TRUST", "SIGNER", "AUDIENCE", "LOG_FILE"])
def test_an_address_may_be_in_any_setting(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(f"PAIGEANT_{name}", "https://ada:hunter2@login.example")

    assert "hunter2" not in all_that_is_shown()


def test_a_misspelt_setting_names_the_nearest_and_the_line():
    made: Any = Settings

    with pytest.raises(
        ConfigError, match=r"Settings has no option 'concurency'; did you mean 'concurrency'\?"
    ) as caught:
        made(concurency=3)

    assert str(caught.value).startswith(f"{__file__}:")


def test_settings_made_by_hand_read_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch):
    configure(folder, "namespace: from_file")
    monkeypatch.setenv("PAIGEANT_CONCURRENCY", "7")

    settings = Settings(store="memory://")

    assert (settings.namespace, settings.concurrency) == ("default", 32)
    with pytest.raises(ValidationError):
        settings.concurrency = 1  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (f"PAIGEANT{service}_{end}", value)
            for service in ("", "_REDIS", "_STORE", "_MY_POSTGRES_2")
            for end, value in {
                "SERVICE_HOST": "10.0.0.3",
                "SERVICE_PORT": "6379",
                "SERVICE_PORT_HTTP": "80",
                "PORT": "tcp://10.0.0.3:6379",
                "PORT_6379_TCP": "tcp://10.0.0.3:6379",
                "PORT_6379_TCP_PROTO": "tcp",
                "PORT_6379_TCP_PORT": "6379",
                "PORT_6379_TCP_ADDR": "10.0.0.3",
                "PORT_53_UDP": "udp://10.0.0.3:53",
                "PORT_53_UDP_PORT": "53",
            }.items()
        )
    ],
)
def test_variables_that_kubernetes_makes_for_a_service_are_no_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(name, value)

    assert load_settings().origins == {}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "value"),
    [("PAIGEANT_PORT", "8080"), ("PAIGEANT_REDIS_PORT", "6379"), ("PAIGEANT_SERVICE", "x"), ("PAIGEANT_STOR", "x")],
)
def test_what_looks_like_a_setting_of_ones_own_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError, match=f"{name}: unknown setting in the environment"):
        load_settings()


@pytest.mark.parametrize(
    "name", ["My%20Shop", "shop?v2", "shop#2", "~", "my shop", "50%", "a&b=c", "größe", "a+b", "a:b@c"]
)
async def test_a_database_lies_in_its_own_folder_whatever_that_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)

    async with Paigeant(ActivityRegistry()) as app:
        assert (await app.store.list_runs()).runs == ()

    assert (folder / ".paigeant" / "paigeant.db").is_file()
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", refuse)

    with pytest.raises(ConfigError, match=f"cannot be read .{folder}.: Permission denied"):
        load_settings()


def test_a_home_that_cannot_be_read_is_said_to_be_the_cause():
    with (
        pytest.raises(ConfigError, match=r"/srv/a/.postgresql/postgresql.key cannot be read .* let HOME name a folder"),
        translate_server_errors("postgresql://host/shop"),
    ):
        raise PermissionError(13, "Permission denied", "/srv/a/.postgresql/postgresql.key")


@pytest.mark.parametrize("address", ["https://traces.example/", "javascript:alert('{trace_id}')", "{trace_id}"])
def test_an_address_of_traces_is_of_the_web_and_says_where_the_id_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, address: str
):
    monkeypatch.setenv("PAIGEANT_TRACE_URL", "https://traces.example/{trace_id}")
    assert load_settings().trace_url == "https://traces.example/{trace_id}"

    monkeypatch.setenv("PAIGEANT_TRACE_URL", address)
    with pytest.raises(ConfigError, match=r"an http address with \{trace_id\} in it"):
        load_settings()
