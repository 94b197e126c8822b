"""One statement per function: subjects of laws, each with what is wrong with it."""
