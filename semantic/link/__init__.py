"""What lies between the semantic encoder and the tasks: coder, buffer, selector, protocol."""
