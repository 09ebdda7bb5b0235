"""Identity on whose behalf a step acts, as its code sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from paigeant.abc import IdentityAccess
from paigeant.activities.secrecy.secret import Secret
from paigeant.errors import IdentityRefused
from paigeant.model.checks.options import spelled
from paigeant.model.secrecy.grants import SCOPE, SCOPES
from paigeant.model.values.showing import shown

_SEVERAL: Final = (list, tuple, set, frozenset)
_AUDIENCE: Final = re.compile(r"[^\x00-\x20\x7f]{1,255}")


@spelled(IdentityRefused)
class Identity:
    """The person on whose behalf a run acts, as ``ctx.identity``: tokens for one audience each."""

    __slots__ = ("_access",)

    def __init__(self, access: IdentityAccess | None) -> None:
        """Ask the step's worker; a context that was made by hand has no identity."""
        self._access = access

    async def token(self, *, audience: str, scopes: Sequence[str] = ()) -> Secret[str]:
        """Return a token of the person for one audience, with these scopes: send it to that service only.

        It is exchanged at the identity provider once for this attempt, and valid for at least 30 seconds. The scopes
        are within those of the dispatch and, if the workflow has an ``identity``, within that policy. If the person has
        to sign in again the step ends here and waits as ``reauthentication``; this does not count as an attempt.

        Raises :class:`~paigeant.errors.IdentityRefused`, after which there is no further attempt, for a request that
        the run may not make, a refusal by the provider, and an answer that differs from the request; and
        :class:`~paigeant.errors.IdentityUnavailable` while the provider does not answer.
        """
        wanted = _checked(audience, scopes)
        if self._access is None:
            raise IdentityRefused("this step acts for nobody: its context was made by hand")
        return Secret(await self._access.token(audience, wanted))


def _checked(audience: Any, scopes: Any) -> frozenset[str]:
    """Return the scopes; raises IdentityRefused for an invalid audience or invalid scopes."""
    if not isinstance(audience, str) or not _AUDIENCE.fullmatch(audience):
        raise IdentityRefused(f"audience is {shown(audience)}; it should be text without blanks: token(audience='crm')")
    several: list[Any] = (
        list(cast("Sequence[Any]", scopes)) if isinstance(scopes, list | tuple | set | frozenset) else []
    )
    good = all(isinstance(each, str) and re.fullmatch(SCOPE, each) for each in several)
    if not isinstance(scopes, list | tuple | set | frozenset) or not good or len(several) > SCOPES:
        raise IdentityRefused(f"scopes are {shown(scopes)}; they should be a list: token(audience=…, scopes=['read'])")
    return frozenset(several)
