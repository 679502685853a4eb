"""The commands: options and printing here, the work in the pipeline."""
