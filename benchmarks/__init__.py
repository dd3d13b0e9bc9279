"""How fast the numeric core is beside its peers, and beside what the machine can do."""
