"""What steps ask of people, and what their calls cost: as API and as pages."""
