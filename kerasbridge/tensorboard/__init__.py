"""TensorBoard event files, written without TensorFlow."""
