"""One folder for each kind of thing that is managed."""
