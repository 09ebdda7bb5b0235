"""Verification of the policy in a message against the one of the dispatch."""

from __future__ import annotations

from paigeant.errors import TamperedMessage
from paigeant.model.message import PaigeantMessage
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.writing import policy_of


def check_policy(chain: Chain, message: PaigeantMessage) -> None:
    """Verify that the travelling policy is the one signed with the dispatch; raises TamperedMessage if not."""
    first = chain.dispatch
    if first is not None and policy_of(message) != first.text.fields["policy"]:
        text = f"not what {first.iss} signed with the dispatch"
        raise TamperedMessage(f"position {message.headers.position}, policy: {text}")
