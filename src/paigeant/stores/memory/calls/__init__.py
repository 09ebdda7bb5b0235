"""What happens within steps, in memory: checkpoints and the ledger."""
