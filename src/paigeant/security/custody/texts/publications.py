"""Texts of publications for signing. They are never parsed: a verifier rebuilds the text."""

from __future__ import annotations

from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json


def write_publication(one: Plan | ActivityCard, audience: str, namespace: str) -> bytes:
    """Return the signed text of a workflow, or of an activity."""
    said = one.model_dump(mode="json", exclude={"publication"})
    of = "workflow" if isinstance(one, Plan) else "activity"
    return to_json(
        {
            "k": "publication",
            "of": of,
            "aud": audience,
            "ns": namespace,
            "name": one.name,
            "digest": digest_of(to_json(said)),
        }
    )
