"""Values of users: valid types, storage, comparison and display."""
