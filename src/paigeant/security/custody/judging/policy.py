"""Policy: whether a message carries what its dispatcher allows, and not what a worker on the way would like."""

from __future__ import annotations

from paigeant.errors import TamperedMessage
from paigeant.model.message import PaigeantMessage
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.writing import policy_of


def check_policy(chain: Chain, message: PaigeantMessage) -> None:
    """Return if the policy that travels is the one that was signed with the dispatch; raises TamperedMessage if not."""
    first = chain.dispatch
    if first is not None and policy_of(message) != first.text.fields["policy"]:
        text = f"not what {first.iss} signed with the dispatch"
        raise TamperedMessage(f"position {message.headers.position}, policy: {text}")
