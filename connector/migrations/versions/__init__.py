"""One file for each change of the schema, in order; none is ever edited."""
