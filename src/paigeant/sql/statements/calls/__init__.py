"""The statements of what happens within steps: checkpoints and the ledger."""
