"""Settings of signing: on or off, own key, audience, and trusted keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator


def _switch(value: Any) -> Any:
    """Return the word for a boolean that YAML has parsed from it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value.lower() if isinstance(value, str) else value


class CustodySettings(BaseModel, frozen=True):
    """Part of the settings. A field's description has its valid values."""

    signing: Annotated[Literal["on", "off"], BeforeValidator(_switch)] = Field(
        default="off", description="on, off: whether hops are signed"
    )
    signing_key: str | None = Field(
        default=None, min_length=1, description="a file with a private JWK that only its owner can read"
    )
    signer: str | None = Field(
        default=None,
        repr=False,
        max_length=4_100,
        pattern=r"^[a-z][a-z0-9_-]{0,99}:(?s:.)",  # a bounded repeat of 4,000 would take 60 ms to compile at each start
        description="the name of an installed signer, and what it is told, as command:/usr/local/bin/sign",
    )
    trust: str | None = Field(
        default=None,
        min_length=1,
        description="a file, or an https address, with the key set (JWKS) of all keys that are trusted",
    )
    audience: str | None = Field(
        default=None, min_length=1, max_length=255, description="whom runs are signed for; by default the namespace"
    )

    @model_validator(mode="after")
    def _sign_with_one_key(self) -> Self:
        if self.signing_key is not None and self.signer is not None:
            raise ValueError("signing_key and signer are both set: a process signs with one of them; unset the other")
        return self
