"""The link between the semantic encoder and the tasks: coder, selector, buffer, protocol."""
