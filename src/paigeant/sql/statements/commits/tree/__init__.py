"""What commits and people do to runs that stem from others: children, and forks."""
