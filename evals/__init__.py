"""Evaluation of summarizer: it sees the public names of that package and nothing else."""
