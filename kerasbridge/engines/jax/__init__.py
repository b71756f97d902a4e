"""The JAX engine: `engine` is its entry point."""
