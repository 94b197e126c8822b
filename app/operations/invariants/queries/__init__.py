"""One statement per function: it selects rows, each with what is wrong with it by a few laws."""
