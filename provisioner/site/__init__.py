"""How one cluster is looked at: who is there, what is read of it, and the plan that follows."""
