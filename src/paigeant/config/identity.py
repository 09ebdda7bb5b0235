"""Settings of confidential data: the identity provider, and the key that opens secrets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class IdentitySettings(BaseModel, frozen=True):
    """Part of the settings. A field's description has its valid values."""

    secret_key: str | None = Field(
        default=None, min_length=1, description="a file with a private JWK (X25519) that only its owner can read"
    )
    identity_issuer: str | None = Field(
        default=None, min_length=1, max_length=1024, description="the issuer of people's tokens, as its tokens name it"
    )
    identity_audience: str | None = Field(
        default=None, min_length=1, max_length=255, description="whom people's tokens have to be for"
    )
    identity_client_id: str | None = Field(
        default=None, min_length=1, max_length=255, description="as which client tokens are exchanged"
    )
    identity_client_secret: str | None = Field(
        default=None, min_length=1, max_length=4096, repr=False, description="the secret of that client"
    )
    identity_provider: Annotated[Literal["rfc8693", "keycloak", "entra"], BeforeValidator(_lower)] = Field(
        default="rfc8693", description="rfc8693, keycloak, entra: how tokens are exchanged"
    )
    identity_ignored_scopes: str = Field(
        default="openid profile email",
        max_length=4096,
        description="scopes, with blanks between, that a provider may add by itself",
    )
    identity_actor: bool = Field(
        default=False, description="true, false: whether a token of the worker's own is sent along, as the actor"
    )
