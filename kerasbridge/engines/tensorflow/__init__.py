"""The TensorFlow engine: `engine` is its entry point."""
