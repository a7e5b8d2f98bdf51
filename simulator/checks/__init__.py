"""Conformance checks that anybody can run over a channel, a scheme or a data set of one's own."""
