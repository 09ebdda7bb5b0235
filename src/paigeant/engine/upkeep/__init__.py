"""What every worker does besides its steps: announce, end runs, replay."""
