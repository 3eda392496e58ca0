"""Records become files: JSON Lines is the contract, Markdown and HTML are views of it for people."""
