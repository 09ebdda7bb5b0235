"""Contracts of signatures: signers, keys, signed records and their verification."""
