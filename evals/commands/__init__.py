"""One module for each command; `call` takes the parsed command line and returns the exit code."""
