"""What the verbs share: the command line, the dispatcher, the console, how a cluster is opened."""
