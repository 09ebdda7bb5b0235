"""Custody: verification of signed runs, and management of signing keys. Importing it loads cryptography."""

from paigeant.app.custody.keys import (
    generate_key,
    is_in_set,
    list_keys,
    list_published,
    public_half,
    retire_key,
    revoke_key,
    revoke_voucher,
    rotate_key,
    signers_half,
)
from paigeant.app.custody.verifying import Custody, Installed, export_run, verify_document

__all__ = [
    "Custody",
    "Installed",
    "export_run",
    "generate_key",
    "is_in_set",
    "list_keys",
    "list_published",
    "public_half",
    "retire_key",
    "revoke_key",
    "revoke_voucher",
    "rotate_key",
    "signers_half",
    "verify_document",
]
