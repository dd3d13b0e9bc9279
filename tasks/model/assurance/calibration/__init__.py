"""Parameters of a policy estimated from data, one concept a module: a value with its interval, never a decision."""
