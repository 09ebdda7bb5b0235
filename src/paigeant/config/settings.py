"""Settings as inert data, read from the environment and ``paigeant.yaml``; the environment wins."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource

from paigeant.config.custody import CustodySettings
from paigeant.config.durations import Span
from paigeant.config.file import FILE, hint, line_of, read_file
from paigeant.config.filters import FilterSettings
from paigeant.config.identity import IdentitySettings
from paigeant.config.sign_in import SignInSettings
from paigeant.config.spending import SpendingSettings
from paigeant.config.urls import check_url
from paigeant.config.workflows import Workflows, WrittenWorkflow
from paigeant.errors import ConfigError
from paigeant.model.checks.options import written_at
from paigeant.model.entries.entry import WrittenWrongly
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.plan import Name, Plan
from paigeant.model.values.showing import did_you_mean, shown
from paigeant.plugins import redacted, redacted_url

PREFIX: Final = "PAIGEANT_"
DEFAULT: Final = "default"
"""Origin of a default value."""

_FILE_ONLY: Final = frozenset({"workflows", "budgets", "prices", "filters"})
_URLS: Final = frozenset({"store", "transport", "log_sink", "oidc_issuer", "identity_issuer"})
_OF_KUBERNETES: Final = re.compile(
    rf"{PREFIX}([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
"""Variables that Kubernetes sets in each container for a service called paigeant, or paigeant-redis."""

_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://.*", re.IGNORECASE)
_OTHERS: Final = re.compile(rf"{PREFIX}(DEBUG|FAULTS|API_TOKEN|(DEMO|TEST)_.*)")
"""Variables with our prefix that are not settings."""


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _log_format() -> Literal["console", "json"]:
    return "console" if sys.stderr.isatty() else "json"


def _sink(value: Any) -> Any:
    return value if value == "store" else check_url(value)


Url = Annotated[str, BeforeValidator(check_url)]
_SPAN: Final = ", or text as 1m30s; at most a day"
DAY: Final = 86_400.0
"""Limit in seconds of a lease, and of other timeouts of a worker."""

YEAR: Final = 366 * DAY


class Settings(
    CustodySettings, FilterSettings, IdentitySettings, SignInSettings, SpendingSettings, frozen=True, extra="forbid"
):
    """The configuration. Created directly it reads nothing; :func:`load_settings` reads environment and file.

    A field's description has its valid values.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    store: Url = Field(
        default="sqlite:///.paigeant/paigeant.db", repr=False, description="a URL, as sqlite:///.paigeant/paigeant.db"
    )
    transport: Url | None = Field(
        default=None, repr=False, description="a URL, as redis://localhost, or nothing: the store itself"
    )
    codec: str = Field(
        default="plain", pattern=r"^[a-z][a-z0-9-]{0,99}$", description="the name of an installed codec, as plain"
    )
    namespace: str = Field(
        default=DEFAULT, pattern=f"^{NAME_PATTERN}$", description="up to 100 letters, digits, '_', '-' and '.'"
    )
    handlers: str | None = Field(
        default=None,
        min_length=1,
        description="a Python file, as shop/handlers.py, or a module, as shop.handlers; it counts from paigeant.yaml",
    )
    workflows: Workflows = Field(
        default_factory=dict[Name, WrittenWorkflow], description="names of workflows, each with its list of steps"
    )
    concurrency: int = Field(
        default=32, ge=1, le=100_000, description="how many steps a worker runs at a time, at least 1"
    )
    lease: Span = Field(default=15.0, ge=0.5, le=DAY, description=f"seconds, at least 0.5{_SPAN}")
    stall_timeout: Span = Field(default=60.0, ge=0.5, le=DAY, description=f"seconds, at least 0.5{_SPAN}")
    grace: Span = Field(default=10.0, ge=0, le=DAY, description=f"seconds, at least 0{_SPAN}")
    trace_break: Span = Field(
        default=3600.0, ge=0, le=YEAR, description="seconds, or text as 1h30m: whoever waited longer begins a trace"
    )
    trace_url: str | None = Field(
        default=None, pattern=r"^https?://\S*\{trace_id\}\S*$", description="an http address with {trace_id} in it"
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = Field(
        default_factory=_log_format, description="console, json"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        default="info", description="debug, info, warning, error"
    )
    log_file: str | None = Field(
        default=None, min_length=1, description="a file that lines are appended to, opened again once it was moved"
    )
    log_payloads: bool = Field(default=False, description="true, false; never true with env prod")
    log_sink: Annotated[str | None, BeforeValidator(_sink)] = Field(
        default=None,
        repr=False,
        description="store, or a URL, as postgresql://host/database or sqlite:///logs.db: where lines are kept as rows",
    )
    env: Annotated[Literal["dev", "prod"], BeforeValidator(_lower)] = Field(default="dev", description="dev, prod")

    file: Path | None = Field(default=None, exclude=True)
    """The ``paigeant.yaml`` that was read, if there was one."""
    origins: dict[str, str] = Field(default_factory=dict[str, str], exclude=True)
    """Origin of each configured value: a variable or a file."""

    @model_validator(mode="before")
    @classmethod
    def _know_each(cls, given: Any) -> Any:
        unknown = next((name for name in given if name not in cls.model_fields), None)
        if unknown is not None:
            raise ConfigError(f"{written_at()}: Settings has no option {unknown!r}; {did_you_mean(unknown, _KEYS)}")
        return given

    @model_validator(mode="after")
    def _keep_payloads_out_of_logs(self) -> Self:
        if self.log_payloads and self.env == "prod":
            text = "log_payloads is true, and env is prod, where no input or output may stand in a log: set it to false"
            raise ValueError(text)
        return self

    @property
    def folder(self) -> Path:
        """Folder of relative names and paths: that of ``paigeant.yaml``, else the current one."""
        return self.file.parent if self.file else Path.cwd()

    @property
    def plans(self) -> dict[str, Plan]:
        """The workflows as plans, by name."""
        return {name: workflow.plan(name) for name, workflow in self.workflows.items()}

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show no password in a URL."""
        return ((name, _shown(name or "", value)) for name, value in super().__repr_args__())

    def redacted(self) -> dict[str, Any]:
        """Return the settings as JSON data without passwords, for display."""
        data = self.model_dump(mode="json")
        shown = {key: _shown(key, data[key]) for key in _KEYS}
        return shown | {key: "***" for key in _SECRETS if shown[key]}


def _shown(key: str, value: Any) -> Any:
    """Return a value without passwords: any text may contain a URL."""
    if not isinstance(value, str):
        return value
    return redacted_url(value) if key in _URLS else redacted(value)


_KEYS: Final = tuple(
    sorted(
        (key for key, field in Settings.model_fields.items() if not field.exclude),
        key=lambda key: key not in Settings.__annotations__,  # settings of signing and of sign-in come last
    )
)
_SECRETS: Final = frozenset(key for key in _KEYS if not Settings.model_fields[key].repr) - _URLS
_VARIABLES: Final = tuple(f"{PREFIX}{key.upper()}" for key in _KEYS if key not in _FILE_ONLY)
_Environment: Final = create_model(
    "_Environment", __base__=BaseSettings, **cast("dict[str, Any]", dict.fromkeys(_KEYS, (str, "")))
)


def load_settings(start: Path | None = None) -> Settings:
    """Read ``PAIGEANT_*`` and the ``paigeant.yaml`` of this folder (default: the current one) or the next above it.

    Relative paths are resolved against the folder of ``paigeant.yaml``, else against ``start``. Raises ConfigError,
    which names the file or the variable, the key, the value and the valid ones.
    """
    try:
        start = (start or Path.cwd()).resolve()
        file = next((path for folder in (start, *start.parents) if (path := folder / FILE).is_file()), None)
    except OSError as error:
        which = f" ({Path(error.filename).parent})" if error.filename else ""
        text = f"the current folder, or one above it, cannot be read{which}: {error.strerror}"
        raise ConfigError(text) from error
    from_file = read_file(file, _KEYS) if file else {}
    from_environment = _read_environment(os.environ)
    origins = dict.fromkeys(from_file, str(file)) | {key: f"{PREFIX}{key.upper()}" for key in from_environment}
    values = from_file | from_environment
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, values, origins)) from error
    folder = file.parent if file else start
    update: dict[str, Any] = {"file": file, "origins": origins, "store": _resolve_url(settings.store, folder)}
    if settings.handlers is not None:
        update["handlers"] = _at_home(settings.handlers, origins)
    return settings.model_copy(update=update)


def _at_home(handlers: str, origins: Mapping[str, str]) -> str:
    try:
        return str(Path(handlers).expanduser()) if handlers.startswith("~") else handlers
    except RuntimeError as error:
        text = f"{origins.get('handlers', DEFAULT)}: handlers is {handlers!r}: {error}"
        raise ConfigError(text) from error


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    for name in sorted(environ):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in _VARIABLES or _OTHERS.fullmatch(upper):
            continue
        if _is_of_kubernetes(upper, environ[name]):
            continue
        if upper.removeprefix(PREFIX).lower() in _FILE_ONLY:
            text = f"{name}: this can be set in {FILE} only"
        else:
            text = f"{name}: unknown setting in the environment; {hint(upper, _VARIABLES, PREFIX)}"
        raise ConfigError(text)
    source = EnvSettingsSource(_Environment, env_prefix=PREFIX, env_ignore_empty=True)
    return {key: value for key, value in source().items() if key in _KEYS}


def _is_of_kubernetes(name: str, value: str) -> bool:
    """True for a variable about a service, not a setting; one that contains only PORT has the service's address."""
    if _OF_KUBERNETES.fullmatch(name) is None:
        return False
    plain = re.fullmatch(r"[A-Z0-9_]*?_PORT", name) and not re.search(r"_(TCP|UDP|SCTP)_PORT$|SERVICE_PORT$", name)
    return not plain or _ADDRESS.fullmatch(value) is not None


def _explain(error: ValidationError, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    problem = error.errors(include_url=False)[0]
    if not problem["loc"]:
        return problem["msg"].removeprefix("Value error, ")
    key, path = str(problem["loc"][0]), problem["loc"][1:]
    origin = origins.get(key, DEFAULT)
    wrong = problem.get("ctx", {}).get("error")
    if isinstance(wrong, WrittenWrongly):
        return _explain_entry(wrong.within(key), origin)
    variable = origin.startswith(PREFIX)
    inside = key + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    name = origin if variable else f"{origin}: {inside}"
    there = values[key]
    for part in path:
        try:
            there = there[part]
        except (LookupError, TypeError):
            break
    value = redacted(repr(there)) if key not in _URLS else repr(redacted_url(str(there)))
    value = "***" if key in _SECRETS else value
    value = value if len(value) <= 100 else f"{value[:100]}…"  # noqa: PLR2004  (about a line)
    reason = problem["msg"].removeprefix("Value error, ")
    if path:
        return f"{name} is {value}: {reason[:1].lower()}{reason[1:]}"
    why = f" ({reason})" if problem["type"] == "value_error" else ""
    return f"{name} is {value}{why}; allowed: {Settings.model_fields[key].description}"


def _explain_entry(error: WrittenWrongly, origin: str) -> str:
    """Return the error in a workflow as data: file, line, path, and valid values."""
    parts = [f"[{part}]" if isinstance(part, int) else _named(part) for part in error.path]
    line = None if origin == DEFAULT else line_of(Path(origin), error.path)
    where = origin if line is None else f"{origin}:{line}"
    return f"{where}: {''.join(parts).removeprefix('.')}: {error.text}"


def _named(part: str) -> str:
    return f".{part}" if re.fullmatch(NAME_PATTERN, part) else f"[{shown(part)}]"


def _resolve_url(url: str, folder: Path) -> str:
    """Return a store's URL with an absolute SQLite path; both are literal, as a file's URL reads them."""
    scheme, found, rest = url.partition(":///")
    if not found or scheme.partition("+")[0] != "sqlite" or rest.startswith(("/", "~", ":memory:")) or not rest:
        return url
    return f"{scheme}:///{folder}/{rest}"
