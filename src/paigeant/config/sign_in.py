"""Settings of sign-in with an OpenID provider."""

from __future__ import annotations

from pydantic import BaseModel, Field

_VALUE = "the value of that claim for {}"


class SignInSettings(BaseModel, frozen=True):
    """Part of the settings. A field's description has its valid values."""

    oidc_issuer: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="the issuer of the OpenID provider, as its tokens name it",
    )
    oidc_client_id: str | None = Field(
        default=None, min_length=1, max_length=255, description="as which client people sign in"
    )
    oidc_client_secret: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        repr=False,
        description="the secret of that client, or nothing for a public client",
    )
    oidc_audience: str | None = Field(
        default=None, min_length=1, max_length=255, description="whom access tokens for the API have to be for"
    )
    oidc_claim: str = Field(
        default="roles", min_length=1, max_length=255, description="the claim that has somebody's roles or groups"
    )
    oidc_viewer: str | None = Field(default=None, min_length=1, description=_VALUE.format("viewers"))
    oidc_operator: str | None = Field(default=None, min_length=1, description=_VALUE.format("operators"))
    oidc_admin: str | None = Field(default=None, min_length=1, description=_VALUE.format("admins"))
    oidc_payloads: str | None = Field(
        default=None, min_length=1, description=_VALUE.format("viewers who see inputs and outputs")
    )
