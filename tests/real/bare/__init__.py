"""What befalls the tool itself: each test has a home of its own, with one node."""
