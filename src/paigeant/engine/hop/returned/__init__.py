"""What an activity returned or raised, or asks to be set: checked, and as it is written."""
